"""Whoever reaches the listeners, and whoever names the wrong store: without a secret, without patience,
or by mistake."""

import json
import pathlib
import select
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import unittest

import world
from world import until

CHUNK = b"%x\r\n" % 65536 + b"a" * 65536 + b"\r\n"


def program(**settings):
    """The built program with a sink that is a server of ours."""
    crm = world.CRM()
    made = world.Program(None, crm, "smtp://127.0.0.1:9", **settings)
    return made


class Memory(unittest.TestCase):
    """What the process holds is bounded, whatever strangers send."""

    def setUp(self):
        self.program = program()
        self.addCleanup(self.program.close)
        self.program.start()
        self.sockets = []
        self.addCleanup(lambda: [one.close() for one in self.sockets])

    def megabytes(self):
        status = pathlib.Path(f"/proc/{self.program.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) // 1024

    def connect(self, port):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        one.connect(("127.0.0.1", port))
        one.setblocking(False)
        self.sockets.append(one)
        return one

    def is_taken_in(self, number):
        return self.program.submit(b'{"submission_id": "m%d"}' % number)[0] == 200

    def test_answers_that_nobody_takes_cost_little_and_end(self):
        """Requests without end, of which no answer is read: 2.9 GB once, for ever."""
        before = self.megabytes()
        for port, path, count in [(self.program.port, "hooks/nowhere", 40),
                                  (self.program.admin, "metrics", 20)]:
            request = f"GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 400
            left = {self.connect(port) for _ in range(count)}
            ending = time.monotonic() + 60
            highest = 0
            # Each fills the system's buffers; then nothing more is taken, and then it is closed.
            while left and time.monotonic() < ending:
                for one in select.select([], list(left), [], 0.5)[1]:
                    try:
                        one.send(request)
                    except BlockingIOError:
                        pass
                    except OSError:
                        left.discard(one)
                highest = max(highest, self.megabytes())
            self.assertEqual(len(left), 0, "still open after 60 s")
            self.assertLess(highest - before, 50)
        self.assertTrue(self.is_taken_in(1))

    def test_bodies_that_do_not_end_have_one_budget(self):
        """200 MB of a source that checks its bodies; those with a secret in the head go on."""
        before = self.megabytes()
        head = (b"POST /hooks/facebook HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(200):
            one = self.connect(self.program.port)
            one.settimeout(20)
            try:
                one.sendall(head + CHUNK * 15)
            except OSError:
                pass
            one.setblocking(False)
        answers = {}

        def refused():
            for one in select.select(self.sockets, [], [], 0.1)[0]:
                try:
                    answers.setdefault(one, one.recv(12))
                except OSError:
                    pass
            return list(answers.values()).count(b"HTTP/1.1 503") > 100

        until(refused, what="a hundred refusals")
        self.assertLess(self.megabytes() - before, 150)
        self.assertTrue(self.is_taken_in(1))
        metrics = self.program.get("/metrics", self.program.admin)[1].decode()
        held = int(metrics.split("\nleadrouter_webhook_body_bytes ")[1].split()[0])
        self.assertGreater(held, 32 << 20)
        self.assertLessEqual(held, 64 << 20)
        for one in self.sockets:
            one.close()
        until(lambda: self.program.submit(b'{"submission_id": "l", "text": "%s"}' % (b"x" * 900000))
              [0] == 200, 20, "room for a large body")

    def test_who_lacks_the_secret_of_the_head_is_not_listened_to(self):
        for _ in range(100):
            one = self.connect(self.program.port)
            one.settimeout(20)
            one.sendall(b"POST /hooks/website HTTP/1.1\r\nHost: a\r\nX-Form-Token: wrong\r\n"
                        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + CHUNK)
            self.assertEqual(one.recv(12), b"HTTP/1.1 401")


class OtherStores(unittest.TestCase):
    """An order goes to the store that is named, or nowhere."""

    def make(self):
        made = program()
        self.addCleanup(made.close)
        return made

    def forget(self, made, *arguments):
        return made.command("leads", "forget", "--until", "2100-01-01T00:00:00Z", "--yes", *arguments)

    def states(self, made):
        return {lead["lead_id"]: lead["state"] for lead in made.leads()}

    def test_an_order_about_one_store_never_reaches_the_service_of_another(self):
        here, there = self.make().start(), self.make().start()
        for made, name in [(here, "h"), (there, "t")]:
            self.assertEqual(made.submit(b'{"submission_id": "%s"}' % name.encode())[0], 200)
            made.settle()
        store = str(there.folder / "leads.db")
        done = self.forget(here, "--store", store)
        self.assertEqual(done.returncode, 69, done.stdout + done.stderr)
        self.assertIn(b"is not that of the service", done.stderr)
        self.assertIn(store.encode(), done.stderr)
        self.assertIn(str(here.folder / "leads.db").encode(), done.stderr)
        self.assertNotIn("forgotten", [*self.states(here).values(), *self.states(there).values()])
        # A link to the same file is the same store; and the service that has it may be named.
        link = here.folder / "link.db"
        link.symlink_to(here.folder / "leads.db")
        done = self.forget(here, "--store", str(link))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.states(here), {"h": "forgotten"})
        done = self.forget(here, "--store", store, "--service", f"127.0.0.1:{there.admin}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.states(there), {"t": "forgotten"})

    def test_what_is_no_leadrouter_is_asked_for_nothing_else(self):
        made = self.make()
        asked = []

        class Handler(world.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                asked.append(self.command + self.path)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_POST = do_GET

        server = world.Server(("127.0.0.1", 0), Handler)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = self.forget(made, "--service", f"127.0.0.1:{server.server_port}")
        self.assertEqual(done.returncode, 69, done.stdout)
        self.assertIn(b"does not say that it is a leadrouter", done.stderr)
        self.assertEqual(asked, ["GET/api/store"])
        asked.clear()
        for name in ["127.0.0.1/x?", "127.0.0.1#", "a@127.0.0.1", "127.0.0.1 ", "127.0.0.1\\"]:
            done = self.forget(made, "--service", f"{name}:{server.server_port}")
            self.assertEqual(done.returncode, 64, name)
        self.assertEqual(asked, [])


class Hangups(unittest.TestCase):
    def test_a_hangup_at_the_start_ends_nothing(self):
        """Another program holds the store's file, so that the start takes as long as we like."""
        made = program()
        self.addCleanup(made.close)
        made.start().stop()
        store = sqlite3.connect(made.folder / "leads.db", isolation_level=None)
        store.execute("PRAGMA locking_mode = EXCLUSIVE")
        store.execute("BEGIN EXCLUSIVE")
        made.process = subprocess.Popen(
            [world.LEADROUTER, "serve", "--config", str(made.rules)], stdout=made.log,
            stderr=made.log, env=made.environment, cwd=made.folder)
        lock = (made.folder / "leads.db.lock")
        until(lambda: lock.read_text().strip() == str(made.process.pid), what="the store's lock")
        made.process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        store.close()
        until(made.is_ready)


if __name__ == "__main__":
    unittest.main()
