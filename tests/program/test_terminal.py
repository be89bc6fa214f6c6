# SPDX-License-Identifier: Apache-2.0
"""At a terminal: the bar, the stream, chat's prompt and Ctrl-C."""
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import zlib

from program_case import PHOTO, PHOTO2, PROGRAM, ROOT, ProgramCase, binocle, catches_ctrl_c, compiled, main, path, sane_signals

BAR = re.compile(rb"\r[a-z ]+(?:\[[=> ]{28}\])? +\d+ %")
ANSWER = rb"\r\x1b\[K[^>].{10}"  # text where the bar was taken away
# A question behind which the small random model goes on and on.
LONG = ("--prompt", "hello", "--max-tokens", "1000000")


class Terminal:
    """The program with a terminal of its own."""

    def __init__(self, *arguments, term="xterm"):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            sane_signals()
            os.environ["TERM"] = term
            os.environ["LSAN_OPTIONS"] = f"suppressions={ROOT}/tests/program/libedit.supp:print_suppressions=0"
            os.execv(PROGRAM, [PROGRAM, *arguments])
        self.start, self.seen, self.at = time.monotonic(), b"", 0

    def read(self, seconds):
        """False at the end."""
        if not select.select([self.fd], [], [], max(seconds, 0))[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def until(self, pattern, seconds=20):
        """Waits for a regular expression behind what the last wait found. Returns the seconds that it took."""
        before = time.monotonic()
        while True:
            found = re.compile(pattern, re.S).search(self.seen, self.at)
            if found:
                self.at = found.end()
                return time.monotonic() - before
            if time.monotonic() > before + seconds or not self.read(0.2):
                raise AssertionError(f"waited for {pattern!r}, got {self.seen[self.at:]!r}")

    def type(self, text):
        os.write(self.fd, text)

    def until_edited(self, seconds=20):
        """Waits until a line is being edited: libedit shows the prompt a moment before it takes the terminal over, and a Ctrl-D between the two
        is lost."""
        limit = time.monotonic() + seconds
        while termios.tcgetattr(self.fd)[3] & termios.ICANON:
            if time.monotonic() > limit:
                raise AssertionError(f"nobody edits a line behind {self.seen!r}")
            time.sleep(0.001)

    def end(self, seconds=20):
        """The exit code, once all output is read."""
        limit = time.monotonic() + seconds
        while self.read(limit - time.monotonic()):
            if time.monotonic() > limit:
                os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
        status = os.waitpid(self.pid, 0)[1]
        return os.waitstatus_to_exitcode(status)


def plain_png(side):
    """A few bytes that take seconds to decode: one bit per pixel, each row as the last."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = zlib.compress((b"\0" + b"\xa5" * (side // 8)) * side, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def screen(raw):
    """What stands on the screen in the end, line by line: carriage returns and erased lines played through."""
    lines = []
    for line in raw.replace(b"\r\n", b"\n").split(b"\n"):
        shown = b""
        for part in line.split(b"\r"):
            if part.startswith(b"\x1b[K"):
                shown, part = b"", part[3:]
            shown = part.split(b"\x1b[K")[0] + (b"" if b"\x1b[K" in part else shown[len(part):])
        lines.append(shown)
    return lines


class Bar(ProgramCase):
    def test_run(self):
        t = Terminal("run", self.model, "--prompt", "hi", "--image", PHOTO, "--image", PHOTO2, "--max-tokens", "8")
        self.assertLess(t.until(rb"\ropening the model +\[ {28}\]   0 %\x1b\[K", 5), 1)
        t.until(rb"\rlooking at the picture ")
        self.assertEqual(0, t.end())
        plain = binocle("run", self.model, "--prompt", "hi", "--image", PHOTO, "--image", PHOTO2, "--max-tokens", "8").out.decode()
        tame = "".join("?" if (c < " " and c not in "\n\t") or c == "\x7f" else c for c in plain)
        self.assertEqual(tame, b"\n".join(screen(t.seen)).decode(), "the bar is gone and the answer is whole")

    def test_silent(self):
        for arguments, term in ((["--quiet"], "xterm"), ([], "dumb")):
            t = Terminal("run", self.model, "--prompt", "hi", "--image", PHOTO, "--max-tokens", "1", *arguments, term=term)
            self.assertEqual(0, t.end())
            self.assertNotRegex(t.seen, rb"\x1b|%|\r[^\n]")

    def test_every_command(self):
        for arguments in (["compile", self.checkpoint, "-o", path("bar.bnc")], ["encode", self.model, PHOTO, "--stage", "projector", "-o", path("bar.npy")]):
            t = Terminal(*arguments)
            self.assertEqual(0, t.end())
            self.assertRegex(t.seen, BAR)
            self.assertNotRegex(b"\n".join(screen(t.seen)), b"%")

    def test_error_clears_the_bar(self):
        t = Terminal("run", self.model, "--prompt", "hi", "--image", "/nowhere.png")
        self.assertEqual(1, t.end())
        self.assertEqual([b"binocle: /nowhere.png: No such file or directory", b""], screen(t.seen))

    def test_narrow(self):
        t = Terminal("run", self.model, "--prompt", "hi", "--image", PHOTO, "--max-tokens", "1")
        import fcntl
        import termios
        fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 20, 0, 0))
        self.assertEqual(0, t.end())
        self.assertTrue(all(len(part) < 25 for part in re.findall(rb"\r(look[^\r\x1b]*)", t.seen)[1:]), t.seen)


class Interrupt(ProgramCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.long_model = compiled("long.bnc", cls.checkpoint, "--context", "7900")

    def test_run(self):
        t = Terminal("run", self.long_model, *LONG)
        t.until(ANSWER)
        t.type(b"\x03")
        self.assertEqual(130, t.end(5))
        self.assertTrue(t.seen.endswith(b"\r\n"))
        self.assertNotIn(b"binocle:", t.seen)

    def test_json_says_nothing(self):
        process = subprocess.Popen([PROGRAM, "run", self.long_model, *LONG, "--json", "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=sane_signals,
                                   env=dict(os.environ, BINOCLE_CPU="scalar"))  # no CPU ends the answer at once then
        catches_ctrl_c(process)
        process.send_signal(signal.SIGINT)
        self.assertEqual((b"", b""), process.communicate(timeout=10))
        self.assertEqual(130, process.returncode)

    def test_while_a_picture_is_read(self):
        """Between rows of a large one, and while a pipe brings nothing: stopped, and nothing is said."""
        large, fifo, out = path("large.png"), path("waits.png"), path("interrupted.npy")
        os.mkfifo(fifo)
        with open(large, "wb") as f:
            f.write(plain_png(14000))
        for picture, stdin in ((large, None), (fifo, None), ("-", subprocess.PIPE)):
            for arguments in (["encode", self.model, picture, "--stage", "pixels", "-o", out, "--quiet"], ["run", self.model, "--image", picture, "--prompt", "x"]):
                process = subprocess.Popen([PROGRAM, *arguments], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=sane_signals)
                catches_ctrl_c(process)
                time.sleep(0.1)
                process.send_signal(signal.SIGINT)
                process.wait(10)  # before its standard input is closed
                self.assertEqual((130, (b"", b"")), (process.returncode, process.communicate()), arguments)
        self.assertFalse(os.path.exists(out))
        t = Terminal("chat", self.model)
        t.until(rb"> ")
        t.type(b"/image " + large.encode() + b"\n")
        t.until(rb"\rreading the picture ")
        t.type(b"\x03")
        t.until(rb"> ")
        t.type(b"/stats\n")
        t.until(rb"pictures  0 in")
        t.until(rb"> ")
        t.type(b"/quit\n")
        self.assertEqual(0, t.end(5))

    def test_compile_leaves_nothing(self):
        out, codes = path("interrupted.bnc"), set()
        for i in range(24):
            process = subprocess.Popen([PROGRAM, "compile", self.checkpoint, "-o", out, "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       preexec_fn=sane_signals)
            time.sleep(0.004 * i)
            process.send_signal((signal.SIGINT, signal.SIGTERM)[i % 2])
            self.assertEqual((b"", b""), process.communicate(timeout=20))
            codes.add(process.returncode)
            # Before the program could say that it handles the signal, the signal's own way of ending it counts.
            self.assertIn(process.returncode, (0, 130, -signal.SIGINT, -signal.SIGTERM))
            if process.returncode == 0:
                self.assertEqual(0, binocle("inspect", out).code)
                os.unlink(out)
            self.assertEqual([], [n for n in os.listdir(path()) if n.startswith("interrupted")])
        print(f"exit codes of interrupted compiles: {sorted(codes)}")


class Chat(ProgramCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.long_model = compiled("long.bnc", cls.checkpoint, "--context", "7900")

    def test_conversation(self):
        t = Terminal("chat", self.long_model, "--image", PHOTO, "--max-tokens", "1000000")
        t.until(rb"\x1b\[K> ")
        t.type(b"hello\n")
        t.until(ANSWER)
        t.type(b"\x03")
        t.until(rb"\n> ", 5)
        for line, said in ((b"/nonsense", b"binocle: there is no '/nonsense'"), (b"/image", b"binocle: /image lacks"), (b"/help", b"/reset"),
                           (b"/image /nowhere", b"/nowhere: No such file"), (b"<image> x", b"1 <image>, but 0 pictures")):
            t.type(line + b"\n")
            t.until(re.escape(said))
            t.until(rb"\n> ")
        t.type(b"and then?\n")
        t.until(ANSWER)
        t.type(b"\x03")
        t.until(rb"\n> ", 5)
        t.type(b"/reset\n")
        t.until(rb"\n> ")
        t.until_edited()
        t.type(b"\x04")
        self.assertEqual(0, t.end(5))

    def test_ctrl_c_at_the_prompt(self):
        """As in a shell: it drops the line; on an empty one it says how to leave, and leaves where it comes again at once."""
        for term in ("xterm", "dumb"):
            t = Terminal("chat", self.model, "--max-tokens", "2", term=term)
            t.until(rb"> ")
            for _ in range(2):
                t.type(b"half a li")
                t.until(rb"half a li")
                t.type(b"\x03")
                t.until(rb"\n.*> ")
                t.type(b"/stats\n")
                t.until(rb"pictures  0 in")
                t.until(rb"> ")
                t.type(b"\x03")
                t.until(rb"\^D or /quit leaves.*> ")
                t.type(b"hello\n")
                t.until(rb"hello.*\n> ")
            t.type(b"\x03")
            t.until(rb"\^D or /quit leaves.*> ")
            t.type(b"\x03")
            self.assertEqual(130, t.end(5))
            self.assertNotIn(b"binocle:", t.seen)

    def test_term_at_the_prompt(self):
        t = Terminal("chat", self.model)
        t.until(rb"> ")
        os.kill(t.pid, signal.SIGTERM)
        self.assertEqual(130, t.end(5))

    def test_without_editing(self):
        t = Terminal("chat", self.model, "--max-tokens", "2", "--quiet", term="dumb")
        for line, said in ((b"/image '" + PHOTO.encode() + b"'", b"\n"), (b"/sats", b"did you mean '/stats'"), (b"/stats", b"pictures  1 in"),
                           (b"/reset now", b"/reset takes nothing")):
            t.until(rb"> ")
            t.type(line + b"\n")
            t.until(re.escape(said))
        t.type(b"/quit\n")
        self.assertEqual(0, t.end(5))


class Editing(ProgramCase):
    """With libedit, as toolchains/setup installs it for the tests."""

    def chat(self):
        t = Terminal("chat", self.model, "--max-tokens", "2")
        t.until(rb"> ")
        return t

    def test_keys(self):
        state, photo = "work/typed one.state", "work/a photo of mine.jpg"
        with open(PHOTO, "rb") as source, open(photo, "wb") as copy:
            copy.write(source.read())
        t = self.chat()
        t.until_edited()
        t.type(b"/im\t")
        t.until(rb"age ")
        t.type(b"work/a\\ pho\t")
        t.until(rb"of\\ mine\.jpg ")
        t.type(b"\n")
        t.until(rb"\n.*> ")
        t.until_edited()
        t.type(b"/stts\x1b[D\x1b[Da\n")  # left, left
        t.until(rb"pictures  1 in")
        t.until(rb"> ")
        t.until_edited()
        t.type("a séch日\x7f\x7f\x7fign?\n".encode())
        t.until(rb"\n.*> ")
        t.until_edited()
        t.type(b"/save '" + state.encode() + b"'\n")
        t.until(rb"\n.*typed one.state: .*> ")
        t.until_edited()
        t.type(b"\x1b[A\x1b[A")  # up, up
        t.until("a séign\\?".encode())
        t.type(b"\x15/restore " + state.replace(" ", "\\ ").encode() + b"\n")
        t.until(rb"goes on.*> ")
        t.until_edited()
        t.type(b"/s\t")
        t.until(rb"/save  /stats")
        t.type(b"\x15\x04")  # clear the line, end of input
        self.assertEqual(0, t.end(5))
        again = self.chat()
        again.until_edited()
        again.type(b"\x1b[A")
        again.until(rb"/restore ")
        again.type(b"\x03")
        again.until(rb"\n.*> ")
        again.until_edited()
        again.type(b"\x04")  # the line is gone
        self.assertEqual(0, again.end(5))
        history = path("state", "binocle", "history")
        self.assertEqual(0o600, os.stat(history).st_mode & 0o777)
        self.assertEqual(0, binocle("run", self.model, "--restore", state, "--prompt", "x", "--max-tokens", "1").code)


if __name__ == "__main__":
    main()
