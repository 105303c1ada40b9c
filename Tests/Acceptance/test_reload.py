"""Edits of a running service: they go live by themselves, broken ones never do, and every lead is
decided by one whole rule set (R12). R12_EDITS sets how many edits, R12_SECONDS how long they take
at least, R12_RATE how many forms a second come meanwhile (as many as one connection can send unless
given), R12_RULES how many rules there are beside those that are edited."""

import collections
import http.client
import json
import random
import signal
import threading
import time
import unittest

import world
from sizes import size
from world import SEED_LEAD, until

ROUNDS = size("R12_EDITS")
SECONDS = size("R12_SECONDS")
RATE = size("R12_RATE")
MORE_RULES = size("R12_RULES")
SENDERS = 8 if RATE else 1


class Reload(unittest.TestCase):
    def setUp(self):
        self.graph = world.Graph()
        self.program = world.Program(self.graph, None, "smtp://127.0.0.1:9")
        self.addCleanup(self.program.close)
        self.rules = self.program.rules
        root = self.rules / "leadrouter.yaml"
        text = root.read_text().replace("version: 1\n", "version: 1\ninclude: routes/*.yaml\n", 1)
        (self.rules / "routes").mkdir()
        routes = text[text.index("routes:\n"):text.index("default:\n")]
        root.write_text(text.replace(routes, ""))
        self.write(0)

    def write(self, version, text=None):
        """A version of the rules, in place as many editors do."""
        text = text or f"""\
routes:
  - id: odd-{version}
    when: {{parity: odd}}
    drop: version {version}
  - id: even-{version}
    when: {{parity: even}}
    to: [archive]
"""
        (self.rules / "routes/one.yaml").write_text(text)

    def ready(self):
        status, body, _ = self.program.get("/health/ready", self.program.admin)
        self.assertEqual(status, 200)
        return json.loads(body)["rules"]

    def reload(self):
        return self.program.request(
            "POST", "/api/reload", b"{}", {"Content-Type": "application/json"}, self.program.admin)

    def submit(self, number):
        body = json.dumps({"submission_id": f"s-{number}", "parity": ["even", "odd"][number % 2]})
        status, answer, _ = self.program.submit(body.encode())
        self.assertEqual(status, 200, answer)

    def test_an_edit_goes_live_and_a_broken_one_is_shown_and_changes_nothing(self):
        self.program.start()
        first = self.ready()
        self.write(1)
        until(lambda: self.ready()["hash"] != first["hash"], what="the edit in force")
        second = self.ready()
        self.write(2, "routes:\n  - id: x\n    when: {f: {iz: x}}\n    to: archive\n")
        refused = until(lambda: self.ready().get("refused"), what="the refusal")
        self.assertRegex(refused["first"], r"routes/one.yaml:3:\d+: unknown-operator$")
        self.assertEqual(self.ready()["hash"], second["hash"])
        metrics = self.program.get("/metrics", self.program.admin)[1].decode()
        self.assertIn("leadrouter_rules_refused 1\n", metrics)
        self.assertIn(f'leadrouter_rules_info{{hash="{second["hash"]}"}} 1\n', metrics)
        self.submit(1)
        store = str(self.program.folder / "leads.db")
        [lead] = until(
            lambda: [l for l in self.program.rows("leads", "list", "--store", store)
                     if l["outcome"]], what="the lead")
        self.assertEqual(lead["reason"], "version 1")
        status, answer, _ = self.reload()
        self.assertEqual(status, 422)
        answer = json.loads(answer)
        self.assertEqual((answer["outcome"], answer["hash"]), ("refused", second["hash"]))
        self.assertIn("unknown-operator", [f["code"] for f in answer["findings"]])
        self.write(1)
        until(lambda: "refused" not in self.ready(), what="the end of the refusal")
        self.assertEqual(json.loads(self.reload()[1])["outcome"], "unchanged")
        log = (self.program.folder / "log").read_text()
        self.assertIn("rules refused; those before stay in force", log)

    def test_a_table_a_secret_and_a_new_source_go_live(self):
        self.program.start()
        first = self.ready()
        stores = self.rules / "stores.csv"
        stores.write_text(stores.read_text().replace("Harbor Honda", "Harbour Honda"))
        until(lambda: self.ready()["hash"] != first["hash"], what="the table in force")
        root = self.rules / "leadrouter.yaml"
        text = root.read_text()
        root.write_text(text.replace("sources:\n", """sources:
  second: {plugin: webhook, auth: {header: X-Form-Token, secret: {file: token}}, id: submission_id}
""", 1))
        (self.rules / "token").write_text("first-token-of-it\n")

        def post(token):
            return self.program.request(
                "POST", "/hooks/second", b'{"submission_id": "q1"}',
                {"Content-Type": "application/json", "X-Form-Token": token})[0]

        until(lambda: post("first-token-of-it") == 200, what="the new source")
        (self.rules / "token").write_text("second-token-of-it\n")
        until(lambda: post("second-token-of-it") == 200, what="the new secret")
        self.assertIn(post("first-token-of-it"), (401, 403))

    def test_sighup_reads_when_nothing_is_watched(self):
        serve = ["serve", "--watch", "false", "--config", str(self.rules)]
        self.program.process = world.subprocess.Popen(
            [world.LEADROUTER, *serve], stdout=self.program.log, stderr=self.program.log,
            env=self.program.environment, cwd=self.program.folder)
        until(self.program.is_ready, what="the service")
        first = self.ready()["hash"]
        self.write(1)
        # The answer comes after everything that was noticed before it: nothing was.
        metrics = self.program.get("/metrics", self.program.admin)[1].decode()
        self.assertIn('leadrouter_reloads_total{outcome="published"} 1\n', metrics)
        self.assertEqual(self.ready()["hash"], first)
        self.program.process.send_signal(signal.SIGHUP)
        until(lambda: self.ready()["hash"] != first, what="the edit in force")

    def send_forms(self, stop, failures):
        """Forms by connections that stay, RATE a second in all; how many were sent."""
        sent, lock = [0], threading.Lock()
        began = time.monotonic()

        def one():
            line = http.client.HTTPConnection("127.0.0.1", self.program.port, timeout=20)
            while not stop.is_set():
                with lock:
                    number = sent[0]
                    sent[0] += 1
                if RATE:
                    time.sleep(max(0, began + number / RATE - time.monotonic()))
                body = json.dumps(
                    {"submission_id": f"s-{number}", "parity": ["even", "odd"][number % 2]})
                try:
                    line.request("POST", "/hooks/website", body, {
                        "Content-Type": "application/json", "X-Form-Token": world.FORM_TOKEN})
                    answer = line.getresponse()
                    answer.read()
                    if answer.status != 200:
                        failures.append(answer.status)
                except Exception as error:  # each one is a failed request
                    failures.append(repr(error))
                    line.close()
            line.close()

        senders = [threading.Thread(target=one) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()

        def end():
            stop.set()
            for sender in senders:
                sender.join()
            return sent[0]
        return end

    def test_edits_under_load_lose_and_misroute_nothing(self):
        """R12."""
        if MORE_RULES:
            (self.rules / "routes/two.yaml").write_text("routes:\n" + "".join(
                f"  - {{id: other-{number}, when: {{dealer: '{number}'}}, to: archive}}\n"
                for number in range(MORE_RULES)))
        self.program.start()
        chance = random.Random(12)
        stop, failures, took = threading.Event(), [], []
        end = self.send_forms(stop, failures)
        began = time.monotonic()
        broken = [
            "routes:\n  - id: odd\n    when: {parity: od", "", "routes: [",
            "a: &a [x,x,x]\nb: &b [*a,*a]\nroutes: [*b]\n", "routes:\n  - {id: x, to: nowhere}\n",
            "\0\1\2", "[" * 5000]
        good = {self.ready()["hash"]: 0}
        for version in range(1, ROUNDS + 1):
            time.sleep(max(0, began + version * SECONDS / ROUNDS - time.monotonic()))
            if chance.random() < 0.25:
                self.write(version, chance.choice(broken) or "routes: [\n")
                self.assertEqual(json.loads(self.reload()[1])["outcome"], "refused")
                continue
            if chance.random() < 0.3:
                # By halves, without closing the file in between.
                with open(self.rules / "routes/one.yaml", "w") as file:
                    file.write(f"routes:\n  - id: odd-{version}\n    when: {{parity: odd}}\n")
                    file.flush()
                    time.sleep(chance.random() * 0.05)
                    file.write(f"    drop: version {version}\n"
                               f"  - {{id: even-{version}, when: {{parity: even}}, to: archive}}\n")
            else:
                self.write(version)
            asked = time.monotonic()
            answer = json.loads(self.reload()[1])
            took.append(time.monotonic() - asked)
            self.assertIn(answer["outcome"], ("published", "unchanged"))
            good[answer["hash"]] = version
        sent = end()
        rate = sent / (time.monotonic() - began)
        self.assertEqual(failures, [])
        leads, _ = self.program.settle(120, every=1)
        self.assertEqual(len(leads), sent)
        used = collections.Counter()
        for lead in leads:
            number = int(lead["lead_id"].split("-")[-1])
            version = good[lead["rule_set_hash"]]
            used[version] += 1
            if number % 2:
                self.assertEqual((lead["outcome"], lead["reason"]),
                                 ("dropped", f"version {version}"))
            else:
                self.assertEqual(lead["outcome"], "routed")
        self.assertGreater(len(used), min(10, ROUNDS / 10))
        self.assertEqual(len(self.program.lines("archive.ndjson")), (sent + 1) // 2)
        print(f"{ROUNDS} edits, {len(used)} versions decided {sent} leads, {rate:.0f}/s; "
              f"an edit was in force after {sorted(took)[len(took) * 99 // 100] * 1000:.0f} ms "
              f"(p99, {MORE_RULES} rules more)", end=" ")


if __name__ == "__main__":
    unittest.main()
