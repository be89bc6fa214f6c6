# SPDX-License-Identifier: Apache-2.0
"""What every training stage shares: learning rate, saved state, progress line, loss log and its plot."""

import csv
import os
import sys
import time

import torch


def device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Ranks:
    """Several processes of one thread each that average their gradients: on a busy machine this is many times faster
    than threads, which meet at a barrier in every operator."""

    def __init__(self, args):
        self.rank, self.world = args.rank, args.ranks
        if self.world > 1:
            torch.distributed.init_process_group("gloo", init_method="file://" + os.path.abspath(args.meet),
                                                 rank=self.rank, world_size=self.world)

    @property
    def first(self):
        return self.rank == 0

    def average(self, params):
        """Replaces every gradient by its mean over the processes."""
        if self.world == 1:
            return
        grads = [p.grad for p in params if p.grad is not None]
        flat = torch.cat([g.flatten() for g in grads])
        torch.distributed.all_reduce(flat)
        for g, part in zip(grads, flat.split([g.numel() for g in grads])):
            g.copy_((part / self.world).view_as(g))

    def update(self, opt, params, loss):
        """One optimiser step on the mean gradient, its norm clipped to 1."""
        opt.zero_grad()
        loss.backward()
        self.average(params)
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()


def optimiser(modules, rate):
    """AdamW over several modules; matrices decay, vectors do not."""
    params = [p for m in modules for p in m.parameters() if p.requires_grad]
    groups = [dict(params=[p for p in params if p.ndim > 1], weight_decay=0.02),
              dict(params=[p for p in params if p.ndim < 2], weight_decay=0.0)]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))


def set_rate(opt, step, args):
    """Warm-up, plateau, then linear decay over the last 40 %; a longer run can therefore go on from a saved plateau."""
    rate = args.rate * min(1.0, (step + 1) / args.warm, max(0.02, (args.steps - step) / (0.4 * args.steps)))
    for group in opt.param_groups:
        group["lr"] = rate


def save(path, **state):
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


class Log:
    """One row per report in STATE/log.csv, a progress line on standard error, a plot beside the table."""

    def __init__(self, folder, stage, start, steps):
        self.path, self.stage, self.steps = os.path.join(folder, "log.csv"), stage, steps
        self.begin, self.first = time.time(), start

    def report(self, step, **values):
        spent = time.time() - self.begin
        left = spent / max(1, step + 1 - self.first) * (self.steps - step - 1)
        line = " ".join(f"{k} {v:.4g}" for k, v in values.items())
        bar = "#" * int(20 * (step + 1) / self.steps)
        print(f"[{bar:20}] {self.stage} {step + 1}/{self.steps} {line} | {spent:.0f} s, {left:.0f} s left",
              file=sys.stderr, flush=True)
        with open(self.path, "a", newline="") as out:
            for k, v in values.items():
                csv.writer(out, lineterminator="\n").writerow([self.stage, step + 1, k, f"{v:.5g}"])


def plot(folder, out):
    """Draws log.csv, one panel per stage."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    series = {}
    with open(os.path.join(folder, "log.csv"), newline="") as table:
        for stage, step, key, value in csv.reader(table):
            series.setdefault(stage, {}).setdefault(key, []).append((int(step), float(value)))
    _, axes = plt.subplots(1, len(series), figsize=(5 * len(series), 3.5), squeeze=False)
    for axis, (stage, lines) in zip(axes[0], series.items()):
        for key, points in lines.items():
            axis.plot(*zip(*points), label=key)
        axis.set_title(stage), axis.set_xlabel("step"), axis.legend(fontsize=6), axis.grid(alpha=0.3)
    plt.tight_layout(), plt.savefig(out, dpi=80)
