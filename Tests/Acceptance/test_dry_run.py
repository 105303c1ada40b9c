"""`dry-run` over the sample leads with the example rules."""

import csv
import json
import re

from bench import ROOT, RULES, SAMPLES, Bench, sample_leads

KEYS = ["lead_id", "outcome", "routes", "deliveries", "reason"]


class DryRun(Bench):
    def decide(self, *arguments, **options):
        out, error = self.run_program(
            "dry-run", "--format", "ndjson", *arguments, config=RULES, **options)
        return [json.loads(line) for line in out.splitlines()], error

    def test_each_lead_gets_one_line_in_input_order_with_the_promised_keys(self):
        decisions, _ = self.decide(str(SAMPLES))
        self.assertEqual(
            [one["lead_id"] for one in decisions], [one["id"] for one in sample_leads()])
        for one in decisions:
            self.assertEqual(list(one), KEYS)
            for delivery in one["deliveries"]:
                self.assertEqual(list(delivery), ["sink", "route", "copy"])

    def test_outcomes_and_stores_are_the_expected_ones(self):
        expected = json.loads((ROOT / "Tests/Samples/dealer-leads.expected.json").read_bytes())
        decisions, _ = self.decide("--render", str(SAMPLES))
        distinct = {one["lead_id"]: one for one in decisions}
        self.assertEqual(len(decisions), expected["lines"])
        self.assertEqual(len(distinct), expected["distinct_ids"])
        outcomes = {}
        for id, one in distinct.items():
            outcomes.setdefault(one["outcome"], set()).add(id)
        self.assertEqual(outcomes.pop("dropped"), set(expected["test_lead_ids"]))
        trimmed = expected["trimmed"]
        self.assertEqual(outcomes.pop("default"), set(trimmed["unrouted_ids"]))
        routed = outcomes.pop("routed")
        self.assertEqual(len(routed), trimmed["routed"])
        self.assertEqual(outcomes, {})
        by_store = {}
        for id in routed:
            store = self.store(distinct[id])
            by_store[store] = by_store.get(store, 0) + 1
        self.assertEqual(by_store, trimmed["by_store"])

    def store(self, decision):
        """The store that the rendered addresses name; all of a lead's name the same."""
        with open(RULES / "dealers.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        mailboxes = {row["email"]: row["store_number"] for row in rows if row["email"]}
        addresses = {row["crm_url"]: row["store_number"] for row in rows if row["crm_url"]}
        found = set()
        for delivery in decision["deliveries"]:
            if delivery["sink"] == "store-email":
                found.add(mailboxes[delivery["settings"]["to"]])
            elif delivery["sink"] == "store-crm":
                found.add(addresses[delivery["settings"]["url"]])
        self.assertEqual(len(found), 1, decision)
        return found.pop()

    def test_a_bad_line_is_reported_by_its_number_and_the_rest_goes_on(self):
        lines = SAMPLES.read_bytes().splitlines()[:4]
        bad = [lines[0], b"", b'{"id": "5", "id": "6"}', lines[1], b"not json", lines[2]]
        (self.folder / "bad.ndjson").write_bytes(b"\n".join(bad))
        decisions, error = self.decide("bad.ndjson", code=1)
        self.assertEqual(
            [one["lead_id"] for one in decisions], [one["id"] for one in sample_leads()[:3]])
        self.assertEqual(re.findall(r"bad\.ndjson:(\d+):", error), ["3", "5"])

    def test_standard_input_array_and_graph_page_are_read(self):
        leads = sample_leads()[:5]
        ids = [one["id"] for one in leads]
        texts = {
            "array": json.dumps(leads), "indented array": json.dumps(leads, indent=2),
            "page": json.dumps({"data": leads, "paging": {"cursors": {"after": "QQ=="}}}),
            "indented page": json.dumps({"data": leads, "paging": {}}, indent=2),
            "lines": "\n".join(json.dumps(one) for one in leads),
        }
        for name, text in texts.items():
            with self.subTest(name):
                decisions, _ = self.decide("-", input=text.encode())
                self.assertEqual([one["lead_id"] for one in decisions], ids)
                (self.folder / "leads.json").write_text(text)
                self.assertEqual(self.decide("leads.json")[0], decisions)

    def test_a_file_that_is_not_there_is_an_error(self):
        decisions, error = self.decide("nowhere.ndjson", str(SAMPLES), code=1)
        self.assertEqual(len(decisions), 500)
        self.assertIn("nowhere.ndjson", error)

    def test_explain_adds_the_trace_and_changes_no_decision(self):
        plain, _ = self.decide(str(SAMPLES))
        explained, _ = self.decide("--explain", str(SAMPLES))
        for one, other in zip(plain, explained, strict=True):
            self.assertEqual(list(other), [*KEYS, "trace"])
            del other["trace"]
            self.assertEqual(one, other)
