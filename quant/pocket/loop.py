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
    than threads, which meet at a barrier in every operator. Where even that makes them wait too long for each other, each
    takes `apart` steps of its own before they average their weights."""

    def __init__(self, args):
        self.rank, self.world, self.apart, self.steps = args.rank, args.ranks, args.apart, 0
        if self.world > 1:
            torch.distributed.init_process_group("gloo", init_method="file://" + os.path.abspath(args.meet),
                                                 rank=self.rank, world_size=self.world)

    @property
    def first(self):
        return self.rank == 0

    def average(self, parts):
        """Replaces every tensor by its mean over the processes."""
        flat = torch.cat([part.flatten() for part in parts])
        torch.distributed.all_reduce(flat)
        for part, mean in zip(parts, flat.split([part.numel() for part in parts])):
            part.copy_((mean / self.world).view_as(part))

    def update(self, opt, params, loss):
        """One optimiser step on the gradient, its norm clipped to 1."""
        opt.zero_grad()
        loss.backward()
        self.steps += 1
        if self.world > 1 and self.apart == 1:
            self.average([p.grad for p in params if p.grad is not None])
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        if self.world > 1 and self.apart > 1 and self.steps % self.apart == 0:
            self.average([p.data for p in params])


class Muon(torch.optim.Optimizer):
    """Muon for matrices between hidden states (group["muon"]), AdamW for everything else.

    Muon replaces a matrix's momentum by the nearest orthogonal matrix (Newton-Schulz), so every direction moves at the
    same speed: about half the steps of AdamW at these sizes."""

    def __init__(self, groups):
        super().__init__(groups, dict(lr=1e-3, muon=False, weight_decay=0.0))

    @staticmethod
    def orthogonal(m):
        tall = m.shape[0] > m.shape[1]
        x = m.T if tall else m
        x = x / (x.norm() + 1e-7)
        for _ in range(5):
            gram = x @ x.T
            x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
        return x.T if tall else x

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                p.mul_(1 - group["lr"] * group["weight_decay"])
                if group["muon"]:
                    m = state.setdefault("momentum", torch.zeros_like(p)).lerp_(p.grad, 0.05)
                    p.add_(self.orthogonal(p.grad.lerp(m, 0.95)), alpha=-group["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)
                    continue
                n = state["step"] = state.get("step", 0) + 1
                m = state.setdefault("mean", torch.zeros_like(p)).lerp_(p.grad, 0.1)
                v = state.setdefault("square", torch.zeros_like(p)).lerp_(p.grad.square(), 0.02)
                p.addcdiv_(m / (1 - 0.9 ** n), (v / (1 - 0.98 ** n)).sqrt() + 1e-8, value=-group["lr"])


def _groups(modules, heads, share=1.0):
    matrices = [m.weight for module in modules for m in module.modules() if isinstance(m, torch.nn.Linear)]
    taken = {id(p) for p in matrices}
    rest = [p for m in [*modules, *heads] for p in m.parameters() if id(p) not in taken]
    return [dict(params=matrices, muon=True, scale=10.0 * share, weight_decay=0.01),
            dict(params=[p for p in rest if p.ndim > 1], scale=share, weight_decay=0.02),
            dict(params=[p for p in rest if p.ndim < 2], scale=share)]


def optimiser(modules, heads, rate, slow=((), ()), share=0.5):
    """Muon for the linear layers of modules, at ten times the rate; AdamW for their other parameters and for heads.
    slow: modules and heads that learn at this share of the rate."""
    groups = _groups(modules, heads) + (_groups(*slow, share) if slow[0] else [])
    return Muon([dict(g, lr=rate) for g in groups])


def set_rate(opt, step, args):
    """Warm-up, plateau, then linear decay over the last 40 %; a longer run can therefore go on from a saved plateau."""
    rate = args.rate * min(1.0, (step + 1) / args.warm, max(0.02, (args.steps - step) / (0.4 * args.steps)))
    for group in opt.param_groups:
        group["lr"] = rate * group["scale"]


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
    """Draws log.csv: a column per stage, losses above and shares below."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    series = {}
    with open(os.path.join(folder, "log.csv"), newline="") as table:
        for stage, step, key, value in csv.reader(table):
            series.setdefault(stage, {}).setdefault(key, []).append((int(step), float(value)))
    _, axes = plt.subplots(2, len(series), figsize=(4.5 * len(series), 6), squeeze=False)
    for (above, below), (stage, lines) in zip(axes.T, series.items()):
        for key, points in lines.items():
            if key == "loss":
                above.semilogy(*zip(*points), label=key)
            elif key != "pool":
                below.plot(*zip(*points), label=key, color="black" if key == "held" else None)
        above.set_title(stage + ", loss"), below.set_xlabel("step"), below.legend(fontsize=6, ncols=2), below.set_ylim(0, 1)
        above.grid(alpha=0.3), below.grid(alpha=0.3)
    plt.tight_layout(), plt.savefig(out, dpi=60)
