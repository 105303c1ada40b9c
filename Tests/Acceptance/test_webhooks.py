"""What the webhook listener takes, and what it refuses."""

import json
import urllib.parse

from bench import SECRETS, Bench, lead, until
from graph import Refused, announcement, sign

LEAD = lead("444000000000001")
APP_SECRET = SECRETS["META_APP_SECRET"]


class Webhooks(Bench):
    def setUp(self):
        super().setUp()
        self.configure()
        self.graph.add(LEAD)

    def serve_with_mail(self):
        self.mail.start()
        self.addCleanup(self.mail.close)
        self.serve()

    def expect_nothing_stored(self):
        self.assertEqual(self.service.stop(), 0)
        self.assertEqual(self.leads(), [])
        self.assertEqual(self.graph.targets, [])

    def test_a_body_without_a_good_signature_is_refused_and_not_stored(self):
        self.serve()
        body = announcement([LEAD])
        good = sign(body, APP_SECRET)
        name = "X-Hub-Signature-256"
        headers = {
            "missing": {}, "wrong": {name: sign(body, "another")}, "empty": {name: ""},
            "empty key": {name: sign(body, "")},
            "sha1 only": {"X-Hub-Signature": sign(body, APP_SECRET, "sha1")},
            "sha1 in its place": {name: sign(body, APP_SECRET, "sha1")},
            "sha1 named sha256": {
                name: sign(body, APP_SECRET, "sha1").replace("sha1=", "sha256=")},
            "no prefix": {name: good.removeprefix("sha256=")}, "cut": {name: good[:-2]},
            "of another body": {name: sign(body + b" ", APP_SECRET)},
            "two": {name: f"{good}, {good}"},
        }
        for case, given in headers.items():
            with self.subTest(case):
                self.assertIn(self.post_event(body, given)[0], (401, 403))
        self.expect_nothing_stored()

    def test_bodies_that_are_too_large_or_no_json_are_refused(self):
        self.serve()
        large = b'{"object": "page", "filler": "' + b"x" * 1_100_000 + b'"}'
        for case, body, kind in [
            ("announced length", large, 413), ("chunked", iter([large]), 413),
            ("no json", b'{"object": "page", ', 400), ("empty", b"", 400),
            ("repeated key", b'{"object": "page", "object": "page"}', 400),
            ("no object", b"[]", 400), ("broken text", b'{"object": "\xff"}', 400),
        ]:
            with self.subTest(case):
                signature = sign(large if kind == 413 else body, APP_SECRET)
                status, _ = self.post_event(body, {"X-Hub-Signature-256": signature})
                self.assertEqual(status, kind)
        self.expect_nothing_stored()

    def test_the_handshake_needs_the_verify_token(self):
        self.serve()
        token = SECRETS["META_VERIFY_TOKEN"]
        for mode, given, status in [
            ("subscribe", token, 200), ("subscribe", "wrong", 403), ("subscribe", "", 403),
            ("unsubscribe", token, 403), ("subscribe", token[:-1], 403),
        ]:
            with self.subTest(mode=mode, given=given):
                query = urllib.parse.urlencode({
                    "hub.mode": mode, "hub.verify_token": given, "hub.challenge": "1158201444"})
                found, body = self.request("GET", f"/hooks/facebook?{query}")
                self.assertEqual(found, status)
                self.assertEqual(body == "1158201444", status == 200)
        self.assertEqual(self.request("GET", "/hooks/facebook")[0], 400)
        self.assertEqual(self.request("GET", "/hooks/nobody")[0], 404)
        self.assertEqual(self.request("DELETE", "/hooks/facebook")[0], 405)
        self.expect_nothing_stored()

    def test_an_empty_app_secret_is_refused_before_anything_listens(self):
        self.environment["META_APP_SECRET"] = ""
        _, error = self.run_program("serve", code=1)
        self.assertIn("app_secret", error)

    def test_a_web_form_sends_json_array_lines_or_a_form(self):
        self.serve_with_mail()

        def answers(id, name="Joe Example"):
            return {
                "submission_id": id, "1.3": name, "car_make": "Honda",
                "selected_dealer": "99213450"}

        bodies = [
            ("application/json", json.dumps(answers("w1")), ["w1"]),
            ("application/json; charset=utf-8", json.dumps([answers("w2"), answers("w3")]),
             ["w2", "w3"]),
            ("application/x-ndjson",
             "\n".join(json.dumps(answers(id)) for id in ("w4", "w5")) + "\n", ["w4", "w5"]),
            ("application/x-www-form-urlencoded",
             urllib.parse.urlencode(answers("w6", "Zoë & Søn")), ["w6"]),
        ]
        for kind, body, ids in bodies:
            with self.subTest(kind):
                status, answer = self.submit(body.encode(), kind)
                self.assertEqual(status, 200, answer)
                self.assertEqual(
                    json.loads(answer),
                    {"accepted": len(ids), "duplicates": 0, "quarantined": 0})
                status, answer = self.submit(body.encode(), kind)
                self.assertEqual(status, 200)
                self.assertEqual(json.loads(answer)["duplicates"], len(ids))
        self.wait_for_deliveries(6 * 4)
        self.service.stop()
        written = {line["id"]: line for line in self.archive_lines()}
        self.assertEqual(sorted(written), ["w1", "w2", "w3", "w4", "w5", "w6"])
        for id, line in written.items():
            fields = {field["name"]: field["values"] for field in line["field_data"]}
            name = "Zoë & Søn" if id == "w6" else "Joe Example"
            self.assertEqual(fields["first_name"], [name], id)
            self.assertEqual(fields["car_make"], ["Honda"], id)
            self.assertEqual(line["source"], "website")
        self.assertEqual(sorted(mail.lead for mail in self.mail.mails), sorted(written))

    def test_a_web_form_without_its_secret_or_type_is_refused(self):
        self.serve()
        body = b'{"submission_id": "w1"}'
        for token in (None, "", "wrong", SECRETS["FORM_TOKEN"] + "x"):
            self.assertEqual(self.submit(body, "application/json", token)[0], 401)
        self.assertEqual(self.submit(body, "application/x-unknown")[0], 415)
        self.assertEqual(self.submit(b'{"submission_id": ', "application/json")[0], 400)
        self.assertEqual(
            self.submit(b'{"submission_id":\n"1"}', "application/x-ndjson")[0], 400)
        # No lead, and nothing is lost: whoever sent it may not try again.
        self.assertEqual([l["state"] for l in self.leads()], ["quarantined"] * 3)

    def test_a_lead_that_the_graph_api_refuses_waits_and_nothing_secret_is_said(self):
        self.serve_with_mail()
        token = SECRETS["META_PAGE_TOKEN"]
        self.graph.refusal = Refused(f"Error validating access token {token}: expired.", 190)
        self.assertEqual(self.announce(LEAD)[0], 200)
        until(lambda: self.graph.targets, "the lead is asked for")
        until(lambda: "lead not read yet" in self.service.log, "the refusal is logged")
        [entry] = self.leads()
        self.assertEqual(entry["state"], "announced")
