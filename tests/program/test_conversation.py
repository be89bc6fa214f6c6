# SPDX-License-Identifier: Apache-2.0
"""What steers a conversation from the command line: system text, stop texts, saving and restoring."""
import json
import os

from program_case import PHOTO, ProgramCase, binocle, main, path

ASK = ("--max-tokens", "24", "--quiet")


class Conversation(ProgramCase):
    def answer(self, *arguments, **settings):
        return self.done("run", self.model, *arguments, *ASK, **settings).out.decode("utf-8", "replace")[:-1]

    def fails(self, code, words, *arguments):
        outcome = binocle(*arguments)
        self.assertEqual(code, outcome.code, outcome)
        self.assertIn(words, self.says_one_line(outcome))
        return outcome

    def test_stop(self):
        whole = self.answer("--prompt", "hello")
        self.assertGreater(len(whole), 4)
        cut = self.answer("--prompt", "hello", "--stop", "never there", "--stop", whole[2:4])
        self.assertEqual(whole[:whole.index(whole[2:4])], cut)
        told = self.done_json("run", self.model, "--prompt", "hello", "--stop", whole[2:4], "--json", *ASK)
        self.assertEqual((cut, "stop"), (told["answer"], told["finish"]))
        outcome = self.done("run", self.model, "--prompt", "hello", "--max-tokens", "24", "--stop", whole[0])
        self.assertIn(b"answer is empty", outcome.err)
        many = [word for i in range(17) for word in ("--stop", f"x{i}")]
        self.fails(1, "17 stop texts", "run", self.model, "--prompt", "hello", *many)

    def test_system(self):
        self.assertNotEqual(self.answer("--prompt", "hello"), self.answer("--prompt", "hello", "--system", "be brief, a street sign."))

    def test_save_and_restore(self):
        state, chatted = path("a.state"), path("b.state")
        self.answer("--prompt", "hello", "--image", PHOTO, "--save", state)
        second = self.answer("--restore", state, "--prompt", "a sign?")
        both = self.done("chat", self.model, "--image", PHOTO, *ASK, "--save", chatted, stdin=b"hello\na sign?\n").out.decode("utf-8", "replace")
        self.assertTrue(both.endswith(second + "\n"), both)
        third = self.answer("--restore", chatted, "--prompt", "and?")
        go_on = self.done("chat", self.model, "--restore", state, *ASK, stdin=b"a sign?\nand?\n").out.decode("utf-8", "replace")
        self.assertTrue(go_on.endswith(third + "\n"), go_on)

    def test_what_cannot_be_restored(self):
        state = path("c.state")
        self.answer("--prompt", "hello", "--save", state)
        self.fails(1, "conversation has begun", "run", self.model, "--restore", state, "--system", "x", "--prompt", "y")
        self.fails(1, "not a saved session", "run", self.model, "--restore", self.model, "--prompt", "y")
        with open(state, "r+b") as f:
            f.truncate(os.path.getsize(state) - 1)
        self.fails(1, "c.state: ", "run", self.model, "--restore", state, "--prompt", "y")
        self.fails(1, "absent.state", "run", self.model, "--restore", path("absent.state"), "--prompt", "y")
        self.fails(1, "no/such", "run", self.model, "--prompt", "y", "--save", path("no/such/x.state"))


class Form(ProgramCase):
    """Answers that must be one of some texts, match, or be JSON of a schema."""
    SCHEMA = {"type": "object", "properties": {"sign": {"type": "string", "maxLength": 5}, "count": {"type": "integer", "minimum": 0, "maximum": 9}},
              "required": ["sign", "count"]}

    def setUp(self):
        self.schema = path("sign.json")
        with open(self.schema, "w") as f:
            json.dump(self.SCHEMA, f)

    def answers(self, *arguments):
        for more in ((), ("--temperature", "2", "--seed", "5"), ("--draft", "lookup"), ("--temperature", "3", "--top-k", "40", "--max-tokens", "30")):
            yield self.done_json("run", self.model, "--prompt", "a sign?", "--json", "--quiet", *arguments, *more)

    def test_run(self):
        for told in self.answers("--json-schema", self.schema):
            value = json.loads(told["answer"])
            self.assertEqual((["sign", "count"], "stop"), (list(value), told["finish"]))
            self.assertTrue(len(value["sign"]) <= 5 and 0 <= value["count"] <= 9)
        for told in self.answers("--choice", "dark red,blue"):
            self.assertIn(told["answer"], ("dark red", "blue"))
        for told in self.answers("--regex", "[a-z]{3}-[0-9]{2,4}"):
            self.assertRegex(told["answer"], r"\A[a-z]{3}-[0-9]{2,4}\Z")

    def test_chat(self):
        outcome = self.done("chat", self.model, "--choice", "yes,no", "--quiet", stdin=b"a?\nb?\nc?\n")
        self.assertEqual(3, len(outcome.out.split()))
        self.assertLessEqual(set(outcome.out.split()), {b"yes", b"no"})

    def test_eval(self):
        questions, answers = path("formed.jsonl"), path("formed.answers.jsonl")
        with open(questions, "w") as f:
            f.write("".join(json.dumps({"question": f"is it {i}?", "answers": ["yes"]}) + "\n" for i in range(4)))
        self.done("eval", self.model, questions, "-o", answers, "--choice", "yes,no", "--quiet")
        with open(answers) as f:
            lines = [json.loads(line) for line in f]
        self.assertEqual(4, len(lines))
        for line in lines:
            self.assertIn(line["answer"], ("yes", "no"))
            self.assertRegex(line["form"], "^choice [0-9a-f]{16}$")
        again = binocle("eval", self.model, questions, "-o", answers, "--choice", "yes,no,maybe")
        self.assertEqual(1, again.code)
        self.assertIn("was answered in the form 'choice ", self.says_one_line(again))
        self.done("eval", self.model, questions, "-o", answers, "--choice", "yes,no", "--quiet")

    def test_what_is_refused(self):
        def fails(words, *arguments, code=1):
            outcome = binocle("run", self.model, "--prompt", "x", *arguments)
            self.assertEqual(code, outcome.code, outcome)
            self.assertIn(words, self.says_one_line(outcome))
        with open(path("wrong.json"), "w") as f:
            f.write('{"type": "array", "items": {"not": {}}}')
        fails("wrong.json: the schema at #/items: 'not' is not supported", "--json-schema", path("wrong.json"))
        fails("absent.json: No such file", "--json-schema", path("absent.json"))
        fails("--choice and --regex exclude each other", "--choice", "a", "--regex", "b", code=2)
        fails("--regex: the regular expression, byte 3", "--regex", "a(?=b)", code=2)
        fails("--regex: the regular expression, byte 4", "--regex", "[0-9", code=2)
        fails("there is room for 3 tokens", "--regex", "[0-9]{40}", "--max-tokens", "3")


if __name__ == "__main__":
    main()
