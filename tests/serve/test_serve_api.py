# SPDX-License-Identifier: Apache-2.0
"""What clients of OpenAI's chat API get from `binocle serve`: answers whole and in pieces, what is told of them, and clear refusals."""
import json
import math
import re

from serve_case import CHAT, POCKET, SIGN, ServeCase, Server, blank_png, data_url, main, user

ASKED = user("What does the sign say?", data_url(SIGN))


class Api(ServeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pocket = Server(POCKET)
        cls.noise = Server(cls.talker, "--max-tokens", "1000")

    @classmethod
    def tearDownClass(cls):
        for server in (cls.pocket, cls.noise):
            code, _ = server.stop()
            assert code == 0, server.said

    def test_an_answer(self):
        reply = self.pocket.chat(ASKED, model="pocket")
        self.assertEqual(200, reply.status, reply)
        answer = reply.json
        self.assertEqual(("chat.completion", "pocket"), (answer["object"], answer["model"]))
        self.assertRegex(answer["id"], "^chatcmpl-[0-9a-f]{24}$")
        choice = answer["choices"][0]
        self.assertEqual({"role": "assistant", "content": "BUS", "refusal": None}, choice["message"])
        self.assertEqual("stop", choice["finish_reason"])
        usage = answer["usage"]
        self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + usage["completion_tokens"])
        self.assertEqual(1, usage["completion_tokens"])
        self.assertGreater(usage["prompt_tokens"], 64)
        for name in ("queue_s", "vision_s", "prefill_s", "decode_s", "time_to_first_token_s", "total_s"):
            self.assertGreaterEqual(usage["binocle"][name], 0, name)
        self.assertIn("joules", usage["binocle"])

    def test_joules_of_a_given_power(self):
        with Server(self.talker, "--watts", "20") as server:
            usage = server.chat("hello", max_tokens=200).json["usage"]["binocle"]
            self.assertAlmostEqual(20 * usage["total_s"], usage["joules"], delta=20 * 0.05 + 0.2 * usage["joules"])
            self.assertEqual("estimate: 20 W", usage["energy_meter"])
            self.assertGreater(server.metric("joules_total"), 0)

    def test_a_stream_says_what_a_whole_answer_says(self):
        whole = self.noise.chat("tell me more", max_tokens=50)
        reply = self.noise.chat("tell me more", max_tokens=50, stream=True, stream_options={"include_usage": True})
        self.assertEqual("text/event-stream", reply.headers["content-type"])
        events = reply.events
        self.assertEqual({"role": "assistant"}, {k: v for k, v in events[0]["choices"][0]["delta"].items() if k != "content"})
        self.assertEqual(whole.text, "".join(event["choices"][0]["delta"].get("content", "") for event in events if event["choices"]))
        self.assertEqual("length", [event for event in events if event["choices"]][-1]["choices"][0]["finish_reason"])
        self.assertEqual(([], 50), (events[-1]["choices"], events[-1]["usage"]["completion_tokens"]))
        self.assertEqual(1, len({event["id"] for event in events}))
        self.assertNotIn("usage", self.noise.chat("tell me more", max_tokens=5, stream=True).events[-1])

    def test_tiles_are_told_where_that_is_asked_for(self):
        with Server(POCKET) as server:
            told = [event["binocle"] for event in server.chat(ASKED, stream=True, binocle={"progress": True}).events if "binocle" in event]
        order = list(dict.fromkeys(event["tile"] for event in told if "tile" in event))
        self.assertEqual([f"crop{i}" for i in range(9)] + ["stride4"], order)
        self.assertEqual({"looking at the picture"}, {event["stage"] for event in told if "tile" in event})
        fractions = [event["fraction"] for event in told if event["stage"] == "looking at the picture"]
        self.assertEqual(sorted(fractions), fractions)
        self.assertFalse([event for event in self.pocket.chat(ASKED, stream=True).events if "binocle" in event])

    def test_a_conversation_goes_on_and_pictures_are_known(self):
        first = self.pocket.chat(ASKED)
        again = self.pocket.chat(ASKED).json["usage"]
        self.assertEqual((0, 1), (again["binocle"]["pictures"], again["binocle"]["pictures_reused"]))
        self.assertEqual(again["prompt_tokens"] - 1, again["prompt_tokens_details"]["cached_tokens"])
        self.pocket.chat("something else")
        self.assertEqual(1, self.pocket.chat(ASKED).json["usage"]["binocle"]["pictures_reused"])
        reply = self.pocket.chat(ASKED, {"role": "assistant", "content": first.text}, "And the number on the red circle?")
        self.assertEqual(200, reply.status, reply)
        with Server(POCKET) as other:
            self.assertEqual(other.chat(ASKED, {"role": "assistant", "content": first.text}, "And the number on the red circle?").text, reply.text)

    def test_answers_hang_on_their_request_alone(self):
        drawn = [self.noise.chat("a story", temperature=1.5, seed=seed, max_tokens=40).text for seed in (7, 8, 7)]
        self.assertEqual(drawn[0], drawn[2])
        self.assertNotEqual(drawn[0], drawn[1])
        self.assertEqual(self.noise.chat("a story", max_tokens=40).text, self.noise.chat("a story", max_tokens=40, temperature=3, top_p=0).text)
        self.assertEqual(self.noise.chat("a story", max_tokens=40).text, self.noise.chat("a story", max_tokens=40, temperature=3, top_k=1).text)

    def test_stop_texts(self):
        text = self.noise.chat("a story", max_tokens=60).text
        stop = text[20:23]
        for stops in (stop, [stop], ["never in it", stop]):
            reply = self.noise.chat("a story", max_tokens=60, stop=stops)
            self.assertEqual((text[:text.index(stop)], "stop"), (reply.text, reply.json["choices"][0]["finish_reason"]))

    def test_log_probabilities(self):
        content = self.noise.chat("a story", max_tokens=12, logprobs=True, top_logprobs=3).json["choices"][0]["logprobs"]["content"]
        self.assertEqual(12, len(content))
        for token in content:
            self.assertEqual(token["bytes"], token["top_logprobs"][0]["bytes"])
            self.assertEqual(3, len(token["top_logprobs"]))
            self.assertLessEqual(sum(math.exp(other["logprob"]) for other in token["top_logprobs"]), 1 + 1e-5)
            self.assertEqual(token["token"], bytes(token["bytes"]).decode("utf-8", "replace"))
        streamed = self.noise.chat("a story", max_tokens=12, logprobs=True, top_logprobs=3, stream=True).events
        told = [token for event in streamed for token in (event["choices"][0]["logprobs"] or {"content": []})["content"]]
        self.assertEqual(content, told)
        self.assertIsNone(self.noise.chat("a story", max_tokens=2).json["choices"][0]["logprobs"])

    def test_answers_of_a_form(self):
        schema = {"type": "object", "properties": {"sign": {"type": "string", "maxLength": 12}, "sure": {"type": "boolean"}, "n": {"type": "integer", "minimum": 3, "maximum": 5}},
                  "required": ["sign", "sure", "n"], "additionalProperties": False}
        form = {"type": "json_schema", "json_schema": {"name": "seen", "strict": True, "schema": schema}}
        for server in (self.noise, self.pocket, self.noise):
            for members in ({}, {"stream": True}):
                reply = server.chat("hello", max_tokens=200, response_format=form, temperature=1.5, seed=3, **members)
                self.assertEqual(200, reply.status, reply)
                text = reply.text if not members else "".join(event["choices"][0]["delta"].get("content", "") for event in reply.events)
                told = json.loads(text)
                self.assertEqual((["sign", "sure", "n"], bool), (list(told), type(told["sure"])))
                self.assertIn(told["n"], (3, 4, 5))
        self.assertIn(self.noise.chat("hello", binocle={"choice": ["yes", "no"]}).text, ("yes", "no"))
        self.assertRegex(self.noise.chat("hello", binocle={"regex": "[a-c]{3}-\\d+"}, max_tokens=20).text, r"^[a-c]{3}-\d+$")
        free = self.noise.chat("hello", max_tokens=30).text
        self.assertEqual(free, self.noise.chat("hello", max_tokens=30, response_format={"type": "text"}).text)
        with Server(self.talker) as other:
            self.assertEqual(free, other.chat("hello", max_tokens=30).text)
        for members, word in ((dict(response_format={"type": "xml"}), "json_schema"), (dict(response_format={"type": "json_object", "json_schema": {"schema": {"type": "object"}}}), "json_schema"), (dict(response_format={"type": "json_schema"}), "object"),
                              (dict(response_format={"type": "json_schema", "json_schema": {"schema": {"type": "object", "not": {}}}}), "not"),
                              (dict(response_format=form, max_tokens=3), "token"), (dict(response_format=form, binocle={"regex": "a"}), "more than one"),
                              (dict(binocle={"regex": "("}), ""), (dict(binocle={"choice": []}), "list"), (dict(binocle={"choice": [1]}), "a number"), (dict(binocle={"choice": "yes"}), "list")):
            self.refused(self.noise.chat("hello", **members), 400, word)
        self.assertEqual(free, self.noise.chat("hello", max_tokens=30).text)

    def test_any_json_object(self):
        for seed in range(4):
            text = self.noise.chat("hello", max_tokens=60, temperature=1.5, seed=seed, response_format={"type": "json_object"}).text
            self.assertIs(dict, type(json.loads(text)), text)
        self.assertNotEqual("{", self.noise.chat("hello", max_tokens=60, temperature=1.5).text[:1])

    def test_members_that_nobody_knows_are_refused(self):
        for members, param, words in ((dict(binocle={"chioce": ["a"]}), "binocle.chioce", ("'choice'?", "choice, regex, progress")), (dict(binocle={"x": 1}), "binocle.x", ("choice, regex, progress",)),
                                      (dict(grammar="root ::= x"), "grammar", ("response_format",)), (dict(guided_choice=["a"]), "guided_choice", ()), (dict(temprature=0.3), "temprature", ("'temperature'?",)),
                                      (dict(repetition_penalty=1.2), "repetition_penalty", ("1.2, expected 1",)), (dict(binocle="choice"), "binocle", ("a text, expected an object",)),
                                      (dict(stream=True, stream_options={"include_usgae": True}), "stream_options.include_usgae", ("'include_usage'?",)),
                                      (dict(response_format={"type": "json_schema", "json_schema": {"scheme": {"type": "object"}}}), "response_format.json_schema.scheme", ("'schema'?",)),
                                      (dict(response_format={"type": "json_object", "schema": {"type": "object"}}), "response_format.schema", ()), (dict(response_format="json_object"), "response_format", ("a text",)),
                                      (dict(tool_choice="required"), "tool_choice", ("none or auto",)), ({"a" + "\u00e9" * 70: 1}, None, ())):
            error = self.refused(self.noise.chat("hello", max_tokens=3, **members), 400, *words)
            if param:
                self.assertEqual((param, True), (error["param"], param in error["message"]))
        image = {"role": "user", "content": "what is it?", "images": ["aGk="]}
        self.assertEqual("messages[0].images", self.refused(self.pocket.chat(image), 400)["param"])

    def test_members_that_change_no_answer_are_passed_over(self):
        free = self.noise.chat("hello", max_tokens=9).text
        echoed = {"role": "user", "content": "hello", "name": "me", "refusal": None, "annotations": [], "audio": None, "tool_calls": []}
        members = dict(user="me", metadata={"a": "b"}, store=False, stream_options=None, service_tier="auto", parallel_tool_calls=True, n=1, tools=[], tool_choice="auto", logit_bias={}, modalities=["text"],
                       prompt_cache_key="k", safety_identifier="s", frequency_penalty=0, presence_penalty=0.0, repetition_penalty=1.0, min_p=0, reasoning_effort=None, nobody_knows=None)
        reply = self.noise.chat(echoed, max_tokens=9, **members)
        self.assertEqual((200, free), (reply.status, reply.text), reply)

    def test_refusals_say_what_was_found(self):
        say = [user("hello")]
        for members, words in ((dict(), "'messages' is missing, expected a list"), (dict(messages="hi"), "'messages' is a text, expected a list"), (dict(messages=[]), "'messages' is an empty list, expected"),
                               (dict(messages=say * 1025), "'messages' has 1025, expected at most 1024"), (dict(messages=[{"role": "user"}]), "'messages[0].content' is missing"), (dict(messages=say, n=2), "'n' is 2, expected 1"),
                               (dict(messages=say, presence_penalty=0.5), "'presence_penalty' is 0.5, expected 0"), (dict(messages=say, temperature=-1), "'temperature' is -1, expected a number from 0 to 100"),
                               (dict(messages=say, max_tokens=1001), "'max_tokens' is 1001, expected a whole number from 1 to 1000"), (dict(messages=say, binocle={"choice": []}), "'binocle.choice' is an empty list")):
            self.refused(self.noise.ask("POST", CHAT, json.dumps(members), {"content-type": "application/json"}), 400, words)

    def test_linear_layers_on_own_kernels(self):
        for backend in ("own", "xnnpack"):
            with Server(POCKET, "--linear", backend) as server:
                self.assertEqual("BUS", server.chat(ASKED).text)

    def test_messages_of_one_side_belong_together(self):
        parts = self.noise.chat({"role": "system", "content": "Be brief."}, {"role": "user", "content": "one"}, {"role": "user", "content": "two"}, max_tokens=9)
        whole = self.noise.chat({"role": "developer", "content": [{"type": "text", "text": "Be brief."}]}, {"role": "user", "content": "one\ntwo"}, max_tokens=9)
        self.assertEqual(whole.text, parts.text)
        self.assertNotEqual(whole.text, self.noise.chat({"role": "user", "content": "one\ntwo"}, max_tokens=9).text)

    def test_models_health_and_metrics(self):
        models = self.pocket.ask(target="/v1/models").json
        self.assertEqual(("list", ["pocket"]), (models["object"], [model["id"] for model in models["data"]]))
        self.assertEqual(10, len(models["data"][0]["binocle"]["tiles"]))
        self.assertEqual(models["data"][0], self.pocket.ask(target="/v1/models/pocket").json)
        self.assertEqual({"status": "ok"}, self.pocket.ask().json)
        self.assertEqual(b"", self.pocket.ask("HEAD", "/health").body)
        before = self.noise.metric("generated_tokens_total")
        self.noise.chat("count", max_tokens=17)
        self.assertEqual(before + 17, self.noise.metric("generated_tokens_total"))
        self.check_metrics(self.noise.ask(target="/metrics").body.decode())

    def check_metrics(self, text):
        """The text format of Prometheus, version 0.0.4; with its own parser where that is here."""
        types, seen = {}, set()
        self.assertTrue(text.endswith("\n"))
        for line in text.splitlines():
            comment = re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (.+)", line)
            sample = re.fullmatch(r'([a-z_]+?)(_bucket|_sum|_count)?(\{([a-z_]+="[^"\n]*",?)*\})? [0-9.e+-]+', line)
            self.assertTrue(comment or sample, line)
            if comment and comment[1] == "TYPE":
                self.assertNotIn(comment[2], types)
                types[comment[2]] = comment[3]
            if sample:
                self.assertTrue(sample[1] in types or sample[1] + (sample[2] or "") in types, line)
                self.assertNotIn(line.rsplit(" ", 1)[0], seen)
                seen.add(line.rsplit(" ", 1)[0])
        try:
            from prometheus_client.parser import text_string_to_metric_families as parse
        except ImportError:
            return
        self.assertEqual(set(types), {family.name + ("_total" if family.type == "counter" else "") for family in parse(text)})

    def test_wrong_requests(self):
        say, long = [user("hello")], "x" * 300
        for members, word in ((dict(messages=[]), "messages"), (dict(messages="hello"), "messages"), (dict(), "messages"), (dict(messages=[3]), "object"),
                              (dict(messages=[{"role": "judge", "content": "x"}]), "judge"), (dict(messages=[{"role": "user", "content": 4}]), "a number"),
                              (dict(messages=[{"role": "user", "content": ""}]), "empty"), (dict(messages=[{"role": "user", "content": "a\0b"}]), "NUL"),
                              (dict(messages=[{"role": "assistant", "content": "x"}]), "user"), (dict(messages=[*say, {"role": "assistant", "content": "x"}]), "answer"),
                              (dict(messages=[*say, {"role": "system", "content": "x"}]), "in front"), (dict(messages=[user("see <image>")]), "<image>"),
                              (dict(messages=[{"role": "user", "content": [{"type": "input_audio"}]}]), "type"), (dict(messages=say, n=2), "'n'"),
                              (dict(messages=say, temperature=-1), "temperature"), (dict(messages=say, temperature="hot"), "temperature"),
                              (dict(messages=say, top_p=1.5), "top_p"), (dict(messages=say, max_tokens=0), "max_tokens"), (dict(messages=say, max_tokens=1001), "1000"),
                              (dict(messages=say, max_completion_tokens=-4), "max_completion_tokens"), (dict(messages=say, seed=1.5), "seed"), (dict(messages=say, stop=[""]), "stop"),
                              (dict(messages=say, stop=long), "stop"), (dict(messages=say, stop=["a"] * 17), "17"), (dict(messages=say, stream="yes"), "stream"),
                              (dict(messages=say, top_logprobs=2), "logprobs"), (dict(messages=say, logprobs=True, top_logprobs=21), "top_logprobs"),
                              (dict(messages=say, tools=[{"type": "function"}]), "tools"), (dict(messages=say, presence_penalty=1), "presence_penalty"), (dict(messages=say, user=7), "user")):
            self.refused(self.noise.ask("POST", CHAT, json.dumps(members), {"content-type": "application/json"}), 400, word)
        self.refused(self.noise.chat("x", model="gpt-9"), 404, "gpt-9", "expected 'talker', or no 'model'")
        self.refused(self.noise.chat("x", model="a" + "\u00e9" * 70), 404, "talker")  # cut inside a character
        for body, word in ((b"", "JSON"), (b"{", "JSON"), (b"[]", "a list"), (b'{"stream": true, "stream": false}', "twice"), (b'\xff', "JSON"),
                           (b'{"a": {"b": 1, "b": 1}}', "twice"), (b"[" * 70000, "JSON"), (b'{"a": [' + b"1," * 70000 + b"1]}", "values")):
            self.refused(self.noise.ask("POST", CHAT, body, {"content-type": "application/json"}), 400, word)

    def test_wrong_pictures(self):
        for url, word in (("http://127.0.0.1/a.png", "nothing is fetched"), ("https://example.org/a.png", "nothing is fetched"), ("file:///etc/passwd", "no file is opened"),
                          ("/etc/passwd", "no file is opened"), ("data:text/html;base64,aGk=", "data:image"), ("data:image/png,hello", "data:image"),
                          ("data:image/png;base64,", "base64"), ("data:image/png;base64,aGk", "base64"), ("data:image/png;base64,aG k=", "base64"),
                          ("data:image/png;base64,aGl=", "base64"), ("data:image/png;base64,aGVsbG8=", "picture"), (data_url(SIGN)[:900], "picture")):
            self.assertEqual("invalid_image_url", self.refused(self.pocket.chat(user("what is it?", url)), 400, word)["code"])
        self.refused(self.pocket.chat(user("all of them?", *[data_url(SIGN)] * 9)), 400, "8 pictures")
        self.refused(self.pocket.chat({"role": "system", "content": user("x", data_url(SIGN))["content"]}, "x"), 400, "only a user")
        self.assertEqual("BUS", self.pocket.chat(ASKED).text)

    def test_limit_of_pixels(self):
        with Server(POCKET, "--max-pixels", "1") as server:
            self.assertEqual(200, server.chat(user("what is it?", blank_png(1500, 1400))).status)  # reduced
            error = self.refused(server.chat(user("what is it?", blank_png(2000, 1600))), 400, "2000 x 1600", "at most 3145728")
            self.assertNotEqual("context_length_exceeded", error["code"])
        self.assertEqual(200, self.pocket.chat(user("what is it?", blank_png(2000, 1600))).status)

    def test_more_than_the_context_holds(self):
        error = self.refused(self.pocket.chat("word " * 4000), 400, "context")
        self.assertEqual("context_length_exceeded", error["code"])
        self.assertEqual("BUS", self.pocket.chat(ASKED).text)


if __name__ == "__main__":
    main()
