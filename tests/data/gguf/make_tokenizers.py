#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes small tokenizers as GGUF files (`gguf` 0.19.0): NAME.gguf, and NAME.jsonl with {"text", "ids"} per line, which is what the package
that trained them computes: `tokenizers` (0.23.3) for byte-level BPE with the pre-tokenizer of each kind of model, `sentencepiece` (0.2.3)."""
import io
import json
import random
import sys
from pathlib import Path

import gguf
import sentencepiece
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "text"))
from texts import PROSE, texts  # noqa: E402

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
          r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


def split(pattern):
    return [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]


KINDS = {
    "gpt-2": (False, [pre_tokenizers.ByteLevel(add_prefix_space=False)]),
    "smollm": (False, [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
    "llama-bpe": (True, split(LLAMA3)),
    "qwen2": (False, split(QWEN2)),
    "tekken": (True, split(TEKKEN)),
}


def write(name, model, tokens, types, **more):
    out = gguf.GGUFWriter(HERE / f"{name}.gguf", "llama")
    out.add_tokenizer_model(model)
    out.add_token_list(tokens)
    out.add_token_types(types)
    for key, value in more.items():
        getattr(out, "add_" + key)(value)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def record(name, encode):
    with open(HERE / f"{name}.jsonl", "w", encoding="utf-8") as out:
        for text in texts(len(name)):
            if "\0" not in text:
                out.write(json.dumps({"text": text, "ids": encode(text)}) + "\n")


def bytes_bpe(kind):
    whole, steps = KINDS[kind]
    t = Tokenizer(models.BPE(ignore_merges=whole))
    t.pre_tokenizer = pre_tokenizers.Sequence(steps)
    t.train_from_iterator(PROSE, trainers.BpeTrainer(vocab_size=400, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    t.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    t.add_tokens(["<keep>"])
    vocabulary = sorted(t.get_vocab(), key=t.get_vocab().get)
    added = {a.content: CONTROL if a.special else USER_DEFINED for a in t.get_added_tokens_decoder().values()}
    merges = [" ".join(m) for m in json.loads(t.to_str())["model"]["merges"]]
    write(kind, "gpt2", vocabulary, [added.get(v, NORMAL) for v in vocabulary], tokenizer_pre=kind, token_merges=merges, add_bos_token=False,
          bos_token_id=t.token_to_id("<|im_start|>"), eos_token_id=t.token_to_id("<|im_end|>"), chat_template="{{'<|im_start|>' + role}}")
    record(kind, lambda text: t.encode(text, add_special_tokens=False).ids)


def pieces():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(PROSE * 20), model_writer=model, model_type="bpe", vocab_size=700, byte_fallback=True, character_coverage=0.99,
                                             normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True, num_threads=1, minloglevel=2)
    sp = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    kind = [UNKNOWN if sp.is_unknown(i) else CONTROL if sp.is_control(i) else BYTE if sp.is_byte(i) else NORMAL for i in range(len(sp))]
    write("spm", "llama", [sp.id_to_piece(i) for i in range(len(sp))], kind, token_scores=[sp.get_score(i) for i in range(len(sp))], add_bos_token=True, bos_token_id=sp.bos_id(),
          eos_token_id=sp.eos_id(), unk_token_id=sp.unk_id())
    # A control symbol in a text is text to sentencepiece, and a token to us.
    record("spm", lambda text: sp.encode(text.replace("<s>", "").replace("<unk>", "")) if "<s>" not in text and "<unk>" not in text else [])


random.seed(1)
for kind in KINDS:
    bytes_bpe(kind)
pieces()
