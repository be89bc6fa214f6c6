# SPDX-License-Identifier: Apache-2.0
"""The pocket model's own byte-level BPE tokenizer in tokenizer.json form, of the LLaMA-3 kind, and its prompt.

    python3 tokenizer.py -o tokenizer.json
"""

import argparse
import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

import questions

SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
         r"\s+(?!\S)|\s+")
SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
SYSTEM = ("A chat between a curious user and an artificial intelligence assistant. "
          "The assistant gives helpful, detailed, and polite answers to the user's questions.")
BEFORE = ("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n" + SYSTEM +
          "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n")
AFTER = "\n{}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
VOCABULARY = 640  # with <pad> the embedding has 641 rows, odd as the released model's


def build():
    """Trains the tokenizer on the wordings; deterministic."""
    tok = Tokenizer(models.BPE(ignore_merges=True))
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False)])
    tok.decoder = decoders.ByteLevel(add_prefix_space=True, trim_offsets=True, use_regex=True)
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY - len(SPECIAL), show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tok.train_from_iterator(questions.corpus() + [SYSTEM, "system", "user", "assistant", "\n\n"] * 50, trainer)
    while tok.get_vocab_size() < VOCABULARY - len(SPECIAL):  # the corpus is small: fill up, as released files reserve
        tok.add_special_tokens([AddedToken(f"<|reserved_special_token_{tok.get_vocab_size()}|>", special=True)])
    tok.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIAL])
    begin = tok.token_to_id(SPECIAL[0])
    tok.post_processor = processors.TemplateProcessing(
        single=f"{SPECIAL[0]} $A", pair=f"{SPECIAL[0]} $A {SPECIAL[0]}:1 $B:1", special_tokens=[(SPECIAL[0], begin)])
    return tok


def write(path):
    """Saves tokenizer.json with merges as strings, as the released file has them."""
    data = json.loads(build().to_str())
    data["model"]["merges"] = [m if isinstance(m, str) else " ".join(m) for m in data["model"]["merges"]]
    with open(path, "w", encoding="utf-8") as out:
        json.dump(data, out, ensure_ascii=False, indent=1)
        out.write("\n")


class Prompt:
    """Ids of the parts of a prompt; the tokenizer's own BOS comes before the template's, as in training."""

    def __init__(self, tok):
        self.tok, self.end = tok, tok.token_to_id("<|eot_id|>")
        self.before = tok.encode(BEFORE).ids
        self.known = {}

    def _ids(self, text):
        if text not in self.known:
            self.known[text] = self.tok.encode(text, add_special_tokens=False).ids
        return self.known[text]

    def question(self, text):
        return self._ids(AFTER.format(text))

    def answer(self, text):
        return self._ids(text) + [self.end]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", required=True)
    write(parser.parse_args().o)
