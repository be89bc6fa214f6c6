# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven over its DevTools protocol with nothing but Python."""
import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import time
import urllib.request

PROGRAM = next((found for found in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if found), None)


class Socket:
    """The client's side of a WebSocket (RFC 6455) that carries text."""

    def __init__(self, url):
        host, _, target = url.removeprefix("ws://").partition("/")
        name, port = host.rsplit(":", 1)
        self.connection = socket.create_connection((name, int(port)), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.connection.sendall(f"GET /{target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self.stream = self.connection.makefile("rb")
        while self.stream.readline() not in (b"\r\n", b""):
            pass

    def send(self, text):
        data, mask = text.encode(), os.urandom(4)
        size = len(data)
        head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else struct.pack("!BBQ", 0x81, 0xFF, size)
        self.connection.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def receive(self):
        whole = b""
        while True:
            first, size = self.stream.read(2)
            size &= 0x7F
            if size > 125:
                size = struct.unpack("!H" if size == 126 else "!Q", self.stream.read(2 if size == 126 else 8))[0]
            whole += self.stream.read(size)
            if first & 0x80:
                return whole.decode()


class Browser:
    """One tab. What it loads, logs and throws is kept in `requests` and `complaints`, but for the icon that it looks for by itself, at a time of its own,
    where a page names none."""

    def __init__(self, folder):
        profile = os.path.join(folder, "profile")
        self.process = subprocess.Popen([PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                                         "--remote-debugging-port=0", "--user-data-dir=" + profile, "about:blank"],
                                        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        told, end = os.path.join(profile, "DevToolsActivePort"), time.monotonic() + 60
        while not (os.path.exists(told) and os.path.getsize(told)):
            assert time.monotonic() < end, "Chromium does not start"
            time.sleep(0.1)
        with open(told, encoding="ascii") as f:
            port = f.readline().strip()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=60) as reply:
            tab = next(one for one in json.load(reply) if one["type"] == "page")
        self.socket, self.count, self.requests, self.complaints = Socket(tab["webSocketDebuggerUrl"]), 0, [], []
        for domain in ("Page", "Runtime", "Log", "DOM", "Network", "Accessibility"):
            self.call(domain + ".enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def note(self, message):
        method, told = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(told["exceptionDetails"].get("exception", {}).get("description", str(told)))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            if not told["entry"].get("url", "").endswith("/favicon.ico"):
                self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}".strip())

    def call(self, method, **parameters):
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.receive())
            if message.get("id") == self.count:
                assert "error" not in message, (method, message)
                return message["result"]
            self.note(message)

    def run(self, script):
        told = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, (script, told)
        return told["result"].get("value")

    def wait(self, script, seconds=30):
        end = time.monotonic() + seconds
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"{script} does not come true: {self.complaints}"
            time.sleep(0.05)
        return value

    def show(self, url, width, height, theme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setTouchEmulationEnabled", enabled=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && document.getElementById('about').textContent !== 'connecting'")

    def type(self, text):
        self.call("Input.insertText", text=text)

    def press(self, key, text="", shift=False):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text if kind == "keyDown" else "", modifiers=8 if shift else 0,
                      windowsVirtualKeyCode={"Enter": 13, "Tab": 9, "Escape": 27}.get(key, 0))

    def choose(self, selector, file):
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"], files=[file])

    def names(self, roles):
        """(role, accessible name) of what a screen reader meets."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes
                if not node["ignored"] and node["role"]["value"] in roles]

    def screenshot(self, file):
        with open(file, "wb") as f:
            f.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
