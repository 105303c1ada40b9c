"""What senders change, and what they do wrong: secrets that are changed, ids that are used again,
bodies of which a part is broken."""

import json
import unittest
import urllib.parse

import world
from test_ledger import CANARY, Operators
from world import until

OLD, NEW = world.FORM_TOKEN, "acceptance-form-token-new"


class ChangedSecrets(Operators):
    def post(self, id, token):
        body = json.dumps({"submission_id": id, "email": CANARY}).encode()
        return self.program.submit(body, token=token)[0]

    def secret(self, *values, name="secret", old=None):
        """Puts secrets into files, and names these in the running configuration."""
        for value in values:
            (self.program.rules / value).write_text(value + "\n")
        text = "[" + ", ".join(f"{{file: {v}}}" for v in values) + "]"
        path = self.program.rules / "leadrouter.yaml"
        lines = path.read_text().split("\n")
        [place] = [n for n, line in enumerate(lines) if f"{name}: " in line and (old or "") in line]
        before = lines[place].split(f"{name}: ", 1)[0]
        lines[place] = before + f"{name}: {text}" + ("}" if "{" in before else "")
        path.write_text("\n".join(lines))
        status, body = self.api("POST", "/api/reload", {})
        self.assertEqual((status, body["outcome"]), (200, "published"), body)

    def test_a_form_loses_nothing_while_its_secret_is_changed(self):
        self.program.start()
        self.assertEqual([self.post("1", OLD), self.post("2", NEW)], [200, 401])
        self.secret(NEW, OLD, old="X-Form-Token")
        self.assertEqual([self.post("3", OLD), self.post("4", NEW), self.post("5", "other")],
                         [200, 200, 401])
        log = lambda: (self.program.folder / "log").read_text()
        until(lambda: "previous secret" in log())
        self.secret(NEW, old="X-Form-Token")
        self.assertEqual([self.post("6", OLD), self.post("7", NEW)], [401, 200])
        until(lambda: {l["lead_id"] for l in self.program.leads()} == {"1", "3", "4", "7"})
        for text in [OLD, NEW]:
            self.assertNotIn(text, log())

    def test_so_does_meta(self):
        self.program.start()
        verify = lambda token: self.program.get(
            "/hooks/facebook?" + urllib.parse.urlencode({
                "hub.mode": "subscribe", "hub.challenge": "1158", "hub.verify_token": token}))[0]
        event = b'{"object": "page", "entry": []}'

        def signed(secret):
            return self.program.announce(
                event, sign=False, X_Hub_Signature_256=world.signature(event, secret))[0]

        old = (world.VERIFY_TOKEN, world.APP_SECRET)
        self.assertEqual([verify(old[0]), verify("n"), signed(old[1]), signed("n")],
                         [200, 403, 200, 401])
        self.secret("new-verify", old[0], name="verify_token")
        self.secret("new-app", old[1], name="app_secret")
        self.assertEqual([verify(old[0]), verify("new-verify"), verify("n")], [200, 200, 403])
        self.assertEqual([signed(old[1]), signed("new-app"), signed("n")], [200, 200, 401])
        self.secret("new-verify", name="verify_token")
        self.secret("new-app", name="app_secret")
        self.assertEqual([verify(old[0]), verify("new-verify")], [403, 200])
        self.assertEqual([signed(old[1]), signed("new-app")], [401, 200])

    def test_lists_that_let_nobody_in_or_hide_too_many_are_refused(self):
        for value, word in [("[]", "nobody could post"), ("[a, b, c]", "over two secrets"),
                            ('[a, ""]', "blank")]:
            path = self.program.rules / "leadrouter.yaml"
            text = path.read_text()
            path.write_text(text.replace('secret: "${FORM_TOKEN}"', f"secret: {value}"))
            done = self.program.command("check")
            self.assertEqual(done.returncode, 1, value)
            self.assertIn(word, (done.stdout + done.stderr).decode())
            path.write_text(text)


class UsedIDs(Operators):
    def counted(self):
        text = self.program.get("/metrics", self.program.admin)[1].decode()
        found = {}
        for line in text.split("\n"):
            if line.startswith('leadrouter_intake_items_total{source="website"'):
                found[line.split('outcome="')[1].split('"')[0]] = int(float(line.split(" ")[-1]))
        return found

    def post(self, id, email):
        body = json.dumps({"submission_id": id, "email": email}).encode()
        status, answer, _ = self.program.submit(body)
        self.assertEqual(status, 200)
        return json.loads(answer)

    def test_other_answers_under_a_known_id_are_counted_and_told(self):
        self.program.start()
        self.assertEqual(self.counted(),
                         {"stored": 0, "duplicate": 0, "conflict": 0, "quarantined": 0})
        self.post("1", "a@example.com")
        # The control: the same again is a duplicate and no more.
        self.assertEqual(self.post("1", "a@example.com")["duplicates"], 1)
        self.assertEqual(self.counted(),
                         {"stored": 1, "duplicate": 1, "conflict": 0, "quarantined": 0})
        log = lambda: (self.program.folder / "log").read_text()
        self.assertNotIn("other answers", log())
        for email in [CANARY, CANARY, "c@example.com"]:
            self.assertEqual(self.post("1", email)["duplicates"], 1)
        self.assertEqual(self.counted(),
                         {"stored": 1, "duplicate": 1, "conflict": 3, "quarantined": 0})
        until(lambda: "other answers" in log())
        self.assertEqual(log().count("other answers"), 1)
        self.assertNotIn(CANARY, log())
        self.assertEqual(len(self.program.leads()), 1)


class BrokenBodies(Operators):
    def test_what_is_taken_of_lists_and_lines(self):
        self.program.start()
        good = lambda id: json.dumps({"submission_id": id, "email": CANARY})
        lines = "application/x-ndjson"
        for name, body, kind, answer in [
            ("no leads among the elements", f'[{good("1")}, 5, {{}}, {good("2")}]',
             "application/json", (200, {"accepted": 2, "duplicates": 0, "quarantined": 2})),
            ("a line that is no JSON", f'{good("3")}\n{{"a": \n{good("4")}', lines,
             (200, {"accepted": 2, "duplicates": 0, "quarantined": 1})),
            ("a list that is no JSON", f'[{good("5")}, {{"a": ]', "application/json", (400, None)),
            ("a list that was cut off", f'[{good("6")}, {{"a": "x', "application/json", (400, None)),
        ]:
            with self.subTest(name):
                status, text, _ = self.program.submit(body.encode(), content_type=kind)
                self.assertEqual((status, json.loads(text) if status == 200 else None), answer)
        leads = until(lambda: [l for l in [self.program.leads()]
                               if not any(x["state"] == "received" for x in l)])[0]
        self.assertEqual(sorted(l["lead_id"] for l in leads if l["state"] == "decided"),
                         ["1", "2", "3", "4"])
        self.assertEqual(len([l for l in leads if l["state"] == "quarantined"]), 5)


if __name__ == "__main__":
    unittest.main()
