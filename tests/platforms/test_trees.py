# SPDX-License-Identifier: Apache-2.0
"""`binocle devices --json` on trees that are laid out as the /proc and /sys of boards and phones are.

A .tree file holds a machine: `PATH = TEXT` a file of one line, `PATH <<` one of the indented lines that follow; cpu[0-3] in a path means each of
them. `vcgencmd ARGUMENT = TEXT` (or <<) is what the Raspberry Pi's firmware answers. Then what must be found:

    expect POINTER = VALUE     a member of the JSON; /meter is the name of the meter that is used
    expect warning WORDS       a warning that begins so
    expect warnings COUNT

{models} in a tree is a folder with a model in it, as /proc/mounts writes it: `expect model ...` is what must be found of a model there, and by whoever works
in that folder; the others look from elsewhere.
"""
import json
import os
import re
import shutil
import subprocess
import unittest

PROGRAM, ROOT = [*os.environ.get("BINOCLE_EMULATOR", "").split(), os.environ["BINOCLE_PROGRAM"]], os.environ["BINOCLE_ROOT"]
TREES = os.path.join(ROOT, "tests", "platforms", "trees")
EXPECTED = ("agx-orin", "jetson-nano", "orin-nano", "phone-flagship", "phone-mid", "pi3", "pi4", "pi5", "zero2")


def read_tree(name):
    """Files by path, the firmware's answers by argument, expectations."""
    files, firmware, expectations, block = {}, {}, [], None
    with open(os.path.join(TREES, name + ".tree"), encoding="utf-8") as lines:
        for line in lines.read().split("\n"):
            if line.startswith("  ") and block is not None:
                block[0][block[1]] += line[2:] + "\n"
                continue
            block = None
            if not line or line.startswith("#"):
                continue
            if line.startswith("expect "):
                expectations.append(line[len("expect "):])
                continue
            target, key = (firmware, line[len("vcgencmd "):]) if line.startswith("vcgencmd ") else (files, line)
            if key.endswith(" <<"):
                block = (target, key[:-3])
                target[key[:-3]] = ""
            else:
                path, text = key.split(" = ", 1)
                target[path] = text + "\n"
    return files, firmware, expectations


def spread(path):
    """cpu[0-3] stands for four paths."""
    found = re.search(r"\[(\d+)-(\d+)\]", path)
    if not found:
        return [path]
    return [path[:found.start()] + str(i) + path[found.end():] for i in range(int(found[1]), int(found[2]) + 1)]


MODELS = os.path.abspath("models on\ta \\ disk")


def unpack(name):
    """The tree as folders; the environment to look at it with."""
    files, firmware, expectations = read_tree(name)
    escaped = "".join(f"\\{ord(c):03o}" if c in " \t\n\\" else c for c in MODELS)
    files = {path: text.replace("{models}", escaped) for path, text in files.items()}
    root, stubs = os.path.abspath(name), os.path.abspath(name + ".bin")
    for path, text in files.items():
        for one in spread(path):
            os.makedirs(os.path.dirname(root + one), exist_ok=True)
            with open(root + one, "w", encoding="utf-8") as f:
                f.write(text)
    os.makedirs(stubs, exist_ok=True)
    if firmware:
        with open(os.path.join(stubs, "vcgencmd"), "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\ncase $1 in\n" + "".join(f"{argument}) cat <<'END'\n{text}END\n;;\n" for argument, text in firmware.items()) + "*) exit 1 ;;\nesac\n")
        os.chmod(os.path.join(stubs, "vcgencmd"), 0o755)
    return dict(os.environ, BINOCLE_SYSFS=root, PATH=stubs + ":" + os.environ["PATH"]), expectations


def at(value, pointer):
    for part in pointer.split("/")[1:]:
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


class Trees(unittest.TestCase):
    def test_all_are_here(self):
        self.assertEqual(sorted(f[:-5] for f in os.listdir(TREES)), sorted(EXPECTED))

    def model(self, environment, expectations):
        os.makedirs(MODELS, exist_ok=True)
        shutil.copy(os.path.join(ROOT, "quant", "pocket", "pocket.bnc"), MODELS)
        asked = [([], MODELS)]
        if not os.environ.get("BINOCLE_EMULATOR"):  # measuring takes seconds
            asked.append(([os.path.join(os.path.basename(MODELS), "pocket.bnc")], os.path.dirname(MODELS)))
            asked.append((["inf-llava-1b"], MODELS))
        for arguments, folder in asked:
            done = subprocess.run([*PROGRAM, "devices", *arguments, "--json", "--quiet"], env=environment, cwd=folder, check=True, capture_output=True)
            for expectation in expectations:
                with self.subTest(expectation=expectation, arguments=arguments):
                    self.check(json.loads(done.stdout), expectation)

    def check(self, machine, expectation):
        words = expectation.split(" ", 1)
        if words[0] == "warning":
            self.assertTrue(any(w.startswith(words[1]) for w in machine["warnings"]), machine["warnings"])
        elif words[0] == "warnings":
            self.assertEqual(int(words[1]), len(machine["warnings"]), machine["warnings"])
        else:
            pointer, value = expectation.split(" = ", 1)
            found = next((m["name"] for m in machine["meters"] if m["used"]), None) if pointer == "/meter" else at(machine, pointer)
            self.assertEqual(json.loads(value), found)


def add(name):
    def test(self):
        environment, expectations = unpack(name)
        self.assertGreater(len(expectations), 8)
        done = subprocess.run([*PROGRAM, "devices", "--json", "--quiet"], env=environment, check=True, capture_output=True)
        self.assertEqual(done.stderr, b"")
        machine = json.loads(done.stdout)
        of_model = [e[len("model "):] for e in expectations if e.startswith("model ")]
        for expectation in expectations:
            if not expectation.startswith("model "):
                with self.subTest(expectation=expectation):
                    self.check(machine, expectation)
        if of_model:
            self.model(environment, of_model)
        text = subprocess.run([*PROGRAM, "devices"], env=environment, check=True, capture_output=True, text=True).stdout
        self.assertEqual(text.count("\nwarning") > 0, bool(machine["warnings"]))
    setattr(Trees, "test_" + name.replace("-", "_"), test)


for each in EXPECTED:
    add(each)

if __name__ == "__main__":
    unittest.main(verbosity=2)
