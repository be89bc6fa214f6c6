# SPDX-License-Identifier: Apache-2.0
"""What `binocle serve` does with those who ask too much, too slowly, in a wrong form, without leave, or who go away: nothing of it costs the others."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

from serve_case import CHAT, POCKET, PROGRAM, SIGN, SLOW, Reply, ServeCase, Server, data_url, main, path, read_reply, sane_signals, user

HOST = "Host: localhost\r\n"


def status_of(received):
    return int(received.split(b" ", 2)[1]) if received.startswith(b"HTTP/1.1 ") else None


class Hostile(ServeCase):
    def exchange(self, server, *pieces):
        with contextlib.closing(server.raw()) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for piece in pieces:
                    connection.sendall(piece if isinstance(piece, bytes) else piece.encode())
            return read_reply(connection)

    def test_what_is_no_http(self):
        with Server(POCKET, "--max-body", "1") as server:
            post = f"POST {CHAT} HTTP/1.1\r\n{HOST}Content-Type: application/json\r\n"
            for request, status in ((b"\x16\x03\x01\x02\x00\x01\x00", 400), ("GET\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost localhost\r\n\r\n", 400), ("FETCH / HTTP/1.1\r\n", 400),
                                    (f"GET / HTTP/1.1\r\n{HOST}A: b\x01c\r\n\r\n", 400), ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400), ("GET / HTTP/2.0\r\n\r\n", 505),
                                    (f"GET / HTTP/1.1\r\n{HOST}{HOST}\r\n", 400), (f"GET /{'a' * 2000} HTTP/1.1\r\n{HOST}\r\n", 414),
                                    (f"GET / HTTP/1.1\r\n{HOST}X: {'a' * 20000}\r\n\r\n", 431), ("\r\n" * 10000, 431), (f"GET / HTTP/1.1\r\n{HOST}" + "X: y\r\n" * 70 + "\r\n", 431),
                                    (post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400), (post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
                                    (post + "Content-Length: -1\r\n\r\n", 400), (post + "Content-Length: 99999999999999999999\r\n\r\n", 400),
                                    (post + "Content-Length: 1048577\r\n\r\n" + "x" * 300000, 413), (post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
                                    (post + "Transfer-Encoding: chunked\r\n\r\n" + f"{1 << 20:x}\r\n" + "x" * (1 << 20) + "\r\n1\r\nx\r\n0\r\n\r\n", 413),
                                    (post + "Expect: a miracle\r\n\r\n", 417), (f"GET / HTTP/1.1\r\n{HOST}Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 400)):
                received = self.exchange(server, request)
                self.assertEqual(status, status_of(received), (request[:100], received[:300]))
                self.assertIn("error", json.loads(received.partition(b"\r\n\r\n")[2]), request[:100])
            self.assertEqual(200, server.ask().status)

    def test_paths_methods_and_types(self):
        with Server(POCKET) as server:
            self.refused(server.ask(target="/../etc/passwd"), 404)
            self.refused(server.ask(target="/v1/models/other"), 404)
            self.assertEqual("POST", server.ask(target=CHAT).headers["allow"])
            for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
                self.refused(server.ask(method, CHAT), 405)
            self.refused(server.ask("POST", "/health", "{}"), 405)
            for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""):
                self.refused(server.ask("POST", CHAT, "{}", {"content-type": kind}), 415)

    def test_one_connection_carries_many_requests(self):
        body = json.dumps({"messages": [user("hello")]})
        ask = f"POST {CHAT} HTTP/1.1\r\n{HOST}Content-Type: application/json; charset=utf-8\r\n"
        chunks = "".join(f"{len(part):x}\r\n{part}\r\n" for part in (body[:7], body[7:])) + "0\r\n\r\n"
        pieces = f"GET /health HTTP/1.1\r\n{HOST}\r\n" + ask + f"Content-Length: {len(body)}\r\n\r\n{body}" + ask + f"Transfer-Encoding: chunked\r\n\r\n{chunks}"
        pieces += f"GET /health HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n"
        with Server(POCKET) as server:
            for received in (self.exchange(server, pieces), self.exchange(server, *pieces)):
                self.assertEqual((4, 2), (received.count(b"HTTP/1.1 200 OK"), received.count(b'"chat.completion"')), received)
            old = self.exchange(server, ask.replace("1.1", "1.0") + f"Content-Length: {len(body) + 14}\r\n\r\n" + body[:-1] + ',"stream":true}')
            self.assertTrue(old.endswith(b"data: [DONE]\n\n") and b"chunked" not in old, old)

    def test_expectations_are_met_before_the_body(self):
        body = json.dumps({"messages": [user("hello")]})
        with Server(POCKET) as server, contextlib.closing(server.raw()) as connection:
            connection.sendall(f"POST {CHAT} HTTP/1.1\r\n{HOST}Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            self.assertEqual(b"HTTP/1.1 100 Continue\r\n\r\n", connection.recv(1000))
            connection.sendall(body.encode())
            self.assertIn(b"HTTP/1.1 200 OK", connection.recv(1000))

    def test_slow_clients_are_let_go(self):
        with Server(POCKET, "--timeout", "0.5", "--connections", "8") as server:
            slow = [server.raw() for _ in range(8)]
            started = time.monotonic()
            for one in slow[:6]:
                one.sendall(b"GET / HTTP/1.1\r\nX-A: ")
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                while time.monotonic() < started + 1:  # a byte now and then does not buy more time
                    for one in slow[:6]:
                        one.sendall(b"b")
                    time.sleep(0.1)
            self.assertEqual(200, server.ask().status)  # all 8 places were taken
            self.assertLess(time.monotonic() - started, 20 * SLOW)
            for one in slow[:6]:
                one.close()
            for one in slow[6:]:
                self.assertEqual(b"", read_reply(one))  # nothing was asked
                one.close()
            received = self.exchange(server, f"GET / HTTP/1.1\r\n{HOST}X-A: ")
            self.assertEqual(408, status_of(received), received)

    def test_who_does_not_read_is_let_go(self):
        with Server(self.talker, "--timeout", "0.5", "--max-tokens", "60000") as server, contextlib.closing(server.raw()) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            body = json.dumps({"messages": [user("hello")], "max_tokens": 60000, "stream": True, "logprobs": True, "top_logprobs": 20})
            connection.sendall(f"POST {CHAT} HTTP/1.1\r\n{HOST}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            server.wait("answers_running", 1)
            server.wait("answers_running", 0, 60)
            self.assertEqual(1, server.metric("answers_total"))
            self.assertEqual(200, server.ask().status)

    def test_who_goes_away_ends_the_work(self):
        with Server(self.talker, "--max-tokens", "60000") as server:
            for stream in (False, True):
                before = server.metric("answers_total")
                running, waiting = server.raw(), server.raw()
                body = json.dumps({"messages": [user("hello")], "max_tokens": 60000, "stream": stream})
                for one in (running, waiting):
                    one.sendall(f"POST {CHAT} HTTP/1.1\r\n{HOST}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
                    server.wait("answers_running", 1)
                server.wait("queue_length", 1)
                waiting.close()
                server.wait("queue_length", 0)
                running.close()
                server.wait("answers_running", 0, 5)
                self.assertEqual(before + 1, server.metric("answers_total"))
            self.assertLess(server.metric("generated_tokens_total"), 100000)
            self.assertEqual(200, server.chat("hello", max_tokens=3).status)

    def test_a_full_queue_says_when_to_come_again(self):
        with Server(self.talker, "--queue", "2", "--max-tokens", "60000") as server:
            held = [server.raw() for _ in range(3)]
            body = json.dumps({"messages": [user("hello")], "max_tokens": 60000})
            for i, one in enumerate(held):
                one.sendall(f"POST {CHAT} HTTP/1.1\r\n{HOST}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
                server.wait("answers_running", 1)
                server.wait("queue_length", i)
            reply = server.chat("hello")
            self.assertEqual("overloaded", self.refused(reply, 503, "wait")["code"])
            self.assertTrue(1 <= int(reply.headers["retry-after"]) <= 60)
            self.assertEqual(200, server.ask().status)
            for one in held:
                one.close()
            server.wait("queue_length", 0)
            self.assertEqual(200, server.chat("hello", max_tokens=3).status)

    def test_turns_are_fair(self):
        begun = {}

        def ask(server, name):
            sent = time.monotonic()
            begun[name] = sent + server.chat("hello", max_tokens=1500, user=name[0]).json["usage"]["binocle"]["queue_s"]
        with Server(self.talker, "--max-tokens", "60000") as server:
            first = threading.Thread(target=server.chat, args=("hello",), kwargs={"max_tokens": 15000 // SLOW})
            first.start()
            server.wait("answers_running", 1)
            threads = []
            for i, name in enumerate(("a1", "a2", "a3", "a4", "b1", "b2", "c1")):
                threads.append(threading.Thread(target=ask, args=(server, name)))
                threads[-1].start()
                server.wait("queue_length", i + 1)
            for thread in [first, *threads]:
                thread.join()
        self.assertEqual(["a1", "b1", "c1", "a2", "b2", "a3", "a4"], sorted(begun, key=begun.get), begun)

    def test_pages_of_others_are_not_served(self):
        body, kind = json.dumps({"messages": [user("hello")]}), {"content-type": "application/json"}
        with Server(POCKET) as server:
            own = f"127.0.0.1:{server.port}"
            for headers in ({"host": "evil.example"}, {"host": own, "origin": "http://evil.example"}, {"host": own, "origin": "null"}, {"host": "127.0.0.1.evil.example"},
                            {"host": own, "origin": "https://" + own}, {"host": "localhost.evil.example:80"}):
                self.refused(server.ask("POST", CHAT, body, {**kind, **headers}), 403)
                self.refused(server.ask(headers=headers), 403)
            for headers in ({"host": own, "origin": "http://" + own}, {"host": "LocalHost"}, {"host": "[::1]:80"}):
                self.assertEqual(200, server.ask("POST", CHAT, body, {**kind, **headers}).status, headers)

    def test_an_origin_that_may_ask(self):
        friend = "http://localhost:3000"
        first = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type,x-stainless-lang"}
        with open(path("friends-token"), "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as f:
            f.write("0123456789abcdef")
        for options in ((), ("--token-file", path("friends-token"))):
            right = {"authorization": "Bearer 0123456789abcdef"} if options else {}
            with Server(POCKET, "--allow-origin", friend, *options) as server:
                reply = server.ask("OPTIONS", CHAT, headers={"origin": friend, **first})
                self.assertEqual((200, b"", friend, "Origin", "GET, POST", "Authorization, *"), (reply.status, reply.body, *(
                    reply.headers[name] for name in ("access-control-allow-origin", "vary", "access-control-allow-methods", "access-control-allow-headers"))))
                for stream in (False, True):
                    reply = server.chat("hello", max_tokens=2, stream=stream, headers={"origin": friend, **right})
                    self.assertEqual((200, friend), (reply.status, reply.headers["access-control-allow-origin"]))
                reply = server.chat("hello", max_tokens="many", headers={"origin": friend, **right})  # a page can read why
                self.refused(reply, 400)
                self.assertEqual(friend, reply.headers["access-control-allow-origin"])
                self.refused(server.ask("OPTIONS", CHAT, headers={"origin": friend}), 405)
                self.refused(server.ask("OPTIONS", "/nowhere", headers={"origin": friend, **first}), 404)
                for other in ("http://localhost:3001", "https://localhost:3000", friend + ".evil.example", "null"):
                    reply = server.ask("OPTIONS", CHAT, headers={"origin": other, **first})
                    self.refused(reply, 405 if options else 403)
                    self.assertIsNone(reply.headers["access-control-allow-origin"])
                self.assertIsNone(server.chat("hello", max_tokens=2, headers=right).headers["access-control-allow-origin"])
                if not options:
                    self.refused(server.ask(headers={"origin": friend, "host": "evil.example"}), 403)

    def test_the_token(self):
        secret = "0123456789abcdef-secret"
        with open(path("token"), "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as f:
            f.write(secret + "\n")
        with Server(POCKET, "--token-file", path("token"), listen="0.0.0.0:0") as server:
            server.host = "127.0.0.1"
            self.assertNotIn(secret, server.said)
            for shown in (None, "Bearer ", "Bearer " + secret[:-1] + "x", "Basic " + secret, secret, "Bearer " + secret + "x"):
                reply = server.ask(target="/v1/models", headers={"authorization": shown} if shown else {})
                self.assertEqual(("invalid_api_key", "Bearer"), (self.refused(reply, 401)["code"], reply.headers["www-authenticate"]))
                self.refused(server.chat("hello", headers={"authorization": shown} if shown else {}), 401)
                self.refused(server.ask(target="/metrics"), 401)
            right = {"authorization": "bearer " + secret, "host": "a.name.of.this.machine"}
            self.assertEqual(200, server.ask(target="/v1/models", headers=right).status)
            self.assertEqual(200, server.chat("hello", headers=right).status)
            self.assertEqual((200, 200), (server.ask().status, server.ask(target="/").status))

    def test_wrong_starts(self):
        for name, content, mode in (("open", "0123456789abcdef", 0o644), ("short", "secret", 0o600), ("two", "0123456789abcdef\nanother", 0o600), ("empty", "", 0o600)):
            with open(path(name), "w", encoding="ascii") as f:
                f.write(content)
            os.chmod(path(name), mode)
        taken = socket.create_server(("127.0.0.1", 0))
        for options, word, code in ((["--listen", "0.0.0.0:0"], "--token-file", 1), (["--listen", "[::]:0"], "--token-file", 1), (["--listen", "8080"], "ADDRESS:PORT", 2),
                                    (["--listen", "::1:80"], "ADDRESS:PORT", 2), (["--listen", "127.0.0.1:70000"], "ADDRESS:PORT", 2), (["--listen", "example.org:80"], "number", 2),
                                    (["--listen", f"127.0.0.1:{taken.getsockname()[1]}"], "in use", 1), (["--token-file", path("nowhere")], "nowhere", 1), (["--token-file", path("open")], "0600", 1),
                                    (["--token-file", path("short")], "16", 1), (["--token-file", path("two")], "one line", 1), (["--token-file", path("empty")], "16", 1),
                                    (["--token-file", "/dev/null"], "regular", 1), (["--queue", "0"], "queue", 2), (["--sessions", "17"], "sessions", 2),
                                    *((["--allow-origin", wrong], "such as http://localhost:3000", 2) for wrong in (
                                        "*", "null", "localhost:3000", "http://", "://a", "http://a/", "http://A", "http://a b", "http://a\r\nX: y", "http://" + 200 * "a"))):
            done = subprocess.run([PROGRAM, "serve", POCKET, *options], capture_output=True, timeout=60, check=False)
            self.assertEqual((code, b"", 1), (done.returncode, done.stdout, done.stderr.count(b"\n")), (options, done.stderr))
            self.assertIn(word, done.stderr.decode(), options)
        taken.close()

    def test_signals_end_it_cleanly(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = Server(self.talker, "--max-tokens", "60000")
            replies = []
            asks = [threading.Thread(target=lambda n=n: replies.append(server.chat("hello", max_tokens=n))) for n in (8000, 9000)]
            for i, ask in enumerate(asks):
                ask.start()
                server.wait("answers_running", 1)
                server.wait("queue_length", i)
            code, _ = server.stop(number)
            for ask in asks:
                ask.join()
            self.assertEqual((0, [200, 503]), (code, sorted(reply.status for reply in replies)), server.said)

    def test_sockets_that_systemd_hands_over(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def hand_over():
                sane_signals()
                os.dup2(listener.fileno(), 3)
                os.environ["LISTEN_PID"] = str(os.getpid())
            command = f'export LISTEN_FDS=1 LISTEN_PID=$$; exec "{PROGRAM}" serve "{POCKET}"'
            process = subprocess.Popen(["sh", "-c", command], preexec_fn=hand_over, pass_fds=(3,), stderr=subprocess.PIPE)
            with contextlib.closing(socket.create_connection(listener.getsockname(), timeout=30)) as connection:
                connection.sendall(f"GET /health HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n".encode())
                self.assertEqual(200, status_of(read_reply(connection)))
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=30)
            self.assertEqual(0, process.returncode, said)
            self.assertIn(str(listener.getsockname()[1]), said.decode())


if __name__ == "__main__":
    main()
