# SPDX-License-Identifier: Apache-2.0
"""A stack of transformer layers (577 rows of 1024, as ViT-L's) on another engine: mean seconds and CPU seconds of a run.

    peer_layers.py onnxruntime|openvino THREADS SECONDS     needs onnx, numpy and the engine from PyPI
"""
import os
import sys
import tempfile
import time

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

ROWS, WIDTH, HEADS, MLP, LAYERS = 577, 1024, 16, 4096, 4


def network():
    random = np.random.default_rng(1)
    nodes, constants = [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(op, *inputs, **attributes):
        name = f"v{len(nodes)}"
        nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def linear(x, n, k):
        w = constant(f"w{len(constants)}", (random.standard_normal((k, n)) / k**0.5).astype(np.float32))
        return node("MatMul", x, w)

    def norm(x):
        return node("LayerNormalization", x, "ones", "zeros", axis=-1)

    constant("ones", np.ones(WIDTH, np.float32))
    constant("zeros", np.zeros(WIDTH, np.float32))
    constant("heads", np.array([ROWS, HEADS, WIDTH // HEADS], np.int64))
    constant("whole", np.array([ROWS, WIDTH], np.int64))
    constant("scale", np.float32((WIDTH / HEADS) ** -0.5))
    x = "x"
    for _ in range(LAYERS):
        y = norm(x)
        q, k, v = (node("Reshape", linear(y, WIDTH, WIDTH), "heads") for _ in range(3))
        q, v, k = node("Transpose", q, perm=[1, 0, 2]), node("Transpose", v, perm=[1, 0, 2]), node("Transpose", k, perm=[1, 2, 0])
        weights = node("Softmax", node("Mul", node("MatMul", q, k), "scale"), axis=-1)
        y = node("Reshape", node("Transpose", node("MatMul", weights, v), perm=[1, 0, 2]), "whole")
        x = node("Add", x, linear(y, WIDTH, WIDTH))
        y = linear(norm(x), MLP, WIDTH)
        x = node("Add", x, linear(node("Mul", y, node("Sigmoid", y)), WIDTH, MLP))
    shape = [ROWS, WIDTH]
    graph = helper.make_graph(nodes, "layers", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info(x, TensorProto.FLOAT, shape)], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def runner(engine, path, threads):
    if engine == "onnxruntime":
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda x: session.run(None, {"x": x})
    import openvino
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    request = openvino.Core().compile_model(path, "CPU", settings).create_infer_request()
    return lambda x: request.infer({0: x})


def main():
    engine, threads, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "layers.onnx")
        save(network(), path)
        once = runner(engine, path, threads)
    x = np.random.default_rng(2).standard_normal((ROWS, WIDTH)).astype(np.float32)
    once(x)
    count, start, cpu = 0, time.monotonic(), time.process_time()
    while count == 0 or time.monotonic() - start < seconds:
        once(x)
        count += 1
    print((time.monotonic() - start) / count, (time.process_time() - cpu) / count)


if __name__ == "__main__":
    main()
