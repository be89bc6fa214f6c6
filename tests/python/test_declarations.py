# SPDX-License-Identifier: Apache-2.0
"""What runtime/python/binocle/_library.py says, the headers say: each function's result and parameters, each struct's members where the compiler puts
them, each enumerator's value. What a header has more (a function, a member behind the others, where `reserved` was) is no contradiction: the library
takes older structs, by their size."""
import ctypes
import glob
import os
import re
import subprocess
import tempfile
import unittest

from binocle import _library

ROOT = os.environ["BINOCLE_ROOT"]
FOLDERS = [os.path.join(ROOT, part, "include") for part in ("platforms", "runtime", "quant")]
HINT = "runtime/python/binocle/_library.py is to say what the headers say"
HANDLES = {"bnc_context", "bnc_model", "bnc_session", "bnc_energy", "bnc_tokenizer", "bnc_demand", "bnc_moments"}
VALUES = {"int": ctypes.c_int, "unsigned": ctypes.c_uint, "size_t": ctypes.c_size_t, "double": ctypes.c_double, "int32_t": ctypes.c_int32,
          "uint32_t": ctypes.c_uint32, "uint64_t": ctypes.c_uint64, "float": ctypes.c_float, "void": None}
CALLBACKS = {"bnc_on_progress": _library.PROGRESS, "bnc_on_text": _library.TEXT, "bnc_on_logits": _library.LOGITS, "bnc_on_inputs": _library.INPUTS}


def headers():
    text = ""
    for folder in FOLDERS:
        for path in sorted(glob.glob(os.path.join(folder, "binocle", "*.h"))):
            with open(path, encoding="utf-8") as file:
                text += file.read()
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def ctype_of(c, enums):
    """The ctypes type that a C type, with its parameter's name behind it or not, is declared as."""
    words = re.sub(r"\b(const|struct|enum)\b|\*", " ", c).split()
    kind, stars = words[0], c.count("*")
    if kind in CALLBACKS:
        return CALLBACKS[kind]
    if kind in HANDLES or kind == "void" and stars:
        stars -= 1
        inner = ctypes.c_void_p
    elif kind == "char":
        if stars == 2 and "const" in c:  # texts
            return ctypes.POINTER(ctypes.c_char_p)
        if stars == 2:  # a text that is handed out
            return ctypes.POINTER(ctypes.c_void_p)
        return ctypes.c_char_p if "const" in c else ctypes.c_void_p
    elif kind in enums or kind == "bnc_status":
        inner = ctypes.c_int
    elif kind in VALUES:
        inner = VALUES[kind]
    else:
        inner = getattr(_library, kind)
    for _ in range(stars):
        inner = ctypes.POINTER(inner)
    return inner


class Declarations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = headers()
        cls.enums = {name: [line.split("=")[0].strip() for line in body.split(",") if line.strip()]
                     for body, name in re.findall(r"typedef enum \w+ \{(.*?)\} (\w+);", cls.text, re.S)}
        cls.structs = dict((name, body) for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \w+;", cls.text, re.S))
        cls.functions = {name: (result.strip(), parameters) for result, name, parameters in
                         re.findall(r"BNC_API ([\w \*]*?)\b(bnc_\w+)\(([^)]*)\);", cls.text)}

    def test_functions(self):
        self.assertGreater(len(self.functions), 50)
        known = set(_library.FUNCTIONS) | set(_library.UNUSED)
        self.assertEqual(set(), known - set(self.functions), f"{HINT}: there is no such function")
        self.assertFalse(set(_library.FUNCTIONS) & set(_library.UNUSED))
        for name in sorted(set(self.functions) - known):
            print(f"test_declarations: {name} is neither in FUNCTIONS nor, with a reason, in UNUSED")
        for name, (result, parameters) in _library.FUNCTIONS.items():
            c_result, c_parameters = self.functions[name]
            listed = [] if c_parameters.strip() == "void" else [p for p in c_parameters.split(",")]
            # bytes are handed in as void or char; the program's text of them is the caller's.
            self.assertEqual(ctype_of(c_result, self.enums), result, f"{HINT}: result of {name}")
            self.assertEqual([ctype_of(p, self.enums) for p in listed], parameters, f"{HINT}: parameters of {name}")

    def test_callbacks(self):
        flat = re.sub(r"\s+", " ", self.text)
        self.assertIn("typedef int (*bnc_on_progress)(void *user, const char *stage, double fraction);", flat)
        self.assertIn("typedef int (*bnc_on_text)(void *user, int32_t id, const char *text, size_t length);", flat)
        self.assertIn("typedef int (*bnc_on_logits)(void *user, size_t first, size_t count, const float *logits, size_t stride);", flat)
        self.assertIn("typedef void (*bnc_on_inputs)(void *user, const bnc_matrix_inputs *inputs);", flat)
        self.assertIn("void (*log)(void *user, bnc_log_level level, const char *message);", flat)
        self.assertIn("int (*progress)(void *user, const char *stage, double fraction);", flat)

    def test_structs(self):
        ours = {name: kind for name, kind in vars(_library).items() if isinstance(kind, type) and issubclass(kind, ctypes.Structure) and
                name.startswith("bnc_")}
        self.assertEqual(set(), set(ours) - set(self.structs), HINT)
        lines, expected = [], []
        for name, kind in sorted(ours.items()):
            lines.append(f'printf("{name} %d\\n", sizeof({name}) >= {ctypes.sizeof(kind)});')
            expected.append(f"{name} 1")
            for field in kind._fields_:
                if field[0] == "reserved":
                    continue
                place = getattr(kind, field[0])
                lines.append(f'printf("{name}.{field[0]} %zu %zu\\n", offsetof({name}, {field[0]}), sizeof((({name} *)0)->{field[0]}));')
                expected.append(f"{name}.{field[0]} {place.offset} {place.size}")
        self.assertEqual(self.compiled(lines), expected, HINT)

    def test_members(self):
        """Offsets alone would not see a member that fits into padding, nor one that was renamed at its place."""
        for name, body in self.structs.items():
            ours = [field[0] for field in getattr(_library, name)._fields_ if field[0] != "reserved"] if hasattr(_library, name) else []
            members = [a or b for a, b in re.findall(r"\(\*(\w+)\)\([^)]*\)\s*;|(\w+)(?:\[\w+\])?\s*;", body)]
            self.assertEqual(members[: len(ours)], ours, f"{HINT}: members of {name}")

    def test_enumerators(self):
        known = dict(_library.ENUMS)
        self.assertEqual(set(), set(known) - set(self.enums), HINT)
        lines, expected = [], []
        for name, values in known.items():
            self.assertEqual(self.enums[name][: len(values)], values, f"{HINT}: {name}")
            for value, enumerator in enumerate(values):
                lines.append(f'printf("{enumerator} %d\\n", (int){enumerator});')
                expected.append(f"{enumerator} {value}")
        for macro, value in (("BNC_IMAGE_TOKEN", _library.IMAGE_TOKEN), ("BNC_STOP_TEXTS", _library.STOP_TEXTS), ("BNC_CALIBRATION_ROWS", _library.CALIBRATION_ROWS),
                             ("BNC_TOP_TOKENS", _library.bnc_token.top_id.size // 4), ("BNC_LOG_WARNING", 1), ("BNC_LOG_DEBUG", 3)):
            lines.append(f'printf("{macro} %d\\n", (int){macro});')
            expected.append(f"{macro} {value}")
        self.assertEqual(self.compiled(lines), expected, HINT)

    def compiled(self, lines):
        """What a C program of these statements prints."""
        with tempfile.TemporaryDirectory() as folder:
            source, binary = os.path.join(folder, "layout.c"), os.path.join(folder, "layout")
            with open(source, "w", encoding="utf-8") as file:
                file.write("#include <binocle/binocle.h>\n#include <stdio.h>\nint main(void) {\n" + "\n".join(lines) + "\nreturn 0;\n}\n")
            subprocess.run(["cc", "-std=c11", *(f"-I{f}" for f in FOLDERS), "-o", binary, source], check=True)
            return subprocess.run([binary], capture_output=True, text=True, check=True).stdout.splitlines()


if __name__ == "__main__":
    unittest.main()
