# SPDX-License-Identifier: Apache-2.0
"""`binocle profile`: every op of the schedule is told with its time, in a table, an object, a trace and a page."""
import html.parser
import json
import os
import re

from program_case import PHOTO, ProgramCase, binocle, main, path


class Page(html.parser.HTMLParser):
    """Counts tags, and finds what leads out of the page."""

    def __init__(self):
        super().__init__()
        self.tags, self.links = {}, []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.links += [value for name, value in attrs if name in ("href", "src")]


class Profile(ProgramCase):
    def setUp(self):
        told = self.done_json("inspect", self.model, "--json")["programs"]
        self.ops = {name: told[name]["ops"] for name in told}

    def check_programs(self, programs, generated):
        self.assertEqual({"vision": 1, "prefill": 1, "decode": generated - 1}, {name: p["runs"] for name, p in programs.items()})
        for name, p in programs.items():
            self.assertEqual(self.ops[name], len(p["ops"]), name)
            self.assertTrue(all(o["calls"] == p["runs"] and 0 <= o["nanoseconds_min"] <= o["nanoseconds_max"] <= o["nanoseconds"] for o in p["ops"]))
            self.assertEqual(sorted((o["nanoseconds"] for o in p["ops"]), reverse=True), [o["nanoseconds"] for o in p["ops"]])
            self.assertEqual(sum(o["nanoseconds"] for o in p["ops"]), sum(k["nanoseconds"] for k in p["kinds"]))
            self.assertTrue(0 < sum(o["nanoseconds"] for o in p["ops"]) <= p["nanoseconds"])

    def test_all_forms(self):
        trace, page = path("trace.json"), path("profile.html")
        told = self.done_json("profile", self.model, "--image", PHOTO, "--prompt", "What is this?", "--gen-tokens", "5", "--trace", trace, "--report", page, "--json", "--threads", "1")
        self.check_programs(told["profile"]["programs"], 5)
        self.assertEqual((1, 0), (told["threads"], told["profile"]["events_left_out"]))
        with open(trace, encoding="utf-8") as f:
            events = json.load(f)["traceEvents"]
        ran = [e for e in events if e["ph"] == "X"]
        self.assertEqual(told["profile"]["events"], len(ran))
        self.assertEqual(self.ops["vision"] + self.ops["prefill"] + 4 * self.ops["decode"], len(ran))
        for program in (1, 2, 3):
            own = [e for e in ran if e["tid"] == program]
            self.assertTrue(all(a["ts"] + a["dur"] <= b["ts"] + 0.002 for a, b in zip(own, own[1:])), "ops follow each other")
        self.assertEqual({"binocle", "vision", "prefill", "decode"}, {e["args"]["name"] for e in events if e["ph"] == "M"})
        with open(page, encoding="utf-8") as f:
            text = f.read()
        read = Page()
        read.feed(text)
        self.assertTrue(read.tags["svg"] >= 2 and read.tags["table"] == 3 and read.tags["rect"] > 10, read.tags)
        self.assertEqual([], read.links)
        self.assertNotIn("script", read.tags)

    def test_table(self):
        out = self.done("profile", self.model, "--gen-tokens", "3").out.decode()
        self.assertNotIn("vision", out)
        self.assertRegex(out, r"\Aprefill: 1 runs, 64 rows, \d+\.\d{3} ms\n")
        self.assertRegex(out, r"\n  linear +\d+ +\d+\.\d{3} +\d+\.\d %")
        self.assertTrue(re.search(r"\ndecode: 2 runs, 2 rows", out), out)

    def test_energy(self):
        tree = path("profile_tree")
        os.makedirs(os.path.join(tree, "sys/class/hwmon/hwmon0"))
        for name, text in (("name", "board<1>\n"), ("power1_input", "9000000\n")):
            with open(os.path.join(tree, "sys/class/hwmon/hwmon0", name), "w", encoding="utf-8") as f:
                f.write(text)
        page = path("energy.html")
        told = self.done_json("profile", self.model, "--image", PHOTO, "--json", "--report", page, "--threads", "1", env={**os.environ, "BINOCLE_SYSFS": tree})
        for program in told["profile"]["programs"].values():
            self.assertGreater(program["microjoules"], 0.99 * 9e-3 * program["nanoseconds"])
        with open(page, encoding="utf-8") as f:
            self.assertIn("board&lt;1&gt; power1_input", f.read())

    def test_wrong(self):
        for code, expected, arguments in ((2, "MODEL is missing", []), (2, "--gen-tokens is '0'", [self.model, "--gen-tokens", "0"]), (1, "nowhere: No such file", [path("nowhere")]),
                                          (1, "cannot be written", [self.model, "--trace", path("no", "t.json")]), (1, "is a folder", [self.model, "--report", path()]),
                                          (1, "nowhere.png", [self.model, "--image", "nowhere.png"])):
            outcome = binocle("profile", *arguments)
            self.assertEqual((code, b""), (outcome.code, outcome.out), outcome)
            self.assertIn(expected, self.says_one_line(outcome))


if __name__ == "__main__":
    main()
