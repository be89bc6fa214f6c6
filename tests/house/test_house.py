# SPDX-License-Identifier: Apache-2.0
"""The house checks themselves: each finds what is planted, and nothing in a tree that is in order."""
import unittest

import kernels
import layers
import layout
import names
import pages
import passes_page
import sizes
import speed_table
import statements
import wording

C = "/* SPDX-License-Identifier: Apache-2.0 */\n"
CLEAN = {
    "platforms/include/binocle/status.h": C,
    "platforms/threads/threads.c": C + "#include <binocle/status.h>\n#include <pthreadpool.h>\n",
    "platforms/base/mem.h": C,
    "ops/xnn/linear.c": C + '#include <xnnpack.h>\n\n#include "platforms/base/mem.h"\n',
    "ops/add/add_scalar.c": C + "void bnc_add_f32_scalar(int x) {}\nvoid bnc_add_i8_scalar(int x) {}\n",
    "ops/add/add_v16.c": C + "void BNC_AT_LEVEL(add_f32)(int x) {}\n",
    "ops/add/add_i8_neon.c": C + "void bnc_add_i8_neon(int x) {}\n",
    "ops/kernels_table.h": C + "#define T(K) K(add.f32, add_f32, x, x, _, _, x, _, _, _) K(add.i8, add_i8, _, _, _, _, x, _, _, _)\n",
    "ops/README.md": """<!-- kernels -->
| family | kernels | avx2 | avx512vnni | avx512bf16 | amx | neon | neon_dotprod | neon_i8mm | neon_bf16 |
|---|---|---|---|---|---|---|---|---|---|
| add | f32, i8 | f32 | f32 | | | all | | | |
<!-- /kernels -->
""",
    "runtime/model/format.h": C,
    "runtime/exec/exec.h": C,
    "runtime/image/png.c": C + "#include <png.h>\n",
    "quant/include/binocle/compile.h": C,
    "quant/passes/passes.c": C + 'static const pass list[] = {[BNC_PASS_A] = {"a-b", x}, [BNC_PASS_C] = {"c", x}};\n',
    "quant/README.md": "<!-- passes -->\n| pass | what |\n| --- | --- |\n| a-b | x |\n| c | y |\n<!-- /passes -->\n",
    "quant/writer.c": C + '#include "runtime/model/format.h"\n',
    "runtime/include/binocle/binocle.h": C + "#include <binocle/compile.h>\n#include <binocle/status.h>\n",
    "runtime/program/main.c": C + "#include <binocle/compile.h>\n",
    **{page: "Speed\n" + "\n".join(speed_table.table.marks(page)) + "\n" for page in speed_table.table.PAGES},
    speed_table.joules.JOULES: "title,model,watts,joules_per_picture,joules_per_token\nPi,m,5,1,2\n",
    speed_table.joules.PUBLISHED: "machine,model,bits,engine,joules_per_token,source\nPi,m,4,e,3,s\n",
    speed_table.joules.TRADEOFF: "machine,way,watts,speed,joules,how\nPi,all,5,1.00,1.00,estimate: x\n",
    "tests/test_a.c": C + '#include <png.h>\n\n#include "runtime/exec/exec.h"\n',
}
CLEAN["platforms/README.md"] = speed_table.joules.replaced(
    "".join(f"<!-- {name}: made by bench/energy/joules.py -->\n<!-- {name}: end -->\n" for name in ("joules", "less power")), CLEAN)


class House(unittest.TestCase):
    def finds(self, check, path, text, expected):
        found = check.violations({**CLEAN, path: text})
        self.assertEqual(1, len(found), found)
        self.assertIn(expected, found[0])

    def test_clean(self):
        for check in (kernels, layers, layout, names, pages, passes_page, sizes, speed_table, statements, wording):
            self.assertEqual([], check.violations(CLEAN))

    def test_passes_page(self):
        rows = CLEAN["quant/README.md"]
        self.finds(passes_page, "quant/README.md", rows.replace("| c | y |\n", ""), "its passes are a-b; quant/passes/passes.c runs a-b, c")
        self.finds(passes_page, "quant/README.md", "", "there is no table")

    def test_the_best_peer_is_shown(self):
        def row(program, median, unit="s", what="tile int8", setting="x", state="quiet"):
            return f"cpu,level,2,{program},1,{what},{setting},{median},{median},{median},{unit},1,measured,{state},"
        head = "cpu,level,threads,program,version,what,setting,min,median,max,unit,runs,how,state,quality"
        rows = [head, row("binocle", 2), row("llama.cpp", 3), row("Good", 5), row("Poor", 9), row("binocle", 8, "tokens/s", "decode"), row("Poor", 4, "tokens/s", "decode"),
                row("Good", 6, "tokens/s", "decode"), row("ratio", 1.25, "x", "decode", '"Good, x"'), row("ratio", 2.5, "x", "tile int8", '"Good, x"')]
        strong = [r for r in rows if ",llama.cpp," not in r]
        decode = "| decode | 8 tokens/s | 6 tokens/s | Good 1; x | 1.25x |"
        self.assertIn(decode, speed_table.table.table("\n".join(strong)))
        self.assertRegex(speed_table.table.table("\n".join(strong)), r"\| 2 s \| 5 s \| Good 1; x \| 2\.5x \|")
        self.assertRegex(speed_table.table.table("\n".join(rows)), r"\| 2 s \| 3 s \| llama\.cpp 1; Debian's build.*; x \| - \|")
        weak = [r for r in rows if ",Good," not in r and ",Poor," not in r and ",ratio," not in r]
        self.assertNotIn("ratio", speed_table.table.table("\n".join(weak)))

    def test_layers(self):
        def bad(path, include, expected):
            self.finds(layers, path, C + f"#include {include}\n", expected)
        bad("platforms/a.c", '"ops/xnn/linear.c"', "platforms may not depend on ops/xnn")
        bad("ops/a.c", '"runtime/model/format.h"', "ops may not depend on runtime/model")
        bad("runtime/a.c", "<binocle/compile.h>", "runtime may not depend on quant/include")
        bad("quant/a.c", '"runtime/exec/exec.h"', "quant may not depend on runtime/exec")
        bad("runtime/a.c", "<xnnpack.h>", "only ops/xnn/ may")
        bad("bench/a.c", "<xnnpack.h>", "only ops/xnn/ may")
        bad("ops/xnn/a.c", "<pthreadpool.h>", "only platforms/threads/threads.c may")
        bad("runtime/image/b.c", "<png.h>", "included by more than one file")
        bad("runtime/a.c", '"exec.h"', "no file of this tree")
        bad("runtime/a.c", "<binocle/absent.h>", "no file of this tree")
        bad("runtime/program/a.c", '"runtime/exec/exec.h"', "only the public headers")
        bad("runtime/include/binocle/binocle.h", '"quant/writer.c"', "runtime may not depend on quant")
        bad("ops/a.h", '  "quant/writer.c"', "ops may not depend on quant")

    def test_pages(self):
        row = "| sums | `bnc_add_f32_scalar` | `add/add_scalar.c` |\n"
        self.assertEqual([], pages.violations({**CLEAN, "ops/README.md": row + "`bnc_format` is in `runtime/model/format.h`\n"}))
        self.finds(pages, "ops/README.md", row.replace("_f32", "_f64", 1), "bnc_add_f64_scalar is not in add/add_scalar.c")
        self.finds(pages, "ops/README.md", "see `absent.c`\n", "no file absent.c")

    def test_sizes(self):
        self.finds(sizes, "ops/a.c", "\n" * 401, "401 lines")
        self.finds(sizes, "ops/a.h", "\n" * 151, "151 lines")
        self.finds(sizes, "tests/a.c", "\n" * 351, "351 lines")
        self.assertEqual([], sizes.violations({"ops/a_table.h": "\n" * 999, "ops/b.c": "\n" * 400}))

    def test_sizes_of_functions_and_lines(self):
        def body(lines):
            return "static int f(int x,\n             int y) {\n" + "  x;\n" * (lines - 3) + "}\n"
        self.finds(sizes, "ops/a.c", body(61), "ops/a.c:1: a function of 61 lines, expected at most 60")
        self.finds(sizes, "ops/a.c", "int v[] = {\n  1,\n};\n" + "void f(void) {\n" + "  x;\n" * 60 + "}\n", "ops/a.c:4: a function of 62")
        self.assertEqual([], sizes.violations({"ops/a.c": body(60) * 3, "tests/a.c": body(90)}))
        self.finds(sizes, "ops/a.c", "/* " + "x" * 135 + " */\n", "141 columns")

    def test_statements(self):
        def bad(line, expected):
            self.finds(statements, "ops/a.c", line + "\n", expected)
        bad("  if (!p) s = fail(err), n = 0;", "two assignments")
        bad("  a->x = 1, a->y = f(2, 3);", "two assignments")
        bad("  for (i = 0; i < n && (row = next(t)); i++) use(row);", "hidden in a for")
        bad("  for (size_t a = 0; low = a, a < b;) a++;", "hidden in a for")
        good = "  size_t a = 1, b = 2;\n  f(a == 1, b == 2);\n  for (x *e; (e = next(d, 0)) != NULL;) f(e);\n  for (i = 0, j = 1; i < n; i++) g();\n"
        self.assertEqual([], statements.violations({"ops/a.c": good + "  const int c = 3,\n            d = f(1), e = 4;\n"}))

    def test_layout(self):
        self.finds(layout, "ops/a.c", C + "int f(void)\n{\n  return 1; }\n", "ops/a.c:2: clang-format-19")

    def test_wording(self):
        def bad(line, expected, path="ops/a.c"):
            self.finds(wording, path, C + line + "\n", expected)
        self.finds(wording, "ops/a.c", "int x;\n", "licence")
        self.finds(wording, "toolchains/x", "#!/bin/sh\n", "licence")
        bad("/* TO" "DO: later */", "unfinished")
        bad("#if " "0", "switched-off")
        bad("# get it from py" "pi.org", "registry", "notes.md")
        bad("cd /ho" "me/someone/x", "path of one machine", "notes.md")

    def test_names(self):
        self.finds(names, "runtime/mem.h", C, "the name of 2 files")
        self.finds(names, "runtime/Big.c", C, "snake_case")
        self.finds(names, "ops/norm/norm_f32_neon_dotprod.c", C + "void bnc_norm_f32_neon(int x) {}\n", "defines norm_f32 of neon")
        self.finds(names, "ops/norm/norm_f32_neon.c", C + "void bnc_other_neon(int x) {}\n", "defines other of neon")
        self.finds(names, "ops/norm/norm_f32_neon.c", C + "static int x;\n", "defines no kernel")

    def test_kernels(self):
        self.finds(kernels, "ops/add/add_i8_neon_dotprod.c", C + "void bnc_add_i8_neon_dotprod(int x) {}\n", "nothing calls it")
        self.finds(kernels, "ops/add/add_i8_neon.c", C, "add_i8 has an x for neon, but no file defines it")
        self.finds(kernels, "ops/README.md", "", "its table is not that of")

    def test_joules_tables(self):
        self.assertIn("| Pi | m | 4 | Binocle | 1 | 2 | estimated from 5 W |", CLEAN["platforms/README.md"])
        for path in (speed_table.joules.JOULES, speed_table.joules.PUBLISHED, speed_table.joules.TRADEOFF):
            self.finds(speed_table, path, CLEAN[path].replace("Pi", "Po"), "joules.py table writes it")
        self.finds(speed_table, "platforms/README.md", "no marks", "has no '<!-- joules")

    def test_speed_table(self):
        row = "a CPU,avx2,2,{},1.0,tile,x,1,2,3,s,5,measured\n"
        rows = "cpu,level,threads,program,version,what,setting,min,median,max,unit,runs,how\n" + row.format("binocle") + row.format("llama.cpp")
        self.finds(speed_table, "bench/baselines/race-a.csv", rows, "not that of")
        self.finds(speed_table, "README.md", "no marks", "has no")
        files = {**CLEAN, "bench/baselines/race-a.csv": rows}
        files["README.md"] = speed_table.table.replaced("README.md", files["README.md"], files)
        self.assertIn("| one ViT-L/14-336 tile | 2 s (1 - 3) | 2 s (1 - 3) |", files["README.md"])
        self.assertEqual([], speed_table.violations(files))

    def test_busy_table(self):
        rows = "cpu,engine,model,what,threads,neighbours,against_one,against_share,rounds\n" + "".join(
            f"a CPU,ours,m,tile,{setting},5\n" for setting in ("1,0,1,1", "1,2,1,1", "2,0,0.5,1", "2,2,1.101,1.3", "2,8,0.9,1.4"))
        self.finds(speed_table, "bench/baselines/busy-a.csv", rows, "bench/README.md: a table is not that of")
        self.finds(speed_table, "bench/README.md", "no marks", "has no '<!-- busy")
        page = speed_table.table.replaced("bench/README.md", CLEAN["bench/README.md"], {**CLEAN, "bench/baselines/busy-a.csv": rows})
        self.assertIn("a CPU, 5 rounds:\n\n| | 2 | 8 |\n| --- | --- | --- |\n| ours, m, tile | **1.10** / 1.30 | 0.90 / **1.40** |\n", page)


if __name__ == "__main__":
    unittest.main()
