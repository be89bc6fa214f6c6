# SPDX-License-Identifier: Apache-2.0
"""toolchains/debian_root and toolchains/setup on machines that are not ours: what dpkg and apt would say there is recorded here."""
import os
import shutil
import subprocess
import tempfile
import unittest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# ORIGIN|LABEL|REPO_URI of each list of packages, as apt-get indextargets tells them.
DEBIAN_12 = "Debian|Debian|http://mirror.example/debian/\nDebian|Debian-Security|http://mirror.example/security/\n"
PI_OS_64 = "Raspberry Pi Foundation|Raspberry Pi Foundation|http://board.example/debian/\nDebian|Debian|http://mirror.example/debian/\n"
PI_OS_32 = "Raspberry Pi Foundation|Raspberry Pi Foundation|http://board.example/debian/\nRaspbian|Raspbian|http://board.example/raspbian/\n"
UBUNTU = "Ubuntu|Ubuntu|http://mirror.example/ubuntu/\n"
JETSON = UBUNTU + "NVIDIA|jetson|http://board.example/jetson/\n"
NO_KEY = "W: GPG error: InRelease: The following signatures couldn't be verified: NO_PUBKEY 6ED0E7B82643E131"

DPKG = """#!/bin/sh
case $1 in
  --print-architecture) echo ARCH ;;
  *) exec REAL "$@" ;;
esac
"""
CROSS_TOOLS = ("gcc-aarch64-linux-gnu", "gcc-arm-linux-gnueabihf", "qemu-user")

APT_GET = """#!/bin/sh
case "$*" in
  *install*) echo "$*" >> "$RECORDED/installed" ;;
  *indextargets*) cat "$RECORDED/targets" ;;
  *update*) sed -n 's/^deb //p' "$(dirname "$APT_CONFIG")/sources.list" >> "$RECORDED/asked"; cat "$RECORDED/update"; exit 1 ;;
esac
"""


class Machines(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=".")
        self.addCleanup(shutil.rmtree, self.folder)
        self.folder = os.path.abspath(self.folder)
        self.tool("apt-get", APT_GET)

    def record(self, name, text):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)

    def tool(self, name, text):
        self.record(name, text)
        os.chmod(os.path.join(self.folder, name), 0o755)

    def run_tool(self, *command, **environment):
        clean = {key: value for key, value in os.environ.items() if not key.startswith("BINOCLE_")}
        return subprocess.run([os.path.join(TREE, "toolchains", command[0]), *command[1:]], capture_output=True, text=True, check=False,
                              env={**clean, "PATH": self.folder + ":" + os.environ["PATH"], "RECORDED": self.folder, **environment})

    def root(self, targets, update="", **environment):
        self.record("targets", targets)
        self.record("update", update)
        self.record("keys", "")
        environment.setdefault("BINOCLE_DEBIAN_KEYRING", os.path.join(self.folder, "keys"))
        return self.run_tool("debian_root", "trixie", "arm64", os.path.join(self.folder, "root"), "libwebp-dev", **environment)

    def asked(self):
        with open(os.path.join(self.folder, "asked")) as file:
            return file.read().split()[1:]

    def test_the_archive_is_debians_and_not_the_boards(self):
        for targets in (DEBIAN_12, PI_OS_64):
            self.root(targets)
            self.assertEqual(self.asked()[:2], ["http://mirror.example/debian/", "trixie"], targets)
            os.remove(os.path.join(self.folder, "asked"))

    def test_without_debians_archive_the_error_says_what_to_do(self):
        for targets in (UBUNTU, JETSON, PI_OS_32, ""):
            told = self.root(targets)
            self.assertEqual(told.returncode, 1, targets)
            self.assertIn("BINOCLE_DEBIAN_MIRROR", told.stderr)
            self.assertIn("apt-get update", told.stderr)
            self.assertFalse(os.path.exists(os.path.join(self.folder, "asked")), targets)

    def test_a_named_mirror_is_asked(self):
        self.root(UBUNTU, BINOCLE_DEBIAN_MIRROR="http://other.example/debian")
        self.assertEqual(self.asked()[:2], ["http://other.example/debian", "trixie"])

    def test_old_and_missing_keys_are_named(self):
        told = self.root(DEBIAN_12, update=NO_KEY)
        self.assertEqual(told.returncode, 1)
        self.assertIn("is older than Debian trixie", told.stderr)
        told = self.root(DEBIAN_12, BINOCLE_DEBIAN_KEYRING=os.path.join(self.folder, "none"))
        self.assertIn("install the package debian-archive-keyring", told.stderr)

    def test_an_architecture_that_is_not_ours(self):
        self.tool("dpkg", "#!/bin/sh\necho riscv64\n")
        told = self.run_tool("setup")
        self.assertEqual(told.returncode, 1)
        self.assertIn("no support for the architecture 'riscv64'", told.stderr)

    def test_old_cmake_is_told(self):
        self.tool("cmake", "#!/bin/sh\necho cmake version 3.18.4\n")
        told = self.run_tool("setup")
        self.assertEqual(told.returncode, 1)
        self.assertIn("CMake is 3.18.4, expected 3.22 or newer", told.stderr)

    def set_up(self, arch, xnnpack, *steps):
        """`setup check STEPS` on a machine of that architecture that has everything but tools for other ones, in a tree of its own: what it says, and which
        packages it asks apt for (as root) or tells of."""
        tree, tools = os.path.join(self.folder, "tree"), os.path.join(self.folder, "tools")
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(os.path.join(TREE, "toolchains"), os.path.join(tree, "toolchains"))
        os.makedirs(tools, exist_ok=True)
        for folder in ("/usr/sbin", "/usr/bin", "/bin"):
            for name in os.listdir(folder):
                if not name.startswith(("aarch64-", "arm-", "qemu-", "sudo")) and not os.path.lexists(os.path.join(tools, name)):
                    os.symlink(os.path.join(folder, name), os.path.join(tools, name))
        self.tool("dpkg", DPKG.replace("ARCH", arch).replace("REAL", shutil.which("dpkg")))
        self.tool("dpkg-query", f"#!/bin/sh\ncase \"$*\" in *Version*) echo {xnnpack} ;; *) printf installed ;; esac\n")
        self.tool("apt-cache", "#!/bin/sh\necho '  Candidate: (none)'\n")
        for name in ("targets", "update", "installed"):
            self.record(name, "")
        told = subprocess.run([os.path.join(tree, "toolchains", "setup"), "check", *steps], capture_output=True, text=True, check=False,
                              env={"PATH": self.folder + ":" + tools, "RECORDED": self.folder})
        with open(os.path.join(self.folder, "installed"), encoding="utf-8") as file:
            return told, (file.read() + told.stderr).replace(";", " ").split()

    def lacks(self, arch, *steps):
        asked = self.set_up(arch, "0.0~git20241108", *steps)[1]
        return [tool for tool in CROSS_TOOLS if tool in asked]

    def test_no_cross_tools_where_nothing_is_crossed(self):
        self.assertEqual(self.lacks("amd64", "host"), [])
        self.assertEqual(self.lacks("amd64", "host", "asan-ubsan", "tsan", "fuzz"), [])
        self.assertEqual(self.lacks("amd64", "aarch64-linux"), ["gcc-aarch64-linux-gnu", "qemu-user"])
        self.assertEqual(self.lacks("amd64"), list(CROSS_TOOLS))

    def test_a_32_bit_userland_is_what_is_built_for(self):
        """The kernel may have 64 bits: dpkg is asked, not uname."""
        self.assertEqual(self.lacks("armhf", "host", "armhf-linux"), [])
        self.assertEqual(self.lacks("armhf", "aarch64-linux"), ["gcc-aarch64-linux-gnu", "qemu-user"])
        self.assertEqual(self.lacks("arm64", "host", "aarch64-linux"), [])

    def test_an_old_system_is_told_before_anything_is_installed(self):
        self.tool("getconf", "#!/bin/sh\necho glibc 2.31\n")
        self.tool("cmake", "#!/bin/sh\necho cmake version 3.18.4\n")
        told, asked = self.set_up("amd64", "", "aarch64-linux")
        self.assertEqual(told.returncode, 1)
        self.assertIn("C library is glibc 2.31, expected glibc 2.34 or newer to build here; the portable bundle", told.stderr.splitlines()[-1])
        self.assertNotIn("gcc-aarch64-linux-gnu", asked)

    def test_wrong_usage(self):
        for arguments in (("built",), ("build", "host"), ("package",)):
            self.assertEqual(self.run_tool("setup", *arguments).returncode, 2, arguments)


if __name__ == "__main__":
    unittest.main()
