# SPDX-License-Identifier: Apache-2.0
"""Trains the pocket model stage by stage: read, talk, see, fuse, ask, tune, settle; and shift. Each stage goes on where its saved state ends.

    python3 train.py all --state DIR                              everything but shift
    python3 train.py see --state DIR --steps 9000                  one stage, longer
    python3 train.py read --state NEW --begin checkpoint           with the tower of a checkpoint
    python3 train.py tune --state NEW --begin checkpoint           an exported checkpoint, further; so do shift and settle
    python3 train.py all --state DIR --workers 15 --batch 128      on a GPU; `read` likes --batch 2048
"""

import argparse
import os
import subprocess
import sys

import torch

STAGES = {
    "read": dict(steps=1500, batch=96, rate=1.5e-3, pool=300),
    "talk": dict(steps=2400, batch=16, rate=1.5e-3, pool=0),
    "see": dict(steps=1000, batch=12, rate=1e-3, pool=600),
    "fuse": dict(steps=4000, batch=24, rate=1e-3, pool=3000),
    "ask": dict(steps=400, batch=16, rate=3e-4, pool=3000),
    "tune": dict(steps=2000, batch=8, rate=7e-4, pool=600),
    "settle": dict(steps=600, batch=24, rate=3e-4, pool=3000),
    "shift": dict(steps=1500, batch=128, rate=1e-3, pool=400),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=list(STAGES) + ["all", "plot"])
    parser.add_argument("--state", required=True, help="folder of the saved state")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ranks", type=int, default=1 if torch.cuda.is_available() else os.cpu_count(),
                        help="processes that share the work, one thread each; results depend on it")
    parser.add_argument("--rank", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--meet", default="", help=argparse.SUPPRESS)
    parser.add_argument("--apart", type=int, default=1, help="steps that a rank takes by itself before weights are averaged")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw pictures, per rank")
    parser.add_argument("--begin", help="read: start with this exported checkpoint's tower; tune, settle: with all of it; shift: it teaches")
    parser.add_argument("--warm", type=int, default=100, help="steps of warm-up")
    parser.add_argument("--report", type=int, default=100, help="steps between reports")
    parser.add_argument("--save", type=int, default=50, help="steps between saved states")
    parser.add_argument("--ablate", choices=["no-dem", "local", "global", "base"],
                        help="ask: train without a part of vision, for evaluate.py --trained; use a copy of the state")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="without torch.compile")
    for key, kind in (("steps", int), ("batch", int), ("rate", float), ("pool", int)):
        parser.add_argument("--" + key, type=kind)
    args = parser.parse_args()
    if args.stage == "shift" and not args.begin:
        parser.error("shift: --begin names the checkpoint that teaches")
    os.makedirs(args.state, exist_ok=True)
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("high")
    if args.stage == "plot":
        import loop
        return loop.plot(args.state, os.path.join(args.state, "curve.png"))
    for stage in [name for name in STAGES if name != "shift"] if args.stage == "all" else [args.stage]:
        chosen = argparse.Namespace(**vars(args))
        for key, value in STAGES[stage].items():
            if getattr(args, key) is None:
                setattr(chosen, key, value)
        others = []
        if args.rank == 0 and args.ranks > 1:
            chosen.meet = os.path.join(args.state, "meet")
            if os.path.exists(chosen.meet):
                os.remove(chosen.meet)
            line = [sys.executable, *sys.orig_argv[1:sys.orig_argv.index(sys.argv[0]) + 1], stage, *sys.argv[2:]]
            others = [subprocess.Popen(line + ["--rank", str(k), "--meet", chosen.meet]) for k in range(1, args.ranks)]
        __import__("train_" + stage).run(chosen)
        if args.ranks > 1:
            torch.distributed.destroy_process_group()
        for other in others:
            other.wait()


if __name__ == "__main__":
    main()
