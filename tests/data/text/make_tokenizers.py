#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes small tokenizers of both kinds and what the `tokenizers` package (0.23) computes with them:
NAME.json is a tokenizer.json, NAME.jsonl has {"text", "ids", "decoded"} per line (no bos; some lack one; decoded with special tokens)."""
import json
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from texts import PROSE, texts

HERE = Path(__file__).parent
LLAMA3_SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
def save(tokenizer, name, pair_merges=False):
    data = json.loads(tokenizer.to_str())
    if not pair_merges:
        data["model"]["merges"] = [" ".join(m) for m in data["model"]["merges"]]
    (HERE / f"{name}.json").write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n")
    tokenizer = Tokenizer.from_file(str(HERE / f"{name}.json"))
    # Newer versions of package decode such a token to its normalised form; we give, as before, the token as it is written.
    moved = {i for i, a in tokenizer.get_added_tokens_decoder().items() if a.normalized} if data["normalizer"] else set()

    def record(ids, **more):
        decoded = {} if moved & set(ids) else {"decoded": tokenizer.decode(ids, skip_special_tokens=False)}
        return json.dumps({**more, "ids": ids, **decoded}) + "\n"

    with open(HERE / f"{name}.jsonl", "w") as out:
        for text in texts(len(name)):
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            out.write(record(ids, text=text))
        # Decoding random ids meets every way in which bytes can be no UTF-8.
        rng = random.Random(1)
        for _ in range(80):
            ids = [rng.randrange(tokenizer.get_vocab_size() + 3) if rng.random() < 0.5 else rng.randrange(259) for _ in range(rng.randint(1, 12))]
            out.write(record(ids))


def bos(token, number):
    return processors.TemplateProcessing(single=f"{token} $A", pair=f"{token} $A {token}:1 $B:1", special_tokens=[(token, number)])


def llama3():
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3_SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(PROSE, trainers.BpeTrainer(vocab_size=480, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    t.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"])
    t.add_special_tokens([AddedToken("<keep>", lstrip=True, normalized=False), AddedToken("<both>", lstrip=True, rstrip=True, normalized=False)])
    t.add_tokens([AddedToken("<word>", rstrip=True, normalized=True)])
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), bos("<|begin_of_text|>", t.token_to_id("<|begin_of_text|>"))])
    save(t, "small_llama3", pair_merges=True)


def llama2():
    base = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    norm = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    base.normalizer = norm
    base.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    base.train_from_iterator([p for p in PROSE if p.isascii()], trainers.BpeTrainer(vocab_size=480, special_tokens=special, show_progress=False))
    data = json.loads(base.to_str())
    data["pre_tokenizer"] = None
    data["added_tokens"] = [a for a in data["added_tokens"] if not a["content"].startswith("<0x")]
    t = Tokenizer.from_str(json.dumps(data))
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.post_processor = bos("<s>", 1)
    t.add_tokens([AddedToken("<word>", normalized=True), AddedToken("<keep>", lstrip=True, rstrip=True, normalized=False)])
    save(t, "small_llama2")

    # Without some bytes the unknown token appears; Metaspace in place of the normalizer, as newer files have it.
    data = json.loads(t.to_str())
    for b in range(0xA0, 0x100):
        data["model"]["vocab"][f"<hole {b}>"] = data["model"]["vocab"].pop(f"<0x{b:02X}>")
    data["normalizer"] = None
    data["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}
    data["decoder"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}
    data["model"]["fuse_unk"] = False
    data["post_processor"] = None
    save(Tokenizer.from_str(json.dumps(data)), "small_metaspace")


def gpt2():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    t.train_from_iterator(PROSE, trainers.BpeTrainer(vocab_size=300, show_progress=False))
    save(t, "small_gpt2")


def byte_level(name, steps, regex=False, normalizer=None, **model):
    t = Tokenizer(models.BPE(**model))
    if normalizer:
        t.normalizer = normalizer
    t.pre_tokenizer = pre_tokenizers.Sequence([*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(PROSE, trainers.BpeTrainer(vocab_size=380, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    t.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    save(t, name)


QWEN2_SPLIT = LLAMA3_SPLIT.replace("{1,3}", "")
TEKKEN_SPLIT = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def families():
    """The pre-tokenizers of SmolLM, Qwen 2 and Mistral's Tekken, and each behaviour of a Split."""
    byte_level("small_smollm", [pre_tokenizers.Digits(individual_digits=True)], regex=True)
    byte_level("small_qwen2", [pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated")], normalizer=normalizers.NFC())
    byte_level("small_tekken", [pre_tokenizers.Split(Regex(TEKKEN_SPLIT), "isolated")], ignore_merges=True)
    byte_level("small_splits", [pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.Split(Regex("[,.]"), "merged_with_previous"),
                                pre_tokenizers.Split(" ", "merged_with_next"), pre_tokenizers.Split(Regex("[aeiou]"), "contiguous"),
                                pre_tokenizers.Split(Regex("[<>]"), "removed"), pre_tokenizers.Split(Regex("[^xyz]"), "contiguous", invert=True)])


llama3()
llama2()
gpt2()
families()
