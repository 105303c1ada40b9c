"""The commands: dry-run over the samples, check, import, listings, exit codes."""

import collections
import json
import subprocess
import unittest

import world
from world import SEED_LEAD, until

SAMPLES = world.ROOT / "rules/samples/dealer-leads.ndjson"
EXPECTED = json.loads((world.ROOT / "Tests/Samples/dealer-leads.expected.json").read_text())


def leadrouter(*arguments, stdin=None):
    return subprocess.run(
        [world.LEADROUTER, *arguments], input=stdin, capture_output=True, cwd=world.ROOT,
        timeout=120)


class DryRun(unittest.TestCase):
    def decided(self, *arguments, stdin=None):
        done = leadrouter("dry-run", "--format", "ndjson", *arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_the_samples_give_the_expected_counts(self):
        rows = self.decided("--render", str(SAMPLES))
        ids = [json.loads(line)["id"] for line in SAMPLES.read_text().splitlines()]
        self.assertEqual([r["lead_id"] for r in rows], ids)
        tests = set(EXPECTED["test_lead_ids"])
        distinct = {r["lead_id"]: r for r in rows if r["lead_id"] not in tests}
        outcomes = collections.Counter(r["outcome"] for r in distinct.values())
        trimmed = EXPECTED["trimmed"]
        self.assertEqual(outcomes["routed"], trimmed["routed"])
        self.assertEqual(outcomes["default"], trimmed["unrouted"])
        unrouted = sorted(i for i, r in distinct.items() if r["outcome"] == "default")
        self.assertEqual(unrouted, sorted(trimmed["unrouted_ids"]))
        self.assertEqual(
            {r["lead_id"] for r in rows if r["outcome"] == "dropped"}, tests)
        stores = collections.Counter()
        for row in distinct.values():
            for delivery in row["deliveries"]:
                if delivery["copy"] or row["outcome"] != "routed":
                    continue
                settings = delivery["settings"]
                if delivery["sink"] == "store-email":
                    stores[settings["to"].split("@store-")[1].split(".")[0]] += 1
                    break
                if delivery["sink"] == "store-crm":
                    stores[settings["url"].split("/stores/")[1].split("/")[0]] += 1
                    break
        wanted = {k.lower(): v for k, v in trimmed["by_store"].items() if v}
        self.assertEqual({k.lower(): v for k, v in stores.items()}, wanted)

    def test_each_object_has_the_promised_keys_in_order(self):
        done = leadrouter("dry-run", "--format", "ndjson", str(SAMPLES))
        for line in done.stdout.splitlines():
            pairs = json.loads(line, object_pairs_hook=list)
            self.assertEqual(
                [k for k, _ in pairs], ["lead_id", "outcome", "routes", "deliveries", "reason"])
            for delivery in dict(pairs)["deliveries"]:
                self.assertEqual([k for k, _ in delivery], ["sink", "route", "copy"])
        first = done.stdout.splitlines()[0].decode()
        self.assertNotIn(": ", first)

    def test_a_line_that_cannot_be_read_is_told_and_the_rest_goes_on(self):
        lines = SAMPLES.read_text().splitlines()[:3]
        text = "\n".join([lines[0], "{broken", "", lines[1], '{"id":1e5}', lines[2]]) + "\n"
        done = leadrouter("dry-run", "--format", "ndjson", "-", stdin=text.encode())
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stdout.splitlines()), 3)
        self.assertIn(b":2:", done.stderr)
        self.assertIn(b":5:", done.stderr)

    def test_array_page_and_pretty_json(self):
        leads = [json.loads(line) for line in SAMPLES.read_text().splitlines()[:3]]
        for shape in [leads, {"data": leads, "paging": {}}]:
            for indent in [None, 2]:
                text = json.dumps(shape, indent=indent).encode()
                self.assertEqual(len(self.decided("-", stdin=text)), 3)
        self.assertEqual(len(self.decided("-", stdin=json.dumps(leads[0], indent=1).encode())), 1)

    def test_explain_and_table(self):
        done = leadrouter("dry-run", "--explain", str(SAMPLES))
        self.assertIn(b"selected_dealer is '99213455', asked for a key of table store: yes", done.stdout)
        self.assertIn(b"is missing, asked for", done.stdout)
        trace = self.decided("--explain", str(SAMPLES))[0]["trace"]
        self.assertEqual(trace[0]["route"], "archive")
        table = leadrouter("dry-run", str(SAMPLES)).stdout.decode()
        self.assertIn("500 leads:", table)


class Check(unittest.TestCase):
    def test_the_example_is_good(self):
        self.assertEqual(leadrouter("check").returncode, 0)

    def test_all_errors_come_in_one_pass_with_their_places(self):
        program = world.Program(None, None, "smtp://127.0.0.1:9")
        self.addCleanup(program.close)
        path = program.rules / "leadrouter.yaml"
        text = path.read_text().replace("to: [store-email, store-crm]", "to: [store-mail]")
        text = text.replace("lead.is_test", "lead.is_tset").replace("in_table: store", "in_tabel: store")
        path.write_text(text)
        done = program.command("check")
        self.assertEqual(done.returncode, 1)
        report = done.stdout.decode()
        for word in ["'store-mail'", "did you mean 'store-email'?", "'lead.is_test'?", "'in_table'?"]:
            self.assertIn(word, report)
        self.assertEqual(report.count(": error["), 3)
        for line in report.splitlines():
            if ": error[" in line:
                self.assertRegex(line, r"leadrouter\.yaml:\d+:\d+: error\[[a-z-]+\]: ")

    def test_exit_codes(self):
        self.assertEqual(leadrouter("check", "--nonsense").returncode, 64)
        self.assertEqual(leadrouter("check", "--config", "/nowhere").returncode, 1)
        self.assertEqual(leadrouter("dry-run", "/nowhere.ndjson").returncode, 1)
        self.assertEqual(leadrouter("leads", "list", "--store", "/nowhere.db").returncode, 69)
        self.assertEqual(leadrouter("plugins").returncode, 0)
        self.assertIn(b"signing_secret", leadrouter("plugins", "http").stdout)

    def test_errors_that_nobody_can_read_end_nothing(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [world.LEADROUTER, "leads", "list", "--store", "/nowhere.db"], stderr=full,
                stdout=subprocess.PIPE)
        self.assertEqual(done.returncode, 69)


class BenchRules(unittest.TestCase):
    def test_it_prints_figures_for_programs_and_for_people(self):
        arguments = ["bench", "rules", "--leads", str(SAMPLES), "--seconds", "0.1"]
        done = leadrouter(*arguments, "--format", "ndjson")
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["leads"], 500)
        self.assertGreater(result["decisions_per_second_median"], 0)
        self.assertGreaterEqual(
            result["decisions_per_second_best"], result["decisions_per_second_median"])
        self.assertIn(b"peak memory", leadrouter(*arguments).stdout)
        self.assertEqual(leadrouter("bench", "rules", "--leads", "/nowhere").returncode, 1)
        self.assertEqual(leadrouter(*arguments[:-1], "0").returncode, 64)


class Import(unittest.TestCase):
    def setUp(self):
        self.graph, self.crm, self.mail = world.Graph(), world.CRM(), world.MailServer()
        self.program = world.Program(self.graph, self.crm, self.mail.url)
        self.addCleanup(self.mail.close)
        self.addCleanup(self.program.close)
        self.graph.add(*[json.loads(line) for line in SAMPLES.read_text().splitlines()])
        self.form = [l for l in self.graph.leads.values() if l["form_id"] == "555000000000001"]

    def imported(self, *arguments):
        done = self.program.command("import", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def test_a_form_is_read_through_its_pages_and_routed_by_the_next_serve(self):
        text = self.imported("--source", "facebook", "--form", "555000000000001")
        self.assertIn(f"{len(self.form)} new", text)
        again = self.imported("--source", "facebook", "--form", "555000000000001")
        self.assertIn("0 new", again)
        self.assertIn(f"{len(self.form)} known", again)
        self.program.start()
        leads, deliveries = until(self.program.settled)
        self.assertEqual(len(leads), len(self.form))
        self.assertTrue(all(d["state"] == "delivered" for d in deliveries))

    def test_since_and_until(self):
        times = sorted(l["created_time"] for l in self.form)
        since, until_ = times[100][:19] + "Z", times[200][:19] + "Z"
        wanted = [l for l in self.form if since[:19] <= l["created_time"][:19] <= until_[:19]]
        text = self.imported("--source", "facebook", "--form", "555000000000001",
                             "--since", since, "--until", until_)
        self.assertIn(f"{len(wanted)} new", text)

    def test_beside_a_running_service(self):
        self.program.start()
        self.program.announce(self.graph.webhook(self.form[0]["id"]))
        until(lambda: self.program.leads())
        text = self.imported("--source", "facebook", "--form", "555000000000001")
        self.assertIn(f"{len(self.form) - 1} new, 1 known", text)
        leads, _ = until(self.program.settled)
        self.assertEqual(len(leads), len(self.form))

    def test_files_count_as_the_source_they_are_credited_to(self):
        self.imported("--source", "facebook", "--form", "555000000000001")
        # Under a misspelt name all would come in again.
        done = self.program.command("import", "--source", "facbook", str(SAMPLES))
        self.assertEqual(done.returncode, 64)
        self.assertIn(b"did you mean 'facebook'", done.stderr)
        text = self.imported("--source", "facebook", str(SAMPLES))
        self.assertIn(f"{482 - len(self.form)} new", text)
        self.assertEqual(len(self.program.leads()), 482)

    def test_a_file_of_what_a_form_sent_is_known(self):
        """By the source's own `id` and `rename`, whatever form the file has."""
        lead = {"submission_id": "s1", "1.3": "Zoe", "selected_dealer": "7"}
        self.program.start()
        self.assertEqual(self.program.submit(json.dumps(lead).encode())[0], 200)
        until(self.program.settled)
        for name, text in [("a.ndjson", json.dumps(lead) + "\n"),
                           ("a.csv", "submission_id,1.3,selected_dealer\ns1,Zoe,7\n")]:
            file = self.program.folder / name
            file.write_text(text)
            self.assertIn("0 new, 1 known", self.imported("--source", "website", str(file)))
        # The control: another id is another lead, read with the source's names.
        file.write_text("submission_id,1.3\ns2,Ann\n")
        self.assertIn("1 new", self.imported("--source", "website", str(file)))
        lead = next(l for l in self.program.rows("leads", "list") if l["lead_id"] == "s2")
        self.assertEqual(lead["source"], "website")

    def test_a_source_whose_secret_is_a_file_is_known_too(self):
        path = self.program.rules / "leadrouter.yaml"
        text = path.read_text()
        self.assertIn('secret: "${FORM_TOKEN}"', text)
        # The service has the file; whoever imports need not be able to read it.
        path.write_text(text.replace('secret: "${FORM_TOKEN}"', "secret: {file: gone.txt}"))
        file = self.program.folder / "a.csv"
        file.write_text("submission_id,1.3\ns3,Ann\n")
        self.assertIn("1 new", self.imported("--source", "website", str(file)))
        self.assertEqual([l["lead_id"] for l in self.program.rows("leads", "list")], ["s3"])

    def test_a_form_that_cannot_be_read_is_kept_aside_and_told_of(self):
        self.program.start()
        for body, kind in [(b'{"submission_id":"w7","full_name":"trail', "application/json"),
                           (b"a=%FF", "application/x-www-form-urlencoded"),
                           (b'{"submission_id":"w8"}', "text/plain")]:
            status, text = self.program.submit(body, kind)[:2]
            self.assertIn(status, (400, 415))
            self.assertIn("kept aside", text if isinstance(text, str) else text.decode())
        rows = self.program.rows("leads", "list", "--state", "quarantined")
        self.assertEqual(len(rows), 3)
        # Whoever does not know the secret leaves nothing.
        self.assertEqual(self.program.submit(b"{", token="wrong")[0], 401)
        self.assertEqual(len(self.program.rows("leads", "list")), 3)


if __name__ == "__main__":
    unittest.main()
