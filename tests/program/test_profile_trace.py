# SPDX-License-Identifier: Apache-2.0
"""The trace of `binocle profile` holds Chrome's trace event format as Perfetto reads it: slices of a track nest, counters have numbers, time goes on."""
import json
import os
import subprocess
import sys

from program_case import PHOTO, PROGRAM, ProgramCase, main, path

# Perfetto's own trace processor, where somebody has it (the PyPI package perfetto fetches it): it then reads the trace too.
PROCESSOR = os.environ.get("BINOCLE_TRACE_PROCESSOR")
LEVELS = ("phase", "tile", "layer")


class Trace(ProgramCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Two threads, which a test's one CPU would not give by itself.
        cpus = os.sched_getaffinity(os.getppid())
        subprocess.run([PROGRAM, "profile", cls.model, "--image", PHOTO, "--gen-tokens", "6", "--threads", "2", "--watts", "3", "--trace", path("t.json")], check=True,
                       stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        with open(path("t.json"), encoding="utf-8") as f:
            cls.trace = json.load(f)
        cls.events = cls.trace["traceEvents"]

    def tracks(self):
        tracks = {}
        for e in self.events:
            if e["ph"] == "X":
                tracks.setdefault(e["tid"], []).append((round(e["ts"] * 1000), round((e["ts"] + e["dur"]) * 1000), e))
        return tracks

    def test_events(self):
        for e in self.events:
            self.assertIn(e["ph"], "MXC")
            self.assertTrue(e["pid"] == 1 and isinstance(e["tid"], int) and e["name"], e)
            self.assertTrue(e["ph"] == "M" or e["ts"] >= 0, e)
            self.assertTrue(e["ph"] != "X" or e["dur"] >= 0, e)
            self.assertTrue(e["ph"] != "C" or all(isinstance(v, (int, float)) for v in e["args"].values()), e)
        named = {e["tid"] for e in self.events if e["ph"] == "M" and e["name"] == "thread_name"}
        self.assertLessEqual(set(self.tracks()), named)
        self.assertEqual(64, len(self.trace["otherData"]["identity"]["fingerprint"]))

    def test_slices_nest(self):
        """A slice lies within the one that is open, and parents come first."""
        for tid, slices in self.tracks().items():
            open_slices = []
            last = 0
            for start, end, e in slices:
                self.assertGreaterEqual(start, last, "a track's slices are in order")
                last = start
                while open_slices and open_slices[-1][1] <= start:
                    open_slices.pop()
                if open_slices:
                    self.assertLessEqual(end, open_slices[-1][1], f"track {tid}: {e} sticks out of {open_slices[-1][2]}")
                e["path"] = [s[2]["cat"] for s in open_slices]
                open_slices.append((start, end, e))

    def test_levels(self):
        self.test_slices_nest()
        slices = [e for _, _, e in self.tracks()[1]]
        for e in slices:
            above = [c for c in e["path"] if c in LEVELS]
            self.assertEqual(above, e["path"], e)
            self.assertEqual(sorted(above, key=LEVELS.index), above, e)
            if e["cat"] not in LEVELS:
                self.assertEqual("phase", above[0], e)
                self.assertTrue(e["args"]["bytes"] > 0 and e["args"]["macs"] >= 0 and e["args"]["kernel"], e)
        deep = next(e for e in slices if e["name"] == "crop0.layer0.mlp.fc1")
        self.assertEqual(["phase", "tile", "layer"], deep["path"])
        phases = [e["name"] for e in slices if e["cat"] == "phase"]
        self.assertEqual(["load", "pack", "session", "picture", "resample", "vision", "prefill", "sampling", "token 1", "sampling", "token 2"], phases[:11])
        told = self.done_json("inspect", self.model, "--json")["programs"]
        self.assertEqual(told["vision"]["ops"] + told["prefill"]["ops"] + 5 * told["decode"]["ops"], sum(e["cat"] not in LEVELS for e in slices))

    def test_counters(self):
        counters = {}
        for e in self.events:
            if e["ph"] == "C":
                counters.setdefault(e["name"], []).append((e["ts"], *e["args"].values()))
        self.assertLessEqual({"resident memory", "power", "KV cache", "CPUs", "page faults"}, set(counters))
        for name, values in counters.items():
            self.assertEqual(sorted(values, key=lambda v: v[0]), values, name)
        self.assertTrue(all(abs(watts - 3) < 0.02 for _, watts in counters["power"]))
        self.assertEqual(6, len(counters["KV cache"]))

    def test_processor(self):
        if not PROCESSOR:
            print("skipped: BINOCLE_TRACE_PROCESSOR names no trace_processor_shell", file=sys.stderr)
            return
        query = path("q.sql")
        with open(query, "w", encoding="utf-8") as f:
            f.write("select count(*) from slice;")
        out = subprocess.run([PROCESSOR, "-q", query, path("t.json")], check=True, capture_output=True, text=True).stdout
        self.assertIn(str(sum(e["ph"] == "X" for e in self.events)), out)


if __name__ == "__main__":
    main()
