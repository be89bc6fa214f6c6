# SPDX-License-Identifier: Apache-2.0
"""Answers drawn at random under a constraint are what Python's re and json take for right, however little room there is.

    BINOCLE_RANDOM_ANSWERS  the program that draws        BINOCLE_ROOT  the source tree        BINOCLE_SHARED  full vocabularies, if at hand
"""
import datetime
import json
import math
import os
import random
import re
import subprocess
import sys
import unittest
import uuid

ROOT = os.environ["BINOCLE_ROOT"]
SMALL = [os.path.join(ROOT, "tests", "data", "text", f"small_{name}.json") for name in ("llama2", "llama3")]
SHARED = os.environ.get("BINOCLE_SHARED", os.path.join(ROOT, "..", "shared"))
FULL = [os.path.join(SHARED, "fixtures", f"tokenizer-{name}", "tokenizer.json") for name in ("llama2", "llama3")]


def fits(value, schema, root):
    """Whether a value is of a schema: its definition read once more, as plainly as can be."""
    if schema is True or not set(schema) - {"$defs"}:
        return depth(value) <= 4
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    if "anyOf" in schema:
        return any(fits(value, one, root) for one in schema["anyOf"])
    if "const" in schema:
        return same(value, schema["const"])
    if "enum" in schema:
        return any(same(value, one) for one in schema["enum"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return any(TYPES[name](value, schema, root) for name in types)


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def is_of_format(value, name):
    if name == "uuid":
        return str(uuid.UUID(value)) == value
    date, time = {"date": [value, "00:00:00Z"], "time": ["2000-01-01", value]}.get(name) or value.split("T")
    year, month, day = map(int, date.split("-"))
    time = re.sub(r"\.(\d+)", lambda found: "." + found[1][:6].ljust(6, "0"), time).replace("Z", "+00:00")
    return len(date) == 10 and 1 <= month <= 12 and 1 <= day <= 31 and datetime.time.fromisoformat(time).tzinfo is not None


def same(a, b):
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def is_number(value, schema, root):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return (schema.get("minimum", value) <= value <= schema.get("maximum", value)
            and schema.get("exclusiveMinimum", -math.inf) < value < schema.get("exclusiveMaximum", math.inf))


def is_object(value, schema, root):
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", False)
    if others is not False:
        return isinstance(value, dict) and all(fits(item, others, root) for item in value.values())
    return (isinstance(value, dict) and all(key in properties and fits(item, properties[key], root) for key, item in value.items())
            and all(key in value for key in schema.get("required", [])) and list(value) == [key for key in properties if key in value])


TYPES = {
    "object": is_object,
    "array": lambda v, s, r: isinstance(v, list) and s.get("minItems", 0) <= len(v) <= s.get("maxItems", len(v)) and all(fits(i, s["items"], r) for i in v),
    "string": lambda v, s, r: isinstance(v, str) and s.get("minLength", 0) <= len(v) <= s.get("maxLength", len(v)) and bool(re.search(s.get("pattern", ""), v))
    and ("format" not in s or is_of_format(v, s["format"])),
    "integer": lambda v, s, r: isinstance(v, int) and is_number(v, s, r),
    "number": is_number,
    "boolean": lambda v, s, r: isinstance(v, bool),
    "null": lambda v, s, r: v is None,
}


def no_twins(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), keys
    return dict(pairs)


class Draw:
    """Random schemas and expressions of the subset."""
    def __init__(self, seed):
        self.random = random.Random(seed)

    def word(self):
        return "".join(self.random.choice('abcxyz é"\\/~\n日😀') for _ in range(self.random.randrange(1, 6)))

    def schema(self, depth):
        r = self.random
        kinds = ["string", "integer", "number", "boolean", "null", "enum", "const", "types", "pattern", "format"]
        kind = r.choice(kinds + (["object", "object", "array", "array", "anyOf", "map", "anything"] if depth else []))
        if kind == "object":
            keys = sorted({self.word() for _ in range(r.randrange(0, 4))})
            return {"type": "object", "properties": {k: self.schema(depth - 1) for k in keys}, "required": [k for k in keys if r.random() < 0.6]}
        if kind == "array":
            least = r.randrange(0, 3)
            bounds = r.choice([{}, {"minItems": least}, {"minItems": least, "maxItems": least + r.randrange(0, 3)}])
            return {"type": "array", "items": self.schema(depth - 1), **bounds}
        if kind == "anyOf":
            return {"anyOf": [self.schema(depth - 1) for _ in range(r.randrange(1, 4))], "title": "a choice"}
        if kind == "map":
            return {"type": "object", "additionalProperties": r.choice([True, self.schema(depth - 1)])}
        if kind == "anything":
            return r.choice([True, {}])
        if kind == "format":
            return {"type": "string", "format": r.choice(["date", "time", "date-time", "uuid"])}
        if kind == "string":
            least = r.randrange(0, 4)
            return {"type": "string", **r.choice([{}, {"minLength": least}, {"minLength": least, "maxLength": least + r.randrange(0, 9)}])}
        if kind == "pattern":
            return {"type": "string", "pattern": r.choice(["^[a-z]+$", "^\\d{3}-\\d{2}$", "b[xy]?", "^(é|日)*\\\\?$|^\"+$", "[^a-z]{2}$", "^a.c"])}
        if kind == "enum":
            return {"enum": [self.word(), r.randrange(9), None, True, 1.5, [1, {"a": []}]]}
        if kind == "const":
            return {"const": r.choice([self.word(), {"k": [False, "é"]}, -7])}
        if kind == "types":
            return {"type": ["integer", "null", "string"], "maximum": 5, "maxLength": 3}
        if kind in ("integer", "number"):
            low, high = sorted(r.randrange(-2000, 2000) for _ in range(2))
            lower = r.choice([{}, {"minimum": low}, {"exclusiveMinimum": low}])
            upper = r.choice([{}, {"maximum": high + 2}, {"exclusiveMaximum": high + 2}])
            return {"type": kind, **lower, **upper}
        return {"type": kind}

    def expression(self, depth):
        r = self.random
        if depth == 0:
            return r.choice(["a", "b c", "é", "日", ".", "\\d", "\\w", "\\s", "[a-f]", "[^a-z]", "[-é日]", "\\.", "\\x41", "😀"])
        parts = [self.expression(depth - 1) for _ in range(r.randrange(1, 4))]
        inner = "(" + r.choice(["", "?:"]) + r.choice(["", "|"]).join(parts) + ")"
        endless = ["*", "+", "{2,}", "*?"] if depth == 1 else []  # in each other they take Python's re minutes
        return inner + r.choice(["", "", "?", "{2}", "{1,3}", *endless])


def draw(tokenizer, tasks):
    lines = "".join(json.dumps(task) + "\n" for task in tasks)
    done = subprocess.run([os.environ["BINOCLE_RANDOM_ANSWERS"], tokenizer], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for task in tasks:
        yield task, answers[:task["walks"]]
        answers = answers[task["walks"]:]


class Answers(unittest.TestCase):
    def check(self, tokenizers, tasks, walks, is_right):
        for tokenizer in tokenizers:
            right = refused = 0
            for task, answers in draw(tokenizer, tasks):
                self.assertEqual(len(answers), walks)
                for answer in answers:
                    self.assertNotEqual(answer["how"], "failed", (task, answer))
                    if answer["how"] == "limit":
                        self.assertRegex(answer["text"], "^there is room for", task)
                        refused += 1
                        continue
                    self.assertLessEqual(answer["tokens"], task["room"])
                    self.assertTrue(is_right(task, answer["text"]), (tokenizer, task, answer))
                    right += 1
            print(f"{os.path.basename(os.path.dirname(tokenizer))}/{os.path.basename(tokenizer)}: {right} answers right, {refused} had too little room",
                  file=sys.stderr)
            self.assertGreater(right, 3 * refused)

    def schemas(self, tokenizers, count, walks):
        tasks = []
        for seed in range(count):
            pick = Draw(seed)
            schema = pick.schema(3)
            if seed % 3 == 0:
                schema = {"$defs": {"a": schema}, "type": "object", "properties": {"one": {"$ref": "#/$defs/a"}, "two": {"$ref": "#/$defs/a"}}}
            tasks.append({"kind": "schema", "texts": [json.dumps(schema)], "walks": walks, "room": pick.random.choice([25, 60, 200]), "seed": seed})

        def is_right(task, text):
            schema = json.loads(task["texts"][0])
            text.encode()
            maps = re.search('"additionalProperties"|true|{}', task["texts"][0])  # names of members may come twice there
            return fits(json.loads(text, object_pairs_hook=None if maps else no_twins), schema, schema)
        self.check(tokenizers, tasks, walks, is_right)

    def expressions(self, tokenizers, count, walks):
        tasks = [{"kind": "regex", "texts": [Draw(seed).expression(seed % 4)], "walks": walks, "room": [12, 30, 100][seed % 3], "seed": seed}
                 for seed in range(count)]
        self.check(tokenizers, tasks, walks, lambda task, text: re.fullmatch(task["texts"][0], text, re.ASCII) is not None)

    def choices(self, tokenizers, count, walks):
        tasks = [{"kind": "choice", "texts": [Draw(seed + i).word() for i in range(1 + seed % 9)], "walks": walks, "room": 24, "seed": seed}
                 for seed in range(count)]
        self.check(tokenizers, tasks, walks, lambda task, text: text in task["texts"])

    def test_schemas(self):
        self.schemas(SMALL, 150, 8)

    def test_expressions(self):
        self.expressions(SMALL, 200, 6)

    def test_choices(self):
        self.choices(SMALL, 60, 8)

    def test_full_vocabularies(self):
        if not all(map(os.path.exists, FULL)):
            self.skipTest(f"{SHARED} is not there: full vocabularies are not checked")
        self.schemas(FULL, 24, 3)
        self.expressions(FULL, 24, 3)
        self.choices(FULL, 9, 4)


if __name__ == "__main__":
    unittest.main()
