# SPDX-License-Identifier: Apache-2.0
"""Questions about a scene: every question whose answer is unambiguous, in training or in held-out wordings."""

from scenes import AREAS, COLOUR_NAMES, SHAPES, SIZE, WORDS

# Categories that need a detail which the base picture loses, and those that need the whole picture.
DETAIL = ("number", "word", "digit", "find")
WHOLE = ("colour", "shape", "count", "position", "relation", "size", "exist")

# {0}, {1} are filled in. "a"-prefixed keys are variants of one category.
TRAIN = {
    "number": ["What number is on the {0} sign?", "Read the number on the {0} sign.",
               "What is the number on the {0} sign?", "Which number does the {0} sign show?",
               "Tell me the number on the {0} sign.",
               "The {0} sign shows which number?", "What number does the {0} sign have?", "Number on the {0} sign?"],
    "word": ["What does the {0} sign say?", "Read the word on the {0} sign.", "What word is on the {0} sign?",
             "Which word does the {0} sign show?", "What is written on the {0} sign?", "The {0} sign says what?",
             "Tell me the word on the {0} sign.", "What is the word on the {0} sign?", "Word on the {0} sign?"],
    "digit": ["Which digit is on the {0}?", "What digit is on the {0}?", "Read the digit on the {0}.",
              "What is the digit on the {0}?", "Tell me the digit on the {0}.", "Which digit does the {0} have?",
              "What digit is written on the {0}?", "Digit on the {0}?"],
    "find": ["What colour is the sign that says {0}?", "Which colour is the sign with {0} on it?",
             "What is the colour of the sign that says {0}?", "Tell me the colour of the sign with {0} on it.",
             "The sign that says {0} has which colour?", "Which colour has the sign with {0}?"],
    "colour": ["What colour is the {0}?", "Which colour is the {0}?", "What is the colour of the {0}?",
               "Tell me the colour of the {0}.", "Which colour has the {0}?", "The {0} has which colour?"],
    "shape": ["What shape is the {0} object?", "Which shape is the {0} object?", "What is the shape of the {0} object?",
              "Tell me the shape of the {0} object.", "Which shape has the {0} object?", "The {0} object has which shape?"],
    "count": ["How many {0} are there?", "How many {0} are in the picture?", "Count the {0}.", "How many {0} do you see?",
              "Tell me how many {0} there are.", "What is the number of {0}?", "The picture has how many {0}?"],
    "position": ["Where is the {0}?", "Where is the {0} in the picture?", "In which part of the picture is the {0}?",
                 "Which part of the picture has the {0}?", "Tell me where the {0} is.", "What is the position of the {0}?"],
    "relation": ["Is the {0} {2} the {1}?", "Do you see the {0} {2} the {1}?", "Tell me, is the {0} {2} the {1}?",
                 "In the picture, is the {0} {2} the {1}?", "The {0} is {2} the {1}, yes or no?"],
    "size": ["Which is bigger, the {0} or the {1}?", "What is bigger, the {0} or the {1}?",
             "Tell me which is bigger, the {0} or the {1}.", "Is the {0} or the {1} bigger?",
             "Which one is bigger, the {0} or the {1}?"],
    "exist": ["Is there a {0}?", "Is there a {0} in the picture?", "Do you see a {0}?", "Does the picture have a {0}?",
              "Tell me, is there a {0}?", "Is a {0} in the picture?"],
}
HELD_OUT = {
    "number": ["In the picture, what number is on the {0} sign?", "Which number is on the {0} sign?",
               "Tell me which number the {0} sign shows."],
    "word": ["In the picture, what does the {0} sign say?", "Which word is on the {0} sign?",
             "Tell me what the {0} sign says."],
    "digit": ["In the picture, which digit is on the {0}?", "What digit does the {0} have?",
              "Which digit is written on the {0}?"],
    "find": ["What colour is the sign with {0} on it?", "Which colour is the sign that says {0}?",
             "Tell me the colour of the sign that says {0}."],
    "colour": ["In the picture, what colour is the {0}?", "What colour has the {0}?", "Tell me which colour the {0} has."],
    "shape": ["In the picture, what shape is the {0} object?", "What shape has the {0} object?",
              "Tell me which shape the {0} object has."],
    "count": ["In the picture, how many {0} are there?", "Tell me the number of {0}.",
              "How many {0} does the picture have?"],
    "position": ["In the picture, where is the {0}?", "Tell me the position of the {0}.",
                 "In which part of the picture do you see the {0}?"],
    "relation": ["Is the {0} in the picture {2} the {1}?", "Tell me, do you see the {0} {2} the {1}?"],
    "size": ["In the picture, which is bigger, the {0} or the {1}?", "Tell me, is the {0} or the {1} bigger?"],
    "exist": ["In the picture, is there a {0}?", "Tell me, do you see a {0}?", "Is there a {0} that you see?"],
}
PLURAL = {"circle": "circles", "square": "squares", "triangle": "triangles", "star": "stars", "heart": "hearts",
          "cross": "crosses"}
RELATIONS = [("left of", 0, -1), ("right of", 0, 1), ("above", 1, -1), ("below", 1, 1)]


def _names(items):
    """{index: names that mean exactly this item}."""
    signs = [t for t in items if t.kind == "sign"]
    shapes = [t for t in items if t.kind == "shape"]
    out = {}
    for k, item in enumerate(items):
        if item.kind == "sign":
            names = [f"{item.colour} sign"] if sum(t.colour == item.colour for t in signs) == 1 else []
            if len(signs) == 1:
                names.append("sign")
        else:
            same = [t for t in shapes if t.shape == item.shape]
            names = [item.shape] if len(same) == 1 else []
            if sum(t.colour == item.colour for t in same) == 1:
                names.append(f"{item.colour} {item.shape}")
        out[k] = names
    return out


def candidates(rng, items):
    """All (category, fillers, answer) that the scene allows; one choice of name each."""
    names, out = _names(items), []
    signs = [t for t in items if t.kind == "sign"]
    shapes = [t for t in items if t.kind == "shape"]
    for k, item in enumerate(items):
        if item.kind == "sign":
            if sum(t.colour == item.colour for t in signs) == 1:
                out.append(("number" if item.text.isdigit() else "word", (item.colour,), item.text))
            if len(signs) > 1 and sum(t.text == item.text for t in signs) == 1:
                out.append(("find", (item.text,), item.colour))
        else:
            if item.text and names[k]:
                out.append(("digit", (rng.choice(names[k]),), item.text))
            if item.shape in names[k]:
                out.append(("colour", (item.shape,), item.colour))
            if sum(t.colour == item.colour for t in shapes) == 1:
                out.append(("shape", (item.colour,), item.shape))
        x, y = item.centre
        if names[k] and all(abs(v - edge) > 12 for v in (x, y) for edge in (SIZE / 3, 2 * SIZE / 3)):
            out.append(("position", (rng.choice(names[k]),), AREAS[int(3 * y / SIZE)][int(3 * x / SIZE)]))
    for shape in rng.sample(SHAPES, 2) + [rng.choice([t.shape for t in shapes])] if shapes else []:
        out.append(("count", (PLURAL[shape],), str(sum(t.shape == shape for t in shapes))))
    out.append(("count", ("signs",), str(len(signs))))
    if shapes:
        colour = rng.choice([t.colour for t in shapes] + [rng.choice(COLOUR_NAMES)])
        out.append(("count", (f"{colour} objects",), str(sum(t.colour == colour for t in shapes))))
    named = [k for k in names if names[k]]
    for _ in range(3 if len(named) > 1 else 0):
        a, b = rng.sample(named, 2)
        word, axis, sign = rng.choice(RELATIONS)
        gap = (items[a].centre[axis] - items[b].centre[axis]) * sign
        if abs(gap) > 40:
            out.append(("relation", (rng.choice(names[a]), rng.choice(names[b]), word), "yes" if gap > 0 else "no"))
        if "shape" == items[a].kind == items[b].kind and items[a].shape != items[b].shape:
            if max(items[a].size, items[b].size) >= 1.3 * min(items[a].size, items[b].size):
                bigger = a if items[a].size > items[b].size else b
                if items[a].shape in names[a] and items[b].shape in names[b]:
                    out.append(("size", (items[a].shape, items[b].shape), items[bigger].shape))
    there = {(t.colour, t.shape) for t in shapes} | {(t.colour, "sign") for t in signs}
    if there:
        colour, shape = rng.choice(sorted(there))
        out.append(("exist", (f"{colour} {shape}",), "yes"))
        absent = [(c, s) for c, s in ((rng.choice(COLOUR_NAMES), shape), (colour, rng.choice(SHAPES)))
                  if (c, s) not in there]
        if absent:
            out.append(("exist", ("%s %s" % rng.choice(absent),), "no"))
    return out


def ask(rng, items, count, held_out=False):
    """Up to count questions of mixed categories: [{question, answer, category}]."""
    by_category = {}
    for category, fillers, answer in candidates(rng, items):
        by_category.setdefault(category, []).append((fillers, answer))
    for options in by_category.values():
        rng.shuffle(options)
    out, wordings = [], HELD_OUT if held_out else TRAIN
    order = list(by_category)
    rng.shuffle(order)
    order.sort(key=lambda c: c not in DETAIL)  # reading is the hard part: it comes first in each round
    while len(out) < count and any(by_category.values()):
        for category in order:
            if by_category[category] and len(out) < count:
                fillers, answer = by_category[category].pop()
                text = rng.choice(wordings[category]).format(*fillers)
                out.append(dict(question=text, answer=answer, category=category))
    return out


def corpus():
    """Every wording with every filler, for the tokenizer; no two-digit numbers, so digits stay apart."""
    things = [f"{c} {s}" for c in COLOUR_NAMES for s in SHAPES + ["sign", "object"]] + SHAPES + COLOUR_NAMES + WORDS
    things += [f"{c} objects" for c in COLOUR_NAMES] + list(PLURAL.values()) + ["signs", "yes", "no"]
    things += [a for row in AREAS for a in row] + [r[0] for r in RELATIONS] + ["0", "1", "2", "3", "4"]
    lines = [line for table in (TRAIN, HELD_OUT) for options in table.values() for line in options]
    return things * 6 + [line.format("star", "sign", "above") for line in lines] * 2
