# SPDX-License-Identifier: Apache-2.0
"""Running on less power: a limit that a meter watches, one by estimate, and half of the threads; what is answered stays the same, bit for bit."""
import json
import os
import shlex
import sys

import simulated_meter
from program_case import PHOTO, ProgramCase, binocle, main, path
from test_joules import Tree

IDLE = 0.4  # seconds in which a run measures the power at rest, before it works
ALL_CPUS = set(range(os.cpu_count()))  # program_case keeps the tests on one


class Metered:
    """A run of bench on a machine whose power follows the program's CPU time, and what that meter's own log says of it."""

    def __init__(self, case, name, *options):
        log = path(name + ".log")
        meter = " ".join(shlex.quote(word) for word in ("exec", sys.executable, "-B", simulated_meter.__file__)) + f" $PPID {shlex.quote(log)}"
        self.told = case.done_json("bench", case.model, "--image", PHOTO, "--minutes", "0.08", "--idle", str(IDLE), "--meter-command", meter, "--json", *options, timeout=120)
        with open(log, encoding="utf-8") as f:
            lines = [json.loads(line) for line in f if line.endswith("}\n")]
        self.first = next(line for line in lines if line["at"] > lines[1]["at"] + IDLE)
        self.last = lines[-1]

    def cpus(self):
        """That were busy, on average, while it worked."""
        return (self.last["cpu"] - self.first["cpu"]) / (self.last["at"] - self.first["at"])

    def watts(self):
        return simulated_meter.REST + simulated_meter.PER_CPU * self.cpus()

    def shares(self):
        """Of CPU time, each thread's, the largest first."""
        spent = [seconds - self.first["threads"].get(thread, 0) for thread, seconds in self.last["threads"].items()]
        return sorted((s / sum(spent) for s in spent), reverse=True)


class Power(ProgramCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cpus = os.sched_getaffinity(0)
        os.sched_setaffinity(0, ALL_CPUS)

    @classmethod
    def tearDownClass(cls):
        os.sched_setaffinity(0, cls.cpus)

    def test_a_meter_holds_the_limit(self):
        """The mean over all of the work, by the meter's own log, which is not what the program integrates."""
        rest = simulated_meter.REST
        free = Metered(self, "free", "--threads", "2")
        limit = round(rest + 0.5 * (free.watts() - rest), 2)  # half of the CPU time that others leave
        limited = Metered(self, "limited", "--threads", "2", "--power-limit", str(limit))
        self.assertLess(limited.watts(), 1.03 * limit, limited.told)
        self.assertGreater(limited.watts(), rest + 0.1 * (limit - rest), limited.told)
        self.assertAlmostEqual(limited.told["power_watts"], limited.watts(), delta=0.15 * limit)
        self.assertGreater(limited.told["power_paused_s"], 0.2)
        self.assertFalse(limited.told["power_estimated"])
        self.assertAlmostEqual(limited.told["energy_idle_watts"], simulated_meter.REST, delta=0.3 * simulated_meter.REST)
        self.assertTrue(free.told["power_watts"] is None and free.told["power_paused_s"] == 0)

    def test_battery_saver_parks_threads(self):
        """One of two computes; what is left is the meter's reader and the look-outs."""
        saved = Metered(self, "saved", "--threads", "2", "--battery-saver")
        self.assertEqual((True, 1, 0), (saved.told["battery_saver"], saved.told["power_threads"], saved.told["power_paused_s"]))
        self.assertGreater(saved.shares()[0], 0.9, saved.shares())
        self.assertLess(saved.cpus(), 1.1)

    def test_battery_saver_chooses_cores(self):
        """On a machine made up of an A710 (this one's first CPU) and an X1, work stays on the former, and so does what the program starts."""
        if not {0, 1} <= os.sched_getaffinity(0):
            self.skipTest("CPUs 0 and 1 are not both here")
        files = {"sys/devices/system/cpu/online": "0-1\n"}
        for cpu, (midr, khz, capacity) in enumerate((("0x412fd471", 2496000, 790), ("0x411fd440", 2802000, 1024))):
            folder = f"sys/devices/system/cpu/cpu{cpu}/"
            files |= {folder + "regs/identification/midr_el1": midr + "\n", folder + "cpufreq/cpuinfo_max_freq": f"{khz}\n", folder + "cpu_capacity": f"{capacity}\n"}
        tree, allowed = Tree("two_kinds", files), path("allowed")
        meter = f"grep Cpus_allowed_list /proc/self/status > {shlex.quote(allowed)}; while :; do echo 5; sleep 0.1; done"
        options = ("--prompt", "hi", "--max-tokens", "9", "--battery-saver")
        told = self.done_json("run", self.model, *options, "--meter-command", meter, "--json", "--quiet", **tree.settings)
        self.assertEqual(("1 x Cortex-A710", None), (told["battery_saver_cores"], told["power_threads"]))
        with open(allowed, encoding="ascii") as f:
            self.assertEqual("Cpus_allowed_list:\t0\n", f.read())
        note = self.done("run", self.model, *options, **tree.settings).err.decode()
        self.assertIn("battery saver: 1 x Cortex-A710, an estimate: the machine draws 2 W of 4.1, for 0.47 of the speed and 1.1 of the joules", note)
        self.assertIsNone(self.done_json("run", self.model, *options, "--json", **Tree("plain", {}).settings)["battery_saver_cores"])

    def test_one_meter_serves_limit_and_profile(self):
        starts = path("starts")
        meter = f"echo once >> {shlex.quote(starts)}; while :; do echo 5; sleep 0.02; done"
        told = self.done_json("profile", self.model, "--image", PHOTO, "--no-roofs", "--idle", "0.2", "--power-limit", "50", "--meter-command", meter, "--json")["profile"]
        with open(starts, encoding="ascii") as f:
            self.assertEqual("once\n", f.read())
        self.assertAlmostEqual(5e-3 * told["wall_nanoseconds"], told["energy"]["microjoules"], delta=0.25e-3 * told["wall_nanoseconds"])
        self.assertAlmostEqual(5, told["energy"]["idle_watts"], delta=0.5)

    def test_answers_stay_the_same(self):
        meter = f"while :; do echo {2 + simulated_meter.PER_CPU}; sleep 0.02; done"
        free = self.answer("--energy", "none")
        for options in (["--battery-saver"], ["--power-limit", "3", "--meter-command", meter, "--idle", "0"], ["--power-limit", "3.2", "--watts", "10", "--quiet", "--battery-saver"]):
            told = self.answer(*options)
            self.assertEqual(free["answer"], told["answer"], options)
            self.assertEqual(1, told["power_threads"], options)
            if "--watts" in options:  # a meter is looked at after 0.2 s, when such a small model may have answered
                self.assertGreater(told["power_paused_s"], 0, options)

    def answer(self, *arguments, **settings):
        return self.done_json("run", self.model, "--prompt", "hi", "--image", PHOTO, "--max-tokens", "40", "--threads", "2", "--json", *arguments, **settings)

    def test_estimates(self):
        free = self.answer("--energy", "none")
        self.assertTrue(free["power_limit_watts"] is None and free["power_paused_s"] == 0 and free["power_threads"] is None)
        saved = self.answer("--battery-saver")
        self.assertTrue(saved["battery_saver"] and saved["power_threads"] == 1 and saved["power_paused_s"] == 0)
        # 10 W busy and 3 W at rest, of 2 threads: 4.4 W is 0.4 of a thread, 1.5 pauses for each second of work.
        slow = self.answer("--power-limit", "4.4", "--watts", "10", "--quiet")
        self.assertTrue(slow["power_estimated"] and slow["power_threads"] == 1 and slow["power_watts"] is None)
        told = self.done_json("bench", self.model, "--prompt-tokens", "200", "--repeat", "60", "--power-limit", "4.4", "--watts", "10", "--quiet", "--json")
        self.assertGreater(told["power_paused_s"], 0.01)
        for other in (saved, slow):
            self.assertEqual(free["answer"], other["answer"])
        # A Raspberry Pi 4 has no meter, but its power is known: 2.7 W at rest, 6.4 W busy.
        tree = Tree("pi4", {"proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4", "sys/devices/system/cpu/online": "0-1\n"})
        outcome = binocle("run", self.model, "--prompt", "hi", "--max-tokens", "2", "--power-limit", "5", **tree.settings)
        self.assertIn("limited by an estimate, without a meter: 2.7 W at rest, 6.4 W busy", outcome.err.decode())
        outcome = binocle("run", self.model, "--prompt", "hi", "--power-limit", "5", **Tree("unknown", {}).settings)
        self.assertIn("needs a meter", self.says_one_line(outcome))


if __name__ == "__main__":
    main()
