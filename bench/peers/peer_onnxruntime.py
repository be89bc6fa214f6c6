# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime: fused attention and norms, dynamic int8 per channel for the tower, MatMulNBits with int8 arithmetic for text."""
import os

import geometry
import networks
import numpy as np

SETTINGS = {"tile int8": ["per channel"], "tile f32": ["fused"], "prefill": ["g128", "g32"], "decode": ["g128", "g32"], "head": ["g128", "g32"]}
QUALITY = {"tile int8": "int8 weights per channel, activations dynamic", "tile f32": "f32", "g128": "4 bits, groups of 128", "g32": "4 bits, groups of 32"}


def prepare(folder, small):
    import onnx
    tower, text = (geometry.SMALL_TOWER, geometry.SMALL_TEXT) if small else (geometry.TOWER, geometry.TEXT)

    def made(name, make):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            make(path + ".part")
            os.rename(path + ".part", path)
        return path
    plain = made("ort-tile-f32.onnx", lambda p: onnx.save(networks.tower(tower, True), p))

    def quantised(path):
        from onnxruntime.quantization import QuantType, quantize_dynamic
        quantize_dynamic(plain, path, per_channel=True, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"],
                         extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
    made("ort-tile-int8.onnx", quantised)
    for group in (32, 128):
        made(f"ort-text-g{group}.onnx", lambda p, g=group: onnx.save(networks.text(text, g), p))
        made(f"ort-head-g{group}.onnx", lambda p, g=group: onnx.save(networks.head(text, g), p))


def version():
    import onnxruntime
    return onnxruntime.__version__


class Peer:
    def __init__(self, folder, threads, small):
        self.folder, self.threads, self.sessions = folder, threads, {}
        self.text = geometry.SMALL_TEXT if small else geometry.TEXT
        self.tower = geometry.SMALL_TOWER if small else geometry.TOWER
        self.random = np.random.default_rng(2)

    def session(self, name):
        import onnxruntime
        if name not in self.sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self.threads
            options.log_severity_level = 3
            self.sessions[name] = onnxruntime.InferenceSession(os.path.join(self.folder, name), options, providers=["CPUExecutionProvider"])
        return self.sessions[name]

    def values(self, *shape):
        return self.random.standard_normal(shape, np.float32)

    def work(self, what, setting, rows, past):
        if what.startswith("tile"):
            side = self.tower["grid"] * self.tower["patch"]
            session, feed = self.session(f"ort-tile-{what[5:]}.onnx"), {"pixels": self.values(1, 3, side, side)}
        elif what == "head":
            session, feed = self.session(f"ort-head-{setting}.onnx"), {"x": self.values(1, 1, self.text["width"])}
        else:
            t = self.text
            session = self.session(f"ort-text-{setting}.onnx")
            feed = {"x": self.values(1, rows, t["width"]), "seqlens_k": np.array([past + rows - 1], np.int32), "total": np.array(past + rows, np.int32)}
            feed |= {f"past_{n}{i}": self.values(1, t["kv"], past, t["head"]) for i in range(t["layers"]) for n in "kv"}
        return lambda: session.run(None, feed)
