# SPDX-License-Identifier: Apache-2.0
"""The page of `binocle profile` in a browser: nothing cut off on a desktop or a phone, in both themes; no error, no network; keys and names work.

BINOCLE_PICTURES names a folder for pictures of it, to be looked at."""
import os
import sys

import chromium
from program_case import PHOTO, ProgramCase, binocle, main, path

BROWSER = chromium.find()
WIDTHS, PARTS = (1280, 390), ("summary", "timeline", "phases", "dearest", "roofline", "parts", "tokens", "machine", "plan", "ops")
HOSTILE = "</script><script>document.title = 'owned'</script><img src=x onerror=alert(1)>"
# Elements that stick out of the window, but for the row of links, which scrolls on a phone.
STICKING_OUT = """[...document.querySelectorAll("body *")].filter((e) => {
  const r = e.getBoundingClientRect();
  return r.width > 0 && r.right > document.documentElement.clientWidth + 0.5 && !e.closest("nav");
}).map((e) => e.outerHTML.slice(0, 120))"""
# Boxes that hide a part of their table; the one of all ops scrolls down, not sideways.
HIDDEN = "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.id || e.textContent.slice(0, 60))"
# Text of a picture that leaves it.
CUT_LETTERS = """[...document.querySelectorAll("svg text")].filter((t) => {
  const a = t.getBoundingClientRect(), b = t.closest("svg").getBoundingClientRect();
  return a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 2 || a.bottom > b.bottom + 2;
}).map((t) => t.textContent)"""
# Names of the roofline's memories that lie upon each other: on a busy machine memory may be as fast as the third cache.
COVERED = """((boxes) => boxes.filter((a, i) => boxes.some((b, j) => j > i && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length)(
  [...document.querySelectorAll("#roofline-chart text")].filter((t) => / GB.s$/.test(t.textContent)).map((t) => t.getBoundingClientRect()))"""
# Contrast of text against what is behind it, as WCAG counts it.
FAINT = """(() => {
  const part = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number); return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b); };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c)) return c; } return "rgb(255,255,255)"; };
  return [...document.querySelectorAll("h1, h2, h3, p, td, th, dt, dd, a, b, span, button")].filter((e) => e.offsetParent && e.textContent.trim()).filter((e) => {
    const a = light(getComputedStyle(e).color), b = light(behind(e));
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
  }).map((e) => e.outerHTML.slice(0, 100)).slice(0, 5);
})()"""


class Page(ProgramCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.page = path("page.html")
        done = binocle("profile", cls.model, "--image", PHOTO, "--prompt", HOSTILE, "--gen-tokens", "12", "--repeat", "3", "--watts", "4", "--report", cls.page, "--quiet")
        assert done.code == 0, done
        cls.browser = chromium.Chromium(BROWSER)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def open(self, width=1280, dark=False):
        self.browser.open(self.page, width, dark)
        self.assertEqual("yes", self.browser.evaluate("document.documentElement.dataset.drawn"), self.browser.events)

    def test_fits(self):
        for width in WIDTHS:
            for dark in (False, True):
                with self.subTest(width=width, dark=dark):
                    self.open(width, dark)
                    scroll, client = self.browser.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
                    self.assertLessEqual(scroll, client)
                    self.assertLessEqual(client, width)
                    self.assertEqual([], self.browser.evaluate(STICKING_OUT))
                    self.assertEqual([], self.browser.evaluate(HIDDEN))
                    self.assertEqual([], self.browser.evaluate(CUT_LETTERS))
                    self.assertEqual([], self.browser.evaluate(FAINT))
                    self.assertEqual(0, self.browser.evaluate(COVERED))
                    background = self.browser.evaluate("getComputedStyle(document.body).backgroundColor")
                    self.assertEqual("rgb(20, 24, 31)" if dark else "rgb(255, 255, 255)", background)
                    if os.environ.get("BINOCLE_PICTURES"):
                        self.browser.picture(os.path.join(os.environ["BINOCLE_PICTURES"], f"profile_{width}_{'dark' if dark else 'light'}.png"))

    def test_stands_alone(self):
        self.open()
        asked = [e["params"]["request"]["url"] for e in self.browser.events if e.get("method") == "Network.requestWillBeSent"]
        self.assertEqual(["file://" + os.path.abspath(self.page)], asked)
        self.assertEqual([], [e for e in self.browser.events if e.get("method") in ("Runtime.exceptionThrown", "Page.javascriptDialogOpening")])

    def test_shows_all_parts(self):
        self.open()
        for part in PARTS:
            self.assertGreater(self.browser.evaluate(f"document.getElementById('{part}').getBoundingClientRect().height"), 60, part)
        self.assertEqual(10, self.browser.evaluate("document.querySelectorAll('#dearest-list .advice').length"))
        self.assertTrue(self.browser.evaluate("[...document.querySelectorAll('#dearest-list .advice')].every((e) => e.textContent.length > 20)"))
        self.assertEqual(8, self.browser.evaluate("document.querySelectorAll('#legend [role=listitem]').length"))
        self.assertIn(HOSTILE, self.browser.evaluate("document.querySelector('#identity code').textContent"))
        self.assertNotIn("owned", self.browser.evaluate("document.title"))
        self.assertIn("estimated from 4 W", self.browser.evaluate("document.getElementById('warnings').textContent"))
        # What a screen reader is told: names of pictures, heads of tables.
        self.assertEqual(0, self.browser.evaluate("[...document.querySelectorAll('svg[role=img], canvas[role=img]')].filter((e) => !e.getAttribute('aria-label')).length"))
        self.assertEqual(0, self.browser.evaluate("[...document.querySelectorAll('table')].filter((t) => ![...t.querySelectorAll('thead th')].every((h) => h.scope === 'col' "
                                                  "&& h.textContent.trim())).length"))

    def test_keys(self):
        self.open()
        self.browser.evaluate("document.getElementById('timeline-chart').focus()")
        told = lambda: self.browser.evaluate("document.getElementById('timeline-told').textContent")
        picture = lambda: self.browser.evaluate("document.querySelector('#timeline-chart canvas').toDataURL()")
        self.browser.key("ArrowRight")
        self.assertRegex(told(), r"^phases, 1 of \d+: load: ")
        self.browser.key("ArrowRight")
        self.assertRegex(told(), r"^phases, 2 of \d+: pack: ")
        self.browser.key("ArrowDown")
        self.assertRegex(told(), r"^tiles, 1 of \d+: crop0: ")
        self.browser.key("ArrowDown")
        self.browser.key("ArrowDown")
        self.assertRegex(told(), r"^ops, \d+ of \d+: crop0\.")
        whole = picture()
        self.browser.key("Enter")
        near = picture()
        self.assertNotEqual(whole, near)
        self.browser.key("+")
        self.assertNotEqual(near, picture())
        self.browser.key("Home")
        self.assertEqual(whole, picture())
        reached = []
        self.browser.evaluate("document.activeElement.blur()")
        for _ in range(40):
            self.browser.key("Tab")
            reached.append(self.browser.evaluate("document.activeElement.id || document.activeElement.textContent"))
        for name in ("Skip to the report", "Timeline", "vision", "timeline-chart"):
            self.assertIn(name, reached)

    def test_table_of_ops(self):
        self.open()
        first = "document.querySelector('#ops-table tbody th').textContent"
        self.browser.evaluate("document.querySelectorAll('#ops-table thead button')[0].click()")
        down = self.browser.evaluate(first)
        self.browser.evaluate("document.querySelectorAll('#ops-table thead button')[0].click()")
        self.assertLess(self.browser.evaluate(first), down)
        self.assertEqual("ascending", self.browser.evaluate("document.querySelector('#ops-table th[aria-sort]').getAttribute('aria-sort')"))
        self.browser.evaluate("(() => { const i = document.querySelector('#ops-tools input'); i.value = 'lm_head'; i.dispatchEvent(new Event('input')); })()")
        self.assertEqual(["lm_head", "lm_head"], self.browser.evaluate("[...document.querySelectorAll('#ops-table tbody th')].map((e) => e.textContent)"))


if __name__ == "__main__":
    if not BROWSER:
        print("skipped: there is no Chromium (toolchains/setup check installs it where apt has it)", file=sys.stderr)
        sys.exit(77)
    main()
