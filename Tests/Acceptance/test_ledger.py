"""Operators and the ledger: every command without a service and beside one, and the admin API."""

import json
import os
import pathlib
import re
import sqlite3
import subprocess
import unittest

import world
from world import until

CANARY = "canary-zoe@example.com"
TOKEN = "acceptance-admin-token"
ROUTES = """\
routes:
  - id: all
    always: true
    to: [ops]
"""


class Operators(unittest.TestCase):
    TOKENS = True

    def setUp(self):
        self.crm = world.CRM()
        self.program = world.Program(
            None, self.crm, "smtp://127.0.0.1:9", routes=ROUTES,
            extra_sinks=f'  ops: {{plugin: http, url: "{self.crm.url}/ops", method: POST, '
                        "format: json, retry: {for: 7d, first: 30s, most: 1h}}")
        self.addCleanup(self.program.close)
        self.edit('"}}\nstore', f'", token: {TOKEN}}}}}\nstore')

    def edit(self, old, new):
        path = self.program.rules / "leadrouter.yaml"
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new, 1))

    def take(self, *ids, **fields):
        for id in ids:
            body = json.dumps({"submission_id": id, "email": CANARY, **fields}).encode()
            self.assertEqual(self.program.submit(body)[0], 200)
        until(lambda: len(self.program.deliveries()) >= len(ids), what="the deliveries")

    def wait_for(self, state, count=1):
        return until(lambda: [found for found in [self.in_state(state)] if len(found) == count],
                     what=f"{count} {state}")[0]

    def in_state(self, state):
        return [d for d in self.program.deliveries() if d["state"] == state]

    def run_ok(self, *arguments, code=0):
        done = self.program.command(*arguments)
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        return done.stdout.decode()

    def api(self, method, path, body=None, token=TOKEN, **headers):
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            sent["Content-Type"] = "application/json"
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent.update({k.replace("_", "-"): v for k, v in headers.items()})
        status, data, _ = self.program.request(method, path, body, sent, port=self.program.admin)
        return status, json.loads(data) if data else None

    def verified(self):
        text = self.program.command("ledger", "verify")
        self.assertEqual(text.returncode, 0, (text.stdout, text.stderr))
        self.assertIn(b"all is well", text.stdout)

    def dead_letter(self, id="1"):
        self.crm.script = [301]
        self.program.start()
        self.take(id)
        return self.wait_for("dead")[0]


class Redeliver(Operators):
    def test_beside_a_service_a_dead_letter_is_sent_again_with_a_key_of_its_own(self):
        old = self.dead_letter()
        plan = self.run_ok("deliveries", "redeliver", "--sink", "ops")
        self.assertRegex(plan, r"ops +dead +1 +sent again")
        self.assertIn("--yes", plan)
        self.assertEqual(len(self.crm.posts), 1)
        text = self.run_ok("deliveries", "redeliver", "--sink", "ops", "--yes",
                           "--reason", "address repaired")
        self.assertIn("1 delivery sent again", text)
        [new] = self.wait_for("delivered")
        self.assertEqual(new["generation"], 1)
        self.assertEqual(self.crm.keys(), [old["delivery_id"], new["delivery_id"]])
        self.assertNotEqual(old["delivery_id"], new["delivery_id"])
        shown = self.run_ok("deliveries", "show", old["delivery_id"][:10])
        self.assertIn(f"redelivered as {new['delivery_id']}", shown)
        self.assertIn(f"redelivers {old['delivery_id']}",
                      self.run_ok("deliveries", "show", new["delivery_id"]))
        self.assertIn("dead, redelivered", shown)
        self.assertIn("address repaired", shown)
        again = self.run_ok("deliveries", "redeliver", old["delivery_id"], "--yes")
        self.assertIn("0 deliveries sent again", again)
        self.assertIn("redelivered already", again)
        self.verified()

    def test_without_a_service_it_waits_for_the_next_one(self):
        old = self.dead_letter()
        self.program.stop()
        self.run_ok("deliveries", "redeliver", old["delivery_id"][:12], "--yes")
        self.assertEqual(len(self.in_state("pending")), 1)
        self.verified()
        self.program.start()
        self.wait_for("delivered")
        self.verified()

    def test_what_was_delivered_is_sent_again_only_when_that_is_said(self):
        self.program.start()
        self.take("1")
        [one] = self.wait_for("delivered")
        self.assertIn("No delivery would be", self.run_ok("deliveries", "redeliver", "--sink", "ops"))
        plan = self.run_ok("deliveries", "redeliver", "--sink", "ops", "--state", "delivered")
        self.assertRegex(plan, r"ops +delivered +1 +sent again")
        self.run_ok("deliveries", "redeliver", one["delivery_id"], "--yes")
        self.wait_for("delivered", 2)

    def test_wrong_usage_and_unknown_keys(self):
        self.dead_letter()
        for arguments, code in [
            ([], 64), (["--state", "daed"], 64), (["abc"], 64), (["--since", "soon"], 64),
            (["0" * 64, "--sink", "ops"], 64), (["0" * 64], 1), (["0" * 64, "--yes"], 1),
        ]:
            self.run_ok("deliveries", "redeliver", *arguments, code=code)
        done = self.program.command("deliveries", "list", "--state", "daed")
        self.assertIn(b"did you mean 'dead'?", done.stderr)


class Cancel(Operators):
    def waiting(self):
        self.crm.script = [503] * 50
        self.program.start()
        self.take("1", "2")
        until(lambda: all(d["attempts"] for d in self.wait_for("pending", 2)))

    def test_a_pending_delivery_is_called_off_with_who_and_why(self):
        self.waiting()
        plan = self.run_ok("deliveries", "cancel", "--lead", "1")
        self.assertRegex(plan, r"ops +pending +1 +cancelled")
        self.assertEqual(len(self.in_state("pending")), 2)
        self.run_ok("deliveries", "cancel", "--lead", "1", "--yes", "--reason", "sold elsewhere")
        [one] = self.wait_for("cancelled")
        self.assertEqual(one["lead_id"], "1")
        self.assertIn("sold elsewhere", one["detail"])
        stats = json.loads(self.run_ok("ledger", "stats", "--format", "ndjson"))
        self.assertEqual(stats["deliveries"]["cancelled"], 1)
        self.assertEqual(sum(stats["deliveries"].values()), 2)
        self.verified()
        self.program.stop()
        self.run_ok("deliveries", "cancel", "--sink", "ops", "--yes")
        self.assertEqual(len(self.in_state("cancelled")), 2)
        self.verified()


class Forget(Operators):
    def files(self):
        return b"".join(
            p.read_bytes() for p in self.program.folder.glob("leads.db*") if p.suffix != ".lock")

    def test_beside_a_service_a_lead_is_erased_and_stays_known(self):
        self.program.start()
        self.take("1", secret_wish="a red one")
        self.wait_for("delivered")
        self.assertIn(CANARY.encode(), self.files())
        plan = self.run_ok("leads", "forget", "1")
        self.assertRegex(plan, r"1 +decided")
        self.assertIn("Nothing was erased", plan)
        self.assertIn("1 lead forgotten", self.run_ok("leads", "forget", "1", "--yes"))
        self.assertNotIn(CANARY.encode(), self.files())
        self.assertNotIn(b"a red one", self.files())
        [lead] = self.program.leads()
        self.assertEqual((lead["state"], lead["lead_id"]), ("forgotten", "1"))
        self.take("1")
        self.assertEqual([l["state"] for l in self.program.leads()], ["forgotten"])
        self.verified()
        log = (self.program.folder / "log").read_text()
        self.assertIn("an operator's order was carried out", log)
        self.assertNotIn(CANARY, log)

    def test_allow_again_lets_the_same_id_in(self):
        self.program.start()
        self.take("1")
        self.wait_for("delivered")
        self.run_ok("leads", "forget", "1", "--yes", "--allow-again")
        body = json.dumps({"submission_id": "1", "email": CANARY}).encode()
        self.program.submit(body)
        self.wait_for("delivered", 2)
        self.verified()

    def test_a_lead_with_a_pending_delivery_stays_unless_that_is_called_off(self):
        self.crm.script = [503] * 50
        self.program.start()
        self.take("1")
        until(lambda: all(d["attempts"] for d in self.wait_for("pending")))
        text = self.run_ok("leads", "forget", "1", "--yes")
        self.assertIn("0 leads forgotten", text)
        self.assertIn("still to be decided or delivered", text)
        self.program.stop()
        self.run_ok("leads", "forget", "1", "--yes", "--cancel-pending")
        self.wait_for("cancelled")
        self.verified()
        self.assertNotIn(CANARY.encode(), self.files())

    def test_the_plan_says_what_stays_and_why(self):
        self.crm.script = [200, 503] + [503] * 50
        self.program.start()
        self.take("1")
        self.wait_for("delivered")
        self.take("2")
        until(lambda: all(d["attempts"] for d in self.wait_for("pending")))
        plan = self.run_ok("leads", "forget", "--source", "website")
        self.assertIn("To forget 1 lead for good", plan)
        self.assertIn("1 left alone: still to be decided or delivered", plan)
        self.assertIn("--cancel-pending", plan)
        plan = self.run_ok("leads", "forget", "--source", "website", "--cancel-pending")
        self.assertIn("To forget 2 leads for good", plan)
        self.assertNotIn("left alone", plan)

    def test_by_filter(self):
        self.program.start()
        self.take("1", "2", "3")
        self.wait_for("delivered", 3)
        self.run_ok("leads", "forget", "--source", "website", "--until", "2000-01-01", "--yes")
        self.assertEqual(len([l for l in self.program.leads() if l["state"] == "decided"]), 3)
        self.run_ok("leads", "forget", "--source", "website", "--yes")
        self.assertEqual({l["state"] for l in self.program.leads()}, {"forgotten"})
        self.run_ok("leads", "forget", "--yes", code=64)


class Decide(Operators):
    """Leads that no rule took go on when the rules are mended."""

    def test_held_leads_are_decided_by_the_rules_as_they_are_now(self):
        # As in the example: every lead is copied to the archive, also one that nobody takes.
        self.edit("  - id: all\n    always: true\n", "  - {id: copies, always: true, also_to: "
                  "[archive]}\n  - id: all\n    when: {to: ops}\n")
        self.edit("default:\n  to: [head-office]", "default: {hold: nobody is meant}")
        self.program.start()
        for id in "12":
            body = json.dumps({"submission_id": id, "email": CANARY}).encode()
            self.assertEqual(self.program.submit(body)[0], 200)
        until(lambda: [l["state"] for l in self.program.leads()] == ["held"] * 2)
        until(lambda: len(self.in_state("delivered")) == 2, what="the copies")
        self.edit("when: {to: ops}", "always: true")
        self.assertEqual(self.api("POST", "/api/reload", {})[0], 200)
        plan = self.run_ok("leads", "decide", "--state", "held")
        self.assertRegex(plan, r"2 +held")
        self.assertIn("To give 2 leads to the rules again", plan)
        self.assertEqual(self.crm.posts, [])
        text = self.run_ok("leads", "decide", "1", "--yes", "--reason", "route mended")
        self.assertIn("1 lead given to the rules again", text)
        until(lambda: [d["lead_id"] for d in self.in_state("delivered") if d["sink"] == "ops"]
              == ["1"], what="the lead that goes on")
        self.assertIn("route mended", self.run_ok("leads", "show", "1"))
        self.verified()
        # Without a service the next one decides.
        self.program.stop()
        self.run_ok("leads", "decide", "--state", "held", "--yes")
        self.verified()
        self.program.start()
        self.wait_for("delivered", 4)
        self.verified()
        self.assertEqual(len(self.program.lines("archive.ndjson")), 2, "a copy went out twice")
        self.assertIn("No lead would be", self.run_ok("leads", "decide", "--since", "2020-01-01"))
        self.run_ok("leads", "decide", "--yes", code=64)

    def test_a_renamed_route_sends_nothing_twice(self):
        self.edit("to: [ops]", "also_to: [ops]")
        self.edit("default:\n  to: [head-office]", "default: {hold: nobody is meant}")
        self.program.start()
        self.take("1")
        self.wait_for("delivered")
        text = (self.program.rules / "leadrouter.yaml").read_text()
        route = re.search(r"id: (\w+)\s+always: true", text)[1]
        self.edit(f"id: {route}", "id: renamed")
        self.edit("also_to: [ops]", "to: [ops]")
        self.assertEqual(self.api("POST", "/api/reload", {})[0], 200)
        self.run_ok("leads", "decide", "1", "--yes")
        until(lambda: self.program.rows("leads", "list")[0]["outcome"] == "routed")
        self.verified()
        self.assertEqual(len(self.crm.posts), 1)
        self.assertEqual(len(self.program.deliveries()), 1)


class BrokenRules(Operators):
    """The service goes on with the rules before; so do those who run it."""

    def setUp(self):
        super().setUp()
        self.program.start()
        self.take("1")
        self.wait_for("delivered")
        self.edit("always: true", "allways: true")

    def test_operators_commands_work_beside_it(self):
        for arguments in [("sinks", "list"), ("sinks", "pause", "ops"), ("sinks", "resume", "ops"),
                          ("ledger", "stats"), ("leads", "list"), ("deliveries", "list"),
                          ("deliveries", "redeliver", "--sink", "ops", "--state", "delivered")]:
            done = self.program.command(*arguments)
            self.assertEqual(done.returncode, 0, (arguments, done.stderr))
            self.assertIn(b"has 2 errors", done.stderr)
        # The service knows the rules in force; without it nobody does.
        self.assertIn("1 decided again by the same rules: all is well",
                      self.run_ok("ledger", "verify"))
        self.program.stop()
        self.assertIn("decisions were not checked, because the configuration has errors",
                      self.run_ok("ledger", "verify"))
        self.edit("allways: true", "always: true")
        self.program.start()
        self.edit("always: true", "allways: true")
        file = self.program.folder / "more.ndjson"
        file.write_text('{"id": "7", "field_data": []}\n')
        self.assertIn("1 new", self.run_ok("import", str(file)))
        self.run_ok("check", code=1)

    def test_a_configuration_that_is_no_yaml_is_got_around_by_names(self):
        self.edit("version: 1", "version: [1")
        store = str(self.program.folder / "leads.db")
        done = self.program.command("sinks", "list")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"--service HOST:PORT", done.stderr)
        self.run_ok("ledger", "stats", "--store", store)
        self.run_ok("ledger", "verify", "--store", store)
        self.program.environment["LEADROUTER_ADMIN_TOKEN"] = TOKEN
        service = f"127.0.0.1:{self.program.admin}"
        self.assertIn("paused", self.run_ok("sinks", "pause", "ops", "--service", service))
        self.assertIn("operator", self.run_ok(
            "sinks", "list", "--service", service, "--format", "ndjson"))
        self.program.environment["LEADROUTER_ADMIN_TOKEN"] = "wrong"
        done = self.program.command("sinks", "list", "--service", service)
        self.assertEqual(done.returncode, 69)
        self.assertIn(b"does not take this token", done.stderr)

    def test_orders_need_the_token_and_not_the_file(self):
        nobody = ["setpriv", "--reuid", "65534", "--clear-groups", "--regid", "65534"]
        if os.getuid() != 0:
            self.skipTest("needs root")
        os.chmod(self.program.folder, 0o711)
        (self.program.folder / "closed").mkdir(0o700)
        self.program.stop()
        self.edit("allways: true", "always: true")
        self.edit(f"{self.program.folder}/leads.db", f"{self.program.folder}/closed/leads.db")
        self.program.start()
        self.program.verifies = False

        def command(*arguments):
            return subprocess.run(
                [*nobody, world.LEADROUTER, *arguments, "--config", str(self.program.rules)],
                capture_output=True, env=self.program.environment, cwd=self.program.folder,
                timeout=60)

        done = command("sinks", "list")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"ops", done.stdout)
        done = command("leads", "forget", "--source", "website")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = command("leads", "list")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.program.stop()
        done = command("leads", "list")
        self.assertEqual(done.returncode, 69)
        self.assertIn(b"you may not read the store", done.stderr)


class Quarantine(Operators):
    def test_what_was_kept_aside_is_listed_with_its_reason(self):
        self.program.start()
        self.program.submit(b'[{"submission_id": "1", "email": "x@example.com"}, 7]')
        until(lambda: self.program.rows("leads", "list", "--state", "quarantined"))
        table = self.run_ok("leads", "list", "--state", "quarantined")
        self.assertRegex(table, r"quarantine-\S+ +website .* quarantined +\S+")


class Locks(Operators):
    def test_a_service_that_cannot_be_reached_is_named(self):
        one = self.dead_letter()
        self.edit(f"127.0.0.1:{self.program.admin}", f"127.0.0.1:{world.free_port()}")
        done = self.program.command("deliveries", "redeliver", one["delivery_id"], "--yes")
        self.assertEqual(done.returncode, 69)
        self.assertIn(b"does not answer at http://127.0.0.1:", done.stderr)
        self.assertEqual(len(self.in_state("pending")), 0)

    def test_a_wrong_token_is_refused(self):
        one = self.dead_letter()
        self.edit(TOKEN, "another-token")
        done = self.program.command("deliveries", "redeliver", one["delivery_id"], "--yes")
        self.assertEqual(done.returncode, 69)
        self.assertIn(b"401", done.stderr)

    def test_a_second_serve_on_one_store_refuses(self):
        self.program.start()
        self.edit(f"127.0.0.1:{self.program.admin}", f"127.0.0.1:{world.free_port()}")
        self.edit(f"127.0.0.1:{self.program.port}", f"127.0.0.1:{world.free_port()}")
        done = self.program.command("serve")
        self.assertEqual(done.returncode, 69)
        self.assertIn(f"in use by process {self.program.process.pid}".encode(), done.stderr)

    def test_an_order_makes_no_store(self):
        done = self.program.command("deliveries", "redeliver", "--sink", "ops", "--yes")
        self.assertEqual(done.returncode, 69)
        self.assertFalse((self.program.folder / "leads.db").exists())


class Verify(Operators):
    def setUp(self):
        super().setUp()
        self.program.verifies = False

    def corrupt(self, sql):
        with sqlite3.connect(self.program.folder / "leads.db") as db:
            db.execute(sql)
        db.close()

    def test_each_broken_row_is_printed_and_the_exit_code_says_so(self):
        self.program.start()
        self.take("1", "2")
        self.wait_for("delivered", 2)
        self.verified()
        self.program.stop()
        for sql, invariant in [
            ("UPDATE outbox SET attempts = 0 WHERE sequence = 1", "I4"),
            ("UPDATE inbox SET rule_set_hash = NULL WHERE lead_id = '2'", "I6"),
            ("UPDATE inbox SET lead = cast(replace(lead, 'canary', 'Canary') AS BLOB) "
             "WHERE lead_id = '1'", "I8"),
        ]:
            self.corrupt(sql)
            done = self.program.command("ledger", "verify", "--format", "ndjson")
            self.assertEqual(done.returncode, 1)
            faults = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertIn(invariant, [f["invariant"] for f in faults])
            self.assertNotIn(CANARY.encode(), done.stdout + done.stderr)
        table = self.run_ok("ledger", "verify", code=1)
        self.assertIn("BREAKS", table)

    def test_a_decision_that_the_rules_would_not_make_is_named(self):
        self.program.start()
        self.take("1")
        self.wait_for("delivered")
        self.program.stop()
        self.corrupt("UPDATE inbox SET outcome = 'dropped', reason = 'x'")
        done = self.program.command("ledger", "verify", "--format", "ndjson")
        self.assertIn("I7", [json.loads(line)["invariant"] for line in done.stdout.splitlines()])
        # With other rules there is nothing to compare.
        self.edit("id: all", "id: others")
        done = self.program.command("ledger", "verify", "--format", "ndjson")
        self.assertNotIn(b"I7", done.stdout)
        self.assertIn(b"1 were decided by others", done.stderr)

    def test_a_flipped_bit_is_not_delivered(self):
        self.crm.script = [503]
        self.program.start()
        self.take("1")
        until(lambda: all(d["attempts"] for d in self.wait_for("pending")))
        self.program.stop()
        self.corrupt("UPDATE inbox SET lead = cast(replace(lead, 'canary', 'banary') AS BLOB)")
        self.corrupt("UPDATE outbox SET due_ms = 0")
        self.program.start()
        [dead] = self.wait_for("dead")
        self.assertIn("damaged", dead["detail"])
        self.assertEqual(len(self.crm.posts), 1)


    def ready(self):
        status, body, _ = self.program.get("/health/ready", self.program.admin)
        self.assertEqual(status, 200)
        return json.loads(body)

    def test_damage_in_what_was_delivered_long_ago_shows_while_the_service_goes_on(self):
        self.program.start()
        self.take("1")
        self.wait_for("delivered")
        self.assertNotIn("degraded", self.ready())
        self.program.stop()
        self.corrupt("UPDATE inbox SET lead = cast(replace(lead, 'canary', 'banary') AS BLOB)")
        self.program.start()
        until(lambda: self.ready().get("degraded"), what="the damage")
        self.assertEqual(self.ready()["store"]["faults"], 1)
        metrics = self.program.get("/metrics", self.program.admin)[1].decode()
        self.assertIn("leadrouter_store_faults 1", metrics)
        self.assertNotIn("canary", (self.program.folder / "log").read_text())
        self.take("2")
        self.wait_for("delivered", 2)


class Backup(Operators):
    def test_a_copy_beside_the_service_opens_and_replaces_nothing(self):
        self.program.start()
        self.take("1", "2")
        self.wait_for("delivered", 2)
        copy = self.program.folder / "copy.db"
        self.run_ok("ledger", "backup", str(copy))
        self.assertEqual(copy.stat().st_mode & 0o777, 0o600)
        done = self.program.command("ledger", "backup", str(copy))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"exists", done.stderr)
        other = self.program.folder / "api.db"
        status, answer = self.api("POST", "/api/ledger/backup", {"file": str(other)})
        self.assertEqual((status, answer["bytes"]), (200, other.stat().st_size))
        self.assertEqual(self.api("POST", "/api/ledger/backup", {"file": str(other)})[0], 409)
        self.assertEqual(self.api("POST", "/api/ledger/backup", {"file": "x.db"})[0], 400)
        self.program.stop()
        for path in (self.program.folder).glob("leads.db*"):
            path.unlink()
        os.rename(copy, self.program.folder / "leads.db")
        self.program.start()
        self.assertEqual(len(self.program.leads()), 2)
        self.take("3")
        self.wait_for("delivered", 3)
        self.verified()


class API(Operators):
    def setUp(self):
        super().setUp()
        self.crm.script = [301]
        self.program.start()
        self.take("1", "2", "3")
        self.wait_for("delivered", 2)

    def test_looking(self):
        status, page = self.api("GET", "/api/leads?limit=2")
        self.assertEqual((status, [l["lead_id"] for l in page["leads"]]), (200, ["3", "2"]))
        _, rest = self.api("GET", f"/api/leads?limit=2&before={page['next_before']}")
        self.assertEqual([l["lead_id"] for l in rest["leads"]], ["1"])
        self.assertIsNone(rest["next_before"])
        _, one = self.api("GET", "/api/leads/1")
        self.assertEqual(one["leads"][0]["lead"]["id"], "1")
        self.assertEqual(one["leads"][0]["deliveries"][0]["sink"], "ops")
        _, dead = self.api("GET", "/api/deliveries?state=dead&sink=ops")
        [dead] = dead["deliveries"]
        _, shown = self.api("GET", f"/api/deliveries/{dead['delivery_id'][:12]}")
        self.assertEqual(shown["history"][0]["outcome"], "dead")
        _, stats = self.api("GET", "/api/stats")
        self.assertEqual(stats["sinks"]["ops"]["deliveries"]["delivered"], 2)
        status, verified = self.api("GET", "/api/ledger/verify")
        self.assertEqual((status, verified["fault_count"], verified["leads"]), (200, 0, 3))

    def test_refusals(self):
        key = "0" * 64
        for path, status in [
            ("/api/leads?limit=1e9", 400), ("/api/leads?limit=1000000000", 400),
            ("/api/leads?limit=0", 400), ("/api/leads?order=;drop", 400),
            ("/api/leads?state=daed", 400), ("/api/leads?since=soon", 400),
            ("/api/leads?limit=1&limit=2", 400), ("/api/leads/none", 404),
            ("/api/deliveries?before=-1", 400), ("/api/deliveries/" + key, 404),
            ("/api/deliveries/..%2f..%2fetc", 400), ("/api/deliveries/ab", 400),
            ("/api/stats?x=1", 400), ("/api/nothing", 404),
            ("/api/ledger/verify?deep=1", 400),
        ]:
            with self.subTest(path=path):
                self.assertEqual(self.api("GET", path)[0], status)
        for path in ["leads", "leads/1", "deliveries", "stats", "ledger/verify"]:
            with self.subTest(path=path):
                self.assertEqual(self.api("GET", f"/api/{path}", token=None)[0], 401)
                self.assertEqual(self.api("GET", f"/api/{path}", token="x")[0], 401)
                self.assertEqual(self.api("GET", f"/api/{path}", Host="evil.example")[0], 421)
                self.assertEqual(
                    self.api("GET", f"/api/{path}", Origin="http://evil.example")[0], 421)
        for path in ["deliveries/redeliver", "deliveries/cancel", "leads/forget", "ledger/backup"]:
            with self.subTest(path=path):
                self.assertIn(self.api("GET", f"/api/{path}")[0], (400, 404, 405))
                self.assertEqual(self.api("POST", f"/api/{path}", {}, token=None)[0], 401)
                self.assertEqual(
                    self.api("POST", f"/api/{path}", {}, Content_Type="text/plain")[0], 415)
                self.assertEqual(self.api("POST", f"/api/{path}", b"{")[0], 400)
                self.assertEqual(self.api("POST", f"/api/{path}", {})[0], 400)
                self.assertEqual(self.api("POST", f"/api/{path}", {"sinks": "ops"})[0], 400)

    def test_orders(self):
        order = {"filter": {"sink": "ops"}}
        status, plan = self.api("POST", "/api/deliveries/redeliver", order)
        self.assertEqual((status, plan["acted"], plan["count"]), (200, False, 1))
        self.assertEqual(len(self.in_state("dead")), 1)
        for wrong in [{"filter": {"sinks": "ops"}}, {"filter": {}}, {"keys": "all"},
                      {"filter": {"sink": "ops"}, "yes": "true"}, {"keys": ["abc"]},
                      {"filter": {"sink": "ops", "limit": "1"}, "yes": True}]:
            with self.subTest(wrong=wrong):
                self.assertEqual(self.api("POST", "/api/deliveries/redeliver", wrong)[0], 400)
        status, done = self.api("POST", "/api/deliveries/redeliver", {**order, "yes": True})
        self.assertEqual((status, done["acted"], done["answers"]), (200, True, {"done": 1}))
        self.wait_for("delivered", 3)
        status, done = self.api("POST", "/api/leads/forget", {"ids": ["1"], "yes": True})
        self.assertEqual((status, done["answers"]), (200, {"done": 1}))
        self.assertEqual(self.api("POST", "/api/leads/forget", {"ids": ["none"]})[0], 404)
        status, done = self.api(
            "POST", "/api/deliveries/cancel", {"filter": {"sink": "ops"}, "yes": True})
        self.assertEqual((status, done["count"]), (200, 0))


class Sinks(Operators):
    def sink(self, name="ops"):
        rows = [json.loads(line) for line in
                self.run_ok("sinks", "list", "--format", "ndjson").splitlines()]
        [found] = [row for row in rows if row["sink"] == name]
        return found

    def test_a_paused_sink_keeps_its_deliveries_over_a_restart(self):
        self.program.start()
        self.assertIn("paused", self.run_ok("sinks", "pause", "ops", "--reason", "moving"))
        self.take("1")
        self.assertEqual(self.sink()["paused"]["reason"], "moving")
        self.assertRegex(self.run_ok("sinks", "list"), r"ops +http +paused since .*: moving")
        self.program.stop()
        self.assertEqual((self.sink()["paused"]["by"], self.sink()["pending"]), ("operator", 1))
        self.program.start()
        self.assertEqual(len(self.in_state("pending")), 1)
        self.assertEqual(self.crm.posts, [])
        self.run_ok("sinks", "resume", "ops")
        self.wait_for("delivered")
        self.assertIsNone(self.sink()["paused"])

    def test_a_second_pause_keeps_the_reason_and_a_resume_of_nothing_says_so(self):
        self.program.start()
        for _ in range(2):
            self.run_ok("sinks", "pause", "ops", "--reason", "moving")
            self.run_ok("sinks", "pause", "ops")
            self.assertEqual(self.sink()["paused"]["reason"], "moving")
            self.assertIn("goes on", self.run_ok("sinks", "resume", "ops"))
            self.assertIn("was not paused", self.run_ok("sinks", "resume", "ops"))
            self.program.stop()

    def test_without_a_service_a_pause_waits_for_the_next_one(self):
        self.program.start()
        self.program.stop()
        self.run_ok("sinks", "pause", "ops")
        self.program.start()
        self.take("1")
        self.assertEqual(self.sink()["paused"]["by"], "operator")
        self.assertEqual(self.crm.posts, [])
        self.program.stop()
        self.run_ok("sinks", "resume", "ops")
        self.program.start()
        self.wait_for("delivered")

    def test_a_sink_that_halted_is_probed_at_once(self):
        self.crm.script = [401]
        self.program.start()
        self.take("1")
        [one] = until(lambda: [d for d in self.sink()["destinations"] if d["health"] == "halted"])
        self.assertIn("401", one["reason"])
        self.assertIn("halted", self.run_ok("sinks", "list"))
        self.assertIn("1 destination of 'ops'", self.run_ok("sinks", "probe", "ops"))
        self.wait_for("delivered")
        self.assertIn("no destination of 'ops' rests", self.run_ok("sinks", "probe", "ops"))

    def test_unknown_sinks_and_wrong_requests(self):
        self.program.start()
        for verb in ["pause", "resume", "probe"]:
            self.run_ok("sinks", verb, "osp", code=1)
            for body, status in [({"sink": "osp"}, 404), ({}, 400), ({"sinks": "ops"}, 400),
                                 ({"sink": 7}, 400), (b"[", 400)]:
                self.assertEqual(self.api("POST", f"/api/sinks/{verb}", body)[0], status)
        self.assertEqual(self.api("GET", "/api/sinks", token=None)[0], 401)
        self.assertEqual(self.api("GET", "/api/sinks?x=1")[0], 400)
        self.program.stop()
        for verb in ["pause", "resume", "probe"]:
            self.run_ok("sinks", verb, "osp", code=1)


class Retention(Operators):
    def test_what_was_kept_long_enough_is_forgotten_and_the_books_add_up(self):
        self.program.start()
        self.take("1", "2")
        self.wait_for("delivered", 2)
        self.program.stop()
        with sqlite3.connect(self.program.folder / "leads.db") as db:
            db.execute("UPDATE inbox SET received_ms = received_ms - 91 * 86400000 "
                       "WHERE lead_id = '1'")
        db.close()
        self.edit("version: 1\n", "version: 1\nretention: {delivered: 90d}\n")
        self.program.start()
        until(lambda: [l for l in self.program.leads() if l["state"] == "forgotten"])
        states = {l["lead_id"]: l["state"] for l in self.program.leads()}
        self.assertEqual(states, {"1": "forgotten", "2": "decided"})
        self.verified()


if __name__ == "__main__":
    unittest.main()
