# SPDX-License-Identifier: Apache-2.0
"""The archive for Android: its layout, and the libraries that it refuses. test_aar.py ROOT CC CLASSES LIBRARY"""
import io
import os
import re
import subprocess
import sys
import unittest
import zipfile

ROOT, CC, CLASSES, LIBRARY = sys.argv[1:]
sys.path.insert(0, os.path.join(ROOT, "platforms", "android"))
sys.path.insert(0, os.path.join(ROOT, "toolchains"))
import elf  # noqa: E402
import make_aar  # noqa: E402

ABI = {62: "x86_64", 183: "arm64-v8a"}[elf.Elf(LIBRARY).machine]


def library(name, page, *flags):
    subprocess.run([CC, "-shared", "-nostdlib", "-fPIC", "-x", "c", "-", "-x", "none", "-o", name, f"-Wl,-z,max-page-size={page}", *flags],
                   input=b"int f(void) { return 1; }", check=True)
    return name


class Archive(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for name in os.listdir("."):
            if name.endswith((".aar", ".aar.new", ".so")):
                os.remove(name)

    def test_layout(self):
        good = library("libgood.so", 16384)
        more = library("libmore.so", 65536, "-Wl,--no-as-needed", "-L.", "-lgood")
        make_aar.make("a.aar", [CLASSES], [(ABI, more), (ABI, good)])
        make_aar.make("b.aar", [CLASSES], [(ABI, good), (ABI, more)])
        with open("a.aar", "rb") as a, open("b.aar", "rb") as b:
            self.assertEqual(a.read(), b.read())
        with zipfile.ZipFile("a.aar") as archive:
            self.assertEqual({"AndroidManifest.xml", "R.txt", "proguard.txt", "classes.jar", f"jni/{ABI}/libgood.so", f"jni/{ABI}/libmore.so"},
                             set(archive.namelist()))
            with zipfile.ZipFile(io.BytesIO(archive.read("classes.jar"))) as jar:
                names = set(jar.namelist())
            kept = re.findall(r"-keep \w+ ([\w.$]+)", archive.read("proguard.txt").decode())
        self.assertIn("org/binocle/Session.class", names)
        self.assertFalse([name for name in names if name.startswith("android/")])
        self.assertEqual(5, len(kept))
        for name in kept:
            self.assertIn(name.replace(".", "/") + ".class", names)

    def refuses(self, words, libraries, folder=CLASSES):
        with self.assertRaisesRegex(elf.Bad, words):
            make_aar.make("bad.aar", [folder], libraries)
        self.assertFalse([name for name in os.listdir(".") if name.startswith("bad.aar")])

    def test_what_an_app_would_fail_on(self):
        small, good = library("libsmall.so", 4096), library("libgood.so", 16384)
        needy = library("libneedy.so", 16384, "-Wl,--no-as-needed", "-L.", "-lgood")
        other = {"x86_64": "arm64-v8a", "arm64-v8a": "x86_64"}[ABI]
        self.refuses("aligned to 4096 bytes, expected at least 16384", [(ABI, small)])
        self.refuses("needs .*libgood.so, which neither", [(ABI, needy)])
        self.refuses(f"expected {make_aar.MACHINES[other]} for {other}", [(other, good)])
        self.refuses("not a little-endian ELF", [(ABI, __file__)])
        os.makedirs("empty", exist_ok=True)
        self.refuses("no class files", [(ABI, good)], "empty")

    def test_the_library_itself(self):
        """It is aligned as it must be; on the host it needs the host's libraries, which is all that is wrong with it."""
        wrong = list(make_aar.faults(ABI, LIBRARY, set()))
        self.assertTrue(wrong and all("which neither Android has" in fault for fault in wrong), wrong)
        exported = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], capture_output=True, text=True, check=True).stdout.split("\n")
        self.assertEqual(["JNI_OnLoad"], [line.split()[-1] for line in exported if line])

    def test_preset_without_an_ndk(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("ANDROID_NDK", "BINOCLE_ANDROID"))}
        for more, words in (({}, r"ANDROID_NDK is ''"), ({"ANDROID_NDK": os.path.abspath("ndk")}, r"BINOCLE_ANDROID_LIBRARIES is ''")):
            os.makedirs("ndk/build/cmake", exist_ok=True)
            with open("ndk/build/cmake/android.toolchain.cmake", "w", encoding="ascii"):
                pass
            run = subprocess.run(["cmake", "--preset", "android-arm64", "-B", os.path.abspath("android-build")], cwd=ROOT, env=env | more,
                                 capture_output=True, text=True, check=False)
            self.assertNotEqual(0, run.returncode)
            self.assertRegex(" ".join(run.stderr.split()), words)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
