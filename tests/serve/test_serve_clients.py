# SPDX-License-Identifier: Apache-2.0
"""curl against `binocle serve`, and the sandbox of the systemd unit, as systemd-analyze sees it."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from serve_case import CHAT, POCKET, ROOT, SIGN, SLOW, ServeCase, Server, data_url, main, path, user

QUESTION = "What does the sign say?"


class Clients(ServeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Server(POCKET)
        cls.url = f"http://127.0.0.1:{cls.server.port}"

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    @unittest.skipUnless(shutil.which("curl"), "no curl here")
    def test_curl(self):
        request = {"messages": [user(QUESTION, data_url(SIGN))]}
        for stream in (False, True):
            with open(path("request.json"), "w", encoding="utf-8") as f:
                json.dump({**request, "stream": stream}, f)
            done = subprocess.run(["curl", "-sS", "--no-buffer", "--fail-with-body", self.url + CHAT, "-H", "Content-Type: application/json", "-d", "@" + path("request.json")],
                                  capture_output=True, check=True, timeout=60)
            self.assertIn(b'"content":"BUS"', done.stdout)
            self.assertEqual(stream, done.stdout.endswith(b"data: [DONE]\n\n"))
        large = {"messages": [user("x" * 1000, data_url(SIGN))], "user": "y" * 3000000}  # curl waits for "100 Continue" before such a body
        with open(path("request.json"), "w", encoding="utf-8") as f:
            json.dump(large, f)
        done = subprocess.run(["curl", "-sS", self.url + CHAT, "-H", "Content-Type: application/json", "-H", "Expect: 100-continue", "-d", "@" + path("request.json"), "-w", "%{http_code} %{time_total}"],
                              capture_output=True, check=True, timeout=60)
        code, seconds = done.stdout.decode().rsplit("\n", 1)[1].split()
        self.assertEqual("200", code)
        self.assertLess(float(seconds), 0.9 * SLOW)  # it does not wait in vain

    @unittest.skipUnless(shutil.which("curl"), "no curl here")
    def test_uploads_by_curl(self):
        def curl(*parts):
            command = ["curl", "-sS", self.url + CHAT, "-w", " %{http_code}", *(word for part in parts for word in ("-F", part))]
            body, code = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.decode().rsplit(" ", 1)
            return int(code), json.loads(body)
        asked, picture = "prompt=" + QUESTION, "image=@" + SIGN
        code, told = curl(asked, picture)
        self.assertEqual((200, "BUS"), (code, told["choices"][0]["message"]["content"]))
        request = json.dumps({"messages": [{"role": "user", "content": QUESTION}], "logprobs": True})
        code, told = curl(picture, "request=" + request)
        self.assertEqual((200, "BUS", 1), (code, told["choices"][0]["message"]["content"], len(told["choices"][0]["logprobs"]["content"])))
        with open(path("request.json"), "w", encoding="utf-8") as f:
            json.dump({"messages": [user(QUESTION, data_url(SIGN))]}, f)
        told = [curl("prompt=hello", *("temperature=1.5", "max_tokens=3", "top_k=40", "seed=" + seed), "system=Be brief.", "model=pocket", "user=me") for seed in ("7", "7")]
        whole = self.server.chat({"role": "system", "content": "Be brief."}, "hello", temperature=1.5, max_tokens=3, top_k=40, seed=7).text
        self.assertEqual([(200, whole)] * 2, [(code, reply["choices"][0]["message"]["content"]) for code, reply in told])
        for form, pattern in (("choice=left,the right", "left|the right"), ("regex=[a-c]{3}-7", "[a-c]{3}-7")):
            code, told = curl("prompt=hello", form, "max_tokens=20")
            self.assertEqual(200, code, told)
            self.assertRegex(told["choices"][0]["message"]["content"], f"^({pattern})$")
        streamed = subprocess.run(["curl", "-sS", self.url + CHAT, "-F", asked, "-F", picture, "-F", "stream=true"], capture_output=True, check=True, timeout=60).stdout
        self.assertTrue(streamed.startswith(b"data: ") and streamed.endswith(b"data: [DONE]\n\n") and b"BUS" in streamed, streamed)
        for parts, word in (((asked, "max_tokens=many"), "'many', expected a number"), ((asked, "max_tokens="), "''"), ((asked, "max_tokens=0"), "is 0, expected"), ((asked, "chioce=a,b"), "'choice'?; expected"),
                            ((asked, "grammar=x"), "'request' takes JSON"), (("request=" + request, "max_tokens=3"), "beside 'request'"), ((asked, "choice=" + "a," * 40000), "65536"), ((asked, "seed=[1]"), "a number"),
                            ((picture,), "either"), ((asked, "request=" + request), "either"), ((asked, "picture=@" + SIGN), "there is no 'picture'"), ((asked, asked), "twice"),
                            ((asked, "image=hello"), "picture"), ((asked, "image="), "picture"), (("request={",), "JSON"), ((picture, "request=<" + path("request.json")), "of its own"), ((asked, *[picture] * 9), "8 pictures")):
            code, told = curl(*parts)
            self.assertEqual(400, code, told)
            self.assertIn(word, told["error"]["message"])
        for body in (b"", b"--b", b"--b\r\n", b"--b\r\n\r\n--b--", b"--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nhello", b"--c\r\n"):
            self.refused(self.server.ask("POST", CHAT, body, {"content-type": "multipart/form-data; boundary=b"}), 400)
        self.refused(self.server.ask("POST", CHAT, b"--b--", {"content-type": "multipart/form-data"}), 400)
        self.refused(self.server.ask("POST", CHAT, b"--b--", {"content-type": "multipart/mixed; boundary=b"}), 415)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
    def test_the_sandbox_of_the_unit(self):
        folder = tempfile.mkdtemp(dir=path())
        for name in ("binocle.service", "binocle.socket"):
            with open(os.path.join(ROOT, "toolchains", "packaging", name), encoding="utf-8") as f, open(os.path.join(folder, name), "w", encoding="utf-8") as g:
                g.write("".join(line for line in f if not line.startswith("Documentation=")).replace("/usr/bin/binocle", "/bin/sh"))
        units = [os.path.join(folder, name) for name in ("binocle.service", "binocle.socket")]
        verified = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, check=False, timeout=60)
        self.assertEqual((0, b""), (verified.returncode, verified.stderr))
        rated = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=10", units[0]], capture_output=True, check=False, timeout=60)
        if b"unrecognized option" not in rated.stderr:  # --offline came with systemd 250
            self.assertEqual(0, rated.returncode, rated.stdout.decode()[-300:])


if __name__ == "__main__":
    main()
