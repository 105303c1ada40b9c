"""kill -9 under load, at random moments: what was acknowledged is delivered, files exactly once."""

import collections
import json
import os
import random
import threading
import time
import unittest

import world
from sizes import size
from world import until

ROUNDS = size("R01_KILLS")
SEED = int(os.environ.get("KILL_SEED", str(random.randrange(1 << 32))))


class Kill(unittest.TestCase):
    def test_no_acknowledged_lead_is_lost_over_kills(self):
        print(f"KILL_SEED={SEED} R01_KILLS={ROUNDS}", flush=True)
        chance = random.Random(SEED)
        graph, crm, mail = world.Graph(), world.CRM(), world.MailServer()
        self.addCleanup(mail.close)
        routes = world.ROUTES.replace("also_to: [archive]", "also_to: [archive, each]")
        program = world.Program(graph, crm, mail.url, routes=routes)
        self.addCleanup(program.close)
        # All stores have the same CRM here; one at a time would take hours.
        root = program.rules / "leadrouter.yaml"
        root.write_text(root.read_text().replace(
            "method: POST,", "method: POST, max_in_flight_per_destination: 4,"))
        samples = [json.loads(l) for l in
                   (world.ROOT / "rules/samples/dealer-leads.ndjson").read_text().splitlines()]
        # About as many as the senders send between the kills, so that each comes under load.
        for number in range(max(4000, 200 * ROUNDS)):
            lead = dict(samples[number % len(samples)])
            lead["id"] = str(1740000000000000 + number)
            graph.add(lead)
        waiting = collections.deque(sorted(i for i in graph.leads))
        acked, lock, stop = set(), threading.Lock(), threading.Event()

        def send():
            while not stop.is_set():
                with lock:
                    ids = [waiting.popleft() for _ in range(min(3, len(waiting)))]
                if not ids:
                    return
                try:
                    status = program.announce(graph.webhook(*ids))[0]
                except OSError:
                    status = 0
                with lock:
                    if status == 200:
                        acked.update(ids)
                    else:
                        waiting.extend(ids)
                time.sleep(pause)

        pause = 0.01 if ROUNDS <= 20 else 0.05
        program.start()
        senders = [threading.Thread(target=send) for _ in range(6)]
        for sender in senders:
            sender.start()
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0.05, 1.5))
            program.kill()
            program.start()
        stop.set()
        for sender in senders:
            sender.join()
        leads, deliveries = program.settle(120 + 4 * ROUNDS, every=0.5)
        self.check(program, acked, leads, deliveries, crm, mail)

    def check(self, program, acked, leads, deliveries, crm, mail):
        self.assertGreater(len(acked), 100)
        decided = {l["lead_id"] for l in leads if l["state"] in ("decided", "held")}
        self.assertEqual(acked - decided, set(), "acknowledged and not decided")
        self.assertEqual(len(decided), len(leads))
        self.assertTrue(all(d["state"] == "delivered" for d in deliveries))
        keys = collections.defaultdict(set)
        for delivery in deliveries:
            keys[delivery["sink"]].add(delivery["delivery_id"])
        lines = [l["delivery_id"] for l in program.lines("archive.ndjson")]
        self.assertEqual(len(lines), len(set(lines)), "a line of the archive came twice")
        self.assertEqual(set(lines), keys["archive"])
        self.assertEqual(len(keys["archive"]), len(leads))
        files = sorted(p.name for p in (program.folder / "out/each").iterdir())
        self.assertEqual(len(files), len(keys["each"]))
        self.assertFalse([f for f in files if not f.endswith(".json")])
        self.assertEqual(set(crm.keys()), keys["store-crm"])
        sent = [m["message"]["Message-ID"].strip("<>").split("@")[0] for m in mail.accepted()]
        self.assertEqual(set(sent), keys["store-email"])
        repeats = len(crm.keys()) - len(set(crm.keys())) + len(sent) - len(set(sent))
        # At most what was under way at each kill: four attempts in each of two lanes.
        self.assertLessEqual(repeats, 8 * ROUNDS)
        print(f"{len(acked)} acknowledged, {len(deliveries)} deliveries, {repeats} repeats "
              "with the same key", flush=True)


class Stop(unittest.TestCase):
    def test_sigterm_under_load_ends_in_time_and_loses_nothing(self):
        graph, crm, mail = world.Graph(), world.CRM(), world.MailServer()
        self.addCleanup(mail.close)
        program = world.Program(graph, crm, mail.url)
        self.addCleanup(program.close)
        ids = []
        for number in range(300):
            lead = dict(world.SEED_LEAD, id=str(1750000000000000 + number))
            graph.add(lead)
            ids.append(lead["id"])
        program.start()
        for start in range(0, 300, 30):
            self.assertEqual(program.announce(graph.webhook(*ids[start:start + 30]))[0], 200)
        self.assertEqual(program.stop(20), 0)
        program.start()
        leads, deliveries = until(program.settled, 60)
        self.assertEqual(len(leads), 300)
        self.assertEqual(len(crm.keys()), 300, "a clean stop repeats nothing")
        self.assertEqual(len(mail.accepted()), 300)
        self.assertEqual(len(program.lines("archive.ndjson")), 300)


if __name__ == "__main__":
    unittest.main()
