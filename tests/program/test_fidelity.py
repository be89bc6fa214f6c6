# SPDX-License-Identifier: Apache-2.0
"""compile --evaluate: what it says of layers, tokens and caches, against the same computed here from what score and encode write; and what score
--layer writes against a forward pass in Python."""
import array
import json
import math
import os
import re
import struct
import subprocess
import sys

import random_checkpoint
from program_case import IMAGE_ROWS, PHOTO, PHOTO2, ROOT, ProgramCase, binocle, compiled, load_array, main, path, save_ids

WORDS = "a street sign, then a house. a street sign"
OPTIONS = ("--text-weights", "int4", "--vision-weights", "int8")
EXACT = ("--text-weights", "f32", "--vision-weights", "f32")
SYSTEM = ("A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to "
          "the user's questions.")
PROMPT = ("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n" + SYSTEM + "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n%s<|eot_id|>"
          "<|start_header_id|>assistant<|end_header_id|>\n\n")


def apart(a, b):
    """Relative L2 and cosine of a row and the reference's."""
    norms = [math.sqrt(sum(x * x for x in row)) for row in (a, b)]
    return math.dist(a, b) / norms[1], sum(x * y for x, y in zip(a, b)) / (norms[0] * norms[1])


def mean_and_error(values):
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / len(values) / (len(values) - 1)) if len(values) > 1 else 0


def log_probabilities(row):
    total = max(row) + math.log(sum(math.exp(x - max(row)) for x in row))
    return [x - total for x in row]


class Llama:
    """The text model of a small checkpoint, in double."""

    def __init__(self, folder):
        with open(os.path.join(folder, random_checkpoint.SHARD), "rb") as f:
            size = struct.unpack("<Q", f.read(8))[0]
            header, data = json.loads(f.read(size)), f.read()
        self.tensors = {}
        for name, t in header.items():
            if name.startswith("model.layers.") or "embed_tokens" in name:
                bits = array.array("H", data[slice(*t["data_offsets"])])
                values = struct.unpack(f"<{len(bits)}f", b"".join(struct.pack("<HH", 0, b) for b in bits))
                width = t["shape"][-1]
                self.tensors[name] = [values[i:i + width] for i in range(0, len(values), width)]
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
            config = json.load(f)
        self.heads, self.kv_heads, self.hidden = config["num_attention_heads"], config["num_key_value_heads"], config["hidden_size"]
        self.layers, self.theta, self.eps = config["num_hidden_layers"], config["rope_theta"], config["rms_norm_eps"]

    def times(self, layer, name, rows):
        matrix = self.tensors[f"model.layers.{layer}.{name}.weight"]
        return [[sum(x * w for x, w in zip(row, column)) for column in matrix] for row in rows]

    def norm(self, layer, name, rows):
        gamma = self.tensors[f"model.layers.{layer}.{name}.weight"][0]
        return [[g * x / math.sqrt(sum(v * v for v in row) / len(row) + self.eps) for g, x in zip(gamma, row)] for row in rows]

    def turned(self, rows, heads):
        size = self.hidden // self.heads
        out = []
        for position, row in enumerate(rows):
            new = []
            for h in range(heads):
                x, half = row[h * size:(h + 1) * size], size // 2
                angles = [position * self.theta ** (-2 * i / size) for i in range(half)]
                new += [x[i] * math.cos(a) - x[i + half] * math.sin(a) for i, a in enumerate(angles)]
                new += [x[i + half] * math.cos(a) + x[i] * math.sin(a) for i, a in enumerate(angles)]
            out.append(new)
        return out

    def attend(self, q, k, v):
        size, each, out = self.hidden // self.heads, self.heads // self.kv_heads, []
        for row in range(len(q)):
            mixed = []
            for h in range(self.heads):
                part, kv = slice(h * size, (h + 1) * size), slice(h // each * size, (h // each + 1) * size)
                scores = [sum(a * b for a, b in zip(q[row][part], k[i][kv])) / math.sqrt(size) for i in range(row + 1)]
                weights = [math.exp(s) for s in log_probabilities(scores)]
                mixed += [sum(w * v[i][kv][c] for i, w in enumerate(weights)) for c in range(size)]
            out.append(mixed)
        return out

    def behind_layers(self, ids):
        x, found = [list(self.tensors["model.embed_tokens.weight"][i]) for i in ids], []
        for layer in range(self.layers):
            h = self.norm(layer, "input_layernorm", x)
            q, k = self.turned(self.times(layer, "self_attn.q_proj", h), self.heads), self.turned(self.times(layer, "self_attn.k_proj", h), self.kv_heads)
            a = self.times(layer, "self_attn.o_proj", self.attend(q, k, self.times(layer, "self_attn.v_proj", h)))
            x = [[s + t for s, t in zip(*rows)] for rows in zip(x, a)]
            h = self.norm(layer, "post_attention_layernorm", x)
            gate, up = self.times(layer, "mlp.gate_proj", h), self.times(layer, "mlp.up_proj", h)
            m = self.times(layer, "mlp.down_proj", [[g / (1 + math.exp(-g)) * u for g, u in zip(*rows)] for rows in zip(gate, up)])
            x = [[s + t for s, t in zip(*rows)] for rows in zip(x, m)]
            found.append(x)
        return found


def matrix_bits(kind, k, group):
    """Per weight, scales included, of k columns and a multiple of 8 rows (runtime/model/format.h)."""
    if kind == "int4":
        return 4 + 8 / 32 + 64 / k if group == 16 else 4 + 16 / group + 32 / k
    return {"f32": 32, "bf16": 16, "int8": 8 + 32 / k}[kind]


class Fidelity(ProgramCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.exact = compiled("exact.bnc", cls.checkpoint, *EXACT, "--rotate", "off")
        cls.rough = compiled("rough.bnc", cls.checkpoint, *OPTIONS)
        cls.text = path("words.txt")
        with open(cls.text, "w", encoding="utf-8") as f:
            f.write(WORDS)

    def evaluated(self, file, *options):
        told = self.done_json("compile", self.checkpoint, "-o", path("judged.bnc"), *options, "--evaluate", file, "--json", "--quiet")
        self.assertEqual([], [name for name in os.listdir(path()) if name.startswith("judged.bnc.")])
        return told

    def ids(self, text):
        return json.loads(self.done("tokenize", self.model, stdin=json.dumps(text).encode() + b"\n").out)

    def rows(self, model, ids, forced, *more):
        self.done("score", model, "--ids", save_ids("ids.npy", ids), "--force", save_ids("forced.npy", forced), "-o", path("rows.npy"), *more)
        (count, width), values = load_array(path("rows.npy"))
        return [values[i * width:(i + 1) * width] for i in range(count)]

    def agrees(self, told, model, exact):
        """A layer's row of the report with all rows of both."""
        self.assertEqual(len(exact), told["rows"])
        self.assertEqual(len(exact), len(model))
        distances, cosines = zip(*(apart(a, b) for a, b in zip(model, exact)))
        for name, values in (("relative_l2", distances), ("cosine", cosines)):
            mean, error = mean_and_error(values)
            self.assertAlmostEqual(mean, told[name], places=6)
            self.assertAlmostEqual(error, told[name + "_error"], places=6)
        self.assertAlmostEqual(min(cosines), told["least_cosine"], places=6)
        return told["relative_l2"]

    def bits(self, model, prefix):
        """Per weight of the matrices of that name, by the shapes that inspect tells."""
        line = rf"weight \d+ ({re.escape(prefix)}\S*) (\w+)\[(\d+),(\d+)\](?: groups of (\d+))?"
        found = {name: (kind, int(n), int(k), int(group or 0)) for name, kind, n, k, group in
                 re.findall(line, self.done("inspect", model, "--schedule").out.decode())}
        return sum(n * k * matrix_bits(kind, k, group) for kind, n, k, group in found.values()) / sum(n * k for _, n, k, _ in found.values())

    def test_layers_are_what_they_should_be(self):
        ids = self.ids(WORDS)[:7]
        for layer, expected in enumerate(Llama(self.checkpoint).behind_layers(ids[:-1])):
            found = self.rows(self.exact, ids[:1], ids[1:], "--layer", str(layer))
            self.assertLess(max(apart(a, b)[0] for a, b in zip(found, expected)), 1e-5)
            self.assertEqual(len(expected), len(found))
        outcome = binocle("score", self.exact, "--ids", save_ids("ids.npy", ids), "--layer", "9", "-o", path("none.npy"))
        self.assertRegex(self.says_one_line(outcome), "has no layer 9")

    def test_text(self):
        told, ids = self.evaluated(self.text, *OPTIONS), self.ids(WORDS)
        self.assertEqual([[], ["layer0", "layer1"]], [[layer["name"] for layer in told[kind]] for kind in ("vision_layers", "text_layers")])
        for layer in told["text_layers"]:
            both = [self.rows(model, ids[:1], ids[1:], "--layer", layer["name"][5:]) for model in (self.rough, self.exact)]
            self.assertTrue(0.01 < self.agrees(layer, *both) < 1)
        against = self.done_json("perplexity", self.rough, self.text, "--against", self.exact, "--json")
        for name in ("kl", "kl_error", "top1", "cosine", "relative_l2", "perplexity", "perplexity_ratio"):
            self.assertAlmostEqual(against["against"][name], told["against"][name], delta=1e-4 * abs(told["against"][name]) + 1e-7)
        self.assertEqual(against["perplexity"], told["perplexity"])
        printed = self.done("compile", self.checkpoint, "-o", path("judged.bnc"), *OPTIONS, "--evaluate", self.text, "--quiet").out.decode()
        self.assertRegex(printed, r"(?s)by type of the KV cache:.*its own.*f32.*int8.*by layer:.*text +layer1 +5\.00 +\d+ +0\.\d+ \+- 0\.\d+ +0\.\d+ \+- ")

    def test_caches(self):
        """As models say that were compiled with such caches; in f32 nothing is lost but by the cache."""
        told = self.evaluated(self.text, *OPTIONS)["kv"]
        self.assertEqual(["f32", "f16", "int8"], list(told))
        for kind in told:
            model = compiled("cache.bnc", self.checkpoint, *OPTIONS, "--kv", kind)
            found = self.done_json("perplexity", model, self.text, "--against", self.exact, "--json")
            self.assertEqual(found["perplexity"], told[kind]["perplexity"])
            self.assertAlmostEqual(found["against"]["kl"], told[kind]["kl"], delta=1e-4 * told[kind]["kl"])
        exact = self.evaluated(self.text, *EXACT)["kv"]
        self.assertTrue(exact["f32"]["kl"] <= 1e-8 < exact["f16"]["kl"] < exact["int8"]["kl"] < 0.1, exact)

    def test_rotated(self):
        """The reference is rotated with the model: else its rows would be others altogether."""
        told = self.evaluated(self.text, "--text-weights", "int8", "--rotate", "on")
        for layer in told["text_layers"]:
            self.assertTrue(0 < layer["relative_l2"] < 0.1 and layer["cosine"] > 0.99, layer)

    def questions(self, *lines):
        with open(path("asked.jsonl"), "w", encoding="utf-8") as f:
            f.writelines(json.dumps(line) + "\n" for line in lines)
        return path("asked.jsonl")

    def test_answers(self):
        """Each token of an answer and of its end, behind the template and what came before."""
        asked = [("Who?", "ab"), ("Where is it?", "there")]
        told = self.evaluated(self.questions(*({"question": q, "answer": a} for q, a in asked)), *OPTIONS)
        self.assertEqual((2, len("ab") + len("there") + 2), (told["questions"], told["tokens"]))
        loss, divergence = [], []
        for question, answer in asked:
            prompt, forced = self.ids(PROMPT[:17] + PROMPT % question), self.ids(answer + "<|eot_id|>")  # the tokenizer and the template begin the text
            rows = [list(map(log_probabilities, self.rows(m, prompt, forced))) for m in (self.rough, self.exact)]
            loss += [-row[id] for row, id in zip(rows[0], forced)]
            divergence += [sum(math.exp(q) * (q - p) for p, q in zip(*pair)) for pair in zip(*rows)]
        self.assertEqual(told["tokens"], len(loss))
        self.assertAlmostEqual(mean_and_error(loss)[0], told["nats_per_token"], places=4)
        self.assertAlmostEqual(mean_and_error(divergence)[0], told["against"]["kl"], delta=1e-3 * told["against"]["kl"])
        self.assertAlmostEqual(mean_and_error(divergence)[1], told["against"]["kl_error"], delta=1e-3 * told["against"]["kl_error"])
        alone = self.done_json("perplexity", self.rough, path("asked.jsonl"), "--json")
        self.assertEqual((told["perplexity"], 2), (alone["perplexity"], alone["questions"]))

    def test_pictures(self):
        file = self.questions({"question": "What?", "answer": "x", "image": PHOTO}, {"question": "And?", "answer": "y", "image": PHOTO},
                              {"question": "Here?", "answer": "z", "image": PHOTO2})
        told, projected = self.evaluated(file, *OPTIONS), []
        layers = {layer["name"]: layer for layer in told["vision_layers"]}
        self.assertEqual(["layer0", "layer1", "dem", "projector"], list(layers))
        for model in (self.rough, self.exact):
            projected.append([])
            for photo in (PHOTO, PHOTO2):  # the second question's is known
                self.done("encode", model, photo, "--stage", "projector", "-o", path("rows.npy"))
                (count, width), values = load_array(path("rows.npy"))
                projected[-1] += [values[i * width:(i + 1) * width] for i in range(count)]
        self.assertEqual(2 * IMAGE_ROWS, len(projected[0]))
        self.assertGreater(self.agrees(layers["projector"], *projected), 1e-4)
        tiles = []
        for model in (self.rough, self.exact):
            tiles.append([])
            for photo in (PHOTO, PHOTO2):
                self.done("encode", model, photo, "--stage", "tiles", "-o", path("rows.npy"))
                (live, count, width), values = load_array(path("rows.npy"))
                tiles[-1] += [values[i * width:(i + 1) * width] for i in range(live * count)]
        self.agrees(layers["layer1"], *tiles)  # the last layer that is used, without the class token
        self.assertGreater(told["text_layers"][0]["rows"], 3 * IMAGE_ROWS)
        for name, prefix in (("layer0", "vision_model.encoder.layers.0."), ("layer1", "vision_model.encoder.layers.1."), ("dem", "model.spatial_embed."),
                             ("projector", "model.mm_projector.")):
            self.assertAlmostEqual(self.bits(self.rough, prefix), layers[name]["bits_per_weight"], places=6)
            self.assertTrue(8 < layers[name]["bits_per_weight"] < 9)

    def test_page(self):
        """bench/quality/plot.py puts reports beside the rows of peers."""
        told = self.evaluated(self.questions({"question": "What?", "answer": "x", "image": PHOTO}), *OPTIONS)
        told["bits_per_weight"]["file"] = 5.0  # of so small a model most is no weights, and 16 bits are not drawn
        with open(path("report.json"), "w", encoding="utf-8") as f:
            json.dump(told, f)
        with open(path("peers.csv"), "w", encoding="utf-8") as f:
            f.write("model,file_bits,kl,kl_error\nint4,5.4,0.3,0.003\nllama.cpp_Q8_0,8.5,0.004,0.0001\n")
        subprocess.run([sys.executable, os.path.join(ROOT, "bench", "quality", "plot.py"), path("peers.csv"), "--report", f"mine={path('report.json')}", "-o",
                        path("page.html")], check=True)
        with open(path("page.html"), encoding="utf-8") as f:
            page = f.read()
        self.assertEqual(3 + 2, page.count("<circle"))  # and the legend's
        self.assertEqual([1, 1, 1], [len(re.findall(f"<text[^>]*>{name}</text>", page)) for name in ("mine", "int4", "Q8_0")])
        for layer in told["vision_layers"] + told["text_layers"]:
            self.assertRegex(page, f"{layer['name']}</td><td>{layer['bits_per_weight']:.2f}</td><td>{layer['relative_l2']:.5f} ")
        for kind, found in told["kv"].items():
            self.assertIn(f"<td>{kind}</td><td>{found['perplexity_ratio']:.6g}</td>", page)

    def test_budget_and_wrong_files(self):
        told = self.evaluated(self.text, "--text-weights", "int4", "--bits-per-weight", "6.6")
        self.assertLessEqual(told["bits_per_weight"]["layers"], 7.2)
        bits = [layer["bits_per_weight"] for layer in told["text_layers"]]
        for layer, found in enumerate(bits):
            self.assertAlmostEqual(self.bits(path("judged.bnc"), f"model.layers.{layer}."), found, places=6)
        self.assertAlmostEqual(sum(bits) / len(bits), told["bits_per_weight"]["layers"], places=6)  # layers have equally many weights
        self.assertNotAlmostEqual(bits[0], bits[1])
        for lines, expected in ((["{"], "asked.jsonl: line 1"), ([], "asked.jsonl: has no questions"),
                                (['{"question": "a", "answer": "b", "image": "none.png"}'], "asked.jsonl: line 1: .*none.png")):
            with open(path("asked.jsonl"), "w", encoding="utf-8") as f:
                f.writelines(lines)
            outcome = binocle("compile", self.checkpoint, "-o", path("wrong.bnc"), "--evaluate", path("asked.jsonl"), "--quiet")
            self.assertEqual(1, outcome.code)
            self.assertRegex(self.says_one_line(outcome), expected)
            self.assertEqual([], [name for name in os.listdir(path()) if name.startswith("wrong.bnc.")])


if __name__ == "__main__":
    main()
