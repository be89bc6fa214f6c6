# SPDX-License-Identifier: Apache-2.0
"""ExecuTorch on XNNPACK: int8 per channel for the tower, 4 bits in groups of 32 for text (8da4w), both with dynamic int8 activations."""
import os

import geometry

SETTINGS = {"tile int8": ["8da8w"], "tile f32": ["f32"], "prefill": ["g32"], "decode": ["g32"], "head": ["g32"]}
QUALITY = {"tile int8": "int8 weights per channel, activations dynamic", "tile f32": "f32", "g32": "4 bits, groups of 32"}
LENGTHS = {"prefill256": (256, 0), "prefill626": (626, 0), "decode256": (1, 256)}


def version():
    import importlib.metadata
    return importlib.metadata.version("executorch")


def modules():
    """The modules, defined where torch is there."""
    import torch
    from torch import nn
    from torch.nn import functional as f

    class Tower(nn.Module):
        def __init__(self, t):
            super().__init__()
            self.t, width = t, t["width"]
            self.patch = nn.Conv2d(3, width, t["patch"], t["patch"], bias=False)
            self.front = nn.Parameter(torch.zeros(1, 1, width))
            self.place = nn.Parameter(0.1 * torch.randn(1, t["grid"] ** 2 + 1, width))
            self.before = nn.LayerNorm(width)
            self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2 * t["layers"])])
            self.each = nn.ModuleList([nn.ModuleList([*(nn.Linear(width, width) for _ in range(4)), nn.Linear(width, t["mlp"]), nn.Linear(t["mlp"], width)])
                                       for _ in range(t["layers"])])
            self.project = nn.ModuleList([nn.Linear(width, t["out"]), nn.Linear(t["out"], t["out"])])

        def forward(self, pixels):
            t = self.t
            x = self.patch(pixels).flatten(2).transpose(1, 2)
            x = self.before(torch.cat([self.front, x], 1) + self.place)
            rows, head = x.shape[1], t["width"] // t["heads"]
            for i, (q, k, v, o, up, down) in enumerate(self.each):
                y = self.norms[2 * i](x)
                q, k, v = (m(y).view(1, rows, t["heads"], head).transpose(1, 2) for m in (q, k, v))
                x = x + o(f.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(1, rows, t["width"]))
                y = up(self.norms[2 * i + 1](x))
                x = x + down(y * torch.sigmoid(1.702 * y))
            return self.project[1](f.gelu(self.project[0](x[:, 1:])))

    class Text(nn.Module):
        """Layers behind `past` rows of keys and values, which are handed in."""

        def __init__(self, t, rows, past):
            super().__init__()
            self.t, width, kv = t, t["width"], t["kv"] * t["head"]
            self.each = nn.ModuleList([nn.ModuleList([nn.Linear(k, n, bias=False) for k, n in ((width, width), (width, kv), (width, kv), (width, width),
                                                                                              (width, t["ffn"]), (width, t["ffn"]), (t["ffn"], width))])
                                       for _ in range(t["layers"])])
            self.norms = nn.ModuleList([nn.RMSNorm(width, 1e-5) for _ in range(2 * t["layers"] + 1)])
            steps = 500000.0 ** -(torch.arange(0, t["head"], 2).float() / t["head"])
            angles = torch.outer(torch.arange(past, past + rows).float(), torch.cat([steps, steps]))
            self.register_buffer("cos", angles.cos())
            self.register_buffer("sin", angles.sin())
            self.register_buffer("mask", torch.where(torch.arange(past + rows)[None] <= past + torch.arange(rows)[:, None], 0.0, -1e30))

        def rotate(self, x):
            low, high = x.chunk(2, -1)
            return x * self.cos + torch.cat([-high, low], -1) * self.sin

        def forward(self, x, past):
            t, rows = self.t, x.shape[1]
            times = t["heads"] // t["kv"]
            for i, (q, k, v, o, gate, up, down) in enumerate(self.each):
                y = self.norms[2 * i](x)
                q = self.rotate(q(y).view(1, rows, t["heads"], t["head"]).transpose(1, 2))
                k, v = (m(y).view(1, rows, t["kv"], t["head"]).transpose(1, 2) for m in (k, v))
                k, v = torch.cat([past[0:1], self.rotate(k)], 2), torch.cat([past[1:2], v], 2)
                k, v = k.repeat_interleave(times, 1), v.repeat_interleave(times, 1)
                y = f.scaled_dot_product_attention(q, k, v, self.mask)
                x = x + o(y.transpose(1, 2).reshape(1, rows, t["width"]))
                y = self.norms[2 * i + 1](x)
                x = x + down(f.silu(gate(y)) * up(y))
            return self.norms[-1](x)
    return Tower, Text


def lowered(model, example, config, path):
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackDynamicallyQuantizedPartitioner, XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower
    from torchao.quantization import quantize_
    model = model.eval()
    if config:
        quantize_(model, config)
    with torch.no_grad():
        exported = torch.export.export(model, example, strict=False)
        partitioners = ([XnnpackDynamicallyQuantizedPartitioner()] if config else []) + [XnnpackPartitioner()]
        program = to_edge_transform_and_lower(exported, partitioner=partitioners).to_executorch()
    with open(path, "wb") as file:
        program.write_to_file(file)


def prepare(folder, small):
    import torch
    from torchao.quantization import Int8DynamicActivationIntxWeightConfig
    from torchao.quantization.granularity import PerAxis, PerGroup
    torch.manual_seed(1)
    tower_class, text_class = modules()
    tower, text = (geometry.SMALL_TOWER, geometry.SMALL_TEXT) if small else (geometry.TOWER, geometry.TEXT)
    side = tower["grid"] * tower["patch"]
    eight = Int8DynamicActivationIntxWeightConfig(weight_dtype=torch.int8, weight_granularity=PerAxis(0))
    four = Int8DynamicActivationIntxWeightConfig(weight_dtype=torch.int4, weight_granularity=PerGroup(32))
    pixels = (torch.randn(1, 3, side, side),)

    def made(name, make):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            make(path + ".part")
            os.rename(path + ".part", path)
    made("et-tile-f32.pte", lambda p: lowered(tower_class(tower), pixels, None, p))
    made("et-tile-int8.pte", lambda p: lowered(tower_class(tower), pixels, eight, p))
    made("et-head.pte", lambda p: lowered(torch.nn.Sequential(torch.nn.Linear(text["width"], text["vocabulary"], bias=False)), (torch.randn(1, 1, text["width"]),), four, p))
    lengths = {"prefill16": (16, 0), "decode16": (1, 16)} if small else LENGTHS
    for name, (rows, past) in lengths.items():
        example = torch.randn(1, rows, text["width"]), torch.randn(2, text["kv"], past, text["head"])
        made(f"et-{name}.pte", lambda p, r=rows, n=past, e=example: lowered(text_class(text, r, n), e, four, p))


class Peer:
    def __init__(self, folder, threads, small):
        from executorch.extension.pybindings import portable_lib
        portable_lib._unsafe_reset_threadpool(threads)
        self.load, self.folder, self.programs = portable_lib._load_for_executorch, folder, {}
        self.text = geometry.SMALL_TEXT if small else geometry.TEXT
        self.tower = geometry.SMALL_TOWER if small else geometry.TOWER

    def work(self, what, setting, rows, past):
        import torch
        side = self.tower["grid"] * self.tower["patch"]
        if what.startswith("tile"):
            name, inputs = f"et-tile-{what[5:]}.pte", [torch.randn(1, 3, side, side)]
        elif what == "head":
            name, inputs = "et-head.pte", [torch.randn(1, 1, self.text["width"])]
        else:
            name = f"et-{what}{past or rows}.pte"
            inputs = [torch.randn(1, rows, self.text["width"]), torch.randn(2, self.text["kv"], past, self.text["head"])]
        if name not in self.programs:
            self.programs[name] = self.load(os.path.join(self.folder, name))
        program = self.programs[name]
        return lambda: program.forward(inputs)
