# SPDX-License-Identifier: Apache-2.0
"""bench: what it says of times, tokens, the model and the machine, in every form."""
import csv
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree

from program_case import CONTEXT, IMAGE_ROWS, PHOTO, PROGRAM, ProgramCase, binocle, main, path, sane_signals
from test_joules import Tree

TIMINGS = ("vision_s", "prefill_tokens_per_s", "decode_tokens_per_s", "time_to_first_token_s")
ZONE = "sys/class/thermal/thermal_zone0/"
CLOCK = "sys/devices/system/cpu/cpu0/cpufreq/"
SVG = "{http://www.w3.org/2000/svg}"


def board(name, celsius=47.5):
    """A made-up machine that tells its temperature, clock and load."""
    return Tree(name, {ZONE + "type": "cpu-thermal\n", ZONE + "temp": f"{celsius * 1000:.0f}\n", CLOCK + "scaling_cur_freq": "1800000\n",
                       CLOCK + "scaling_governor": "ondemand\n", "proc/loadavg": "1.25 1 1 1/9 9\n"})


def nearest_rank(values, share):
    return sorted(values)[math.ceil(share * len(values)) - 1]


class Bench(ProgramCase):
    def wrong(self, code, expected, *arguments):
        outcome = binocle(*arguments)
        self.assertEqual((code, b""), (outcome.code, outcome.out), outcome)
        self.assertRegex(self.says_one_line(outcome), expected)

    def bench(self, *options, **settings):
        return self.done_json("bench", self.model, "--prompt-tokens", "9", "--gen-tokens", "7", "--json", *options, **settings)

    def test_json(self):
        told = self.done_json("bench", self.model, "--image", PHOTO, "--prompt-tokens", "9", "--gen-tokens", "3", "--repeat", "3", "--threads", "1", "--json")
        self.assertEqual((1, 3, 9, 3), (told["threads"], told["repeat"], told["prompt_tokens"], told["gen_tokens"]))
        for timing in TIMINGS:
            least, middle, most = (told[f"{timing}_{which}"] for which in ("min", "median", "max"))
            self.assertTrue(0 < least <= middle <= most, told)
            self.assertEqual(middle, told[timing])
        self.assertGreater(told["time_to_first_token_s"], told["vision_s"])
        self.assertGreater(told["load_s"], 0)
        self.assertGreater(told["peak_rss_bytes"], 1 << 20)
        self.assertIn(told["cpu_level"], ("scalar", "avx2", "avx512vnni", "avx512bf16", "amx", "neon", "neon_dotprod", "neon_i8mm", "neon_bf16"))

    def test_without_a_picture(self):
        told = self.done_json("bench", self.model, "--prompt-tokens", "5", "--gen-tokens", "2", "--repeat", "2", "--warm-up", "1", "--json")
        self.assertEqual((1, 2), (told["warm_up"], told["repeat"]))
        self.assertIsNone(told["vision_s"])
        self.assertGreater(told["decode_tokens_per_s"], 0)
        text = self.done("bench", self.model, "--prompt-tokens", "5", "--gen-tokens", "2", "--repeat", "1").out.decode()
        self.assertRegex(text, r"\nvision +not measured: no --image\n")
        self.assertRegex(text, r"prefill, tokens/s +\d+\.\d+")
        self.assertEqual(1, self.done_json("bench", self.model, "--gen-tokens", "2", "--repeat", "1", "--json")["warm_up"])
        table = self.done("bench", self.model, "--gen-tokens", "2", "--repeat", "1", "--markdown").out.decode()
        self.assertIn("Vision is not measured: no --image.", table)
        self.assertRegex(table, r"\| prefill, tokens/s \| (\d+\.\d{3}) \(\1 - \1\) \|")

    def test_wrong_use(self):
        bench = ["bench", self.model]
        for code, expected, arguments in ((2, "--repeat is '0'", [*bench, "--repeat", "0"]), (2, "--gen-tokens is 'x'", [*bench, "--gen-tokens", "x"]), (2, "MODEL", ["bench"]),
                                          (1, "nowhere.bnc: No such", ["bench", path("nowhere.bnc")]), (1, "nowhere.png: No such", [*bench, "--image", path("nowhere.png")]),
                                          (1, f"4000 rows, expected at most {CONTEXT}", [*bench, "--prompt-tokens", "4000"]),
                                          (1, f"{CONTEXT + IMAGE_ROWS} rows, expected", [*bench, "--prompt-tokens", str(CONTEXT), "--image", PHOTO]),
                                          (2, "--threads is '1,1'", [*bench, "--threads", "1,1"]), (2, "--threads is '1,,2'", [*bench, "--threads", "1,,2"]), (2, "--threads is '0'", [*bench, "--threads", "0"]),
                                          (2, "--threads is '1025'", [*bench, "--threads", "1025"]), (2, "--cooldown is '9K'", [*bench, "--cooldown", "9K"]), (2, "--cooldown is '-1'", [*bench, "--cooldown", "-1"]),
                                          (2, "--minutes repeats without", [*bench, "--minutes", "1", "--repeat", "2"]), (2, "--minutes repeats without", [*bench, "--minutes", "1", "--cooldown", "2"]),
                                          (2, "--svg draws what --minutes", [*bench, "--svg", path("no.svg")]), (2, "one number of threads", [*bench, "--minutes", "1", "--threads", "1,2", "--svg", path("no.svg")]),
                                          (2, "takes one of them", [*bench, "--json", "--markdown"]), (1, "nowhere/x.csv: .*No such", [*bench, "--csv", path("nowhere", "x.csv")])):
            self.wrong(code, expected, *arguments)

    def test_every_sample(self):
        told = self.bench("--repeat", "5", "--image", PHOTO, "--threads", "1")
        for timing in TIMINGS:
            values = told["samples"][timing]
            self.assertEqual((5, min(values), max(values)), (len(values), told[f"{timing}_min"], told[f"{timing}_max"]))
            self.assertAlmostEqual(statistics.median(values), told[timing], delta=1e-6 * told[timing])
        rounds = told["samples"]["rounds"]
        self.assertEqual([6] * 5, [len(r["token_s"]) for r in rounds])  # seven tokens of an answer have six steps between them
        tokens = sum((r["token_s"] for r in rounds), [])
        self.assertEqual(len(tokens), told["token_latencies"])
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
            self.assertAlmostEqual(nearest_rank(tokens, share), told[f"token_s_{name}"], delta=1e-9)
        for r, first in zip(rounds, told["samples"]["time_to_first_token_s"]):
            self.assertLess(first + sum(r["token_s"]), r["wall_s"])
        self.assertAlmostEqual(sum(r["wall_s"] for r in rounds), told["wall_s"], places=5)

    def test_threads_take_turns(self):
        told = self.bench("--repeat", "4", "--threads", "1,2,3")
        sweep = told["sweep"]
        self.assertEqual([1, 2, 3], [s["threads"] for s in sweep])
        order = sorted((r["at_s"], s["threads"]) for s in sweep for r in s["samples"]["rounds"])
        self.assertEqual([1, 2, 3, 3, 2, 1, 1, 2, 3, 3, 2, 1], [threads for _, threads in order])
        self.assertEqual(sweep[0]["samples"], told["samples"])
        self.assertNotIn("sweep", self.bench("--threads", "2"))

    def test_identity(self):
        tree = board("identity")
        told = self.bench("--repeat", "1", **tree.settings)
        other = path("identity.bnc")
        self.done("synth", "pocket", "-o", other, "--quiet")
        again, foreign = self.bench("--repeat", "1"), self.done_json("bench", other, "--json", "--repeat", "1")
        self.assertEqual(told["fingerprint"], again["fingerprint"])
        self.assertNotEqual(told["fingerprint"], foreign["fingerprint"])
        self.assertIn("int8", told["weights"])
        self.assertRegex(told["date"], r"\A20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
        self.assertIn(f"binocle bench {self.model} --prompt-tokens 9", told["command"])
        state = {"load": 1.25, "celsius": 47.5, "mhz": 1800, "governor": "ondemand", "throttled": False}
        self.assertEqual((state, state), (told["machine_before"], told["machine_after"]))
        for text in (self.done("bench", self.model, "--repeat", "1", *form, **tree.settings).out.decode() for form in ([], ["--markdown"])):
            for part in (self.model, told["fingerprint"], told["weights"], told["machine"]["cpu"], told["cpu_level"], "load 1.25", "47.5 and 47.5 C", "1800 and 1800 MHz", "governor ondemand"):
                self.assertIn(part, text)

    def test_csv(self):
        told = self.bench("--repeat", "3", "--threads", "1,2", "--csv", path("rows.csv"), **board("csv").settings)
        with open(path("rows.csv"), encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([("1", "1"), ("1", "2"), ("2", "2"), ("2", "1"), ("3", "1"), ("3", "2")], [(r["round"], r["threads"]) for r in rows])
        for one in told["sweep"]:
            own = [r for r in rows if r["threads"] == str(one["threads"])]
            for row, value, about in zip(own, one["samples"]["decode_tokens_per_s"], one["samples"]["rounds"]):
                self.assertAlmostEqual(value, float(row["decode_tokens_per_s"]), delta=1e-4 * value)
                self.assertAlmostEqual(nearest_rank(about["token_s"], 0.9), float(row["token_s_p90"]), delta=1e-8)
        for name, value in (("model", self.model), ("fingerprint", told["fingerprint"]), ("cpu", told["machine"]["cpu"]), ("command", told["command"]), ("cpu_level", told["cpu_level"]),
                            ("load", "1.25"), ("celsius", "47.5"), ("mhz", "1800"), ("governor", "ondemand"), ("vision_s", ""), ("energy_meter", "")):
            self.assertEqual({value}, {r[name] for r in rows}, name)

    def test_markdown(self):
        lines = self.done("bench", self.model, "--threads", "1,2", "--repeat", "2", "--markdown").out.decode().split("\n")
        table = [line for line in lines if line.startswith("|")]
        self.assertEqual("| median (least - most) of 2 interleaved rounds | 1 thread | 2 threads |", table[0])
        self.assertTrue(all(line.count("|") == 4 for line in table), table)
        self.assertRegex(table[3], r"\A\| decode, tokens/s \| \d[\d.e+]* \(\d[\d.e+]* - \d[\d.e+]*\) \|")

    def test_a_busy_machine_is_told(self):
        neighbours = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]  # on this test's CPU
        try:
            told = self.bench("--repeat", "30", "--image", PHOTO, "--csv", path("busy.csv"))
            text = self.done("bench", self.model, "--repeat", "30", "--image", PHOTO).out.decode()
        finally:
            for neighbour in neighbours:
                neighbour.kill()
                neighbour.wait()
        self.assertIn("the machine was busy: ", told["warning"])
        self.assertLess(told["cpu_s"], 0.9 * told["wall_s"])
        self.assertIn("warning: the machine was busy: ", text)


class Waiting(ProgramCase):
    bench = Bench.bench

    def test_seconds(self):
        start = time.monotonic()
        told = self.bench("--repeat", "3", "--cooldown", "0.4s")
        elapsed = time.monotonic() - start
        at = [r["at_s"] for r in told["samples"]["rounds"]]
        self.assertGreater(min(b - a for a, b in zip(at, at[1:])), 0.4)
        self.assertGreater(elapsed - told["wall_s"], 0.8)  # which is of the rounds alone

    def test_a_temperature(self):
        tree = board("hot", 71)
        cooled = threading.Timer(1, tree.write, (ZONE + "temp", "59000\n"))
        start = time.monotonic()
        cooled.start()
        told = self.bench("--repeat", "2", "--cooldown", "60C", **tree.settings)
        self.assertGreater(time.monotonic() - start, 0.9)
        self.assertEqual(59, told["machine_before"]["celsius"])
        self.wrong_tree("tells no temperature", Tree("cold", {}), "--cooldown", "60C")

    def wrong_tree(self, expected, tree, *options):
        outcome = binocle("bench", self.model, *options, **tree.settings)
        self.assertEqual((1, b""), (outcome.code, outcome.out), outcome)
        self.assertIn(expected, self.says_one_line(outcome))


class Sustained(ProgramCase):
    bench = Bench.bench

    def test_over_time(self):
        tree = board("sustained", 40)
        warm = threading.Timer(1.5, tree.write, (ZONE + "temp", "80000\n"))
        warm.start()
        told = self.bench("--minutes", "0.05", "--image", PHOTO, "--watts", "5", "--svg", path("run.svg"), "--csv", path("run.csv"), **tree.settings)
        warm.join()
        rounds = told["samples"]["rounds"]
        self.assertTrue(3 <= rounds[-1]["at_s"] < 30, rounds)
        self.assertGreater(sum(r["repetitions"] for r in rounds), len(rounds))  # small models are repeated until a round has its time
        heat = [look["machine"]["celsius"] for look in told["watch"]]
        self.assertEqual((40, 80, {40, 80}), (heat[0], heat[-1], set(heat)))
        root = xml.etree.ElementTree.parse(path("run.svg")).getroot()
        words = [text.text for text in root.iter(SVG + "text")]
        for part in (self.model, told["fingerprint"], told["machine"]["cpu"], "temperature, \u00b0C", "power, W", "governor ondemand"):
            self.assertTrue(any(part in (word or "") for word in words), f"{part} in {words}")
        self.assertEqual([1, 2, 3, 1, 1, 1, 1], [int(line.get("class")[-1]) for line in root.iter(SVG + "polyline")])  # speeds, heat, clock, power, load
        points = [[tuple(map(float, p.split(","))) for p in line.get("points").split()] for line in root.iter(SVG + "polyline")]
        heights = {y for _, y in points[3]}
        self.assertEqual((len(heat), 2), (len(points[3]), len(heights)))
        self.assertEqual(points[3][-1][1], min(heights))  # hotter is higher
        self.assertTrue(all(64 <= x <= 980.01 for line in points for x, _ in line))
        self.assertIn("prefers-color-scheme: dark", root.find(SVG + "style").text)

    def test_interrupted(self):
        """Ctrl-C in the middle loses nothing of what was measured."""
        command = [PROGRAM, "bench", self.model, "--minutes", "5", "--idle", "0", "--json", "--svg", path("cut.svg"), "--csv", path("cut.csv"), "--quiet"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=sane_signals) as process:
            time.sleep(4)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        self.assertEqual(130, process.returncode, err)
        self.assertRegex(err.decode(), r"\Abinocle: interrupted: what follows is of 0\.\d+ of 5 minutes\n\Z")
        told = json.loads(out)
        self.assertTrue(told["cut_short"] and told["decode_tokens_per_s"] > 0)
        with open(path("cut.csv"), encoding="utf-8", newline="") as file:
            self.assertEqual(len(told["samples"]["rounds"]), len(list(csv.DictReader(file))))
        self.assertEqual(SVG + "svg", xml.etree.ElementTree.parse(path("cut.svg")).getroot().tag)


if __name__ == "__main__":
    main()
