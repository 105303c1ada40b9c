"""A lead from webhook or form to mail, HTTP and files; what is refused; sick sinks."""

import concurrent.futures
import json
import socket
import unittest

import world
from world import SEED_LEAD, until


class Serving(unittest.TestCase):
    def setUp(self):
        self.graph, self.crm, self.mail = world.Graph(), world.CRM(), world.MailServer()
        self.program = world.Program(self.graph, self.crm, self.mail.url)
        self.addCleanup(self.mail.close)
        self.addCleanup(self.program.close)
        self.graph.add(SEED_LEAD)

    def settle(self, count=1):
        until(lambda: len(self.program.leads()) >= count, what="the leads")
        return until(self.program.settled, what="the end of all deliveries")


class Flow(Serving):
    def test_the_seed_lead_goes_from_webhook_to_mail_crm_and_archive(self):
        self.program.start()
        status, _, _ = self.program.announce(self.graph.webhook(SEED_LEAD["id"]))
        self.assertEqual(status, 200)
        leads, deliveries = self.settle()
        self.assertEqual([l["outcome"] for l in leads], ["routed"])
        self.assertEqual({d["sink"] for d in deliveries}, {"store-email", "store-crm", "archive"})
        self.assertTrue(all(d["state"] == "delivered" for d in deliveries))
        [mail] = self.mail.mails
        self.assertEqual(mail["to"], ["leads@store-99213450.example.com"])
        self.assertEqual(mail["message"]["Subject"], "New lead: Honda for Harbor Honda")
        body = mail["message"].get_payload(decode=True).decode()
        self.assertIn("Joe Example", body)
        self.assertNotIn(b"\n", mail["raw"].replace(b"\r\n", b""))
        [post] = self.crm.posts
        self.assertEqual(post["path"], "/stores/99213450/leads")
        self.assertEqual(post["headers"]["x-lead"], SEED_LEAD["id"])
        sent = json.loads(post["body"])
        self.assertEqual(sent["id"], SEED_LEAD["id"])
        self.assertEqual(sent["created_time"], "2018-02-28T08:49:14Z")
        self.assertIn({"name": "car_make", "values": ["Honda"]}, sent["field_data"])
        [line] = self.program.lines("archive.ndjson")
        self.assertEqual(line["id"], SEED_LEAD["id"])
        keys = {d["sink"]: d["delivery_id"] for d in deliveries}
        self.assertEqual(post["headers"]["idempotency-key"], keys["store-crm"])
        self.assertIn(keys["store-email"], mail["message"]["Message-ID"])
        self.assertEqual(line["delivery_id"], keys["archive"])
        for name in ["show"]:
            shown = self.program.command("leads", name, SEED_LEAD["id"]).stdout.decode()
            self.assertIn("store-crm", shown)

    def test_the_same_webhook_20_times_at_once_is_one_lead(self):
        self.program.start()
        body = self.graph.webhook(SEED_LEAD["id"])
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: self.program.announce(body)[0], range(20)))
        self.assertEqual(answers, [200] * 20)
        leads, deliveries = self.settle()
        self.assertEqual((len(leads), len(deliveries)), (1, 3))
        self.assertEqual((len(self.mail.mails), len(self.crm.posts)), (1, 1))
        self.assertEqual(len(self.program.lines("archive.ndjson")), 1)
        self.assertEqual(self.graph.reads, [SEED_LEAD["id"]])

    def test_web_forms_in_every_shape(self):
        self.program.start()
        lead = {"submission_id": "f1", "1.3": "Zoë", "selected_dealer": "7", "car_make": "Fiat"}
        self.assertEqual(self.program.submit(json.dumps(lead))[0], 200)
        many = [dict(lead, submission_id="f2"), dict(lead, submission_id="f3")]
        self.assertEqual(self.program.submit(json.dumps(many))[0], 200)
        lines = "\n".join(json.dumps(dict(lead, submission_id=i)) for i in ("f4", "f5"))
        self.assertEqual(self.program.submit(lines, "application/x-ndjson")[0], 200)
        form = "submission_id=f6&1.3=Zo%C3%AB&selected_dealer=7&colour=red&colour=blue"
        self.assertEqual(
            self.program.submit(form, "application/x-www-form-urlencoded")[0], 200)
        self.assertEqual(self.program.submit(json.dumps(lead), token="wrong")[0], 401)
        self.assertEqual(self.program.submit(json.dumps(lead), token=None)[0], 401)
        self.assertEqual(self.program.submit("{")[0], 400)
        leads, _ = self.settle(6)
        # What could not be read is kept aside.
        [aside] = [l["lead_id"] for l in leads if l["state"] == "quarantined"]
        self.assertEqual(sorted(l["lead_id"] for l in leads),
                         ["f1", "f2", "f3", "f4", "f5", "f6", aside])
        archived = {l["id"]: l for l in self.program.lines("archive.ndjson")}
        self.assertIn({"name": "first_name", "values": ["Zoë"]}, archived["f6"]["field_data"])
        self.assertIn({"name": "colour", "values": ["red", "blue"]}, archived["f6"]["field_data"])

    def test_no_secret_in_any_output(self):
        self.program.start()
        self.program.announce(self.graph.webhook(SEED_LEAD["id"], "1730000000999999"))
        until(lambda: len(self.program.deliveries()) == 3)
        shown = b"".join(
            self.program.command(*words).stdout + self.program.command(*words).stderr
            for words in [("check",), ("leads", "list"), ("leads", "show", SEED_LEAD["id"]),
                          ("deliveries", "list")])
        self.program.stop()
        shown += (self.program.folder / "log").read_bytes()
        for secret in world.SECRETS:
            self.assertNotIn(secret.encode(), shown)
        # The control: the search finds what is there.
        self.assertIn(SEED_LEAD["id"].encode(), shown)


class Refusals(Serving):
    def test_forged_webhooks_store_nothing(self):
        self.program.start()
        body = self.graph.webhook(SEED_LEAD["id"])
        good = world.signature(body)
        import hashlib
        import hmac
        sha1 = "sha1=" + hmac.new(world.APP_SECRET.encode(), body, hashlib.sha1).hexdigest()
        forged = {
            "missing": {}, "sha1 only": {"X-Hub-Signature": sha1},
            "wrong": {"X-Hub-Signature-256": world.signature(body, "other")},
            "empty key": {"X-Hub-Signature-256": world.signature(body, "")},
            "one digit short": {"X-Hub-Signature-256": good[:-1]},
            "of another body": {"X-Hub-Signature-256": world.signature(body + b" ")},
            "no prefix": {"X-Hub-Signature-256": good[7:]},
        }
        for name, headers in forged.items():
            with self.subTest(name):
                status, _, _ = self.program.request("POST", "/hooks/facebook", body, headers)
                self.assertIn(status, (401, 403))
        self.assertEqual(self.program.leads(), [])
        self.assertEqual(self.program.announce(body)[0], 200)  # the control
        self.settle()

    def test_too_large_invalid_unknown(self):
        self.program.start()
        large = b'{"object":"page","entry":[' + b" " * 1_100_000 + b"]}"
        self.assertEqual(self.program.announce(large)[0], 413)
        for broken in [b"{", b"[1,]", b'{"a":1,"a":2}', b"\xff\xfe{}", b'{"object":"page"} x']:
            with self.subTest(broken):
                self.assertEqual(self.program.announce(broken)[0], 400)
        self.assertEqual(self.program.request("POST", "/hooks/nobody", b"{}")[0], 404)
        self.assertEqual(self.program.request("PUT", "/hooks/facebook", b"{}")[0], 405)
        self.assertEqual(self.program.leads(), [])

    def test_the_handshake(self):
        self.program.start()
        path = "/hooks/facebook?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
        status, body, headers = self.program.get(path + world.VERIFY_TOKEN)
        self.assertEqual((status, body), (200, b"1158201444"))
        headers = {k.lower(): v for k, v in headers.items()}
        self.assertTrue(headers["content-type"].startswith("text/plain"))
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        status, body, _ = self.program.get(path + "wrong")
        self.assertEqual(status, 403)
        self.assertNotIn(b"1158201444", body)

    def test_a_second_service_on_the_store_refuses(self):
        self.program.start()
        second = self.program.command("serve")
        self.assertEqual(second.returncode, 69)
        self.assertIn(str(self.program.process.pid).encode(), second.stderr)


class SickSinks(Serving):
    def attempts(self, key):
        return self.program.command("deliveries", "show", key).stdout.decode()

    def test_refused_for_now_is_tried_again_with_the_same_key(self):
        self.mail.script = ["450 later", "451 later"]
        self.crm.script = [500, 503]
        self.program.start()
        self.program.announce(self.graph.webhook(SEED_LEAD["id"]))
        _, deliveries = self.settle()
        self.assertTrue(all(d["state"] == "delivered" for d in deliveries))
        self.assertEqual(len(self.mail.mails), 3)
        self.assertEqual(len({m["message"]["Message-ID"] for m in self.mail.mails}), 1)
        self.assertEqual((len(self.crm.keys()), len(set(self.crm.keys()))), (3, 1))
        self.assertEqual(sorted(d["attempts"] for d in deliveries), [1, 3, 3])

    def test_refused_for_good_goes_to_on_failure(self):
        self.mail.script = ["550 no"]
        self.crm.script = [422]
        self.program.start()
        self.program.announce(self.graph.webhook(SEED_LEAD["id"]))
        _, deliveries = self.settle()
        states = sorted((d["sink"], d["state"]) for d in deliveries)
        self.assertEqual(states, [
            ("archive", "delivered"), ("head-office", "delivered"),
            ("store-crm", "dead"), ("store-email", "dead")])
        # Once, though both name it: nobody gets a lead twice.
        self.assertEqual(len(self.program.lines("head-office.ndjson")), 1)

    def test_credentials_refused_halts_and_spends_no_attempt(self):
        self.crm.script = [401]
        self.program.start()
        self.program.announce(self.graph.webhook(SEED_LEAD["id"]))
        until(lambda: self.crm.posts)
        until(lambda: len(self.mail.mails) == 1, what="the mail, which the halt must not stop")
        waiting = until(lambda: [d for d in self.program.deliveries() if d["sink"] == "store-crm"
                                 and d["state"] == "pending"])
        self.assertEqual(waiting[0]["attempts"], 0)

    def test_a_mail_server_that_comes_later(self):
        self.mail.close()
        self.program.start()
        self.program.announce(self.graph.webhook(SEED_LEAD["id"]))
        until(lambda: [d for d in self.program.deliveries()
                       if d["sink"] == "store-email" and d["attempts"] > 0 and d["detail"]])
        self.mail = world.MailServer(self.mail.port)
        _, deliveries = self.settle()
        self.assertTrue(all(d["state"] == "delivered" for d in deliveries))

    def test_a_sink_that_never_answers_harms_only_itself(self):
        hung = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.addCleanup(hung.close)
        path = self.program.rules / "stores.csv"
        path.write_text(path.read_text().replace(
            self.crm.url, f"http://127.0.0.1:{hung.getsockname()[1]}"))
        self.program.start()
        ids = []
        for number in range(20):
            lead = dict(SEED_LEAD, id=str(1730000000999100 + number))
            self.graph.add(lead)
            ids.append(lead["id"])
        self.program.announce(self.graph.webhook(*ids))
        until(lambda: len(self.mail.mails) == 20, 15, "mails beside a hung CRM")
        self.assertEqual(self.program.stop(), 0)


if __name__ == "__main__":
    unittest.main()
