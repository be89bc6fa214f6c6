# SPDX-License-Identifier: Apache-2.0
"""Trains the pocket model stage by stage: read, see, ask, tune. Each stage goes on where its saved state ends.

    python3 train.py all --state DIR          everything, with the numbers of the released model
    python3 train.py ask --state DIR --steps 9000
"""

import argparse
import os

import torch

STAGES = {
    "read": dict(steps=4000, batch=192, rate=2e-3, pool=300),
    "see": dict(steps=6000, batch=12, rate=1e-3, pool=1500),
    "ask": dict(steps=6000, batch=16, rate=1e-3, pool=20000),
    "tune": dict(steps=600, batch=8, rate=1e-4, pool=1500),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=list(STAGES) + ["all", "plot"])
    parser.add_argument("--state", required=True, help="folder of the saved state")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--workers", type=int, default=1, help="processes that draw pictures")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="without torch.compile")
    for key, kind in (("steps", int), ("batch", int), ("rate", float), ("pool", int)):
        parser.add_argument("--" + key, type=kind)
    args = parser.parse_args()
    os.makedirs(args.state, exist_ok=True)
    torch.set_num_threads(args.threads)
    if args.stage == "plot":
        import loop
        return loop.plot(args.state, os.path.join(args.state, "curve.png"))
    for stage in list(STAGES) if args.stage == "all" else [args.stage]:
        chosen = argparse.Namespace(**vars(args))
        for key, value in STAGES[stage].items():
            if getattr(args, key) is None:
                setattr(chosen, key, value)
        __import__("train_" + stage).run(chosen)


if __name__ == "__main__":
    main()
