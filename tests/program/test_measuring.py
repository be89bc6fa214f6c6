# SPDX-License-Identifier: Apache-2.0
"""What measures models: synth makes one up, perplexity says how well it foresees a text."""
import json
import math
import os

from program_case import CONTEXT, PHOTO, VOCABULARY, ProgramCase, binocle, load_array, main, make_checkpoint, path, save_ids

TEXT = "a street sign, then a house. a street sign"


class Measuring(ProgramCase):
    def wrong(self, code, expected, *arguments):
        outcome = binocle(*arguments)
        self.assertEqual((code, b""), (outcome.code, outcome.out), outcome)
        self.assertRegex(self.says_one_line(outcome), expected)


class Synth(Measuring):
    def synth(self, name, *options):
        out = path(name)
        self.assertIn(out, self.says_one_line(self.done("synth", "pocket", "-o", out, *options)))
        return out

    def test_a_model_like_another(self):
        out = self.synth("made.bnc", "--text-weights", "int4", "--target", "pi5", "--context", "200")
        told = self.done_json("inspect", out, "--json")
        self.assertIn("pocket", told["model"]["name"])
        self.assertEqual(("pi5", 10, False), (told["target"]["name"], told["vision"]["tile_encodes"], told["tokenizer"]))
        ids = save_ids("made.npy", [1, -200, 2])
        self.assertEqual(b"", self.done("score", out, "--ids", ids, "--image", PHOTO, "-o", path("made_logits.npy")).out)
        self.assertEqual((told["model"]["vocabulary"],), load_array(path("made_logits.npy"))[0])
        self.wrong(1, "tokenizer", "run", out, "--prompt", "hi")

    def test_same_bytes_again(self):
        contents = []
        for threads in ("1", "2"):
            with open(self.synth(f"again{threads}.bnc", "--threads", threads), "rb") as f:
                contents.append(f.read())
        self.assertEqual(contents[0], contents[1])

    def test_wrong_use(self):
        out = path("never.bnc")
        for code, expected, arguments in ((2, "no preset 'llava', expected inf-llava-8b, ", ["llava", "-o", out]), (2, "-o MODEL.bnc", ["pocket"]),
                                          (2, "PRESET", ["-o", out]), (2, "--text-weights is 'int2'", ["pocket", "-o", out, "--text-weights", "int2"]),
                                          (1, "nowhere/x.bnc: .*No such", ["pocket", "-o", path("nowhere", "x.bnc")]), (1, "/dev/full: .*No space", ["pocket", "-o", "/dev/full"])):
            self.wrong(code, expected, "synth", *arguments)
        self.assertFalse(os.path.exists(out))


class Perplexity(Measuring):
    def text(self, content):
        with open(path("text.txt"), "wb") as f:
            f.write(content)
        return path("text.txt")

    def nats(self, window):
        """The same from score: each window's first id is given, the others are foreseen."""
        ids = json.loads(self.done("tokenize", self.model, stdin=json.dumps(TEXT).encode() + b"\n").out)
        loss = []
        for at in range(0, len(ids), window):
            part = ids[at:at + window]
            if len(part) < 2:
                continue
            self.done("score", self.model, "--ids", save_ids("first.npy", part[:1]), "--force", save_ids("rest.npy", part[1:]), "-o", path("foreseen.npy"))
            rows = load_array(path("foreseen.npy"))[1]
            for k, right in enumerate(part[1:]):
                row = rows[k * VOCABULARY:(k + 1) * VOCABULARY]
                loss.append(math.log(sum(math.exp(x - max(row)) for x in row)) + max(row) - row[right])
        return sum(loss) / len(loss), len(loss)

    def test_against_score(self):
        file = self.text(TEXT.encode())
        for options, window in (([], CONTEXT), (["--context", "16"], 16)):
            told = self.done_json("perplexity", self.model, file, *options, "--json")
            nats, tokens = self.nats(window)
            self.assertEqual((tokens, window), (told["tokens"], told["context"]))
            self.assertAlmostEqual(nats, told["nats_per_token"], places=3)
            self.assertAlmostEqual(math.exp(told["nats_per_token"]), told["perplexity"], places=6 - len(str(int(told["perplexity"]))))
        self.assertRegex(self.done("perplexity", self.model, file).out.decode(), rf"\Aperplexity \d+\.\d+ \+- \d+\.\d+ over {len(TEXT) - 1} tokens in windows of {CONTEXT}\n"
                         r"\d+\.\d\d bits per weight in the layers, \d+\.\d\d of the whole file\n\Z")

    def test_a_byte_order_mark_is_no_text(self):
        plain = self.done_json("perplexity", self.model, self.text(TEXT.encode()), "--json")
        self.assertEqual(plain, self.done_json("perplexity", self.model, self.text(b"\xef\xbb\xbf" + TEXT.encode()), "--json"))

    def test_standard_error(self):
        """Of the mean over tokens: twice the same windows have the same mean and, but for n - 1, its error through the square root of 2."""
        once, twice = (self.done_json("perplexity", self.model, self.text(TEXT[:32].encode() * n), "--context", "16", "--json") for n in (1, 2))
        self.assertAlmostEqual(once["nats_per_token"], twice["nats_per_token"], places=6)
        n = once["tokens"]
        expected = once["nats_per_token_error"] * ((n - 1) / (2 * n - 1)) ** 0.5
        self.assertAlmostEqual(expected, twice["nats_per_token_error"], places=6)
        self.assertAlmostEqual(once["perplexity"] * once["nats_per_token_error"], once["perplexity_error"], places=2)

    def test_tokens_that_are_not_scored(self):
        file = self.text(TEXT[:32].encode())
        whole = self.done_json("perplexity", self.model, file, "--context", "16", "--json")
        rest = self.done_json("perplexity", self.model, file, "--context", "16", "--skip", "9", "--json")
        first = self.done_json("perplexity", self.model, self.text((TEXT[:9] + TEXT[16:25]).encode()), "--context", "9", "--json")
        self.assertEqual((30, 14, 16), (whole["tokens"], rest["tokens"], first["tokens"]))
        self.assertAlmostEqual(whole["nats_per_token"] * 30, rest["nats_per_token"] * 14 + first["nats_per_token"] * 16, places=3)

    def test_against_another_model(self):
        file = self.text(TEXT.encode())
        plain = self.done_json("perplexity", self.model, file, "--context", "16", "--json")
        same = self.done_json("perplexity", self.model, file, "--context", "16", "--against", self.model, "--json")
        found = same.pop("against")
        self.assertEqual(plain, same)
        self.assertEqual((0, 1, 1, 0), (found["kl"], found["top1"], found["perplexity_ratio"], found["relative_l2"]))
        self.assertAlmostEqual(1, found["cosine"], places=6)
        rough = path("rough.bnc")
        self.done("compile", make_checkpoint("rough"), "-o", rough, "--text-weights", "int4", "--vision-weights", "f32", "--quiet")
        ids = json.loads(self.done("tokenize", self.model, stdin=json.dumps(TEXT[:20]).encode() + b"\n").out)
        logits = []
        for model in (self.model, rough):
            self.done("score", model, "--ids", save_ids("front.npy", ids[:1]), "--force", save_ids("behind.npy", ids[1:]), "-o", path("rows.npy"))
            rows = load_array(path("rows.npy"))[1]
            logits.append([rows[k * VOCABULARY:(k + 1) * VOCABULARY] for k in range(len(ids) - 1)])
        kl = same_top = 0
        for p, q in zip(*logits):
            p_sum, q_sum = (max(x) + math.log(sum(math.exp(v - max(x)) for v in x)) for x in (p, q))
            kl += sum(math.exp(a - p_sum) * ((a - p_sum) - (b - q_sum)) for a, b in zip(p, q))
            same_top += p.index(max(p)) == q.index(max(q))
        found = self.done_json("perplexity", rough, self.text(TEXT[:20].encode()), "--against", self.model, "--json")["against"]
        self.assertAlmostEqual(kl / len(logits[0]), found["kl"], places=5)
        self.assertAlmostEqual(same_top / len(logits[0]), found["top1"], places=6)
        self.assertGreater(found["relative_l2"], 0.001)
        self.assertIn("KL divergence", self.done("perplexity", rough, file, "--against", self.model).out.decode())

    def test_wrong_use(self):
        folder = make_checkpoint("mute", tokenizer=False)
        mute = compiled_with_warning("mute.bnc", folder)
        good = self.text(TEXT.encode())
        one = path("one.txt")
        with open(one, "wb") as f:
            f.write(b"a")
        for code, expected, arguments in ((1, "one.txt: has 1 tokens", [self.model, one]), (1, "nowhere.txt: No such file or directory", [self.model, path("nowhere.txt")]), (1, "Is a directory", [self.model, path()]), (2, "TEXTFILE", [self.model]),
                                          (2, "--context is '1'", [self.model, good, "--context", "1"]), (1, "tokenizer", [mute, good]), (1, "nowhere.bnc: ", [path("nowhere.bnc"), good]),
                                          (1, "nowhere.bnc: ", [self.model, good, "--against", path("nowhere.bnc")]), (1, "left out of windows of 16", [self.model, good, "--context", "16", "--skip", "16"])):
            self.wrong(code, expected, "perplexity", *arguments)


def compiled_with_warning(name, folder):
    assert binocle("compile", folder, "-o", path(name), "--quiet").code == 0
    return path(name)


if __name__ == "__main__":
    main()
