"""What operators are told of what waits, was given up, was handed over or is damaged."""

import json
import pathlib
import re
import signal
import smtplib
import sqlite3
import subprocess
import tempfile
import time
import unittest

import test_ledger
import world
from world import until

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Telling(test_ledger.Operators):
    def sink(self, name="ops"):
        rows = [json.loads(line) for line in
                self.run_ok("sinks", "list", "--format", "ndjson").splitlines()]
        return [row for row in rows if row["sink"] == name][0]

    def shown(self, key):
        return self.run_ok("deliveries", "show", key)

    def log(self):
        return (self.program.folder / "log").read_text()

    def change(self, sql):
        with sqlite3.connect(self.program.folder / "leads.db") as db:
            db.execute(sql)
        db.close()

    def metric(self, name):
        text = self.program.get("/metrics", self.program.admin)[1].decode()
        return float(re.search("^" + re.escape(name) + " (.*)$", text, re.M).group(1))


class Waiting(Telling):
    def test_a_sink_that_is_paused_twice_stays_paused_and_says_so(self):
        self.edit("format: json, retry", "format: json, paused: true, retry")
        self.program.start()
        self.take("1")
        [one] = self.wait_for("pending")
        self.assertEqual(one["waits"], "its sink is paused by the configuration")
        for runs in [True, False]:
            self.run_ok("sinks", "pause", "ops", "--reason", "moving")
            self.assertRegex(self.run_ok("sinks", "list"),
                             r"ops .*paused since .*: moving; and by the configuration")
            self.assertEqual(self.sink()["paused"]["also_by"], "configuration")
            self.assertIn("waits     its sink is paused (moving)", self.shown(one["delivery_id"]))
            table = self.run_ok("deliveries", "list")
            self.assertRegex(table, r"pending +0 +paused")
            self.assertIn("paused: ops: its sink is paused (moving)", table)
            if runs:
                for by in ["operator", "configuration"]:
                    self.assertEqual(self.metric(f'leadrouter_sink_paused{{sink="ops",by="{by}"}}'),
                                     1)
                _, answer = self.api("GET", f"/api/deliveries/{one['delivery_id']}")
                self.assertEqual(answer["waits"], "its sink is paused (moving)")
                self.assertEqual(self.api("POST", "/api/sinks/resume",
                                          {"sink": "ops", "reason": "moved"})[1],
                                 {"sink": "ops", "done": "resumed",
                                  "still_paused_by": "configuration"})
                self.assertRegex(self.log(), "reason=moving sink=ops .*sink paused by an operator")
                self.assertRegex(self.log(), "reason=moved sink=ops .*sink resumed by an operator")
            else:
                self.assertIn("stays paused: its settings have 'paused: true'",
                              self.run_ok("sinks", "resume", "ops"))
            self.assertEqual(self.sink()["paused"], {"by": "configuration"})
            self.assertIn("stays paused", self.run_ok("sinks", "resume", "ops"))
            self.program.stop()

    def test_a_sink_that_is_gone_keeps_waiting_without_a_next_time(self):
        self.crm.script = [503]
        self.program.start()
        self.take("1")
        until(lambda: all(d["attempts"] for d in self.wait_for("pending")))
        self.program.stop()
        self.edit("  ops: {", "  other: {")
        self.edit("to: [ops]", "to: [other]")
        [one] = self.wait_for("pending")
        for runs in [False, True]:
            if runs:
                self.program.start()
                _, answer = self.api("GET", "/api/deliveries?sink=ops")
                self.assertEqual(answer["deliveries"][0]["waits"], "its sink is not configured")
            table = self.run_ok("deliveries", "list")
            self.assertRegex(table, r"pending +1 +not configured")
            self.assertIn("deliveries cancel --sink ops", table)
            self.assertIn("waits     its sink is not configured", self.shown(one["delivery_id"]))

    def test_what_waits_for_a_schedule_says_until_when_and_is_not_old(self):
        day = DAYS[(time.gmtime().tm_wday + 2) % 7]
        self.edit("routes:\n", 'schedules:\n  later: {time_zone: Europe/Rome, open: {'
                  + day + ': "09:00-19:00"}}\nroutes:\n')
        self.edit("to: [ops]", "to: [ops]\n    hold_until: {schedule: later, at_most: 7d}")
        self.program.start()
        self.take("1")
        [one] = self.wait_for("pending")
        self.assertEqual(one["waits"], f"for its schedule, until {one['due_time']}")
        self.assertIn(f"waits     for its schedule, until {one['due_time']}",
                      self.shown(one["delivery_id"]))
        self.assertIn(f"held until {one['due_time']}", self.run_ok("leads", "show", "1"))
        stats = json.loads(self.run_ok("ledger", "stats", "--format", "ndjson"))
        self.assertIsNone(stats["sinks"]["ops"]["oldest_open_seconds"])
        # The way that is told to send it now.
        plan = self.run_ok("deliveries", "redeliver", one["delivery_id"])
        self.assertIn("leadrouter deliveries cancel KEY --yes", plan)
        self.run_ok("deliveries", "cancel", one["delivery_id"], "--yes")
        self.run_ok("deliveries", "redeliver", one["delivery_id"], "--yes")
        self.wait_for("delivered")


class GivenUp(Telling):
    def test_a_dead_letter_that_was_redelivered_is_open_no_more(self):
        old = self.dead_letter()
        self.assertEqual(self.sink()["dead"], 1)
        dead = self.program.rows("deliveries", "list", "--state", "dead")
        self.assertEqual([d["delivery_id"] for d in dead], [old["delivery_id"]])
        self.run_ok("deliveries", "redeliver", "--sink", "ops", "--yes")
        self.wait_for("delivered")
        for runs in [True, False]:
            self.assertEqual(self.sink()["dead"], 0)
            self.assertEqual(self.program.rows("deliveries", "list", "--state", "dead"), [])
            rows = self.program.rows("deliveries", "list", "--state", "dead", "--all")
            self.assertEqual([d["delivery_id"] for d in rows], [old["delivery_id"]])
            if runs:
                for query, count in [("", 0), ("&all=false", 0), ("&all=true", 1)]:
                    _, answer = self.api("GET", "/api/deliveries?state=dead" + query)
                    self.assertEqual(len(answer["deliveries"]), count)
                self.assertEqual(self.api("GET", "/api/deliveries?all=maybe")[0], 400)
                plan = self.run_ok("deliveries", "redeliver", "--sink", "ops", "--state", "dead")
                self.assertIn("redelivered already", plan)
            self.program.stop()

    def test_a_handover_names_both_deliveries(self):
        self.edit("format: json, retry", "format: json, on_failure: [head-office], retry")
        self.crm.script = [301]
        self.program.start()
        self.take("1")
        [stand_in] = self.wait_for("delivered")
        [failed] = self.in_state("dead")
        for text in [self.shown(stand_in["delivery_id"]), self.run_ok("leads", "show", "1")]:
            self.assertRegex(
                text, f"stands in for {failed['delivery_id']} to 'ops', which is dead: .*301")
        for text in [self.shown(failed["delivery_id"]), self.run_ok("leads", "show", "1")]:
            self.assertIn(f"handed over as {stand_in['delivery_id']} to 'head-office'", text)
        _, answer = self.api("GET", f"/api/deliveries/{stand_in['delivery_id']}")
        self.assertEqual(answer["stands_in_for"], failed["delivery_id"])
        self.assertIn("301", answer["stands_in_because"])
        _, answer = self.api("GET", "/api/leads/1")
        found = {d["sink"]: d["handed_over_as"] for d in answer["leads"][0]["deliveries"]}
        self.assertEqual(found, {"ops": [stand_in["delivery_id"]], "head-office": []})

    def test_damage_shows_and_is_counted_in_the_plan(self):
        self.crm.script = [301, 301]
        self.program.start()
        self.take("1", "2")
        self.wait_for("dead", 2)
        self.program.stop()
        self.change("UPDATE inbox SET lead = cast(replace(lead, 'canary', 'banary') AS BLOB) "
                    "WHERE lead_id = '1'")
        self.program.verifies = False
        keys = {d["lead_id"]: d["delivery_id"] for d in self.program.deliveries()}
        for runs in [False, True]:
            if runs:
                self.program.start()
                _, answer = self.api("GET", "/api/leads/1")
                self.assertIn("does not match", answer["leads"][0]["damage"])
            plan = self.run_ok("deliveries", "redeliver", "--sink", "ops")
            self.assertRegex(plan, r"ops +dead +1 +sent again")
            self.assertRegex(plan, r"ops +dead +1 +left alone: damaged")
            self.assertIn("For 1 delivery to be sent again", plan)
            self.assertIn("damaged   the stored lead is damaged", self.shown(keys["1"]))
            self.assertIn("damaged   the stored lead is damaged", self.run_ok("leads", "show", "1"))
            self.assertNotIn("damage", self.shown(keys["2"]))
            self.assertNotIn("damage", self.run_ok("leads", "show", "2"))
        self.assertIn("1 delivery sent again",
                      self.run_ok("deliveries", "redeliver", "--sink", "ops", "--yes"))


class Recipients(unittest.TestCase):
    def test_the_history_says_to_whom_a_mail_went_and_the_log_does_not(self):
        mail = world.MailServer()
        self.addCleanup(mail.close)
        mail.script = ["451 busy"]
        program = world.Program(None, None, mail.url)
        self.addCleanup(program.close)
        program.start()
        lead = {"submission_id": "1", "selected_dealer": "99213450", "email": "zoe@example.com"}
        self.assertEqual(program.submit(json.dumps(lead).encode())[0], 200)
        until(lambda: [d for d in program.deliveries()
                       if d["sink"] == "store-email" and d["state"] == "delivered"])
        [to] = mail.accepted()[0]["to"]
        [one] = [d for d in program.deliveries() if d["sink"] == "store-email"]
        shown = program.command("deliveries", "show", one["delivery_id"]).stdout.decode()
        self.assertIn(f"SMTP 250 to {to}; the answer: ", shown)
        self.assertIn(f"(to {to}); the answer: ", shown)
        self.assertNotIn(to, one["detail"])
        self.assertNotIn(to, (program.folder / "log").read_text())


class Simulate(unittest.TestCase):
    def test_caught_mails_are_numbered_on_after_a_restart(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for count in [1, 2]:
            process = subprocess.Popen(
                [world.LEADROUTER, "simulate", "smtp", "--port", "0", "--folder", folder.name],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            try:
                port = int(process.stdout.readline().strip().rsplit(":", 1)[1])
                with smtplib.SMTP("127.0.0.1", port) as client:
                    client.sendmail("a@example.com", ["b@example.com"], f"Subject: {count}\r\n\r\n")
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()
                process.stdout.close()
            names = sorted(p.name[:5] for p in pathlib.Path(folder.name).iterdir())
            self.assertEqual(names, ["00001", "00002"][:count])


class Answers(Telling):
    def test_addresses_and_methods_that_are_none_get_json(self):
        self.program.start()
        for method, path, status in [
            ("GET", "/api/foo", 404), ("POST", "/api/foo", 404), ("GET", "/api/leads/1/x", 404),
            ("GET", "/api/leads/decide", 405), ("GET", "/api/reload", 405),
            ("PUT", "/api/leads", 405), ("DELETE", "/api/leads/1", 405), ("PATCH", "/api/foo", 405),
            ("POST", "/api/leads", 405), ("POST", "/api/stats", 405),
            ("POST", "/api/deliveries/0123456789", 405), ("GET", "/api/leads/1", 404),
        ]:
            found, answer = self.api(method, path, {} if method == "POST" else None)
            self.assertEqual((found, list(answer)), (status, ["error"]), (method, path))
        self.assertEqual(self.api("GET", "/api/foo", token=None)[0], 401)

    def test_what_is_wrong_with_a_request_is_said(self):
        self.program.start()
        for path in ["sinks/pause", "deliveries/redeliver", "leads/forget", "ledger/backup"]:
            status, answer = self.api("POST", "/api/" + path, b'{"sink": "ops", "sink": "ops"}')
            self.assertEqual(status, 400)
            self.assertIn("same name twice", answer["error"])
            self.assertIn("no JSON object", self.api("POST", "/api/" + path, b"[]")[1]["error"])
        status, answer = self.api("POST", "/api/sinks/probe",
                                  {"sink": "ops", "destination": "nowhere.example"})
        self.assertEqual(status, 404)
        self.assertIn("no destination 'nowhere.example'", answer["error"])
        self.run_ok("sinks", "probe", "ops", "--destination", "nowhere.example", code=1)
        for scheme in ["http", "https"]:
            done = self.program.command("sinks", "list", "--service", f"{scheme}://127.0.0.1:1")
            self.assertEqual(done.returncode, 64)
            self.assertIn(f"without '{scheme}://'".encode(), done.stderr)

    def test_a_store_without_rules_and_one_beside_a_foreign_log(self):
        self.program.start()
        self.take("1")
        self.wait_for("delivered")
        store = self.program.folder / "leads.db"
        self.assertIn(b"1 decided again", self.program.command("ledger", "verify").stdout)
        self.program.stop()
        done = self.program.run("ledger", "verify", "--store", str(store))
        self.assertIn(b"decisions were not checked, because no rules were named", done.stdout)
        self.assertIn(b"1 decided again", self.program.command("ledger", "verify").stdout)
        self.program.start()
        copy = self.program.folder / "copy.db"
        self.run_ok("ledger", "backup", str(copy))
        for id in range(2, 40):
            self.take(str(id))
        self.program.kill()
        self.program.verifies = False
        self.assertTrue(store.with_name("leads.db-wal").exists())
        store.write_bytes(copy.read_bytes())
        done = self.program.command("serve")
        self.assertEqual(done.returncode, 69)
        self.assertIn(b"leads.db-wal' and '", done.stderr)
        self.assertIn(b"may belong to the store that was there before", done.stderr)


if __name__ == "__main__":
    unittest.main()
