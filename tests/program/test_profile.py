# SPDX-License-Identifier: Apache-2.0
"""`binocle profile`: identity, phases and every op of the schedule with its time, in a table, an object, lines, a trace and a page."""
import csv
import html.parser
import json
import os
import re
import statistics

from program_case import PHOTO, ROOT, ProgramCase, binocle, main, path

POCKET = os.path.join(ROOT, "quant", "pocket", "pocket.bnc")

NUMBER, TEXT = (int, float), str
SUM = {"calls": int, "nanoseconds": int, "nanoseconds_min": int, "nanoseconds_max": int, "macs": int, "bytes": int, "cpu_nanoseconds": int, "nanoseconds_typical": int, "gops": NUMBER,
       "gbps": NUMBER, "roof_percent": NUMBER, "roof": TEXT}
OP = SUM | {"index": int, "name": TEXT, "kind": TEXT, "tile": TEXT, "layer": TEXT, "kernel": TEXT, "level": TEXT, "shape": TEXT, "dtype": TEXT,
            "nanoseconds_p25": int, "nanoseconds_median": int, "nanoseconds_p75": int, "nanoseconds_p99": int}
PROGRAM = {"runs": int, "rows": int, "nanoseconds": int, "cpu_nanoseconds": int, "microjoules": (int, type(None)), "kinds": [SUM | {"kind": TEXT}], "ops": [OP]}
COLUMN = (list, type(None))
ROOF = {"before": NUMBER + (type(None),), "after": NUMBER + (type(None),)}
PROFILE = {
    "identity": {"model_name": TEXT, "file": TEXT, "fingerprint": TEXT, "format_version": int, "file_bytes": int, "weights": dict, "kv": TEXT, "context": int,
                 "machine": {"cpus": int, "cores": int, "memory_bytes": int, "cpu": TEXT, "uarch": TEXT, "os": TEXT, "kernel": TEXT},
                 "cpu_level": TEXT, "linear": TEXT, "threads": int, "version": TEXT, "command": TEXT, "date": TEXT, "load_before": NUMBER, "load_after": NUMBER},
    "nanoseconds": int, "events": int, "events_left_out": int, "wall_nanoseconds": int, "cpu_nanoseconds": int, "waited_nanoseconds": int, "warnings": [TEXT],
    "roofs": {"f32_gops": ROOF, "int8_gops": ROOF, "bf16_gops": ROOF, "memory_gbps": ROOF, "l3_gbps": ROOF, "l2_gbps": ROOF, "l2_bytes": int, "l3_bytes": int},
    "energy": {"meter": (str, type(None)), "kind": TEXT, "estimated": bool, "reason": TEXT, "microjoules": (int, type(None))},
    "memory": {"rss_before": int, "rss_after": int, "arena_bytes": int, "kv_bytes": int, "minor_faults": int, "major_faults": int},
    "phases": [{"phase": TEXT, "start": int, "nanoseconds": int, "ops": int, "microjoules": (int, type(None))}],
    "sampler": {"samples": int, "cpu_nanoseconds": int},
    "samples": {name: COLUMN for name in ("at", "cpu_nanoseconds", "rss_bytes", "minor_faults", "major_faults", "microjoules", "celsius", "mhz", "throttled")},
    "programs": {"vision": PROGRAM, "prefill": PROGRAM, "decode": PROGRAM},
    "tiles": [SUM | {"program": TEXT, "tile": TEXT}], "layers": [SUM | {"program": TEXT, "layer": TEXT}],
}
CSV_COLUMNS = ("program,index,name,kind,tile,layer,kernel,level,shape,dtype,n,macs,bytes,ns_total,ns_cpu,ns_min,ns_p25,ns_median,ns_p75,ns_p99,gops,gbps,roof,"
               "roof_percent")


class Page(html.parser.HTMLParser):
    """Finds what leads out of the page, and its data."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.data, self.in_data = {}, [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.links += [value for name, value in attrs if name in ("href", "src") and not value.startswith("#")]
        self.in_data = tag == "script" and dict(attrs).get("type") == "application/json"

    def handle_endtag(self, tag):
        self.in_data = False

    def handle_data(self, data):
        if self.in_data:
            self.data += data


class Profile(ProgramCase):
    def setUp(self):
        told = self.done_json("inspect", self.model, "--json")["programs"]
        self.ops = {name: told[name]["ops"] for name in told}

    def check_shape(self, value, shape, where="profile"):
        if isinstance(shape, dict):
            self.assertIsInstance(value, dict, where)
            for name in shape:
                self.assertIn(name, value, where)
                self.check_shape(value[name], shape[name], f"{where}.{name}")
        elif isinstance(shape, list):
            self.assertIsInstance(value, list, where)
            for i, item in enumerate(value):
                self.check_shape(item, shape[0], f"{where}[{i}]")
        else:
            self.assertIsInstance(value, shape, where)

    def check_programs(self, programs, generated, repeat=1):
        self.assertEqual({"vision": repeat, "prefill": repeat, "decode": repeat * (generated - 1)}, {name: p["runs"] for name, p in programs.items()})
        for name, p in programs.items():
            self.assertEqual(self.ops[name], len(p["ops"]), name)
            for o in p["ops"]:
                self.assertEqual(p["runs"], o["calls"])
                spread = [o["nanoseconds" + q] for q in ("_min", "_p25", "_median", "_p75", "_p99", "_max", "")]
                self.assertEqual(sorted(spread), spread, o)
                self.assertTrue(o["bytes"] > 0 and o["kernel"] and o["level"] and re.fullmatch(r"\d+(x\d+)+", o["shape"]), o)
            self.assertEqual(sorted((o["nanoseconds"] for o in p["ops"]), reverse=True), [o["nanoseconds"] for o in p["ops"]])
            for what in ("nanoseconds", "macs", "bytes", "cpu_nanoseconds"):
                self.assertEqual(sum(o[what] for o in p["ops"]), sum(k[what] for k in p["kinds"]), what)
            self.assertTrue(0 < sum(o["nanoseconds"] for o in p["ops"]) <= p["nanoseconds"])

    def check_sums(self, profile):
        """Tiles are all of vision; layers are all of everything; runs are phases; nothing is counted twice."""
        vision, every = profile["programs"]["vision"], profile["programs"].values()
        self.assertEqual(sum(o["nanoseconds"] for o in vision["ops"]), sum(t["nanoseconds"] for t in profile["tiles"]))
        self.assertEqual(sum(o["macs"] for p in every for o in p["ops"]), sum(t["macs"] for t in profile["layers"]))
        tiles = [t["tile"] for t in profile["tiles"]]
        self.assertEqual((["crop0", "crop1"], ["DEM", "projector"]), (tiles[:2], tiles[-2:]))
        phases = profile["phases"]
        self.assertEqual(["load", "pack", "session", "picture", "resample", "vision", "prefill", "sampling", "token", "sampling"], [p["phase"] for p in phases][:10])
        self.assertTrue(all(a["start"] + a["nanoseconds"] <= b["start"] for a, b in zip(phases, phases[1:])), "phases follow each other")
        self.assertEqual(profile["nanoseconds"], sum(p["nanoseconds"] for p in phases if p["ops"]))
        for picture in (p for p in phases if p["phase"] == "vision"):
            self.assertEqual(tiles, list(dict.fromkeys(part["part"] for part in picture["parts"])))
            self.assertEqual(picture["cpu_nanoseconds"], sum(part["cpu_nanoseconds"] for part in picture["parts"]))
            ends = [part["start"] + part["nanoseconds"] for part in picture["parts"]]
            self.assertTrue(all(end <= part["start"] for end, part in zip(ends, picture["parts"][1:])) and ends[-1] <= picture["start"] + picture["nanoseconds"])
        self.assertEqual(profile["events"], sum(p["ops"] for p in phases))

    def test_all_forms(self):
        trace, page, lines = path("trace.json"), path("profile.html"), path("profile.csv")
        told = self.done_json("profile", self.model, "--image", PHOTO, "--prompt", "Is 1 < 2 in \u00fcber </script>?", "--gen-tokens", "5", "--repeat", "2", "--trace", trace, "--report",
                              page, "--csv", lines, "--json", "--threads", "1")
        profile = told["profile"]
        self.check_shape(profile, PROFILE)
        self.check_programs(profile["programs"], 5, 2)
        self.check_sums(profile)
        self.assertEqual((1, 0), (told["threads"], profile["events_left_out"]))
        identity = profile["identity"]
        self.assertEqual((64, self.model, 1), (len(identity["fingerprint"]), identity["file"], identity["threads"]))
        self.assertIn("'Is 1 < 2 in \u00fcber </script>?'", identity["command"])
        self.check_lines(lines, profile)
        with open(page, encoding="utf-8") as f:
            text = f.read()
        read = Page(text)
        self.assertEqual(([], 2), (read.links, read.tags["script"]))
        drawn = json.loads(read.data)
        self.check_shape(drawn, PROFILE)
        self.assertEqual((profile["programs"], profile["identity"]), (drawn["programs"], drawn["identity"]))
        self.assertEqual(profile["events"], sum(len(p["ops"]) // 3 for p in drawn["timeline"]))
        self.assertEqual(self.ops, {name: len(ops) for name, ops in drawn["schedule"].items()})
        self.assertEqual({name: ops for name, ops in self.ops.items()}, {name: plan["ops"] for name, plan in drawn["plan"].items()})

    def check_lines(self, file, profile):
        with open(file, newline="", encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual(CSV_COLUMNS, ",".join(rows[0]))
        ops = {(name, o["index"]): o for name, p in profile["programs"].items() for o in p["ops"]}
        self.assertEqual(len(ops), len(rows))
        for row in rows:
            self.assertNotIn(None, row.values())
            o = ops[row["program"], int(row["index"])]
            self.assertEqual((o["name"], o["kernel"], o["shape"], o["calls"], o["nanoseconds"], o["nanoseconds_median"], o["roof_percent"]),
                             (row["name"], row["kernel"], row["shape"], int(row["n"]), int(row["ns_total"]), int(row["ns_median"]), float(row["roof_percent"])))

    def test_table(self):
        out = self.done("profile", self.model, "--gen-tokens", "3", "--watts", "5").out.decode()
        self.assertNotIn("\nvision", out)
        self.assertRegex(out, r"\nroofs: f32 compute \d+\.\d GOP/s, int8 compute ")
        self.assertRegex(out, r"\nprefill: 1 runs, 64 rows, \d+\.\d{3} ms, \d+\.\d{3} ms of CPU, \d+\.\d{3} J \(estimated\)\n")
        self.assertRegex(out, r"\n  linear +\d+ +\d+\.\d{3} +\d+\.\d % +\d+\.\d\d +\d+\.\d\d +\d+ % (int8 compute|memory|L[23])\n")
        self.assertRegex(out, r"\nmemory: [\d.]+ [KMG]B resident before the run, .* behind it; \d+ page faults, \d+ of them from the disk\nsampling: \d+\.\d ms of CPU, ")
        self.assertIn("warning: energy is estimated from 5 W, not measured\n", out)
        self.assertTrue(re.search(r"\ndecode: 2 runs, 2 rows", out), out)

    def test_energy(self):
        tree = path("profile_tree")
        for name, text in (("class/hwmon/hwmon0/name", "board<1>\n"), ("class/hwmon/hwmon0/power1_input", "9000000\n"), ("class/thermal/thermal_zone0/temp", "51500\n"),
                           ("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2400000\n")):
            os.makedirs(os.path.dirname(os.path.join(tree, "sys", name)), exist_ok=True)
            with open(os.path.join(tree, "sys", name), "w", encoding="utf-8") as f:
                f.write(text)
        page = path("energy.html")
        told = self.done_json("profile", self.model, "--image", PHOTO, "--json", "--report", page, "--threads", "1", env={**os.environ, "BINOCLE_SYSFS": tree})
        profile = told["profile"]
        for program in profile["programs"].values():
            self.assertAlmostEqual(1, program["microjoules"] / (9e-3 * program["nanoseconds"]), delta=0.05)
        self.assertAlmostEqual(1, profile["energy"]["microjoules"] / (9e-3 * profile["wall_nanoseconds"]), delta=0.02)
        self.assertEqual(("hwmon board<1> power1_input", False), (profile["energy"]["meter"], profile["energy"]["estimated"]))
        samples = profile["samples"]
        self.assertEqual(({51.5}, {2400}, {0}), (set(samples["celsius"]), set(samples["mhz"]), set(samples["throttled"])))
        self.assertEqual(sorted(samples["at"]), samples["at"])
        self.assertTrue(len(samples["at"]) >= 2 and all(0 < r < 1 << 34 for r in samples["rss_bytes"]))
        with open(page, encoding="utf-8") as f:
            self.assertIn("board\\u003c1\\u003e power1_input", f.read())

    def test_ops_are_the_run(self):
        """The ops of a run add up to its time, within 3 %. The median of many runs: where others take the CPU away between two ops, one does not."""
        page = path("sum.html")
        self.done("profile", POCKET, "--image", PHOTO, "--repeat", "15", "--gen-tokens", "8", "--report", page, "--threads", "1")
        with open(page, encoding="utf-8") as f:
            drawn = json.loads(Page(f.read()).data)
        parts = {}
        for run in drawn["timeline"]:
            phase = drawn["phases"][run["phase"]]
            parts.setdefault(phase["phase"], []).append(sum(run["ops"][2::3]) / phase["nanoseconds"])
        self.assertEqual({"vision": 15, "prefill": 15, "token": 105}, {name: len(each) for name, each in parts.items()})
        for name, each in parts.items():
            self.assertTrue(0.97 <= statistics.median(each) and max(each) <= 1, (name, statistics.median(each), max(each)))

    def test_cache_of_the_session(self):
        """What is told is the session's cache, not the model's."""
        kernels = {}
        for kv in ("f32", "int8"):
            told = self.done_json("profile", self.model, "--gen-tokens", "3", "--kv", kv, "--json", "--quiet", "--threads", "1")["profile"]
            attention = [o for o in told["programs"]["decode"]["ops"] if o["kind"] == "cache_attention"]
            self.assertEqual({f"f32 x {kv} -> f32"}, {o["dtype"] for o in attention})
            self.assertEqual(kv, told["identity"]["kv"])
            kernels[kv] = {o["kernel"] for o in attention}, sum(o["bytes"] for o in attention)
        self.assertEqual(({"attention_cache_f32"}, {"attention_cache_i8"}), (kernels["f32"][0], kernels["int8"][0]))
        self.assertLess(kernels["int8"][1], kernels["f32"][1])

    def test_compare(self):
        files = path("a.json"), path("b.json")
        for file in files:
            with open(file, "wb") as f:
                f.write(self.done("profile", self.model, "--image", PHOTO, "--repeat", "6", "--gen-tokens", "6", "--json", "--threads", "1").out)
        told = self.done_json("profile", "--compare", files[0], files[0], "--json")
        self.assertEqual({"same"}, {d["verdict"] for part in ("programs", "ops") for d in told[part]})
        self.assertEqual(["vision", "prefill", "token"], [d["name"] for d in told["programs"]])
        self.assertEqual(sum(self.ops.values()), len(told["ops"]))
        # One op, and the picture, made three times as slow.
        with open(files[1], encoding="utf-8") as f:
            slow = json.load(f)
        op = min((o for p in slow["profile"]["programs"].values() for o in p["ops"]), key=lambda o: (o["nanoseconds_p75"] - o["nanoseconds_p25"]) / o["nanoseconds_median"])
        for name in ("_p25", "_median", "_p75"):
            op["nanoseconds" + name] *= 3
        for phase in slow["profile"]["phases"]:
            phase["nanoseconds"] *= 3 if phase["phase"] == "vision" else 1
        slow["profile"]["identity"]["threads"] = 2
        with open(path("slow.json"), "w", encoding="utf-8") as f:
            json.dump(slow, f)
        told = self.done_json("profile", "--compare", files[1], path("slow.json"), "--json")
        self.assertEqual([(op["name"], op["kind"])], [(d["name"], d["kind"]) for d in told["ops"] if d["verdict"] == "slower"])
        self.assertIn("the threads differ: 1 and 2", told["warnings"])
        out = self.done("profile", "--compare", files[1], path("slow.json")).out.decode()
        self.assertRegex(out, r"\n  vision +vision .* \+200\.0 % \(\+-\d+\.\d %\)  (slower|same)\n")
        self.assertRegex(out, r"\nops: 0 faster, 1 slower, \d+ the same, 0 with too few runs")

    def test_wrong(self):
        with open(path("no_profile.json"), "w", encoding="utf-8") as f:
            f.write('{"profile": {"identity": {}}}')
        for code, expected, arguments in ((2, "MODEL is missing", []), (2, "--gen-tokens is '0'", [self.model, "--gen-tokens", "0"]), (1, "nowhere: No such file", [path("nowhere")]),
                                          (1, "cannot be written", [self.model, "--trace", path("no", "t.json")]), (1, "is a folder", [self.model, "--report", path()]),
                                          (1, "is a folder", [self.model, "--csv", path()]), (2, "--repeat is '0'", [self.model, "--repeat", "0"]),
                                          (1, "nowhere.json", ["--compare", path("nowhere.json"), path("no_profile.json")]),
                                          (1, "not from 'binocle profile --json': \"machine\"", ["--compare", path("no_profile.json"), path("no_profile.json")]),
                                          (2, "--compare runs nothing", ["--compare", "a.json", "b.json", "--csv", path("c.csv")]),
                                          (1, "nowhere.png", [self.model, "--image", "nowhere.png"])):
            outcome = binocle("profile", *arguments)
            self.assertEqual((code, b""), (outcome.code, outcome.out), outcome)
            self.assertIn(expected, self.says_one_line(outcome))


if __name__ == "__main__":
    main()
