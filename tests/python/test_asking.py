# SPDX-License-Identifier: Apache-2.0
"""Answers: whole, in pieces, in an event loop; ended by stop texts, lengths, cancellation, exceptions; of conversations, of many threads."""
import asyncio
import gc
import json
import math
import os
import threading
import time
import unittest

import binocle
from python_case import ANSWER, POCKET, QUESTION, SIGN, PythonCase, program


class Boom(Exception):
    pass


class Asking(PythonCase):
    def endless(self, session, **settings):
        """An answer that ends where the context does."""
        return session.ask("Describe", temperature=5.0, ignore_stop=True, max_tokens=None, **settings)

    def test_text_is_the_programs(self):
        for question in (QUESTION, "Which word is on the sign?", "How many shapes are there?"):
            said = program("run", POCKET, "--image", SIGN, "--prompt", question, "--quiet", "--threads", "1").rstrip("\n")
            self.assertEqual(said, self.model.ask(SIGN, question).text())

    def test_pieces(self):
        answer = self.model.ask(SIGN, QUESTION)
        self.assertIsNone(answer.finish)
        pieces = list(answer)
        self.assertEqual(ANSWER, "".join(pieces))
        self.assertEqual(2, len(pieces))
        self.assertEqual("stop", answer.finish)
        self.assertFalse(answer.cut)
        self.assertEqual(2, answer.usage.answer_tokens)
        self.assertEqual([], list(answer), "an answer is read once")

    def test_settings(self):
        self.assertEqual("length", self.finish_of(max_tokens=1))
        answer = self.model.ask(SIGN, QUESTION, stop="6")
        self.assertEqual(("3", "stop"), (answer.text(), answer.finish))
        drawn = [self.model.ask(SIGN, "Describe", temperature=3.0, seed=seed, max_tokens=20).text() for seed in (1, 1, 2)]
        self.assertEqual(drawn[0], drawn[1])
        self.assertNotEqual(drawn[0], drawn[2])
        self.assertEqual(ANSWER, self.model.ask(SIGN, QUESTION, draft="lookup").text())
        other = self.model.ask(SIGN, QUESTION, system="You never answer.")
        before = self.model.ask(SIGN, QUESTION)
        self.assertTrue(other.text() and before.text())
        self.assertNotEqual(other.usage.prompt_rows, before.usage.prompt_rows)

    def finish_of(self, **settings):
        answer = self.model.ask(SIGN, QUESTION, **settings)
        answer.text()
        return answer.finish

    def test_wrong_settings(self):
        for settings, kind in (({"draft": "x"}, ValueError), ({"seed": -1}, ValueError), ({"max_tokens": 0}, ValueError), ({"stop": [3]}, TypeError),
                               ({"stop": "a\0b"}, ValueError)):
            with self.assertRaises(kind, msg=str(settings)):
                self.model.ask(SIGN, QUESTION, **settings)
        for settings in ({"temperature": -1.0}, {"top_p": 0.0}, {"stop": ["x"] * 17}, {"stop": ""}, {"template": "none"}):
            with self.assertRaises(binocle.InvalidArgument, msg=str(settings)):
                self.model.ask(SIGN, QUESTION, **settings).text()
        with self.assertRaises(TypeError):
            self.model.ask(SIGN, 3)
        self.assertEqual(ANSWER, self.model.ask(SIGN, QUESTION).text())

    def test_logprobs(self):
        answer = self.model.ask(SIGN, QUESTION, logprobs=True)
        text = answer.text()
        self.assertEqual(text, "".join(token.text for token in answer.tokens))
        for token in answer.tokens:
            self.assertEqual((token.id, token.logprob), token.top[0])
            self.assertEqual(20, len(token.top))
            self.assertEqual(sorted((p for _, p in token.top), reverse=True), [p for _, p in token.top])
            self.assertLessEqual(sum(math.exp(p) for _, p in token.top), 1.0001)
        self.assertEqual(self.model.detokenize([token.id for token in answer.tokens]).strip(), text)

    def test_forms(self):
        self.assertIn(self.model.ask(SIGN, QUESTION, choice=["12", "13"]).text(), ("12", "13"))
        self.assertRegex(self.model.ask(SIGN, QUESTION, regex="[a-c]{3}x").text(), "^[a-c]{3}x$")
        schema = {"type": "object", "properties": {"number": {"type": "integer", "minimum": 10, "maximum": 99}}, "required": ["number"]}
        for form in (schema, json.dumps(schema)):
            said = json.loads(self.model.ask(SIGN, QUESTION, json_schema=form).text())
            self.assertEqual(["number"], list(said))
            self.assertTrue(10 <= said["number"] <= 99)
        self.assertEqual(ANSWER, self.model.ask(SIGN, QUESTION).text(), "a form is that of one answer")
        with self.assertRaises(binocle.FormatError):
            self.model.ask(SIGN, QUESTION, regex="(").text()
        with self.assertRaises(ValueError):
            self.model.ask(SIGN, QUESTION, regex="a", choice=["a"])
        with self.assertRaises(TypeError):
            self.model.ask(SIGN, QUESTION, choice="yes")
        self.assertEqual(ANSWER, self.model.ask(SIGN, QUESTION).text())

    def test_conversation(self):
        with self.model.session() as session:
            session.add_image(SIGN)
            first = session.ask(QUESTION).text()
            rows = session.rows
            second = session.ask("Which word is on the sign?").text()
            self.assertGreater(session.rows, rows)
            self.assertEqual(1, session.statistics.pictures)
            saved = os.path.join(self.work, "talk.session")
            session.save(saved)
            third = session.ask("Which shape is it?").text()
            with self.model.session() as other:
                other.restore(saved)
                self.assertEqual(third, other.ask("Which shape is it?").text())
            history = [(QUESTION, first), ("Which word is on the sign?", second)]
            self.assertEqual(third, self.model.ask(SIGN, "Which shape is it?", history=history).text())
            session.restart()
            self.assertEqual(first, session.ask(QUESTION).text())
            self.assertEqual(1, session.statistics.pictures)
            with self.assertRaises(binocle.FormatError):
                session.restore(SIGN)
        with self.assertRaises(binocle.InvalidArgument):
            session.ask(QUESTION).text()

    def test_busy(self):
        with self.model.session() as session:
            answer = self.endless(session)
            next(answer)
            with self.assertRaises(binocle.SessionBusy):
                session.add_image(SIGN)
            with self.assertRaises(binocle.SessionBusy):
                session.ask(QUESTION).text()
            answer.close()
            session.reset()
            self.assertEqual(ANSWER, session.ask(QUESTION, SIGN).text())

    def test_cancel(self):
        with self.model.session() as session:
            for _ in range(20):
                answer = self.endless(session)
                next(answer)
                threading.Thread(target=answer.cancel).start()
                answer.text()
                self.assertIn(answer.finish, ("cancelled", "context"))
                session.reset()
                # A request that came too late does not end what follows.
                self.assertEqual(ANSWER, session.ask(QUESTION, SIGN).text())
                answer.cancel()
                session.reset()
        early = self.model.ask(SIGN, QUESTION)
        early.cancel()
        with self.assertRaises(binocle.Cancelled):
            early.text()

    def test_cancel_during_vision(self):
        def stop(stage, fraction):
            answer.cancel()
        answer = self.model.ask(SIGN, QUESTION, progress=stop)
        with self.assertRaises(binocle.Cancelled):
            answer.text()
        self.assertEqual(ANSWER, self.model.ask(SIGN, QUESTION).text())

    def test_cancel_that_comes_too_late(self):
        with self.model.session() as session:
            def cancel_behind_the_last_token(run, before=session._generate):
                before(run, binocle.Sampling())
                run.cancel()
            session._generate = lambda run, sampling: cancel_behind_the_last_token(run)
            self.assertEqual(ANSWER, session.ask(QUESTION, SIGN).text())
            del session._generate
            session.reset()
            self.assertEqual(ANSWER, session.ask(QUESTION, SIGN).text())

    def test_dropped_answers_stop(self):
        with self.model.session() as session:
            for piece in self.endless(session):
                break
            gc.collect()
            start = time.monotonic()
            session.reset()  # waits for what was given up
            self.assertLess(time.monotonic() - start, 5)
            with self.endless(session) as answer:
                next(answer)
            session.reset()
            self.assertEqual(ANSWER, session.ask(QUESTION, SIGN).text())

    def test_progress(self):
        seen = []
        self.assertEqual(ANSWER, self.model.ask(SIGN, QUESTION, progress=lambda stage, fraction: seen.append((stage, fraction)) or True).text())
        self.assertGreater(len({stage for stage, _ in seen}), 1)
        self.assertTrue(all(0 <= fraction <= 1 for _, fraction in seen), seen)

    def test_exceptions_of_callbacks(self):
        for stages in range(3):
            called = []

            def progress(stage, fraction):
                called.append(stage)
                self.model.info  # a callback may call the library
                if len(set(called)) > stages:
                    raise Boom(stage)
            with self.assertRaises(Boom) as caught:
                self.model.ask(SIGN, QUESTION, progress=progress).text()
            self.assertEqual(called[-1], str(caught.exception))
            self.assertEqual(1, called.count(called[-1]), "it was called again after it had raised")
        with self.model.session() as session:
            with self.assertRaises(KeyboardInterrupt):
                session.add_image(SIGN, progress=lambda stage, fraction: (_ for _ in ()).throw(KeyboardInterrupt))
            self.assertEqual(ANSWER, session.ask(QUESTION, SIGN).text())

    def test_asyncio(self):
        async def several():
            texts = await asyncio.gather(*(self.whole() for _ in range(4)))
            answer = self.model.ask(SIGN, QUESTION)
            pieces = [piece async for piece in answer]
            self.assertEqual("stop", answer.finish)
            with self.assertRaises(binocle.FileError):
                await self.model.ask("absent.png", QUESTION)
            return texts + ["".join(pieces)]
        self.assertEqual([ANSWER] * 5, asyncio.run(several()))

    async def whole(self):
        return await self.model.ask(SIGN, QUESTION)

    def test_asyncio_cancel(self):
        """A task that is cancelled, in the answer or in what it does between two pieces, leaves a session that is free."""
        async def given_up(pause):
            with self.model.session() as session:
                begun = asyncio.Event()
                task = asyncio.ensure_future(self.read(self.endless(session), pause, begun))
                await begun.wait()
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                session.reset()
                return await session.ask(QUESTION, SIGN)
        for pause in (0, 0.01):
            self.assertEqual(ANSWER, asyncio.run(given_up(pause)))

    @staticmethod
    async def read(answer, pause, begun):
        async with answer:
            async for _ in answer:
                begun.set()
                await asyncio.sleep(pause)

    def test_threads(self):
        texts = []

        def ask():
            for _ in range(5):
                texts.append(self.model.ask(SIGN, QUESTION).text())
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([ANSWER] * 20, texts)

    def test_the_gil_is_free(self):
        """While the library works, this thread counts; it could not where a call kept the GIL."""
        with self.model.session() as session:
            answer = self.endless(session)
            next(answer)
            count = 0
            while answer._run._thread.is_alive() and count < 1000:
                count += 1
            self.assertEqual(1000, count)
            answer.close()


if __name__ == "__main__":
    unittest.main()
