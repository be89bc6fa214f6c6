# SPDX-License-Identifier: Apache-2.0
"""What steers a conversation from the command line: system text, stop texts, saving and restoring."""
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


if __name__ == "__main__":
    main()
