# SPDX-License-Identifier: Apache-2.0
"""The packages "openai" of Python and of Node.js as clients of `binocle serve`, where they are at hand: Python finds its own, Node.js those of
NODE_PATH."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from serve_case import POCKET, SIGN, ServeCase, Server, data_url, main, path, user

try:
    import openai
except ImportError:
    openai = None

QUESTION = "What does the sign say?"
NODE = """
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
const OpenAI = createRequire(process.env.NODE_PATH + "/")("openai").default;
const [url, picture] = process.argv.slice(2);
const client = new OpenAI({ baseURL: url, apiKey: "none" });
const messages = [{ role: "user", content: [{ type: "text", text: "What does the sign say?" },
  { type: "image_url", image_url: { url: "data:image/webp;base64," + readFileSync(picture).toString("base64") } }] }];
const whole = await client.chat.completions.create({ model: "pocket", messages, logprobs: true, top_logprobs: 2 });
let text = "", usage = null;
for await (const chunk of await client.chat.completions.create({ model: "pocket", messages, stream: true, stream_options: { include_usage: true } })) {
  text += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}
let refused = null;
try { await client.chat.completions.create({ model: "pocket", messages: [] }); } catch (problem) { refused = [problem.constructor.name, problem.status]; }
const models = [];
for await (const model of client.models.list()) models.push(model.id);
console.log(JSON.stringify({ whole: whole.choices[0].message.content, top: whole.choices[0].logprobs.content[0].top_logprobs.length, text, usage, refused, models }));
"""


def node_has_openai():
    folder = os.environ.get("NODE_PATH", "")
    return bool(shutil.which("node")) and os.path.isdir(os.path.join(folder, "openai")) if folder else False


class OpenAi(ServeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Server(POCKET)
        cls.url = f"http://127.0.0.1:{cls.server.port}"

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    @unittest.skipUnless(openai, "the package openai is not here")
    def test_openai_of_python(self):
        client = openai.OpenAI(base_url=self.url + "/v1", api_key="none")
        messages = [user(QUESTION, data_url(SIGN))]
        whole = client.chat.completions.create(model="pocket", messages=messages, logprobs=True, top_logprobs=2)
        self.assertEqual("BUS", whole.choices[0].message.content)
        self.assertEqual(2, len(whole.choices[0].logprobs.content[0].top_logprobs))
        self.assertGreaterEqual(whole.usage.model_dump()["binocle"]["total_s"], 0)
        chunks = list(client.chat.completions.create(model="pocket", messages=messages, stream=True, stream_options={"include_usage": True}))
        self.assertEqual("BUS", "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))
        self.assertEqual(1, chunks[-1].usage.completion_tokens)
        self.assertEqual(["pocket"], [model.id for model in client.models.list()])
        self.assertEqual("pocket", client.models.retrieve("pocket").id)
        with self.assertRaises(openai.BadRequestError) as refused:
            client.chat.completions.create(model="pocket", messages=[user(QUESTION, "http://127.0.0.1/a.png")])
        self.assertEqual("invalid_image_url", refused.exception.code)
        form = {"type": "json_schema", "json_schema": {"name": "sign", "schema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}}}
        shaped = client.chat.completions.create(model="pocket", messages=messages, response_format=form, max_tokens=40)
        self.assertEqual(["text"], list(json.loads(shaped.choices[0].message.content)))
        extra = {"store": False, "metadata": {"app": "test"}, "service_tier": "auto", "parallel_tool_calls": True, "n": 1, "user": "me", "safety_identifier": "me"}
        loose = client.chat.completions.create(model="pocket", messages=[*messages, whole.choices[0].message, {"role": "user", "content": "As JSON?"}], response_format={"type": "json_object"}, max_tokens=40, **extra)
        self.assertIs(dict, type(json.loads(loose.choices[0].message.content)))
        with self.assertRaises(openai.BadRequestError) as refused:
            client.chat.completions.create(model="pocket", messages=messages, extra_body={"guided_choice": ["a"]})
        self.assertEqual(("unknown_parameter", "guided_choice"), (refused.exception.code, refused.exception.param))
        with self.assertRaises(openai.NotFoundError):
            client.chat.completions.create(model="gpt-9", messages=messages)

    @unittest.skipUnless(openai, "the package openai is not here")
    def test_openai_of_python_with_a_token(self):
        with tempfile.NamedTemporaryFile("w", dir=path()) as f:
            f.write("0123456789abcdef")
            f.flush()
            with Server(POCKET, "--token-file", f.name) as server:
                url = f"http://127.0.0.1:{server.port}/v1"
                self.assertEqual(1, len(list(openai.OpenAI(base_url=url, api_key="0123456789abcdef").models.list())))
                with self.assertRaises(openai.AuthenticationError):
                    openai.OpenAI(base_url=url, api_key="another").models.list()

    @unittest.skipUnless(node_has_openai(), "Node.js or its package openai (NODE_PATH) is not here")
    def test_openai_of_node(self):
        with open(path("client.mjs"), "w", encoding="utf-8") as f:
            f.write(NODE)
        done = subprocess.run(["node", path("client.mjs"), self.url + "/v1", SIGN], capture_output=True, timeout=120, check=False)
        self.assertEqual(0, done.returncode, done.stderr.decode())
        told = json.loads(done.stdout)
        self.assertEqual(("BUS", 2, "BUS", 1), (told["whole"], told["top"], told["text"], told["usage"]["completion_tokens"]))
        self.assertEqual((["BadRequestError", 400], ["pocket"]), (told["refused"], told["models"]))

if __name__ == "__main__":
    if not openai and not node_has_openai():
        print('neither Python nor Node.js has the package "openai" here: it is not tested')
        sys.exit(77)
    main()
