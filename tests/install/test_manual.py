# SPDX-License-Identifier: Apache-2.0
"""toolchains/manual.py: the manual and the completions know every command and option that the program knows."""
import gzip
import os
import re
import shutil
import subprocess
import sys
import unittest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ["BINOCLE_PROGRAM"]


def tell(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=True).stdout


def make(folder):
    subprocess.run([sys.executable, "-B", os.path.join(TREE, "toolchains", "manual.py"), folder, PROGRAM], check=True, capture_output=True)


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        content = file.read()
    return (gzip.decompress(content) if path[-1].endswith(".gz") else content).decode()


class Manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree("manual", ignore_errors=True)
        make("manual")
        cls.commands = re.findall(r"^  (\w+) ", tell("--help").partition("commands:\n")[2].partition("\n\n")[0], re.M)

    def test_every_command_and_option(self):
        self.assertGreater(len(self.commands), 10)
        self.assertEqual(len(os.listdir("manual/man1")), len(self.commands) + 1)
        for command in self.commands:
            page = read("manual", "man1", f"binocle-{command}.1.gz").replace("\\-", "-")
            options = re.findall(r"^  (--?[\w-]+)", tell(command, "--help").partition("options:\n")[2].partition("\nexamples:")[0], re.M)
            self.assertIn("--help", options)
            for option in options:
                self.assertIn(f"\\fB{option}\\fR", page, command)
                self.assertIn(option, re.search(rf"^    {command}\) options='(.*?)'", read("manual", "bash", "binocle"), re.M)[1].split())
                self.assertIn(f"'*{option}[", re.search(rf"^    {command}\) _arguments (.*)$", read("manual", "zsh", "_binocle"), re.M)[1])
                self.assertRegex(read("manual", "fish", "binocle.fish"), rf"from {command}' -[sl] {option.lstrip('-')} ")

    def test_the_pages_are_well_formed(self):
        if not shutil.which("groff"):
            self.skipTest("no groff")
        for page in os.listdir("manual/man1"):
            told = subprocess.run(["groff", "-man", "-ww", "-Tutf8"], input=read("manual", "man1", page), capture_output=True, text=True, check=True)
            self.assertEqual(told.stderr, "", page)
            self.assertIn("EXAMPLES" if page != "binocle.1.gz" else "COMMANDS", re.sub(".\x08", "", told.stdout))

    def test_bash_completes(self):
        script = '. manual/bash/binocle; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _binocle; printf "%s\\n" "${COMPREPLY[@]}"'
        with open("street.jpg", "w"):
            pass
        for words, expected in (("binocle pro", "profile"), ("binocle run m.bnc --temp", "--temperature"), ("binocle run m.bnc --image str", "street.jpg")):
            told = subprocess.run(["bash", "-c", script, "bash", *words.split()], capture_output=True, text=True, check=True)
            self.assertEqual(told.stdout, expected + "\n", words)

    def test_the_same_program_makes_the_same_bytes(self):
        shutil.rmtree("again", ignore_errors=True)
        make("again")
        self.assertEqual(subprocess.run(["diff", "-r", "manual", "again"], check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main()
