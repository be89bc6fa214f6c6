# SPDX-License-Identifier: Apache-2.0
"""What is left of the speed where other programs want the CPUs too, with one thread and with two, in interleaved rounds.

    busy.py [--rounds 5] [--minutes 60] [--neighbours 0,1,2,4,8] [--models pocket,llava-tile,inf-llava-1b]
            [--peers onnxruntime,openvino,llama.cpp,llama-cpp-python] [--work build/peers] [--build build/host] [-o FILE.csv] [--quick]

A neighbour is a thread that computes without end. `granted` is what so many threads that never wait for each other get done beside the same neighbours,
1 being one thread alone: what the kernel grants. `against_one` is the time over that of one thread beside the same neighbours; `against_share` the
time over that of the same threads alone, times what became of the grant: 1 means that nothing is lost but the CPUs' time. What is asked for is at most
1.1 and 1.3; bench/table.py shows both. Peers (optional, from PyPI, as this Python has them, and Debian) run a stack of transformer layers, for their own
ratios; their seconds and ours do not compare. One that fails is left out from then on. A round that would not end within --minutes is not begun, but for
the first.
"""
import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers"))
import peer_models  # noqa: E402
from runner import Binocle, Failed, attempt, run, say, try_run  # noqa: E402

COLUMNS = ("cpu", "engine", "model", "what", "threads", "neighbours", "mean_s", "least_s", "most_s", "cpu_s", "granted", "against_one", "against_share", "rounds")
# Without pictures: beside eight neighbours one of them takes minutes.
LLAMA_WORK = {"prefill": {"what": "prefill", "setting": "q4_0", "rows": 64, "past": 0}, "decode": {"what": "decode", "setting": "q4_0", "rows": 1, "past": 64}}
PEERS = ("onnxruntime", "openvino", "llama.cpp", "llama-cpp-python")
PICTURES = {"inf-llava-1b": "-"}  # takes seconds: its tower is llava-tile's


class Neighbours:
    def __init__(self, program, count):
        self.processes = [subprocess.Popen([program, "spin", "1", "1000000"], stdout=subprocess.DEVNULL) for _ in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()


class Busy:
    def __init__(self, options):
        self.options = options
        self.binocle = Binocle(options.build, options.work)
        self.program = os.path.join(self.binocle.build, "bench/bench_busy")
        self.seconds = 0.2 if options.quick else 1.0
        models = os.path.join(self.binocle.work, "models")
        peer_models.make(models, ("tile.png", "llama-1-layer.gguf") if any(peer.startswith("llama") for peer in options.peers) else ("tile.png",))
        self.tile, self.gguf = os.path.join(models, "tile.png"), os.path.join(models, "llama-1-layer.gguf")
        self.models = {name: self.model(name) for name in options.models}
        self.llama, self.peers = None, list(options.peers)

    def model(self, name):
        path = os.path.join(self.binocle.work, f"busy-{name}.bnc")
        if not os.path.exists(path):
            self.binocle("synth", name, "-o", path, "--text-weights", "int4", "--vision-weights", "int8", "--quiet")
        return path

    def granted(self, threads):
        text, _ = run([self.program, "spin", str(threads), str(self.seconds)])
        return float(text)

    def ours(self, threads):
        """{(engine, model, what): (mean seconds, CPU seconds)} of one process for each model."""
        found = {}
        for name, path in self.models.items():
            text, _ = run([self.program, path, PICTURES.get(name, self.tile), str(threads), str(self.seconds)], env=self.binocle.env)
            for row in csv.DictReader(text.splitlines()):
                found["Binocle", name, row["what"]] = float(row["mean_s"]), float(row["cpu_s"])
        return found

    def llama_python(self, threads):
        """{what: mean seconds} of llama-cpp-python, in one process."""
        peers = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers/worker.py")
        asked = "".join(json.dumps({**work, "seconds": self.seconds}) + "\n" for work in LLAMA_WORK.values())
        command = [sys.executable, peers, "llama", os.path.join(self.binocle.work, "peers"), str(threads), "--small"]
        told = subprocess.run(command, input=asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if told.returncode != 0:
            raise Failed(f"its worker failed ({told.returncode}): {told.stderr[-2000:]}")
        return dict(zip(LLAMA_WORK, (json.loads(line)["seconds"] for line in told.stdout.splitlines()), strict=True))

    def llama_cpp(self, threads):
        """{what: mean seconds} of Debian's llama.cpp."""
        from llama_cpp import LlamaCpp
        self.llama = self.llama or LlamaCpp(self.binocle.work)
        rates = self.llama.bench(self.gguf, threads, [64], [16])
        return {"prefill": 64 / rates["pp64"], "decode": 16 / rates["tg16"]}

    def layers(self, peer, threads):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer_layers.py")
        text, _ = try_run([sys.executable, script, peer, str(threads), str(self.seconds)])
        mean, used = text.split()[-2:]
        return {(peer, "4 layers of 1024", "577 rows"): (float(mean), float(used))}

    def theirs(self, peer, threads):
        """As `ours`, of that peer."""
        if peer not in ("llama.cpp", "llama-cpp-python"):
            return self.layers(peer, threads)
        means = (self.llama_cpp if peer == "llama.cpp" else self.llama_python)(threads)
        return {(peer, "llama-1-layer", what): (mean, float("nan")) for what, mean in means.items()}

    def everybody(self, threads):
        found = self.ours(threads)
        self.peers = [peer for peer in self.peers if attempt(peer, lambda p=peer: found.update(self.theirs(p, threads)))]
        return found

    def measure(self):
        """{(engine, model, what): {(threads, neighbours): [(mean, CPU, granted) of each round]}}"""
        samples, begin, longest = {}, time.monotonic(), 0.0
        for number in range(self.options.rounds):
            start = time.monotonic()
            if number and start - begin + longest > 60 * self.options.minutes:
                break
            for count in self.options.neighbours:
                say(f"round {number + 1}, {count} neighbours")
                with Neighbours(self.program, count):
                    for threads in (1, 2):
                        granted = self.granted(threads)
                        for key, (mean, used) in self.everybody(threads).items():
                            samples.setdefault(key, {}).setdefault((threads, count), []).append((mean, used, granted))
            longest = max(longest, time.monotonic() - start)
        return samples


def rows(cpu, key, by_setting, least):
    """Ratios are taken within a round."""
    alone = by_setting[1, least]
    for (threads, count), runs in sorted(by_setting.items()):
        one, quiet = by_setting[1, count], by_setting[threads, least]
        means = [mean for mean, _, _ in runs]
        against_one = statistics.median(r[0] / o[0] for r, o in zip(runs, one))
        against_share = statistics.median(r[0] / q[0] * r[2] / q[2] for r, q in zip(runs, quiet))
        granted = statistics.median(r[2] / a[2] for r, a in zip(runs, alone))
        figures = (statistics.median(means), min(means), max(means), statistics.median(r[1] for r in runs), granted, against_one, against_share)
        yield (cpu, *key, threads, count, *(f"{f:.4g}" for f in figures), len(runs))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--neighbours", default="0,1,2,4,8")
    parser.add_argument("--models", default="pocket,llava-tile,inf-llava-1b")
    parser.add_argument("--peers", default="")
    parser.add_argument("--work")
    parser.add_argument("--build")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("-o", dest="output", default="/dev/stdout")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.neighbours, options.models = 1, "0,2", "pocket"
    options.neighbours = sorted(int(n) for n in options.neighbours.split(","))  # the least first: all others are compared with it
    options.models, options.peers = options.models.split(","), [p for p in options.peers.split(",") if p]
    unknown = [p for p in options.peers if p not in PEERS]
    if unknown:
        sys.exit(f"busy: --peers has '{unknown[0]}', expected of {', '.join(PEERS)}")
    busy = Busy(options)
    samples = busy.measure()
    with open(options.output, "w", encoding="ascii", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for key, by_setting in samples.items():
            out.writerows(rows(busy.binocle.cpu, key, by_setting, min(options.neighbours)))


if __name__ == "__main__":
    main()
