# SPDX-License-Identifier: Apache-2.0
"""The page of `binocle serve` in a headless Chromium: at desk and phone width, light and dark, by keyboard, without a request to anybody else.
Screenshots stay in the working directory."""
import os
import re
import shutil
import sys
import unittest

import browser
from serve_case import POCKET, SIGN, ServeCase, Server, main, path

SHOTS = os.path.join(os.getcwd(), "screenshots")
QUESTION = "What does the sign say?"
LINES = "[...document.querySelectorAll('#log li')].map((line) => line.innerText)"
CONTRAST = """(() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('h1, h2, p, button, .button, #log span')].filter((e) => e.offsetParent && e.textContent.trim()).map((e) => {
    const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
    return [e.textContent.trim().slice(0, 30), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
  }).filter(([, ratio]) => ratio < 4.5);
})()"""


class Page(ServeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        shutil.rmtree(SHOTS, ignore_errors=True)
        os.makedirs(SHOTS)
        cls.browser = browser.Browser(path())
        cls.server = Server(POCKET)
        cls.url = f"http://127.0.0.1:{cls.server.port}/"

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        cls.server.stop()

    def setUp(self):
        self.browser.requests.clear()
        self.browser.complaints.clear()

    def tearDown(self):
        self.assertEqual([], self.browser.complaints)
        elsewhere = [url for url in self.browser.requests if not url.startswith((self.url, "data:", "blob:", "http://127.0.0.1:"))]
        self.assertEqual([], elsewhere)

    def shot(self, name):
        self.browser.screenshot(os.path.join(SHOTS, name + ".png"))

    def ask(self, question=QUESTION):
        self.browser.run("document.getElementById('question').focus()")
        self.browser.type(question)
        self.browser.press("Enter", "\r")

    def test_looks(self):
        b = self.browser
        for width, height in ((1280, 800), (390, 844)):
            for theme in ("light", "dark"):
                name = f"{width}-{theme}"
                b.show(self.url, width, height, theme)
                self.shot(name + "-empty")
                b.choose("#file", SIGN)
                b.wait("document.getElementById('board').classList.contains('full')")
                self.ask()
                b.wait(f"{LINES}.length === 2 && {LINES}[1].includes('token')")
                self.assertIn("BUS", b.run(LINES)[1])
                self.assertRegex(b.run(LINES)[1], r"\d+\.\d\d s · 1 token · ")
                b.run("showTile('crop1'); showTile('crop4'); showStage('looking at the picture', 0.4, 'crop4')")
                self.shot(name + "-crop")
                b.run("showTile('stride4'); showStage('looking at the picture', 0.7, 'stride4')")
                self.shot(name + "-strided")
                b.run("clearTiles()")
                self.assertLessEqual(b.run("document.documentElement.scrollWidth"), width)
                self.assertEqual([], b.run(CONTRAST), name)
                brightness = sum(map(int, re.findall(r"\d+", b.run("getComputedStyle(document.body).backgroundColor"))[:3]))
                self.assertEqual(theme == "dark", brightness < 200, name)
                small = b.run("[...document.querySelectorAll('button, .button, textarea')].filter((e) => e.offsetParent && e.offsetHeight < 44).map((e) => e.id)")
                self.assertEqual([], small, name)

    def test_tiles_are_shown_as_they_are_looked_at(self):
        b = self.browser
        b.show(self.url, 1280, 800, "light")
        b.run("window.shown = []; const old = showTile; showTile = (name) => { shown.push(name); old(name); }")
        with open(SIGN, "rb") as f, open(path("other.webp"), "wb") as g:
            g.write(f.read() + b"\0\0")  # other bytes: but the same pixels, which the server may know
        with Server(POCKET) as fresh:
            b.show(f"http://127.0.0.1:{fresh.port}/", 1280, 800, "light")
            b.run("window.shown = []; const old = showTile; showTile = (name) => { shown.push(name); old(name); }")
            b.choose("#file", SIGN)
            b.wait("document.getElementById('board').classList.contains('full')")
            self.ask()
            b.wait(f"{LINES}.length === 2 && {LINES}[1].includes('BUS')")
            self.assertEqual([f"crop{i}" for i in range(9)] + ["stride4"], b.run("[...new Set(shown)].filter((name) => name)"))
            self.assertEqual("", b.run("document.getElementById('tiles').className"))

    def test_a_conversation_by_keyboard(self):
        b = self.browser
        b.show(self.url, 1280, 800, "light")
        b.press("Tab")
        self.assertEqual("Skip to the question", b.run("document.activeElement.textContent"))
        b.press("Enter", "\r")
        reached = []
        for _ in range(8):
            b.press("Tab")
            reached.append(b.run("document.activeElement.id"))
        self.assertLessEqual({"theme", "anew", "file", "question", "send"}, set(reached) | {"question"}, reached)
        self.assertNotIn("camera", reached)
        b.choose("#camera", SIGN)
        b.wait("document.getElementById('photo').alt.includes('0000.webp')")
        self.ask()
        b.wait(f"{LINES}.length === 2 && {LINES}[1].includes('token')")
        self.assertEqual("question", b.run("document.activeElement.id"))
        self.ask("And what number is on the red circle?")
        b.wait(f"{LINES}.length === 4 && {LINES}[3].includes('token')")
        self.assertEqual(["user", "assistant", "user", "assistant"], b.run("state.messages.map((message) => message.role)"))
        self.assertIn("Answer: ", b.run("document.getElementById('said').textContent"))
        b.run("document.getElementById('anew').click()")
        self.assertEqual(([], 0, "question"), (b.run(LINES), b.run("state.messages.length"), b.run("document.activeElement.id")))

    def test_a_camera_is_offered_where_there_is_touch(self):
        for width, seen in ((1280, False), (390, True)):
            self.browser.show(self.url, width, 844, "light")
            self.assertEqual(seen, self.browser.run("document.getElementById('camera').offsetParent !== null"), width)

    def test_what_is_no_picture_is_refused_when_it_is_chosen(self):
        b, bad = self.browser, path("bad.png")
        with open(bad, "w", encoding="ascii") as f:
            f.write("hello")
        empty = "document.getElementById('photo').hidden && !document.getElementById('board').classList.contains('full')"
        b.show(self.url, 1280, 800, "light")
        b.choose("#file", SIGN)
        b.wait("document.getElementById('photo').alt.includes('0000.webp')")
        b.choose("#file", bad)
        b.wait(f"{LINES}.length === 1 && {LINES}[0].includes('bad.png cannot be read')")
        self.assertEqual((True, True), (b.run(empty), b.run("state.picture === null")))
        # What this browser shows and the server refuses does not stay either.
        b.run("showPicture({ url: 'data:image/png;base64,aGVsbG8=', name: 'other.png' })")
        self.ask()
        b.wait(f"{LINES}.length === 3 && {LINES}[2].includes('Problem')")
        self.assertEqual((True, QUESTION), (b.run(empty), b.run("document.getElementById('question').value")))
        b.run("document.getElementById('question').value = ''")
        self.ask()
        b.wait(f"{LINES}.length === 5 && {LINES}[4].includes('token')")
        b.complaints.clear()  # of the picture that cannot be shown, and of status 400

    def test_what_a_screen_reader_meets(self):
        b = self.browser
        b.show(self.url, 390, 844, "dark")
        met = b.names({"button", "textbox", "heading", "list", "StaticText", "link", "status"})
        self.assertFalse([role for role, name in met if role in ("button", "textbox", "heading", "link", "list") and not name], met)
        for expected in (("textbox", "Your question"), ("button", "Ask"), ("heading", "Picture"), ("heading", "Conversation"), ("list", "Questions and answers")):
            self.assertIn(expected, met)

    def test_answers_are_text_and_stop_when_told(self):
        b = self.browser
        with Server(self.talker, "--max-tokens", "60000") as talker:
            b.show(f"http://127.0.0.1:{talker.port}/", 390, 844, "light")
            b.run("const long = fetch; fetch = (path, options) => long(path, options && options.body ? { ...options, body: options.body.replace('{', '{\"max_tokens\":60000,') } : options)")
            self.ask("<img src=x onerror=alert(1)> Tell me all.")
            b.wait(f"{LINES}.length === 2 && {LINES}[1].length > 100")
            self.assertEqual(0, b.run("document.querySelectorAll('#log img').length"))
            b.press("Escape")
            b.wait("!document.getElementById('send').hidden")
            talker.wait("answers_running", 0, 5)
            self.assertEqual(0, b.run("state.messages.length"))
            self.assertIn("Tell me all.", b.run("document.getElementById('question').value"))

    def test_the_token_is_asked_for(self):
        with open(path("page-token"), "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as f:
            f.write("0123456789abcdef")
        b = self.browser
        with Server(POCKET, "--token-file", path("page-token")) as server:
            b.call("Page.navigate", url=f"http://127.0.0.1:{server.port}/")
            b.wait("document.getElementById('secret') && document.getElementById('secret').open")
            self.shot("token")
            b.type("0123456789abcdef")
            b.press("Enter", "\r")
            b.wait("document.getElementById('about').textContent.startsWith('pocket')")
            b.complaints = [text for text in b.complaints if "status of 401" not in text]

    def test_a_page_of_another_origin(self):
        b, asks = self.browser, "fetch('{}/v1/chat/completions', {{method: 'POST', headers: {{'Content-Type': 'application/json', Authorization: 'Bearer none', " \
            "'X-Stainless-Lang': 'js'}}, body: JSON.stringify({{messages: [{{role: 'user', content: 'hello'}}], max_tokens: 1}})}})" \
            ".then((reply) => reply.status, (problem) => problem.name)"
        friend = f"http://127.0.0.1:{self.server.port}"
        with Server(POCKET, "--allow-origin", friend) as server, Server(POCKET) as closed:
            b.call("Page.navigate", url=friend + "/health")
            b.wait(f"location.origin === '{friend}' && document.readyState === 'complete'")
            self.assertEqual(200, b.run(asks.format(f"http://127.0.0.1:{server.port}")))
            self.assertEqual("TypeError", b.run(asks.format(f"http://127.0.0.1:{closed.port}")))
        b.complaints = [text for text in b.complaints if not any(known in text for known in ("CORS", "status of 403", "ERR_FAILED"))]

    def test_policy(self):
        reply = self.server.ask(target="/")
        policy = dict(part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";"))
        self.assertEqual("'none'", policy["default-src"])
        self.assertEqual("'self'", policy["connect-src"])
        nonce = re.fullmatch(r"'nonce-([0-9a-f]{32})'", policy["script-src"])[1]
        self.assertEqual(2, reply.body.count(f'nonce="{nonce}"'.encode()))
        self.assertNotIn(nonce, self.server.ask(target="/").body.decode())
        self.assertFalse(re.search(rb"https?://|\bsrc=|@import|url\(", reply.body), "the page names something outside")


if __name__ == "__main__":
    if not browser.PROGRAM:
        print("no Chromium here: the page is not tested")
        sys.exit(77)
    main()
