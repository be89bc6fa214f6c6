# SPDX-License-Identifier: Apache-2.0
"""The texts that small tokenizers are trained and tried on."""
import random

PROSE = ["The quick brown fox jumps over the lazy dog, and the dog isn't amused.", "What is in this picture? A red sign that says STOP.",
         "A chat between a curious user and an artificial intelligence assistant.", "The assistant gives helpful, detailed, and polite answers.",
         "les cafés de l'été; straße; 12345 + 67890 = 80235", "日本語で答えて。東京は大きい。", "Привет, мир! Как дела?", "for (int i = 0; i < n; i++) {\n\treturn x[i];\n}\n"] * 4
EDGES = ["", " ", "  ", "a", " a", "a ", "\n", "\r\n\r\n", "\t\tx", "I'LL we'Ve it'ſ don't", "1234567890", "   three   spaces   ", "x" * 40, "😀🚀👩‍👩‍👧", "e\u0301\u0327", "ᠮ\u180eᠠ a\u0085b a\u3000b\u2028c",
         "\u0000\u0001\u007f", "ไทย ภาษา", "▁under▁score", "<s>in</s> text <unk>", "a<|eot_id|>b<|begin_of_text|>", "<0x41><0x0A>", "keep  <keep>  this<keep>", "<word> x<word>y <word>", "  <both>  z", "�", "ſ", "한국어 텍스트",
         "\u1112\u1161\u11ab \u1100\u1161\u11a7 \uac00\u11a8 A\u030a\u0323 \u212b \u0958 \u09c7\u09be \u0f43 \u1e9b\u0323 \u0344x\u0301\u0301\u0316"]


def texts(seed):
    rng = random.Random(seed)
    alphabet = "abcdeT hi \n\t'.,!?<>|_019" + "éßçñ日本語ไдж😀\u00ad\u200d▁\u3000" + "  "
    return EDGES + PROSE[:8] + ["".join(rng.choice(alphabet) for _ in range(rng.randint(1, 40))) for _ in range(120)]
