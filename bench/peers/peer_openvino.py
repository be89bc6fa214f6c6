# SPDX-License-Identifier: Apache-2.0
"""OpenVINO: the tower by NNCF's post-training quantisation (calibrated, hence static) and in f32 and bf16; text in symmetric 4 bits, in the form that
NNCF's weight compression writes, with a KV cache of the engine's own."""
import os

import geometry
import networks
import numpy as np

SETTINGS = {"tile int8": ["f32 hint", "bf16 hint"], "tile f32": ["f32 hint"], "tile bf16": ["bf16 hint"],
            "prefill": ["g128", "g32"], "decode": ["g128", "g32"], "head": ["g128", "g32"]}
QUALITY = {"tile int8": "int8 weights per channel, activations static, calibrated", "tile f32": "f32", "tile bf16": "bf16",
           "g128": "4 bits, groups of 128", "g32": "4 bits, groups of 32"}


def version():
    import openvino
    return openvino.__version__.split("-")[0]


class Text:
    """Layers with their KV cache as state, as a graph of OpenVINO's own operators."""

    def __init__(self, t, group):
        import openvino as ov
        import openvino.opset14 as op
        self.ov, self.op, self.t, self.group, self.random = ov, op, t, group, np.random.default_rng(1)
        self.alive = []  # constants only point at these

    def linear(self, x, k, n):
        ov, op, g = self.ov, self.op, self.group
        raw = np.resize(self.random.integers(0, 256, 1 << 20, np.uint8), n * k // 2)
        self.alive.append(raw)
        weights = op.constant(ov.Tensor(raw, ov.Shape([n, k // g, g]), ov.Type.i4))
        scale = op.constant(np.full((n, k // g, 1), k ** -0.5 / 4.61, np.float16))
        w = op.multiply(op.convert(weights, "f16"), scale)
        return op.matmul(x, op.convert(op.reshape(w, np.array([n, k]), False), "f32"), False, True)

    def norm(self, x):
        op = self.op
        mean = op.reduce_mean(op.power(x, np.float32(2)), np.array([-1]), True)
        scaled = op.multiply(x, op.divide(np.float32(1), op.sqrt(op.add(mean, np.float32(1e-5)))))
        return op.multiply(op.constant(np.ones(self.t["width"], np.float32)), scaled)

    def rotate(self, x, cos, sin, heads):
        op, half = self.op, self.t["head"] // 2
        x = op.transpose(op.reshape(x, np.array([0, 0, heads, self.t["head"]]), True), np.array([0, 2, 1, 3]))
        low, high = op.split(x, 3, 2).outputs()
        turned = op.concat([op.multiply(high, np.float32(-1)), low], 3)
        assert half * 2 == self.t["head"]
        return op.add(op.multiply(x, cos), op.multiply(turned, sin))

    def keep(self, new, name, beam, sinks):
        """The cache's rows and the new ones; written back."""
        ov, op, t = self.ov, self.op, self.t
        from openvino.op.util import Variable, VariableInfo
        info = VariableInfo()
        info.data_shape, info.data_type, info.variable_id = ov.PartialShape([-1, t["kv"], -1, t["head"]]), ov.Type.f32, name
        variable = Variable(info)
        batch = op.gather(op.shape_of(beam), np.array([0]), np.array(0))
        empty = op.broadcast(np.float32(0), op.concat([batch, np.array([t["kv"]]), np.array([0]), np.array([t["head"]])], 0))
        past = op.gather(op.read_value(empty, variable), beam, np.array(0))
        rows = op.concat([past, new], 2)
        sinks.append(op.assign(rows, variable))
        return rows

    def shared(self, rows):
        """Each head of the cache for the heads that share it; in the form whose attention the plugin fuses with the cache."""
        op, t = self.op, self.t
        times = t["heads"] // t["kv"]
        wide = op.multiply(op.unsqueeze(rows, np.array(2)), np.ones((1, 1, times, 1, 1), np.float32))
        return op.reshape(wide, np.array([0, t["heads"], -1, t["head"]]), True)

    def model(self):
        ov, op, t = self.ov, self.op, self.t
        width, kv, sinks = t["width"], t["kv"] * t["head"], []
        x = first = op.parameter([-1, -1, width], ov.Type.f32, "x")
        place, beam, mask = op.parameter([-1, -1], ov.Type.f32, "position"), op.parameter([-1], ov.Type.i32, "beam"), op.parameter([-1, 1, -1, -1], ov.Type.f32, "mask")
        for name, parameter in (("x", first), ("position", place), ("beam", beam), ("mask", mask)):
            parameter.output(0).set_names({name})
        steps = np.tile(500000.0 ** -(np.arange(0, t["head"], 2, dtype=np.float32) / t["head"]), 2).astype(np.float32)
        angles = op.unsqueeze(op.multiply(op.unsqueeze(place, np.array(2)), steps), np.array(1))
        cos, sin = op.cos(angles), op.sin(angles)
        for i in range(t["layers"]):
            y = self.norm(x)
            q, k = self.rotate(self.linear(y, width, width), cos, sin, t["heads"]), self.rotate(self.linear(y, width, kv), cos, sin, t["kv"])
            v = op.transpose(op.reshape(self.linear(y, width, kv), np.array([0, 0, t["kv"], t["head"]]), True), np.array([0, 2, 1, 3]))
            k, v = self.shared(self.keep(k, f"key{i}", beam, sinks)), self.shared(self.keep(v, f"value{i}", beam, sinks))
            y = op.scaled_dot_product_attention(q, k, v, mask, causal=False)
            y = op.reshape(op.transpose(y, np.array([0, 2, 1, 3])), np.array([0, 0, width]), True)
            x = op.add(x, self.linear(y, width, width))
            y = self.norm(x)
            gate = op.multiply(op.swish(self.linear(y, width, t["ffn"])), self.linear(y, width, t["ffn"]))
            x = op.add(x, self.linear(gate, t["ffn"], width))
        return ov.Model([op.result(self.norm(x))], sinks, [first, place, beam, mask], "text")

    def head(self):
        x = self.op.parameter([1, 1, self.t["width"]], self.ov.Type.f32, "x")
        return self.ov.Model([self.op.result(self.linear(x, self.t["width"], self.t["vocabulary"]))], [x], "head")


def prepare(folder, small):
    import onnx
    import openvino as ov
    tower, text = (geometry.SMALL_TOWER, geometry.SMALL_TEXT) if small else (geometry.TOWER, geometry.TEXT)

    def made(name, make):
        path = os.path.join(folder, name)
        part = os.path.join(folder, f"part-{name}")
        if not os.path.exists(path):
            make(part)
            if name.endswith(".xml"):
                os.replace(part[:-3] + "bin", path[:-3] + "bin")
            os.replace(part, path)
        return path
    plain = made("plain-tile-f32.onnx", lambda p: onnx.save(networks.tower(tower, False), p))

    def quantised(path):
        import nncf
        random, side = np.random.default_rng(3), tower["grid"] * tower["patch"]
        pictures = nncf.Dataset([random.standard_normal((1, 3, side, side), np.float32) for _ in range(4)])
        more = nncf.AdvancedQuantizationParameters(smooth_quant_alphas=nncf.AdvancedSmoothQuantParameters(matmul=-1, convolution=-1))
        ov.save_model(nncf.quantize(ov.Core().read_model(plain), pictures, model_type=nncf.ModelType.TRANSFORMER, subset_size=4, advanced_parameters=more),
                      path, compress_to_fp16=False)
    made("ov-tile-int8.xml", quantised)
    for group in (32, 128):
        layers, last = Text(text, group), Text(text, group)
        made(f"ov-text-g{group}.xml", lambda p, t=layers: ov.save_model(t.model(), p, compress_to_fp16=False))
        made(f"ov-head-g{group}.xml", lambda p, t=last: ov.save_model(t.head(), p, compress_to_fp16=False))


class Peer:
    def __init__(self, folder, threads, small):
        self.folder, self.threads, self.requests = folder, threads, {}
        self.text = geometry.SMALL_TEXT if small else geometry.TEXT
        self.tower = geometry.SMALL_TOWER if small else geometry.TOWER
        self.random = np.random.default_rng(2)

    def request(self, name, **more):
        import openvino as ov
        key = name, *sorted(more.items())
        if key not in self.requests:
            settings = {"INFERENCE_NUM_THREADS": self.threads, "PERFORMANCE_HINT": "LATENCY", **more}
            self.requests[key] = ov.Core().compile_model(os.path.join(self.folder, name), "CPU", settings).create_infer_request()
        return self.requests[key]

    def work(self, what, setting, rows, past):
        if what.startswith("tile"):
            side = self.tower["grid"] * self.tower["patch"]
            name = "ov-tile-int8.xml" if what == "tile int8" else "plain-tile-f32.onnx"
            request = self.request(name, INFERENCE_PRECISION_HINT=setting.split()[0])
            pixels = self.random.standard_normal((1, 3, side, side), np.float32)
            return lambda: request.infer({0: pixels})
        group = int(setting[1:])
        more = {"DYNAMIC_QUANTIZATION_GROUP_SIZE": group, "INFERENCE_PRECISION_HINT": "f32"}
        if what == "head":
            request, x = self.request(f"ov-head-{setting}.xml", **more), self.random.standard_normal((1, 1, self.text["width"]), np.float32)
            return lambda: request.infer({0: x})
        request = self.request(f"ov-text-{setting}.xml", KV_CACHE_PRECISION="u8", **more)
        request.reset_state()
        if past:
            self.run(request, past, 0)
        self.past = past

        def step():
            if not past:
                request.reset_state()
            self.run(request, rows, self.past if past else 0)
            self.past += rows
        return step

    def run(self, request, rows, past):
        x = self.random.standard_normal((1, rows, self.text["width"]), np.float32)
        seen = np.arange(past + rows)[None, :] <= past + np.arange(rows)[:, None]
        mask = np.where(seen, np.float32(0), np.float32(-1e30))[None, None]
        request.infer({"x": x, "position": np.arange(past, past + rows, dtype=np.float32)[None], "beam": np.zeros(1, np.int32), "mask": mask})
