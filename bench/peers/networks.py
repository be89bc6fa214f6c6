# SPDX-License-Identifier: Apache-2.0
"""The race's work as ONNX graphs of random weights: CLIP ViT-L/14-336 with LLaVA-1.5's projector, and layers of LLaMA-3-8B.

Plain graphs are for OpenVINO, which fuses what it knows; for ONNX Runtime they are written in the fused operators that its own tools make.
"""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"
F32, I64, I32 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32


class Graph:
    """Collects nodes and constants."""

    def __init__(self):
        self.random, self.nodes, self.constants = np.random.default_rng(1), [], []

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weights(self, *shape):
        """Of deviation 1/sqrt(inputs); the inputs are all dimensions but the last (MatMul), or all but the first (Conv)."""
        inputs = np.prod(shape[1:]) if len(shape) == 4 else shape[0]
        block = self.random.standard_normal(min(int(np.prod(shape)), 1 << 20), np.float32) / np.float32(inputs ** 0.5)
        return self.constant(np.resize(block, shape).astype(np.float32))

    def node(self, op, *inputs, domain="", outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def linear(self, x, k, n):
        return self.node("Add", self.node("MatMul", x, self.weights(k, n)), self.constant(np.zeros(n, np.float32)))

    def norm(self, x, width):
        return self.node("LayerNormalization", x, self.constant(np.ones(width, np.float32)), self.constant(np.zeros(width, np.float32)), axis=-1, epsilon=1e-5)

    def model(self, inputs, outputs):
        values = [[helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in side] for side in (inputs, outputs)]
        graph = helper.make_graph(self.nodes, "race", *values, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)], ir_version=8)


def attention_plain(g, q, k, v, rows, heads, head):
    shape, whole = g.constant(np.array([1, rows, heads, head], np.int64)), g.constant(np.array([1, rows, heads * head], np.int64))
    q, k, v = (g.node("Reshape", x, shape) for x in (q, k, v))
    q, v, k = g.node("Transpose", q, perm=[0, 2, 1, 3]), g.node("Transpose", v, perm=[0, 2, 1, 3]), g.node("Transpose", k, perm=[0, 2, 3, 1])
    scores = g.node("Mul", g.node("MatMul", q, k), g.constant(np.float32(head ** -0.5)))
    return g.node("Reshape", g.node("Transpose", g.node("MatMul", g.node("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3]), whole)


def tower(t, fused):
    """pixels [1, 3, side, side] -> rows of the projector [1, grid * grid, out]."""
    g, width, cells, side = Graph(), t["width"], t["grid"] ** 2, t["grid"] * t["patch"]
    rows = cells + 1
    x = g.node("Conv", "pixels", g.weights(width, 3, t["patch"], t["patch"]), strides=[t["patch"]] * 2, kernel_shape=[t["patch"]] * 2)
    x = g.node("Transpose", g.node("Reshape", x, g.constant(np.array([1, width, cells], np.int64))), perm=[0, 2, 1])
    x = g.node("Concat", g.constant(np.zeros((1, 1, width), np.float32)), x, axis=1)
    x = g.norm(g.node("Add", x, g.constant(g.random.standard_normal((1, rows, width), np.float32) * np.float32(0.1))), width)
    y = g.norm(x, width)
    for layer in range(t["layers"]):
        q, k, v = (g.linear(y, width, width) for _ in range(3))
        if fused:
            y = g.node("MultiHeadAttention", q, k, v, domain=MICROSOFT, num_heads=t["heads"])
            y, x = skip_norm(g, x, g.linear(y, width, width), width)
        else:
            x = g.node("Add", x, g.linear(attention_plain(g, q, k, v, rows, t["heads"], width // t["heads"]), width, width))
            y = g.norm(x, width)
        y = g.linear(y, width, t["mlp"])
        y = g.node("QuickGelu", y, domain=MICROSOFT, alpha=1.702) if fused else g.node("Mul", y, g.node("Sigmoid", g.node("Mul", y, g.constant(np.float32(1.702)))))
        y = g.linear(y, t["mlp"], width)
        if layer + 1 == t["layers"]:
            x = g.node("Add", x, y)
        elif fused:
            y, x = skip_norm(g, x, y, width)
        else:
            x = g.node("Add", x, y)
            y = g.norm(x, width)
    x = g.node("Slice", x, g.constant(np.array([1], np.int64)), g.constant(np.array([rows], np.int64)), g.constant(np.array([1], np.int64)))
    x = g.node("Gelu", g.linear(x, width, t["out"]), domain=MICROSOFT) if fused else gelu_plain(g, g.linear(x, width, t["out"]))
    x = g.linear(x, t["out"], t["out"])
    return g.model([("pixels", F32, [1, 3, side, side])], [(x, F32, [1, cells, t["out"]])])


def gelu_plain(g, x):
    half = g.node("Add", g.node("Erf", g.node("Mul", x, g.constant(np.float32(0.5 ** 0.5)))), g.constant(np.float32(1)))
    return g.node("Mul", g.node("Mul", x, half), g.constant(np.float32(0.5)))


def skip_norm(g, x, y, width):
    """(norm(x + y), x + y)"""
    n = g.node("SkipLayerNormalization", x, y, g.constant(np.ones(width, np.float32)), g.constant(np.zeros(width, np.float32)), domain=MICROSOFT, outputs=4, epsilon=1e-5)
    return n[0], n[3]


def int4_linear(g, x, k, n, group):
    """MatMulNBits with int8 arithmetic; the nibbles are random."""
    raw = np.resize(g.random.integers(0, 256, 1 << 20, np.uint8), (n, k // group, group // 2))
    scales = np.full(n * (k // group), k ** -0.5 / 4.61, np.float32)
    return g.node("MatMulNBits", x, g.constant(raw), g.constant(scales), domain=MICROSOFT, K=k, N=n, bits=4, block_size=group, accuracy_level=4)


def text(t, group):
    """Layers for ONNX Runtime: x [1, rows, width] and past keys and values -> y, and those behind it."""
    g, width, kv = Graph(), t["width"], t["kv"] * t["head"]
    angles = np.outer(np.arange(1024, dtype=np.float32), 500000.0 ** -(np.arange(0, t["head"], 2, dtype=np.float32) / t["head"]))
    cos, sin = g.constant(np.cos(angles).astype(np.float32)), g.constant(np.sin(angles).astype(np.float32))
    ones = g.constant(np.ones(width, np.float32))
    x, y = "x", g.node("SimplifiedLayerNormalization", "x", ones, axis=-1, epsilon=1e-5)
    inputs = [("x", F32, [1, "rows", width]), ("seqlens_k", I32, [1]), ("total", I32, [])]
    outputs = []
    for i in range(t["layers"]):
        q, k, v = (int4_linear(g, y, width, n, group) for n in (width, kv, kv))
        inputs += [(f"past_{n}{i}", F32, [1, t["kv"], "past", t["head"]]) for n in "kv"]
        y, key, value = g.node("GroupQueryAttention", q, k, v, f"past_k{i}", f"past_v{i}", "seqlens_k", "total", cos, sin, domain=MICROSOFT, outputs=3,
                               num_heads=t["heads"], kv_num_heads=t["kv"], do_rotary=1)
        outputs += [(n, F32, [1, t["kv"], "all", t["head"]]) for n in (key, value)]
        y, _, _, x = g.node("SkipSimplifiedLayerNormalization", x, int4_linear(g, y, width, width, group), ones, domain=MICROSOFT, outputs=4, epsilon=1e-5)
        gate = int4_linear(g, y, width, t["ffn"], group)
        gate = g.node("Mul", g.node("QuickGelu", gate, domain=MICROSOFT, alpha=1.0), int4_linear(g, y, width, t["ffn"], group))
        y, _, _, x = g.node("SkipSimplifiedLayerNormalization", x, int4_linear(g, gate, t["ffn"], width, group), ones, domain=MICROSOFT, outputs=4, epsilon=1e-5)
    return g.model(inputs, [(y, F32, [1, "rows", width]), *outputs])


def head(t, group):
    g = Graph()
    return g.model([("x", F32, [1, 1, t["width"]])], [(int4_linear(g, "x", t["width"], t["vocabulary"], group), F32, [1, 1, t["vocabulary"]])])
