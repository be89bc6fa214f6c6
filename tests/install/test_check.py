# SPDX-License-Identifier: Apache-2.0
"""toolchains/check with a set-up, a compiler and tests that are not ours: the real ctest runs shell lines, and what check tells of them is judged."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LONG = "i=0; while [ $i -lt 100 ]; do i=$((i + 1)); echo line $i of long; done; exit 1"


class Check(unittest.TestCase):
    def setUp(self):
        self.tree = os.path.abspath(tempfile.mkdtemp(dir="."))
        self.addCleanup(shutil.rmtree, self.tree)
        os.mkdir(os.path.join(self.tree, "toolchains"))
        for name in ("check", "common.sh"):
            shutil.copy(os.path.join(TREE, "toolchains", name), os.path.join(self.tree, "toolchains"))
        for name in ("toolchains/setup", "toolchains/configure", "tools/cmake", "toolchains/reproducible"):
            self.write(name, "#!/bin/sh\n")
        presets = [{"name": name, "configurePreset": name, "output": {"outputOnFailure": True}} for name in ("host", "fuzz")]
        self.write("CMakePresets.json", json.dumps({
            "version": 3, "testPresets": presets,
            "configurePresets": [{"name": name, "generator": "Ninja", "binaryDir": "${sourceDir}/build/" + name} for name in ("host", "fuzz")]}))

    def write(self, name, text):
        path = os.path.join(self.tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def give(self, step, **lines):
        text = "".join(f'add_test({name} sh "-c" "{line}")\n' for name, line in lines.items()).replace("$", "\\$")
        self.write(f"build/{step}/CTestTestfile.cmake", text + "set_tests_properties(" + " ".join(lines) + " PROPERTIES SKIP_RETURN_CODE 77)\n")

    def check(self, *steps):
        told = subprocess.run([os.path.join(self.tree, "toolchains", "check"), *steps], capture_output=True, text=True, check=False,
                              env={**os.environ, "PATH": os.path.join(self.tree, "tools") + ":" + os.environ["PATH"]})
        return told.returncode, told.stdout.splitlines(), told.stdout + told.stderr

    def test_a_failed_test_is_told_with_its_own_output(self):
        self.give("host", good="echo of good; exit 0", long=LONG, killed="echo of killed; kill -9 $$", none="echo of none; exit 77")
        self.give("fuzz", short="echo of short; exit 3", good="exit 0")
        status, lines, text = self.check("host", "fuzz")
        self.assertEqual((status, lines[-1]), (1, "2 passed, 3 failed, 1 skipped"), text)
        self.assertEqual([line.split(" (")[0] for line in lines[-5:-1]], ["check: what failed:", "  host: long", "  host: killed", "  fuzz: short"], text)
        start = next(i for i, line in enumerate(lines) if line.startswith("check: host: long failed"))
        self.assertEqual(lines[start + 1:start + 41], [f"    line {i} of long" for i in range(61, 101)])
        self.assertTrue(lines[start + 41].startswith("check: host: killed failed"), lines[start + 41])
        self.assertEqual(lines[start + 42], "    of killed")
        for other in ("of good", "of none"):
            self.assertNotIn(other, text)
        self.assertIn("    of short", lines)

    def test_many_failures_stay_readable(self):
        self.give("host", **{f"bad{i}": f"echo of bad{i}; exit 1" for i in range(30)})
        status, lines, text = self.check("host")
        self.assertEqual((status, lines[-1]), (1, "0 passed, 30 failed, 0 skipped"), text)
        self.assertEqual(sum(line.startswith("    of bad") for line in lines), 20)
        self.assertEqual(sum(line.startswith("  host: bad") for line in lines), 30)

    def test_what_does_not_build_is_told_with_the_end_of_its_log(self):
        self.write("tools/cmake", "#!/bin/sh\necho error: no such thing\nexit 1\n")
        status, lines, text = self.check("host")
        self.assertEqual((status, lines[-3:]), (1, ["check: what failed:", "  host: build", "0 passed, 1 failed, 0 skipped"]), text)
        self.assertIn("error: no such thing", text)

    def test_steps_without_ctest(self):
        self.write("toolchains/reproducible", "#!/bin/sh\necho binocle differs\nexit 1\n")
        status, lines, text = self.check("reproducible")
        self.assertEqual((status, lines[-3:]), (1, ["check: what failed:", "  reproducible: compare", "0 passed, 1 failed, 0 skipped"]), text)
        self.assertIn("binocle differs", text)

    def test_each_architecture_is_packaged(self):
        """Side by side: each waits for the others' bundles."""
        archs = sorted({subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip(), "arm64", "armhf"})
        meet = "touch $1.met; i=0; while [ $i -lt 300 ] && ! { " + " && ".join(f"[ -e {arch}.met ]" for arch in archs) + "; }; do i=$((i + 1)); sleep 0.1; done; "
        self.write("toolchains/bundle", f"#!/bin/sh\n{meet}[ $i -lt 300 ]\n")
        self.write("toolchains/wheel", '#!/bin/sh\necho "wheel of $1"; [ "$1" != armhf ]\n')
        self.write("tests/install/check_packages.sh", "exit 0\n")
        status, lines, text = self.check("packages")
        self.assertEqual((status, lines[-3:]), (1, ["check: what failed:", "  packages-armhf: wheel", f"{len(archs) - 1} passed, 1 failed, 0 skipped"]), text)
        self.assertIn("wheel of armhf", text)
        self.assertNotIn("wheel of arm64", text)

    def test_nothing_fails(self):
        self.give("host", good="exit 0")
        status, lines, text = self.check("host")
        self.assertEqual((status, lines[-1]), (0, "1 passed, 0 failed, 0 skipped"), text)
        self.assertNotIn("what failed", text)


if __name__ == "__main__":
    unittest.main()
