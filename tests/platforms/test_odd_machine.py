# SPDX-License-Identifier: Apache-2.0
"""Machines whose /proc and /sys tell nonsense of their CPUs, as in some containers and sandboxes: the answer is that of others, with no word about it; what
asks for XNNPACK, which needs those files, answers or ends with one line. Emulated programs find such files in their root; here they are mounted."""
import os
import shutil
import subprocess
import unittest

EMULATOR, PROGRAM, ROOT = os.environ.get("BINOCLE_EMULATOR", "").split(), os.environ["BINOCLE_PROGRAM"], os.environ["BINOCLE_ROOT"]
ASK = ["run", os.path.join(ROOT, "quant", "pocket", "pocket.bnc"), "--prompt", "Hello?", "--max-tokens", "2", "--threads", "1", "--quiet"]
CPUINFO, POSSIBLE, PRESENT = "/proc/cpuinfo", "/sys/devices/system/cpu/possible", "/sys/devices/system/cpu/present"
CORE = "processor\t: {}\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd0b\nCPU variant\t: 0x4\nCPU revision\t: 1\n\n"

ODD = {
    "plain": {},
    "no lists": {POSSIBLE: "", PRESENT: ""},
    "one list": {POSSIBLE: ""},
    "words": {POSSIBLE: "all\n", PRESENT: "none\n"},
    "backwards": {POSSIBLE: "7-0\n"},
    "without end": {POSSIBLE: "0-\n"},
    "too many": {POSSIBLE: "0-4294967295\n"},
    "another": {POSSIBLE: "9999\n"},
    "not these": {POSSIBLE: "0-3\n", PRESENT: "4-7\n"},
    "one of many": {POSSIBLE: "0-8191\n", PRESENT: "0\n"},
    "silent": {CPUINFO: ""},
    "noise": {CPUINFO: "\1\2 : \n:::\nCPU part : zzzz\n"},
    "no number": {CPUINFO: "processor : -1\n"},
    "far away": {CPUINFO: CORE.format(9999)},
    "beyond these": {CPUINFO: CORE.format(3), POSSIBLE: "0-1\n", PRESENT: "0-1\n"},
    "not the first": {CPUINFO: CORE.format(1), POSSIBLE: "0-1\n", PRESENT: "1\n"},
    "crowd": {CPUINFO: "".join(CORE.format(i) for i in range(2000))},
    "long": {CPUINFO: "processor : 0\nFeatures : " + "x" * 100000 + "\nHardware : " + "Q" * 300 + "\n"},
}


class OddMachine(unittest.TestCase):
    def machine(self, name, files):
        """What to put in front of a program for it to see these files."""
        folder = os.path.abspath(name.replace(" ", "_"))
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for path, text in files.items():
            os.makedirs(os.path.dirname(folder + path), exist_ok=True)
            with open(folder + path, "w", encoding="ascii") as file:
                file.write(text)
        if not EMULATOR:
            mounts = "".join(f"mount --bind '{folder + path}' {path} && " for path in files)
            hide = ["unshare", "-m", "sh", "-c", mounts + 'exec "$0" "$@"']
            if not shutil.which("unshare") or subprocess.run([*hide, "true"], capture_output=True, check=False).returncode:
                self.skipTest("needs the right to mount, and those files to mount over")
            return hide
        for part in ("lib", "usr"):
            os.symlink(os.path.join(EMULATOR[EMULATOR.index("-L") + 1], part), os.path.join(folder, part))
        return [*EMULATOR, "-L", folder]

    def run_as(self, before, *arguments):
        done = subprocess.run([*before, PROGRAM, *arguments], capture_output=True, check=False, env=dict(os.environ, BINOCLE_CACHE=""))
        return done.returncode, done.stdout, done.stderr.decode()

    def test_answers(self):
        expected = self.run_as(EMULATOR, *ASK)
        self.assertEqual((expected[0], expected[2]), (0, ""))
        for name, files in ODD.items():
            with self.subTest(name):
                before = self.machine(name, files)
                self.assertEqual(self.run_as(before, *ASK), expected)
                code, out, err = self.run_as(before, *ASK, "--linear", "xnnpack")
                if code == 0:
                    self.assertTrue(out and not err, err)
                else:
                    self.assertEqual((code, out), (1, b""))
                    self.assertRegex(err, r"\Abinocle: [^\n]*XNNPACK cannot run on this machine: /proc/cpuinfo or [^\n]*\n\Z")
                self.assertEqual(self.run_as(before, "devices", "--quiet")[0::2], (0, ""))


if __name__ == "__main__":
    unittest.main()
