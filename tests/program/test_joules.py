# SPDX-License-Identifier: Apache-2.0
"""Joules beside the seconds: from meters of machines that we do not own (BINOCLE_SYSFS), from counters that wrap, from --watts, and from none."""
import json
import os
import threading
import time

from program_case import PHOTO, ProgramCase, binocle, main, path

WRAP = 262143328850


class Tree:
    """A made-up /sys below the scratch folder."""

    def __init__(self, name, files):
        self.root = path(name)
        for file, text in files.items():
            self.write(file, text)
        os.makedirs(self.root, exist_ok=True)
        self.settings = {"env": {**os.environ, "BINOCLE_SYSFS": self.root}}

    def write(self, file, text):
        target = os.path.join(self.root, file)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.replace(target + ".new", target)


class Counter(threading.Thread):
    """Advances a RAPL counter by `watts`, over its end."""

    def __init__(self, tree, watts):
        super().__init__()
        self.tree, self.watts, self.stop = tree, watts, False
        self.start_value = WRAP - 100000
        self.tree.write("sys/class/powercap/intel-rapl:0/energy_uj", f"{self.start_value}\n")

    def run(self):
        start = time.monotonic()
        while not self.stop:
            value = self.start_value + int(1e6 * self.watts * (time.monotonic() - start))
            self.tree.write("sys/class/powercap/intel-rapl:0/energy_uj", f"{value % WRAP}\n")
            time.sleep(0.002)

    def __enter__(self):
        self.begin = time.monotonic()
        self.start()
        return self

    def __exit__(self, *_):
        self.stop = True
        self.join()
        self.spent = self.watts * (time.monotonic() - self.begin)


def jetson():
    chip = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/"
    return Tree("jetson", {chip + "in1_label": "VDD_IN\n", chip + "in1_input": "5000\n", chip + "curr1_input": "1400\n"})


def laptop():
    zone = "sys/class/powercap/intel-rapl:0/"
    return Tree("laptop", {zone + "name": "package-0\n", zone + "max_energy_range_uj": f"{WRAP - 1}\n", zone + "energy_uj": "0\n"})


class Joules(ProgramCase):
    def bench(self, tree, *arguments):
        return self.done_json("bench", self.model, "--image", PHOTO, "--prompt-tokens", "40", "--gen-tokens", "12", "--repeat", "3", "--threads", "1", "--json", *arguments, **tree.settings)

    def check_watts(self, told, watts):
        """Energy is at least power times the seconds told: its moments of reading stand around the work."""
        self.assertGreater(told["joules_per_picture_median"], 0.99 * watts * told["vision_s_min"])
        self.assertGreater(told["joules_per_prompt_token_max"], 0.99 * watts / told["prefill_tokens_per_s_max"])
        self.assertGreater(told["joules_per_generated_token_max"], 0.99 * watts / told["decode_tokens_per_s_max"])
        for name in ("joules_per_picture", "joules_per_prompt_token", "joules_per_generated_token"):
            self.assertTrue(told[name] == told[name + "_median"] and 0 < told[name + "_min"] <= told[name] <= told[name + "_max"], name)

    def test_power_of_the_board(self):
        tree = jetson()
        start = time.monotonic()
        told = self.bench(tree)
        spent = 7 * (time.monotonic() - start)
        self.check_watts(told, 7)
        self.assertEqual(("ina3221 total input (board)", False, None), (told["energy_meter"], told["energy_estimated"], told["energy_note"]))
        self.assertLess(told["joules_per_picture_min"] * 3, spent)
        out = self.done("bench", self.model, "--prompt-tokens", "4", "--gen-tokens", "3", "--threads", "1", **tree.settings).out.decode()
        self.assertRegex(out, r"energy, J/prompt token +[1-9\d.e-]+ ")
        self.assertRegex(out, r"energy meter +ina3221 total input \(board\); \d+ readings, 0 lost, took [\d.]+ ms of CPU; at rest 7 W over 1\.\d s\n")
        self.assertNotIn("J/picture", out)

    def test_run(self):
        told = self.done_json("run", self.model, "--prompt", "hi", "--image", PHOTO, "--max-tokens", "9", "--threads", "1", "--json", **jetson().settings)
        self.assertGreaterEqual(told["vision_joules"], 0.99 * 7 * told["vision_s"])
        self.assertGreaterEqual(told["prefill_joules"], 0.99 * 7 * told["prefill_s"])
        self.assertGreaterEqual(told["decode_joules"], 0.99 * 7 * told["decode_s"])
        self.assertAlmostEqual(told["decode_joules"] / 8, told["joules_per_generated_token"], 7)
        self.assertAlmostEqual(told["prefill_joules"] / (told["prompt_rows"] - told["prompt_rows_kept"]), told["joules_per_prompt_token"], 7)
        self.assertEqual(told["vision_joules"], told["joules_per_picture"])
        self.assertLessEqual(told["vision_joules"] + told["prefill_joules"] + told["decode_joules"], 7 * told["total_s"] * 1.5)

    def test_counter_that_wraps(self):
        tree = laptop()
        with open(path("joules.jsonl"), "w", encoding="utf-8") as f:
            f.writelines(json.dumps({"image": PHOTO, "question": f"What is {i}?", "answer": "x"}) + "\n" for i in range(40))
        with Counter(tree, 20) as counter:
            told = self.done_json("eval", self.model, path("joules.jsonl"), "-o", path("joules.out"), "--threads", "1", "--json", "--quiet", **tree.settings)
        self.assertEqual("rapl package (package)", told["energy_meter"])
        self.assertEqual(40, told["metered_questions"])
        with open(path("joules.out"), encoding="utf-8") as f:
            each = [json.loads(line)["joules"] for line in f]
        self.assertTrue(all(j >= 0 for j in each), each)
        self.assertAlmostEqual(sum(each), told["joules"], 4)
        self.assertAlmostEqual(told["joules"] / 40, told["joules_per_question"], 6)
        self.assertTrue(0 < told["joules"] < counter.spent, (told["joules"], counter.spent))
        outcome = self.done("eval", "--summary", path("joules.out"))
        self.assertRegex(outcome.out.decode().splitlines()[-1], r" \d+\.\d{3}\Z")

    def test_sensor_that_goes_away(self):
        tree = Tree("sensor", {"sys/class/hwmon/hwmon0/name": "am\x01d\u00e9\n", "sys/class/hwmon/hwmon0/power1_input": "12000000\n"})
        self.check_watts(self.bench(tree), 12)
        tree.write("sys/class/hwmon/hwmon0/power1_input", "no number\n")
        self.assertIsNone(self.bench(tree)["joules_per_picture"])

    def test_no_meter(self):
        tree = Tree("nothing", {})
        told = self.bench(tree)
        for name in ("joules_per_picture", "joules_per_prompt_token", "joules_per_generated_token", "joules_per_generated_token_min", "energy_meter"):
            self.assertIsNone(told[name], name)
        self.assertIn("no energy meter", told["energy_note"])
        self.assertIn("energy meter             none: this machine", self.done("bench", self.model, "--gen-tokens", "2", "--threads", "1", **tree.settings).out.decode())
        told = self.done_json("run", self.model, "--prompt", "hi", "--max-tokens", "2", "--threads", "1", "--json", **tree.settings)
        self.assertTrue(told["prefill_joules"] is None and told["energy_meter"] is None)

    def test_estimate(self):
        told = self.bench(jetson(), "--watts", "3.5")
        self.check_watts(told, 3.5)
        self.assertEqual(("estimate: 3.5 W", True), (told["energy_meter"], told["energy_estimated"]))
        self.assertIn("not measured", told["energy_note"])
        outcome = binocle("bench", self.model, "--watts", "0")
        self.assertEqual(2, outcome.code)
        self.assertIn("--watts is '0'", self.says_one_line(outcome))

    def test_command_and_power_at_rest(self):
        told = self.bench(jetson(), "--idle", "0.4", "--meter-command", "while :; do echo 7; sleep 0.02; done")
        self.check_watts(told, 7)
        self.assertEqual("command while :; do echo 7; sleep 0.02; done (external)", told["energy_meter"])
        self.assertAlmostEqual(7, told["energy_idle_watts"], delta=0.35)
        self.assertGreater(told["energy_idle_s"], 0.39)
        self.assertGreater(told["energy_readings"], 3)
        outcome = binocle("bench", self.model, "--gen-tokens", "2", "--idle", "0", "--meter-command", "echo 5; echo wrong; echo w; sleep 9; echo 5")
        self.assertEqual(0, outcome.code)
        self.assertEqual(1, outcome.err.decode().count("wrote 'wrong', expected watts, or seconds,watts (2 such lines)"), outcome.err)
        outcome = binocle("bench", self.model, "--meter-command", "echo no; echo numbers")
        self.assertIn("ended without a reading, found 'numbers'", self.says_one_line(outcome))

    def test_choice_of_a_meter(self):
        tree = laptop()
        tree.write("sys/class/hwmon/hwmon0/name", "fan\n")
        tree.write("sys/class/hwmon/hwmon0/power1_input", "2000000\n")
        told = self.bench(tree, "--energy", "hwmon", "--idle", "0.3")
        self.check_watts(told, 2)
        self.assertAlmostEqual(2, told["energy_idle_watts"], 5)
        told = self.bench(tree, "--energy", "none")
        self.assertEqual((None, None, "none was wanted"), (told["energy_meter"], told["joules_per_picture"], told["energy_note"]))
        outcome = binocle("bench", self.model, "--energy", "usb", **tree.settings)
        self.assertIn("there is no energy meter 'usb' on this machine, expected 'rapl package', 'hwmon fan power1_input', 'none'", self.says_one_line(outcome))
        outcome = binocle("bench", self.model, "--energy", "hwmon", "--watts", "3", **tree.settings)
        self.assertIn("exclude each other", self.says_one_line(outcome))

    def test_profile_without_rest_and_roofs(self):
        told = self.done_json("profile", self.model, "--image", PHOTO, "--no-roofs", "--idle", "0.3", "--threads", "1", "--json", **jetson().settings)["profile"]
        energy = told["energy"]
        seconds = told["wall_nanoseconds"] * 1e-9
        self.assertAlmostEqual(7, energy["idle_watts"], 5)
        self.assertAlmostEqual(7 * seconds, energy["microjoules"] * 1e-6, delta=0.01 * 7 * seconds)
        self.assertLess(abs(energy["net_microjoules"]), 0.01 * energy["microjoules"])
        self.assertTrue(energy["readings"] >= 2 and energy["lost"] == 0 and energy["meter_cpu_nanoseconds"] > 0)
        self.assertIsNone(told["roofs"]["f32_gops"]["before"])
        self.assertIsNone(told["programs"]["vision"]["ops"][0]["roof_percent"])
        text = self.done("profile", self.model, "--no-roofs", "--idle", "0", "--threads", "1").out.decode()
        self.assertIn("roofs: not measured", text)
        self.assertNotRegex(text, r"\d % (f32|int8|memory|L)")


if __name__ == "__main__":
    main()
