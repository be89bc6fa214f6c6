# SPDX-License-Identifier: Apache-2.0
"""The meter of a machine that draws REST watts, and PER_CPU more for each CPU that a process keeps busy: for --meter-command.

    simulated_meter.py PID LOG        SECONDS,WATTS fifty times a second; LOG gets a line of JSON per reading: moment, CPU time of all and of each thread
"""
import json
import os
import sys
import time

REST, PER_CPU = 1.0, 20.0


def cpu_seconds(pid):
    """Of all its threads; POSIX: the clock of another process."""
    return time.clock_gettime((~pid << 3) | 2)


def of_threads(pid):
    spent = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as f:
            spent[thread] = int(f.read().split()[0]) * 1e-9
    return spent


def main(pid, log):
    last = None
    with open(log, "w", encoding="utf-8") as file:
        while True:
            now = time.monotonic(), cpu_seconds(pid)
            if last:
                print(f"{now[0]:.6f},{REST + PER_CPU * (now[1] - last[1]) / (now[0] - last[0]):.6f}", flush=True)
            print(json.dumps({"at": now[0], "cpu": now[1], "threads": of_threads(pid)}), file=file, flush=True)
            last = now
            time.sleep(0.02)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), sys.argv[2])
    except OSError:
        pass  # the process has ended
