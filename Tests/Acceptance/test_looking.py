"""Looking at the ledger: through the running service with its token alone, or in the file."""

import http.server
import json
import os
import re
import signal
import sqlite3
import subprocess
import threading
import unittest

import world
from test_ledger import TOKEN, Operators
from world import until

#: Ids are a sender's text: these must not be read as addresses of something else.
ODD_IDS = ["decide", "search", "..", "a/b?c=%41#d", "%2e%2e", "zoé + 1"]


class Looking(Operators):
    def start_with_leads(self):
        """One delivered, one dead and redelivered, one that waits for a paused sink, one kept aside."""
        self.crm.script = [200, 301]
        self.program.start()
        self.take("1")
        self.wait_for("delivered")
        self.take("2", note="\x1b[31mred\u202e")
        self.dead = self.wait_for("dead")[0]["delivery_id"]
        self.run_ok("deliveries", "redeliver", self.dead, "--yes", "--reason", "mended")
        self.wait_for("delivered", 2)
        self.run_ok("sinks", "pause", "ops", "--reason", "moving")
        self.take("3")
        self.program.submit(b'[{"submission_id": "4", "email": "x@example.com"}, 7]')
        until(lambda: len(self.program.leads()) == 5 and len(self.in_state("pending")) == 2)

    def bulk(self, count, **last):
        file = self.program.folder / "bulk.ndjson"
        file.write_text("".join(
            json.dumps({"id": str(n), "field_data": [
                {"name": "email", "values": [last.get("email") if n == 0 else f"{n}@example.com"]}
            ]}) + "\n" for n in range(count)))
        self.run_ok("import", str(file))

    def rows(self, *arguments):
        text = self.run_ok(*arguments, "--format", "ndjson")
        return [json.loads(line) for line in text.splitlines()]

    def looks(self):
        key = self.dead[:12]
        return [
            *([*look, *form] for form in [[], ["--format", "ndjson"]] for look in [
                ["leads", "list"], ["leads", "list", "--limit", "2"],
                ["leads", "list", "--state", "quarantined"], ["leads", "list", "--source", "none"],
                ["leads", "list", "--since", "2000-01-01", "--until", "2001-01-01"],
                ["leads", "list", "--with-answer", "canary-ZOE@example.com", "--limit", "2"],
                ["leads", "list", "--with-answer", "nobody@example.com"],
                ["leads", "show", "1"], ["leads", "show", "2", "--source", "website"],
                ["deliveries", "list"], ["deliveries", "list", "--limit", "1"],
                ["deliveries", "list", "--sink", "osp"], ["deliveries", "list", "--state", "dead"],
                ["deliveries", "list", "--state", "dead", "--all"],
                ["deliveries", "show", key], ["ledger", "verify"],
            ]),
            ["leads", "show", "none"], ["leads", "show", "1", "--source", "none"],
            ["leads", "show", " "], ["deliveries", "show", "0" * 12], ["deliveries", "show", "xyz"],
            ["leads", "list", "--state", "daed"], ["deliveries", "list", "--limit", "0"],
            ["leads", "list", "--with-answer", "  "],
        ]

    def outcome(self, command, *arguments):
        done = command(*arguments)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def stranger(self, *arguments, token=TOKEN):
        """An account that can read nothing of the service's, and has its token."""
        environment = dict(self.program.environment)
        environment.pop("LEADROUTER_ADMIN_TOKEN", None)
        if token:
            environment["LEADROUTER_ADMIN_TOKEN"] = token
        return subprocess.run(
            ["setpriv", "--reuid", "65534", "--clear-groups", "--regid", "65534",
             world.LEADROUTER, *arguments, "--service", f"127.0.0.1:{self.program.admin}"],
            capture_output=True, env=environment, cwd="/", timeout=60)


class SameEitherWay(Looking):
    def test_the_service_and_the_file_show_the_same(self):
        if os.getuid() != 0:
            self.skipTest("needs root")
        self.start_with_leads()
        os.chmod(self.program.folder, 0o700)
        asked = [self.outcome(self.program.command, *look) for look in self.looks()]
        named = [self.outcome(self.stranger, *look) for look in self.looks()]

        def counts(done):
            """All but the sizes of the file, and an age, which time changes."""
            return re.sub(r" \d+ s\n", " AGE\n", done.stdout.decode().split("\nfile ")[0])

        stats = counts(self.program.command("ledger", "stats"))
        self.assertIn("AGE", stats)
        self.assertEqual(counts(self.stranger("ledger", "stats")), stats)
        self.program.stop()
        for look, one, other in zip(self.looks(), asked, named):
            with self.subTest(look=look):
                self.assertEqual(one, other)
                self.assertEqual(one, self.outcome(self.program.command, *look))
                self.assertNotIn("\x1b", one[1])
        self.assertEqual(counts(self.program.command("ledger", "stats")), stats)
        # The control: that account can look only because it is told the answers.
        self.assertEqual(self.stranger("leads", "list").returncode, 69)

    def test_without_the_token_a_stranger_sees_nothing(self):
        if os.getuid() != 0:
            self.skipTest("needs root")
        self.start_with_leads()
        for token in [None, "wrong"]:
            for look in [*self.looks()[:3], ["ledger", "stats"], ["ledger", "verify"],
                         ["ledger", "backup", str(self.program.folder / "copy.db")]]:
                done = self.stranger(*look, token=token)
                self.assertEqual((done.returncode, done.stdout), (69, b""), look)
                self.assertIn(b"answers 401", done.stderr)
        self.assertFalse((self.program.folder / "copy.db").exists())

    def test_ids_that_look_like_addresses_are_ids(self):
        self.program.start()
        self.take(*ODD_IDS)
        self.wait_for("delivered", len(ODD_IDS))
        shown = {id: self.run_ok("leads", "show", id) for id in ODD_IDS}
        self.program.stop()
        for id in ODD_IDS:
            self.assertIn(f"lead      {id}\n", shown[id])
            self.assertEqual(shown[id], self.run_ok("leads", "show", id))

    def test_a_long_listing_is_asked_for_page_by_page(self):
        self.bulk(2300)
        self.program.start()
        rows = self.rows("leads", "list", "--limit", "2200")
        self.assertEqual(len(rows), 2200)
        self.assertEqual(len({r["lead_id"] for r in rows}), 2200)
        more = self.rows("leads", "list", "--before", str(rows[-1]["sequence"]), "--limit", "2200")
        self.assertEqual(len(more), 100)

    def test_what_is_damaged_is_shown_as_far_as_it_can_be_read(self):
        self.program.verifies = False
        self.program.start()
        self.take("1")
        self.wait_for("delivered")
        self.program.stop()
        with sqlite3.connect(self.program.folder / "leads.db") as db:
            db.execute("UPDATE inbox SET lead = cast('{broken ' || lead AS BLOB)")
        db.close()
        self.program.start()
        shown = self.run_ok("leads", "show", "1")
        self.assertIn("content   {broken {\"id\"", shown)
        found = self.program.command("ledger", "verify", "--format", "ndjson")
        self.assertEqual(found.returncode, 1)
        self.assertIn("I8", [json.loads(l)["invariant"] for l in found.stdout.splitlines()])
        self.assertEqual(1, len(self.program.rows("leads", "list", "--with-answer",
                                                  "canary-zoe@example.com")))
        self.program.stop()
        self.assertEqual(shown, self.run_ok("leads", "show", "1"))
        again = self.program.command("ledger", "verify", "--format", "ndjson")
        self.assertEqual((found.returncode, found.stdout, found.stderr),
                         (again.returncode, again.stdout, again.stderr))


class WhoIsAsked(Looking):
    def test_who_may_read_the_file_looks_there_when_the_service_cannot_be_asked(self):
        self.start_with_leads()
        told = self.run_ok("leads", "list")
        self.edit(TOKEN, "another-token")
        done = self.program.command("leads", "list")
        self.assertEqual((done.returncode, done.stdout.decode()), (0, told))
        self.assertIn(b"answers 401: it does not take this token", done.stderr)
        self.assertIn(b"is read from the file", done.stderr)
        service = f"127.0.0.1:{self.program.admin}"
        done = self.program.command("leads", "list", "--service", service)
        self.assertEqual((done.returncode, done.stdout), (69, b""))
        self.edit("another-token", TOKEN)
        # Another program where it should be, and then nothing.
        with Elsewhere() as port:
            self.edit(f"127.0.0.1:{self.program.admin}", f"127.0.0.1:{port}")
            done = self.program.command("leads", "list")
            self.assertEqual((done.returncode, done.stdout.decode()), (0, told))
            self.assertIn(b"does not say that it is a leadrouter", done.stderr)
        done = self.program.command("leads", "list")
        self.assertEqual((done.returncode, done.stdout.decode()), (0, told))
        self.assertIn(b"does not answer at", done.stderr)
        done = self.program.command("leads", "list", "--service", service)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_a_service_that_hangs_keeps_nobody_from_the_file(self):
        self.program.start()
        self.take("1")
        self.wait_for("delivered")
        self.program.process.send_signal(signal.SIGSTOP)
        try:
            done = self.program.command("leads", "list", "--format", "ndjson")
        finally:
            self.program.process.send_signal(signal.SIGCONT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 1)
        self.assertIn(b"is read from the file", done.stderr)

    def test_a_store_that_no_service_has_is_read_and_never_asked_for(self):
        self.program.start()
        self.take("1", "2")
        self.wait_for("delivered", 2)
        other = self.program.folder / "other.db"
        self.run_ok("ledger", "backup", str(other))
        self.take("3")
        self.wait_for("delivered", 3)
        done = self.program.command("leads", "list", "--store", str(other), "--format", "ndjson")
        self.assertEqual((len(done.stdout.splitlines()), done.stderr), (2, b""))
        service = f"127.0.0.1:{self.program.admin}"
        done = self.program.command("leads", "list", "--store", str(other), "--service", service)
        self.assertEqual((done.returncode, done.stdout), (69, b""))
        self.assertIn(b"is not that of the service", done.stderr)


class Elsewhere:
    """Something that listens, and is no leadrouter."""

    def __enter__(self):
        crm = world.CRM()
        self.server = crm.server
        return self.server.server_port

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Lying(http.server.BaseHTTPRequestHandler):
    """Says that it is a leadrouter, and answers everything else with `answer`; not at all when its
    `status` is none."""

    status, answer = 200, {}

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        known = {"program": "leadrouter", "store": {"path": "/x", "named": "/x"}}
        isStore = self.path == "/api/store"
        if not isStore and self.status is None:
            self.close_connection = True
            return
        data = json.dumps(known if isStore else self.answer).encode()
        self.send_response(200 if isStore else self.status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET

    def log_message(self, *_):
        pass


class WhatIsAnswered(Looking):
    ASKED = [["leads", "list"], ["leads", "list", "--with-answer", "x"], ["leads", "show", "x"],
             ["deliveries", "list"], ["deliveries", "show", "0" * 12], ["ledger", "stats"],
             ["ledger", "verify"], ["ledger", "backup", "/tmp/none/x.db"], ["sinks", "list"],
             ["sinks", "pause", "crm"], ["sinks", "resume", "crm"], ["sinks", "probe", "crm"],
             ["leads", "forget", "x", "--yes"], ["leads", "decide", "x"],
             ["deliveries", "cancel", "0" * 12, "--yes"]]
    CHANGING = [look for look in ASKED
                if "--yes" in look or {"backup", "pause", "resume", "probe"} & set(look)]

    def asked(self, port, *arguments):
        return self.program.command(*arguments, "--service", f"127.0.0.1:{port}")

    def test_what_lacks_what_is_printed_is_no_answer(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lying)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            for answer in [None, [1], {}, {"leads": 1, "deliveries": [7], "next_before": "x"}]:
                Lying.status, Lying.answer = 200, answer
                for look in self.ASKED:
                    with self.subTest(look=look, answer=answer):
                        done = self.asked(server.server_port, *look)
                        self.assertEqual((done.returncode, done.stdout), (69, b""), done.stderr)
                        self.assertIn(b"what the service answered is no ", done.stderr)
            Lying.answer = {"leads": [], "deliveries": [], "searched": 0, "next_before": 5}
            for look in [self.ASKED[0], self.ASKED[1], self.ASKED[3]]:
                done = self.asked(server.server_port, *look)
                self.assertEqual(done.returncode, 69, look)
                self.assertIn(b"does not go on", done.stderr)
            # The control: an empty list is an answer.
            Lying.answer["next_before"] = None
            self.assertEqual(self.asked(server.server_port, "leads", "list").returncode, 0)
            for Lying.status in [400, 404, 503]:
                Lying.answer = {"error": "bad \x1b[31m\x9b31m\nerror: fake"}
                for look in self.ASKED:
                    done = self.asked(server.server_port, *look)
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn(b"bad ", done.stderr)
                    self.assertNotIn("\x1b", done.stderr.decode())
                    self.assertNotIn("\x9b", done.stderr.decode())
                    self.assertNotIn("\nerror: fake", done.stderr.decode())
            # A service that dies while it is asked: what was ordered may have been done.
            Lying.status = None
            for look in self.ASKED:
                done = self.asked(server.server_port, *look)
                self.assertEqual((done.returncode, done.stdout), (69, b""), done.stderr)
                said = ("may have carried it out" if look in self.CHANGING
                        else "ended, or stopped answering, while it was asked")
                self.assertIn(said, done.stderr.decode(), look)
        finally:
            server.shutdown()
            server.server_close()


class Answers(Looking):
    def found(self, text, *options):
        return [l["lead_id"] for l in
                self.rows("leads", "list", "--with-answer", text, *options)]

    def test_leads_are_found_by_an_answer_and_forgotten(self):
        self.program.start()
        self.take("1", "2", phone="+1 212 555 0100")
        self.take("3", email="other@example.com", phone="(212) 555-0100")
        self.program.submit(b'{"email": "kept@example.com"')
        self.wait_for("delivered", 3)
        for _ in range(2):
            self.assertEqual(self.found(" Canary-Zoe@EXAMPLE.com "), ["2", "1"])
            self.assertEqual(self.found("0012125550100"), ["3", "2", "1"])
            self.assertEqual(self.found("+12125550100", "--limit", "1"), ["3"])
            self.assertEqual(self.found("zoe@example.com"), [])
            self.assertEqual(self.found("+12125550100", "--state", "held"), [])
            self.assertEqual(len(self.found("kept@example.com", "--state", "quarantined")), 1)
            done = self.program.command("leads", "list", "--with-answer", "-", "--format", "ndjson",
                                        stdin=b"other@example.com\n")
            self.assertEqual(json.loads(done.stdout)["lead_id"], "3")
            self.program.stop()
        self.program.start()
        plan = self.run_ok("leads", "forget", "--with-answer", "canary-zoe@example.com")
        self.assertIn("To forget 2 leads for good", plan)
        self.assertEqual(len(self.found("canary-zoe@example.com")), 2)
        text = self.run_ok("leads", "forget", "--with-answer", "canary-zoe@example.com", "--yes")
        self.assertIn("2 leads forgotten", text)
        self.assertEqual(self.found("+12125550100"), ["3"])
        self.program.stop()
        self.run_ok("leads", "forget", "--with-answer", "+12125550100", "--yes")
        self.assertEqual(self.found("+12125550100"), [])
        self.run_ok("leads", "forget", "--with-answer", "+12125550100", "--yes", code=1)
        self.run_ok("leads", "forget", "1", "--with-answer", "+12125550100", code=64)
        self.run_ok("leads", "forget", "--with-answer", " ", code=64)
        self.verified()
        log = (self.program.folder / "log").read_text()
        for text in ["canary", "5550100", "kept@"]:
            self.assertNotIn(text, log.lower())

    def test_only_the_source_that_has_the_answer_loses_its_lead(self):
        self.program.start()
        file = self.program.folder / "more.ndjson"
        file.write_text('{"id": "1", "field_data": [{"name": "email", "values": ["b@example.com"]}]}\n')
        self.take("1")
        self.run_ok("import", str(file))
        self.wait_for("delivered", 2)
        self.run_ok("leads", "forget", "--with-answer", "b@example.com", "--yes")
        states = {l["source"]: l["state"] for l in self.program.leads()}
        self.assertEqual(states, {"website": "decided", "import": "forgotten"})

    def test_a_search_goes_on_in_steps_while_leads_come_in(self):
        self.bulk(5200, email="the-first@example.com")
        self.program.start()
        body = {"filter": {"with_answer": "the-first@example.com"}}
        status, step = self.api("POST", "/api/leads/search", body)
        self.assertEqual((status, step["leads"], step["searched"]), (200, [], 5000))
        _, step = self.api("POST", "/api/leads/search", {**body, "before": step["next_before"]})
        self.assertEqual([l["lead_id"] for l in step["leads"]], ["0"])
        self.assertIsNone(step["next_before"])
        found, ended = [], threading.Event()

        def search():
            for _ in range(3):
                found.append(self.found("the-first@example.com"))
            ended.set()

        thread = threading.Thread(target=search)
        thread.start()
        count = 0
        while not ended.is_set():
            count += 1
            self.take(f"w{count}")
        thread.join()
        self.assertEqual(found, [["0"]] * 3)
        self.assertGreater(count, 0)

    def test_the_api_takes_an_answer_only_where_it_is_looked_for(self):
        self.program.start()
        self.take("1", "2")
        self.wait_for("delivered", 2)
        status, answer = self.api("GET", "/api/leads?with_answer=x@example.com")
        self.assertEqual(status, 400)
        self.assertIn("POST /api/leads/search", answer["error"])
        for order in ["forget", "decide"]:
            status, answer = self.api("POST", f"/api/leads/{order}",
                                      {"filter": {"with_answer": "x@example.com"}, "yes": True})
            self.assertEqual(status, 400)
        for wrong in [{}, {"filter": {}}, {"filter": {"with_answer": " "}}, {"with_answer": "x"},
                      {"filter": {"with_answer": "x", "sourc": "y"}}, {"filter": {"with_answer": 7}},
                      {"filter": {"with_answer": "x"}, "limit": 0},
                      {"filter": {"with_answer": "x"}, "limit": "1"},
                      {"filter": {"with_answer": "x", "limit": "1"}, "limit": 1}, b"["]:
            with self.subTest(wrong=wrong):
                self.assertEqual(self.api("POST", "/api/leads/search", wrong)[0], 400)
        self.assertEqual(self.api("POST", "/api/leads/search", {}, token=None)[0], 401)
        self.assertEqual(self.api("GET", "/api/leads/search")[0], 405)
        rows = [l["sequence"] for l in self.program.leads()]
        for wrong, status in [({"rows": [999]}, 404), ({"rows": ["1"]}, 400), ({"rows": [0]}, 400),
                              ({"rows": rows, "ids": ["1"]}, 400), ({"rows": 1}, 400),
                              ({"rows": rows, "filter": {"source": "website"}}, 400)]:
            with self.subTest(wrong=wrong):
                self.assertEqual(
                    self.api("POST", "/api/leads/forget", {**wrong, "yes": True})[0], status)
        self.assertEqual(self.api("POST", "/api/leads/decide", {"rows": rows})[0], 400)
        status, done = self.api("POST", "/api/leads/forget",
                                {"rows": [rows[0], rows[0]], "yes": True})
        self.assertEqual((status, done["answers"]), (200, {"done": 1}))
        self.assertEqual([l["state"] for l in self.program.leads()], ["forgotten", "decided"])


class Backups(Looking):
    def test_what_a_killed_backup_left_is_replaced_and_other_files_are_not(self):
        self.program.verifies = False
        self.program.start()
        self.take("1")
        self.wait_for("delivered")
        self.program.stop()
        with sqlite3.connect(self.program.folder / "leads.db") as db:
            db.execute("CREATE TABLE filler (bytes BLOB)")
            db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 4000) "
                       "INSERT INTO filler SELECT randomblob(20000) FROM n")
        db.close()
        copy = self.program.folder / "copy.db"
        part = self.program.folder / "copy.db.leadrouter-part"

        def killed():
            process = subprocess.Popen(
                [world.LEADROUTER, "ledger", "backup", str(copy), "--config",
                 str(self.program.rules)], env=self.program.environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            until(lambda: part.exists() and part.stat().st_size or process.poll() is not None,
                  every=0.001)
            process.kill()
            process.wait()
            if copy.exists():
                copy.unlink()
            return part.exists()

        until(killed, 60, "a backup that is killed in time")
        done = self.program.command("ledger", "backup", str(copy))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"was broken off", done.stderr)
        self.assertEqual([p.name for p in self.program.folder.glob("copy.db*")], ["copy.db"])
        copy.unlink()
        part.write_text("somebody's")
        part.chmod(0o600)
        done = self.program.command("ledger", "backup", str(copy))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"is in the way", done.stderr)
        self.assertEqual(part.read_text(), "somebody's")

    def test_the_service_makes_a_copy_for_who_has_only_the_token(self):
        self.program.start()
        self.take("1")
        self.wait_for("delivered")
        copy = self.program.folder / "copy.db"
        self.program.environment["LEADROUTER_ADMIN_TOKEN"] = TOKEN
        service = f"127.0.0.1:{self.program.admin}"
        text = self.run_ok("ledger", "backup", str(copy), "--service", service)
        self.assertEqual(text, f"{copy}: {copy.stat().st_size} bytes\n")
        self.run_ok("ledger", "backup", str(copy), "--service", service, code=1)
        self.run_ok("ledger", "backup", "copy.db", "--service", service, code=64)
        for file, status in [("/nowhere/copy.db", 404), (f"{copy}-wal", 409),
                             (f"{copy}.lock", 409), (f"{copy}\0", 409), (str(copy), 409)]:
            self.assertEqual(self.api("POST", "/api/ledger/backup", {"file": file})[0], status)
        for path in ["/api", "/api/", "/api/none"]:
            self.assertEqual(self.api("GET", path)[0], 404)
        self.assertEqual(len(self.program.rows("leads", "list", "--store", str(copy))), 1)


if __name__ == "__main__":
    unittest.main()
