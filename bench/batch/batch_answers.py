# SPDX-License-Identifier: Apache-2.0
"""What a worker of Spark or Dask does with its share of the questions: the Python package, in the records that `binocle eval` writes."""
import json
import os

import binocle


def answers(lines):
    """lines: JSON of questions. Questions about one picture that stand together cost its vision once. Gives JSON lines of answers."""
    with open(f"began.{os.getpid()}", "w", encoding="ascii") as file:
        file.write("\n")
    with binocle.Model("model.bnc", threads=1) as model, model.session() as session:
        seen = None
        for line in lines:
            asked = json.loads(line)
            if asked["image"] == seen:
                session.restart()
            else:
                session.reset()
                session.add_image(asked["image"])
            seen = asked["image"]
            answer = session.ask(asked["question"], max_tokens=64)
            text = answer.text()
            yield json.dumps({"id": asked["id"], "image": seen, "question": asked["question"], "answer": text, "finish": answer.finish,
                              "answer_tokens": answer.usage.answer_tokens})


def questions():
    """[share of lines]: four, each of whole pictures."""
    with open("questions.jsonl", encoding="utf-8") as file:
        lines = file.read().splitlines()
    return [lines[i : i + 50 - 50 % 4] for i in range(0, len(lines), 50 - 50 % 4)]
