"""Leads that were decided by a wrong rule are given to the mended rules."""

import json
import unittest

from test_ledger import CANARY, Operators
from world import until



class WrongRule(Operators):
    """`all` sent everything to `ops`; it should have gone to `right`."""

    def setUp(self):
        super().setUp()
        self.edit("sinks:\n", f'sinks:\n  right: {{plugin: http, url: "{self.crm.url}/right", '
                  "method: POST, format: json}\n")

    def mend(self, old="to: [ops]", new="to: [right]", running=True):
        self.edit(old, new)
        if running:
            self.assertEqual(self.api("POST", "/api/reload", {})[0], 200)

    def keys(self, sink, state):
        return [d["delivery_id"] for d in self.in_state(state) if d["sink"] == sink]

    def got(self, sink, count):
        until(lambda: len(self.keys(sink, "delivered")) == count, what=f"{count} at {sink}")

    def decided(self, *arguments):
        """Carries an order out, and waits until the rules have answered."""
        text = self.run_ok("leads", "decide", *arguments, "--yes")
        until(lambda: {l["state"] for l in self.program.leads()} == {"decided"})
        return text

    def test_the_plan_shows_what_happens_and_then_it_happens(self):
        self.program.start()
        self.take("1", "2", "3")
        self.got("ops", 3)
        self.mend()
        for there in [("--sink", "right"), ("--route", "of-others"), ("--outcome", "held")]:
            self.assertIn("No lead would be", self.run_ok("leads", "decide", *there))
        for there in [("--sink", "ops"), ("--route", "all"), ("--outcome", "routed")]:
            self.assertIn("To give 3 leads", self.run_ok("leads", "decide", *there))
        plan = self.run_ok("leads", "decide", "--state", "decided", "--source", "website")
        self.assertRegex(plan, r"3 +decided")
        self.assertRegex(plan, r"3 +routed +routed")
        self.assertIn("0 decisions would stay as they are, 3 would change", plan)
        self.assertRegex(plan, r"3 +right +all +made\n")
        self.assertRegex(plan, r"3 +ops +all +left alone: sent, and no longer asked for")
        self.assertIn("To give 3 leads to the rules again", plan)
        self.assertEqual(len(self.program.deliveries()), 3, "a plan did something")
        hashes = {l["rule_set_hash"] for l in self.program.leads()}
        text = self.decided("--state", "decided", "--source", "website", "--reason", "mended")
        self.assertIn("3 leads given to the rules again", text)
        self.got("right", 3)
        self.assertEqual(len(self.keys("ops", "delivered")), 3)
        self.verified()
        # The earlier decision stays to be seen.
        shown = self.run_ok("leads", "show", "1")
        self.assertRegex(shown, r"DECIDED BEFORE.*\n.*routed +all")
        self.assertIn("mended", shown)
        lead = self.api("GET", "/api/leads/1")[1]["leads"][0]
        self.assertEqual({d["rule_set_hash"] for d in lead["earlier_decisions"]}, hashes)
        self.assertNotIn(lead["rule_set_hash"], hashes)
        self.assertEqual(lead["earlier_decisions"][0]["decision"]["deliveries"][0]["sink"], "ops")
        # And again: nothing is sent twice.
        plan = self.run_ok("leads", "decide", "--state", "decided")
        self.assertIn("3 decisions would stay as they are, 0 would change", plan)
        self.assertNotIn("made", plan)
        posts = len(self.crm.posts)
        self.decided("--state", "decided")
        self.assertEqual(len(self.program.deliveries()), 6)
        self.assertEqual(len(self.crm.posts), posts)
        self.verified()
        # What is forgotten takes its earlier decisions along.
        self.run_ok("leads", "forget", "1", "--yes")
        self.assertEqual(self.api("GET", "/api/leads/1")[1]["leads"][0]["earlier_decisions"], [])
        self.verified()

    def waiting(self):
        """Two leads of which the deliveries wait at a sink that is paused."""
        self.program.start()
        self.run_ok("sinks", "pause", "ops")
        self.take("1", "2")
        self.mend()

    def test_what_is_pending_goes_out_all_the_same(self):
        """The control of the next."""
        self.waiting()
        plan = self.run_ok("leads", "decide", "--outcome", "routed")
        self.assertRegex(plan, r"2 +ops +all +sent all the same: pending")
        self.assertIn("--cancel-others", plan)
        self.decided("--outcome", "routed")
        self.got("right", 2)
        self.run_ok("sinks", "resume", "ops")
        self.got("ops", 2)
        self.verified()

    def test_what_is_pending_is_called_off_when_that_is_said(self):
        self.waiting()
        plan = self.run_ok("leads", "decide", "1", "2", "1", "--cancel-others")
        self.assertIn("To give 2 leads", plan, "one that is named twice is counted twice")
        self.assertRegex(plan, r"2 +ops +all +cancelled: no longer asked for")
        self.decided("1", "2", "--cancel-others")
        self.got("right", 2)
        self.assertEqual(len(self.keys("ops", "cancelled")), 2)
        self.assertIn("cancelled by rules", self.run_ok("leads", "show", "1"))
        self.run_ok("sinks", "resume", "ops")
        self.verified()
        # The rule was right after all: what was called off is made anew, what was sent stays.
        self.mend("to: [right]", "to: [ops]")
        plan = self.run_ok("leads", "decide", "--state", "decided")
        self.assertRegex(plan, r"2 +ops +all +made anew")
        self.decided("--state", "decided")
        self.got("ops", 2)
        self.assertEqual(len(self.crm.posts), 4)
        self.verified()

    def test_without_a_service_the_next_one_decides(self):
        self.program.start()
        self.take("1")
        self.got("ops", 1)
        self.program.stop()
        self.mend(running=False)
        plan = self.run_ok("leads", "decide", "1", "--cancel-others")
        self.assertRegex(plan, r"1 +right +all +made\n")
        self.run_ok("leads", "decide", "1", "--cancel-others", "--yes")
        self.assertEqual([l["state"] for l in self.program.leads()], ["received"])
        self.verified()
        self.program.start()
        self.got("right", 1)
        self.verified()

    def test_rules_that_cannot_be_read_leave_the_counts(self):
        self.program.start()
        self.take("1")
        self.got("ops", 1)
        self.mend("always: true", "allways: true", running=False)
        # The service goes on with the rules before, and its plan is of these.
        self.assertIn("1 decision would stay as it is", self.run_ok("leads", "decide", "1"))
        self.program.stop()
        plan = self.run_ok("leads", "decide", "1")
        self.assertRegex(plan, r"1 +decided")
        self.assertIn("they cannot be read", plan)

    def test_new_leads_go_on_beside_a_large_order(self):
        self.program.start()
        lines = [json.dumps({"submission_id": f"old-{n}", "email": CANARY}) for n in range(1500)]
        self.assertEqual(self.program.submit("\n".join(lines).encode(),
                                             content_type="application/x-ndjson")[0], 200)
        self.got("ops", 1500)
        self.mend()
        self.run_ok("leads", "decide", "--state", "decided", "--yes")
        self.program.submit(json.dumps({"submission_id": "new", "email": CANARY}).encode())
        self.got("right", 1501)
        self.assertEqual(len(self.keys("ops", "delivered")), 1500)
        self.verified()

    def test_ids_that_are_not_there(self):
        self.program.start()
        self.take("1", "2")
        self.got("ops", 2)
        self.mend()
        [key] = [d["delivery_id"] for d in self.program.deliveries() if d["lead_id"] == "1"]
        for command, names in [
            (("leads", "decide"), ["1", "no-1", "2", "no-2"]),
            (("leads", "forget"), ["1", "no-1", "2", "no-2"]),
            (("deliveries", "redeliver"), [key, "f" * 64, "e" * 64]),
            (("deliveries", "cancel"), [key, "f" * 64, "e" * 64]),
        ]:
            with self.subTest(command=command):
                unknown = [n for n in names if n not in ("1", "2", key)]
                for more in [[], ["--yes"]]:
                    done = self.program.command(*command, *names, *more)
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(f"2 of {len(names)} ", done.stderr.decode())
                    for name in unknown:
                        self.assertIn(f"'{name}'", done.stderr.decode())
                    self.assertIn("nothing was done", done.stderr.decode())
        self.assertEqual({l["rule_set_hash"] for l in self.program.leads()},
                         {self.program.leads()[0]["rule_set_hash"]})
        text = self.run_ok("leads", "decide", "1", "no-1", "--skip-unknown")
        self.assertIn("1 left alone: not in the store", text)
        text = self.decided("1", "no-1", "2", "no-2", "--skip-unknown")
        self.assertIn("2 leads given to the rules again", text)
        self.assertIn("2 left alone: not in the store", text)
        self.got("right", 2)
        status, body = self.api("POST", "/api/leads/decide", {"ids": ["1", "no"], "yes": True})
        self.assertEqual(status, 404)
        self.assertIn("'no'", body["error"])
        self.verified()

    def test_the_api_takes_the_order_strictly(self):
        self.program.start()
        for body in [{"filter": {"state": "decided"}, "cancel_other": True}, {"yes": True}, {},
                     {"filter": {"state": "decidet"}}, {"ids": ["1"], "cancel_others": "yes"}]:
            self.assertEqual(self.api("POST", "/api/leads/decide", body)[0], 400, body)


if __name__ == "__main__":
    unittest.main()
