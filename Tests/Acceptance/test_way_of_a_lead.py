"""One lead's whole way: webhook, Graph API, rules, mail, CRM and files."""

import base64
import hashlib
import hmac
import json
import threading

from bench import SECRETS, Bench, lead, until

SEED = lead("444000000000001", email="joe@example.com")


class WayOfALead(Bench):
    def setUp(self):
        super().setUp()
        self.configure()
        self.mail.start()
        self.addCleanup(self.mail.close)
        self.graph.add(SEED)
        self.serve()

    def test_the_seed_lead_reaches_mailbox_crm_and_archive(self):
        self.assertEqual(self.announce(SEED)[0], 200)
        delivered = {one["sink"]: one for one in self.wait_for_deliveries(4)}
        self.assertEqual(set(delivered), {"store-email", "store-crm", "archive", "single"})
        for sink, one in delivered.items():
            copy = sink in ("archive", "single")
            self.assertEqual((one["attempts"], one["copy"]), (1, copy), sink)
            self.assertEqual(one["route"], "archive" if copy else "dealers/with-crm")
            self.assertTrue(one["detail"], f"{sink} has no receipt")

        [mail] = self.mail.mails
        self.assertEqual(mail.recipients, ["leads@store-99213450.example.com"])
        self.assertEqual(mail.sender, "leads@example.com")
        self.assertEqual(mail.message["Subject"], "New lead: Honda for Joe Example")
        self.assertEqual(mail.lead, SEED["id"])
        self.assertEqual(mail.key, delivered["store-email"]["delivery_id"])
        for text in ("car_make: Honda", "full_name: Joe Example", "selected_dealer: 99213450"):
            self.assertIn(text, mail.body.splitlines())

        [post] = self.crm.posts
        self.assertEqual(post.path, "/stores/99213450/leads")
        self.assertEqual(post.key, delivered["store-crm"]["delivery_id"])
        self.assertEqual(post.headers["webhook-id"], post.key)
        self.assertEqual(post.headers["X-Lead"], SEED["id"])
        self.expect_signature(post)
        self.expect_content(json.loads(post.body), "store-crm", post.key)

        [line] = self.archive_lines()
        self.expect_content(line, "archive", delivered["archive"]["delivery_id"])
        [archive] = (self.folder / "out/archive").iterdir()
        self.assertEqual(archive.name, "2025-10-09.ndjson")
        single = json.loads((self.folder / f"out/single/{SEED['id']}.json").read_bytes())
        self.expect_content(single, "single", delivered["single"]["delivery_id"])

    def expect_content(self, written, sink, key):
        self.assertEqual(
            list(written)[:6], ["delivery_id", "source", "sink", "route", "copy", "id"])
        self.assertEqual(
            (written["delivery_id"], written["source"], written["sink"], written["id"]),
            (key, "facebook", sink, SEED["id"]))
        self.assertEqual(written["field_data"], SEED["field_data"])
        self.assertEqual(written["created_time"], "2025-10-09T08:53:20Z")
        self.assertEqual(written["form_id"], SEED["form_id"])
        self.assertEqual(written["page_id"], "106000000000001")
        self.assertIs(written["is_organic"], False)

    def expect_signature(self, post):
        secret = base64.b64decode(SECRETS["SIGNING_SECRET"].removeprefix("whsec_"))
        stamp = post.headers["webhook-timestamp"]
        signed = f"{post.key}.{stamp}.".encode() + post.body
        digest = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        self.assertEqual(post.headers["webhook-signature"], f"v1,{digest}")

    def test_the_same_webhook_20_times_at_once_is_one_lead(self):
        gate = threading.Barrier(20)
        answers = []

        def send():
            gate.wait()
            answers.append(self.announce(SEED)[0])

        threads = [threading.Thread(target=send) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [200] * 20)
        self.wait_for_deliveries(4)
        # A lead that comes later and is through proves that nothing of the first is on its way.
        later = lead("444000000000002")
        self.graph.add(later)
        self.announce(later)
        self.wait_for_deliveries(8)
        self.service.stop()
        self.assertEqual(len(self.leads()), 2)
        self.assertEqual(len(self.deliveries()), 8)
        self.assertEqual(len([mail for mail in self.mail.mails if mail.lead == SEED["id"]]), 1)
        self.assertEqual(len([p for p in self.crm.posts if p.headers["X-Lead"] == SEED["id"]]), 1)
        self.assertEqual(len(self.archive_lines()), 2)
        self.assertEqual(self.graph.reads, {SEED["id"]: 1, later["id"]: 1})

    def test_a_lead_that_no_store_wants_goes_to_head_office(self):
        stray = lead("444000000000003", dealer="nowhere")
        self.graph.add(stray)
        self.announce(stray)
        self.wait_for_deliveries(3)
        [mail] = self.mail.mails
        self.assertEqual(mail.recipients, ["leads@head-office.example.com"])
        [entry] = self.leads()
        self.assertEqual((entry["state"], entry["outcome"]), ("decided", "default"))

    def test_a_test_lead_is_dropped_with_its_reason(self):
        test = lead("444000000000004", email="test@meta.com")
        self.graph.add(test)
        self.announce(test)
        [entry] = until(lambda: self.leads("--outcome", "dropped"), "the lead is dropped")
        self.assertEqual(entry["reason"], "Meta test lead")
        self.wait_for_deliveries(2)
        self.assertEqual({one["sink"] for one in self.deliveries()}, {"archive", "single"})
