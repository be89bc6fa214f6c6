# SPDX-License-Identifier: Apache-2.0
"""Questions about a scene: every question whose answer is unambiguous, in training or in held-out wordings."""

from scenes import AREAS, BIG_FROM, COLOUR_NAMES, SHAPES, SIZE, SMALL_TO, WORDS

# Categories that need a detail which the base picture loses, and those that need the whole picture.
DETAIL = ("number", "word", "digit")
WHOLE = ("colour", "count", "position", "size", "exist")

UNKNOWN = "I cannot tell"  # the answer of category "absent": what is asked about is not there

SLOW = ("position", "count")  # learnt last: asked twice as often in training

# {0} is filled in.
TRAIN = {
    "number": ["What number is on the sign?", "Read the number on the sign.",
               "What is the number on the sign?", "Which number does the sign show?",
               "Tell me the number on the sign.",
               "The sign shows which number?", "What number does the sign have?", "Number on the sign?"],
    "word": ["What does the sign say?", "Read the word on the sign.", "What word is on the sign?",
             "Which word does the sign show?", "What is written on the sign?", "The sign says what?",
             "Tell me the word on the sign.", "What is the word on the sign?", "Word on the sign?"],
    "digit": ["Which digit is on the {0}?", "What digit is on the {0}?", "Read the digit on the {0}.",
              "What is the digit on the {0}?", "Tell me the digit on the {0}.", "Which digit does the {0} have?",
              "What digit is written on the {0}?", "Digit on the {0}?"],
    "colour": ["What colour is the {0}?", "Which colour is the {0}?", "What is the colour of the {0}?",
               "Tell me the colour of the {0}.", "Which colour has the {0}?", "The {0} has which colour?"],
    "count": ["How many {0} are there?", "How many {0} are in the picture?", "Count the {0}.", "How many {0} do you see?",
              "Tell me how many {0} there are.", "What is the number of {0}?", "The picture has how many {0}?"],
    "position": ["Where is the {0}?", "Where is the {0} in the picture?", "In which part of the picture is the {0}?",
                 "Which part of the picture has the {0}?", "Tell me where the {0} is.", "What is the position of the {0}?"],
    "size": ["Is the {0} big or small?", "What size is the {0}?", "What size has the {0}?", "Tell me the size of the {0}.",
             "What is the size of the {0}?", "The {0} is big or small?"],
    "exist": ["Is there a {0}?", "Is there a {0} in the picture?", "Do you see a {0}?", "Does the picture have a {0}?",
              "Tell me, is there a {0}?", "Is a {0} in the picture?"],
}
HELD_OUT = {
    "number": ["In the picture, what number is on the sign?", "Which number is on the sign?",
               "Tell me which number the sign shows."],
    "word": ["In the picture, what does the sign say?", "Which word is on the sign?",
             "Tell me what the sign says."],
    "digit": ["In the picture, which digit is on the {0}?", "What digit does the {0} have?",
              "Which digit is written on the {0}?"],
    "colour": ["In the picture, what colour is the {0}?", "What colour has the {0}?", "Tell me which colour the {0} has."],
    "count": ["In the picture, how many {0} are there?", "Tell me the number of {0}.",
              "How many {0} does the picture have?"],
    "position": ["In the picture, where is the {0}?", "Tell me the position of the {0}.",
                 "In which part of the picture do you see the {0}?"],
    "size": ["In the picture, is the {0} big or small?", "Tell me, is the {0} big or small?", "Which size has the {0}?"],
    "exist": ["In the picture, is there a {0}?", "Tell me, do you see a {0}?", "Is there a {0} that you see?"],
}
PLURAL = {"circle": "circles", "square": "squares", "triangle": "triangles", "star": "stars", "heart": "hearts",
          "cross": "crosses", "sign": "signs"}


def _name(item, items):
    """A name that means exactly this item, or None."""
    name = item.shape or "sign"
    return name if sum((t.shape or "sign") == name for t in items) == 1 else None


def candidates(rng, items):
    """All (category, fillers, answer) that the scene allows."""
    out, there = [], {t.shape for t in items if t.shape}
    for item in items:
        name = _name(item, items)
        if item.kind == "sign":
            out.append(("number" if item.text.isdigit() else "word", (), item.text))
        elif name:
            if item.size <= SMALL_TO or item.size >= BIG_FROM:
                out.append(("size", (name,), "big" if item.size >= BIG_FROM else "small"))
            if item.text:
                out.append(("digit", (name,), item.text))
        if name:
            out.append(("colour", (name,), item.colour))
            x, y = item.centre
            if all(abs(v - edge) > 12 for v in (x, y) for edge in (SIZE / 3, 2 * SIZE / 3)):
                out.append(("position", (name,), AREAS[int(3 * y / SIZE)][int(3 * x / SIZE)]))
    kinds = rng.sample(SHAPES, 2) + ["sign", *(rng.choice(sorted(there)) for _ in range(2 if there else 0))]
    out += [("count", (PLURAL[kind],), str(sum((t.shape or "sign") == kind for t in items))) for kind in dict.fromkeys(kinds)]
    out += [("exist", (rng.choice(sorted(there)),), "yes")] if there else []
    return out + [("exist", (rng.choice([s for s in SHAPES if s not in there]),), "no")]


def absent(rng, items):
    """All (category, fillers) of questions after something that the scene does not show."""
    names, signs = {t.shape for t in items}, [t.text.isdigit() for t in items if t.kind == "sign"]
    missing = [s for s in SHAPES if s not in names]
    out = [("digit", (_name(t, items),)) for t in items if t.shape and not t.text and _name(t, items)]
    out += [(category, (rng.choice(missing),)) for category in ("digit", "colour", "size", "position")]
    out += [("number", ())] * (True not in signs) + [("word", ())] * (False not in signs)
    return out + ([] if signs else [("colour", ("sign",)), ("position", ("sign",))])


def ask(rng, items, count, held_out=False, unknown=False):
    """Up to count questions of mixed categories, unknown: those that cannot be answered too: [{question, answer, category}]."""
    by_category = {}
    for category, fillers, answer in candidates(rng, items):
        by_category.setdefault(category, []).append((category, fillers, answer))
    if unknown:
        by_category["absent"] = [(category, fillers, UNKNOWN) for category, fillers in absent(rng, items)]
    for options in by_category.values():
        rng.shuffle(options)
    out, wordings = [], HELD_OUT if held_out else TRAIN
    order = list(by_category)
    rng.shuffle(order)
    order.sort(key=lambda c: c not in DETAIL)  # reading is the hard part: it comes first in each round
    if not held_out:
        order += [c for c in SLOW if c in by_category]
    while len(out) < count and any(by_category.values()):
        for category in order:
            if by_category[category] and len(out) < count:
                wording, fillers, answer = by_category[category].pop()
                text = rng.choice(wordings[wording]).format(*fillers)
                out.append(dict(question=text, answer=answer, category=category))
    return out


def corpus():
    """Every wording with every filler, for the tokenizer; no two-digit numbers, so digits stay apart."""
    things = [*SHAPES, *COLOUR_NAMES, *WORDS, *PLURAL, *PLURAL.values(), "yes", "no", "big", "small"] * 3
    things += [a for row in AREAS for a in row] + [str(k) for k in range(10)]
    lines = [line for table in (TRAIN, HELD_OUT) for options in table.values() for line in options]
    return things * 6 + [" " + t for t in things] * 6 + [line.format("star") for line in lines] * 2
