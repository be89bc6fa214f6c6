# SPDX-License-Identifier: Apache-2.0
"""One engine, kept alive between its turns: a line of JSON in, a line of JSON out.

    worker.py ENGINE FOLDER THREADS [--small] --prepare      makes what is missing, and about-ENGINE.json at last
    worker.py ENGINE FOLDER THREADS [--small]

In: {"what": "prefill", "setting": "g128", "rows": 256, "past": 0, "seconds": 0.5}. Out: {"seconds": mean of the runs behind an untimed one, "runs": n}.
"""
import importlib
import json
import os
import sys
import time


def mean_seconds(run, seconds):
    run()
    count, start = 0, time.monotonic()
    while count == 0 or time.monotonic() - start < seconds:
        run()
        count += 1
    return (time.monotonic() - start) / count, count


def main():
    engine, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    small = "--small" in sys.argv
    peer = importlib.import_module(f"peer_{engine}")
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # engines print what they like
    if "--prepare" in sys.argv:
        peer.prepare(folder, small)
        with open(os.path.join(folder, f"about-{engine}.json"), "w", encoding="ascii") as file:
            json.dump({"version": peer.version(), "settings": peer.SETTINGS, "quality": peer.QUALITY}, file)
        return
    mine = peer.Peer(folder, threads, small)
    for line in sys.stdin:
        asked = json.loads(line)
        seconds, runs = mean_seconds(mine.work(asked["what"], asked["setting"], asked["rows"], asked["past"]), asked["seconds"])
        print(json.dumps({"seconds": seconds, "runs": runs}), file=out, flush=True)


if __name__ == "__main__":
    main()
