"""The program is killed under load, again and again, and stopped; nothing may be missing after it."""

import collections
import http.client
import json
import os
import queue
import random
import threading
import time

from bench import Bench, Service, crash, lead, sample_leads, until

KILLS = 20
GENERATED = 400


class Sender:
    """Announces leads from a queue, each again and again until it is answered with 200."""

    def __init__(self, bench, threads=4):
        self.bench = bench
        self.waiting = queue.Queue()
        self.acknowledged = set()
        self.unexpected = []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.ended.is_set():
            try:
                leads = self.waiting.get(timeout=0.1)
            except queue.Empty:
                continue
            while not self.ended.is_set():
                try:
                    status, _ = self.bench.announce(*leads)
                except (OSError, http.client.HTTPException):
                    self.ended.wait(0.02)  # the service is down
                    continue
                if status == 200:
                    self.acknowledged.update(one["id"] for one in leads)
                    break
                if status != 503:
                    self.unexpected.append(status)
                self.ended.wait(0.02)
            self.waiting.task_done()

    def wait_until_all_are_acknowledged(self):
        until(lambda: self.waiting.unfinished_tasks == 0, "all webhooks are acknowledged", 60)

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


class Kill(Bench):
    def setUp(self):
        super().setUp()
        seed = int(os.environ.get("LEADROUTER_SEED") or random.randrange(1 << 32))
        print(f"\nLEADROUTER_SEED={seed} ", end="", flush=True)
        self.random = random.Random(seed)
        self.configure()
        self.mail.start()
        self.addCleanup(self.mail.close)
        samples = sample_leads()
        generated = [
            lead(445000000000000 + number, dealer=self.random.choice(["99213450", "0042", "?"]))
            for number in range(GENERATED)]
        announced = samples + generated
        self.random.shuffle(announced)
        self.graph.add(*announced)
        self.ids = {one["id"] for one in announced}
        self.batches = []
        while announced:
            size = self.random.choice([1, 1, 1, 2, 3, 8])
            self.batches.append(announced[:size])
            announced = announced[size:]
        # Some come again later, as Meta's do.
        self.batches += self.random.sample(self.batches, 30)
        self.sender = Sender(self)
        self.addCleanup(self.sender.end)

    def kill_all(self):
        if self.service:
            self.service.kill()

    def wait_until_all_is_done(self):
        def is_done():
            if self.service.process.poll() is not None:
                self.fail(f"the service ended by itself\n{crash(self.service.log)}")
            # A look at few rows, and not often: the machine is to work, not to list.
            states = (("leads", "announced"), ("leads", "received"),
                      ("deliveries", "pending"), ("deliveries", "leased"))
            return not any(
                self.run_program(of, "list", "--state", state, "--limit", "1", "--format",
                                 "ndjson")[0] for of, state in states)

        until(is_done, "all leads are decided and all deliveries ended", 150, every=0.5)

    def test_20_kills_under_load_lose_nothing_and_repeat_only_with_the_same_key(self):
        self.addCleanup(self.kill_all)
        self.mail_and_crm_misbehave_now_and_then()
        portion = len(self.batches) // KILLS + 1
        for number in range(KILLS):
            for batch in self.batches[number * portion:(number + 1) * portion]:
                self.sender.waiting.put(batch)
            self.service = Service(self, wait=False)
            # The kill falls where chance wants it: this is no waiting for a condition.
            time.sleep(self.random.uniform(0.05, 1.5))
            self.service.kill()
        self.service = Service(self)
        self.sender.wait_until_all_are_acknowledged()
        self.wait_until_all_is_done()
        self.assertEqual(self.service.stop(), 0)
        self.expect_all_delivered()

    def test_a_stop_under_load_takes_less_than_20_seconds_and_loses_nothing(self):
        self.addCleanup(self.kill_all)
        self.service = Service(self)
        for batch in self.batches:
            self.sender.waiting.put(batch)
        for count in (100, 400):
            until(lambda: len(self.sender.acknowledged) >= count, "leads are acknowledged")
            self.assertEqual(self.service.stop(20), 0, crash(self.service.log))
            self.service = Service(self)
        self.sender.wait_until_all_are_acknowledged()
        self.wait_until_all_is_done()
        self.assertEqual(self.service.stop(), 0)
        # Nothing was killed: attempts under way ended, so that nothing was sent twice.
        self.expect_all_delivered(repeats=0)

    def mail_and_crm_misbehave_now_and_then(self):
        for store in ("99213450", "0042"):
            mailbox = f"leads@store-{store}.example.com"
            self.mail.refusals[mailbox] = ["451 4.3.0 try again later"] * 5
            self.crm.answers[f"/stores/{store}/leads"] = [503] * 5

    def expect_all_delivered(self, repeats=None):
        self.sender.end()
        self.assertEqual(self.sender.unexpected, [])
        self.assertEqual(self.sender.acknowledged, self.ids)
        leads = self.leads()
        self.assertEqual(collections.Counter(one["lead_id"] for one in leads),
                         collections.Counter(self.ids))
        states = collections.Counter(one["state"] for one in leads)
        self.assertEqual(states["decided"] + states["held"], len(self.ids), states)
        self.assertEqual(states["held"], 0)
        deliveries = self.deliveries()
        dead = [one for one in deliveries if one["state"] != "delivered"]
        # The samples have one store without a mailbox: head office got those leads instead.
        for one in dead:
            self.assertEqual((one["state"], one["sink"]), ("dead", "store-email"), one)
        self.expect_fallbacks(dead, deliveries)
        good = {one["delivery_id"]: one for one in deliveries if one["state"] == "delivered"}
        by_sink = {}
        for key, one in good.items():
            by_sink.setdefault(one["sink"], {})[key] = one["lead_id"]
        self.expect_decided_deliveries(deliveries)
        self.expect_files(by_sink)
        mails = {**by_sink["store-email"], **by_sink["head-office"]}
        self.expect_sent([(one.key, one.lead) for one in self.mail.mails], mails, repeats)
        posts = [(one.key, json.loads(one.body)["id"]) for one in self.crm.posts]
        self.expect_sent(posts, by_sink["store-crm"], repeats)

    def expect_fallbacks(self, dead, deliveries):
        sent = collections.Counter(
            one["lead_id"] for one in deliveries
            if one["sink"] == "head-office" and one["route"] != "default")
        self.assertEqual(sent, collections.Counter(one["lead_id"] for one in dead))

    def expect_decided_deliveries(self, deliveries):
        """What the ledger holds is what a dry run decides for the same leads."""
        lines = "\n".join(json.dumps(one) for one in self.graph.leads.values())
        out, _ = self.run_program("dry-run", "--format", "ndjson", "-", input=lines.encode())
        wanted = collections.Counter()
        for line in out.splitlines():
            decision = json.loads(line)
            for one in decision["deliveries"]:
                wanted[decision["lead_id"], one["sink"], one["route"]] += 1
        found = collections.Counter(
            (one["lead_id"], one["sink"], one["route"]) for one in deliveries
            if one["sink"] != "head-office" or one["route"] == "default")
        self.assertEqual(found, wanted)

    def expect_files(self, by_sink):
        lines = collections.Counter(
            (one["delivery_id"], one["id"]) for one in self.archive_lines())
        self.assertEqual(lines, collections.Counter(by_sink["archive"].items()))
        files = list((self.folder / "out/single").iterdir())
        self.assertEqual({path.name for path in files}, {f"{id}.json" for id in self.ids})
        for path in files:
            one = json.loads(path.read_bytes())
            self.assertEqual(by_sink["single"][one["delivery_id"]], one["id"])

    def expect_sent(self, sent, wanted, repeats):
        """Each wanted key came, no other, and with its own lead."""
        self.assertEqual(set(sent), set(wanted.items()))
        if repeats is not None:
            self.assertEqual(len(sent) - len(wanted), repeats)
