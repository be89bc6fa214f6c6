# SPDX-License-Identifier: Apache-2.0
"""toolchains/elf.py on libraries made for it: the loader itself judges the 64-bit one, readelf the 32-bit one."""
import os
import subprocess
import sys
import unittest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ELF = os.path.join(TREE, "toolchains", "elf.py")

NEW_MAP = "GLIBC_2.2 { global: base; half; local: *; };\nGLIBC_2.99 { global: half; } GLIBC_2.2;\n"
OLD_MAP = "GLIBC_2.2 { global: base; half; local: *; };\n"
NEW = ('int half_old(int x) { return x / 2; }\nint half_new(int x) { return x / 2; }\nint base(void) { return 1; }\n'
       '__asm__(".symver half_old,half@GLIBC_2.2");\n__asm__(".symver half_new,half@@GLIBC_2.99");\n')
OLD = "int half(int x) { return x / 2; }\nint base(void) { return 1; }\n"
USER = "int base(void);\nint half(int);\nint quarter(int x) { return half(half(x)) * base(); }\n"
ONLY_NEW = "int half(int);\nint quarter(int x) { return half(half(x)); }\n"


def write(name, text):
    with open(name, "w") as file:
        file.write(text)


def link(output, source, *flags):
    write(output + ".c", source)
    subprocess.run(["cc", "-shared", "-fPIC", "-nostdlib", "-Wl,-soname," + output, "-o", output, output + ".c", *flags], check=True)


def run(*arguments):
    return subprocess.run([sys.executable, "-B", ELF, *arguments], capture_output=True, text=True, check=False)


class Rebase(unittest.TestCase):
    def make(self, user, *bits):
        for name, text in (("new.map", NEW_MAP), ("old.map", OLD_MAP)):
            write(name, text)
        link("libhalf.so", NEW, "-Wl,--version-script,new.map", *bits)
        link("libuser.so", user, "libhalf.so", *bits)

    def rebase(self):
        return run("rebase", "libuser.so", "libhalf.so", "GLIBC_2.99", "GLIBC_2.2")

    def test_the_loader_takes_what_it_refused(self):
        self.make(USER)
        self.assertEqual(run("needs", "libuser.so").stdout, "2.99 libuser.so\n")
        link("libhalf.so", OLD, "-Wl,--version-script,old.map")
        load = "import ctypes; print(ctypes.CDLL('./libuser.so').quarter(20))"
        environment = dict(os.environ, LD_LIBRARY_PATH=".")
        before = subprocess.run([sys.executable, "-c", load], env=environment, capture_output=True, text=True, check=False)
        self.assertIn("GLIBC_2.99", before.stderr)
        self.assertEqual(self.rebase().returncode, 0)
        after = subprocess.run([sys.executable, "-c", load], env=environment, capture_output=True, text=True, check=False)
        self.assertEqual((after.stdout, after.stderr), ("5\n", ""))
        self.assertEqual(run("needs", "libuser.so").stdout, "2.2 libuser.so\n")
        self.assertIn("is not asked for", self.rebase().stdout)

    @unittest.skipUnless(os.uname().machine == "x86_64", "needs a compiler of 32-bit x86 code")
    def test_32_bits(self):
        self.make(USER, "-m32")
        self.assertEqual(self.rebase().returncode, 0)
        told = subprocess.run(["readelf", "-V", "libuser.so"], capture_output=True, text=True, check=True).stdout
        needs = told[told.index("Version needs"):]
        self.assertNotIn("GLIBC_2.99", needs)
        self.assertEqual(needs.count("Name: GLIBC_2.2 "), 2)

    def test_a_base_that_the_file_does_not_spell(self):
        self.make(ONLY_NEW)
        told = self.rebase()
        self.assertEqual(told.returncode, 1)
        self.assertIn("the name GLIBC_2.2 is not among its strings", told.stderr)

    def test_closure(self):
        self.make(USER)
        self.assertEqual(run("closure", ".", "libuser.so").stdout, "libuser.so\nlibhalf.so\n")

    def test_rename(self):
        """A process that has loaded another library of that name takes the right one by the new name."""
        link("libpart.so.0", "int part(void) { return 1; }\n")
        link("libwhole.so", "int part(void);\nint whole(void) { return part(); }\n", "libpart.so.0")
        load = "import ctypes; ctypes.CDLL('./other/libpart.so.0'); print(ctypes.CDLL('./libwhole.so').whole())"
        os.makedirs("other", exist_ok=True)
        write("other.c", "int other(void) { return 2; }\n")
        subprocess.run(["cc", "-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libpart.so.0", "-o", "other/libpart.so.0", "other.c"], check=True)
        environment = dict(os.environ, LD_LIBRARY_PATH=".")
        before = subprocess.run([sys.executable, "-c", load], env=environment, capture_output=True, text=True, check=False)
        self.assertIn("undefined symbol: part", before.stderr)
        for _ in range(2):  # again changes nothing
            self.assertEqual(run("rename", ".", "libpart.so.0", "bncpart.so.0", "libwhole.so").returncode, 0)
            after = subprocess.run([sys.executable, "-c", load], env=environment, capture_output=True, text=True, check=False)
            self.assertEqual((after.stdout, after.stderr), ("1\n", ""))
        self.assertEqual(run("soname", "libpart.so.0").stdout, "bncpart.so.0\n")
        self.assertEqual(run("closure", ".", "libwhole.so").stdout, "libwhole.so\nbncpart.so.0\n")
        self.assertIn("a name of another length", run("rename", ".", "libpart.so.0", "part.so.0").stderr)

    def test_rename_what_has_versions(self):
        self.make(USER)
        self.assertEqual(run("rename", ".", "libhalf.so", "bnchalf.so", "libuser.so").returncode, 0)
        os.replace("libhalf.so", "bnchalf.so")
        load = "import ctypes; print(ctypes.CDLL('./libuser.so').quarter(20))"
        after = subprocess.run([sys.executable, "-c", load], env=dict(os.environ, LD_LIBRARY_PATH="."), capture_output=True, text=True, check=False)
        self.assertEqual((after.stdout, after.stderr), ("5\n", ""))

    def test_no_elf_file(self):
        for content in (b"", b"\x7fELF", b"\x7fELF\x02\x01" + b"\xff" * 60):
            with open("broken", "wb") as file:
                file.write(content)
            told = run("needs", "broken")
            self.assertEqual((told.returncode, told.stdout), (1, ""), content)
            self.assertTrue(told.stderr.startswith("elf.py: broken: "), told.stderr)


if __name__ == "__main__":
    unittest.main()
