"""`test`, `diff` and `why-not`: the real program, real Git, a real store."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from bench import BINARY, ROOT, RULES, SAMPLES, Bench


class Program(unittest.TestCase):
    """A copy of the example rules in a folder of its own."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        shutil.copytree(RULES, self.folder / "rules")

    def run_program(self, *arguments, code=0, input=None, cwd=None, environment=None):
        done = subprocess.run(
            [BINARY, *arguments], cwd=cwd or self.folder, input=input or b"",
            env=environment or dict(os.environ),
            capture_output=True, timeout=120)
        out, error = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, code, f"{arguments}\n{out[-3000:]}\n{error[-3000:]}")
        return out, error

    def edit(self, file, old, new):
        path = self.folder / "rules" / file
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new))

    def lines(self, *arguments, **options):
        out, error = self.run_program(*arguments, "--format", "ndjson", **options)
        return [json.loads(line) for line in out.splitlines()]


class RuleTests(Program):
    def command(self, *arguments, **options):
        return self.run_program("test", "--config", "rules", *arguments, **options)

    def test_the_example_proves_itself(self):
        out, error = self.command("--min-coverage", "95")
        self.assertIn("10 tests in 1 file: 10 passed", out)
        self.assertEqual(error, "")

    def test_a_failure_shows_expected_got_and_why_and_exits_with_1(self):
        self.edit("routes.yaml", "to: [store-crm]", "to: [head-office]")
        out, _ = self.command(code=1)
        self.assertIn("failed  a store without a mailbox gets the lead in its CRM", out)
        self.assertRegex(out, r"to, at rules/routes\.test\.yaml:\d+:\d+:\n"
                              r"    - expected  store-crm\n    \+ got       head-office")
        self.assertIn("selected_dealer is '1007', asked for a key of table store: yes", out)

    def test_what_is_not_covered_is_listed_with_its_place(self):
        out, _ = self.command("--filter", "WITHOUT A MAKE", "--coverage")
        self.assertIn("1 test in 1 file: 1 passed", out)
        self.assertRegex(
            out, r"rules/routes\.yaml:\d+:\d+: the route 'meta-tests' is never taken")
        self.assertIn("no lead goes to 'default'", out)
        out, _ = self.command("--filter", "without a make", "--min-coverage", "90", code=1)
        self.assertIn("error: the coverage is below 90 %", out)

    def test_no_test_is_a_failure_that_says_how_to_write_one(self):
        (self.folder / "rules/routes.test.yaml").unlink()
        out, error = self.command(code=1)
        self.assertEqual(out, "")
        self.assertIn("there are no tests in 'rules'", error)
        self.assertIn("- name: ", error)
        self.command("--filter", "nothing like it", code=1)

    def test_a_test_that_cannot_be_read_is_an_error_with_its_place(self):
        (self.folder / "rules/deep").mkdir()
        (self.folder / "rules/deep/x.test.yaml").write_text(
            "tests:\n  - name: odd\n    leed: {a: b}\n    expect: {outcome: routed}\n")
        out, error = self.command(code=1)
        self.assertIn("rules/deep/x.test.yaml:3:5: error[unknown-key]: unknown key 'leed'", error)
        self.assertIn("did you mean 'lead'?", error)
        self.assertIn("11 tests in 2 files: 10 passed, 1 cannot be read", out)

    def test_files_can_be_named(self):
        out, _ = self.command("rules/routes.test.yaml")
        self.assertIn("10 passed", out)
        (self.folder / "one.test.yaml").write_text(
            "tests:\n  - {name: one, lead: {selected_dealer: '7'}, expect: {outcome: routed}}\n")
        self.assertIn("1 passed", self.command("one.test.yaml")[0])
        self.assertIn("1 passed", self.command(str(self.folder / "one.test.yaml"))[0])
        _, error = self.command("gone.test.yaml", code=1)
        self.assertIn("there is no such file", error)

    def test_ndjson_has_an_object_a_test_and_a_summary(self):
        self.edit("routes.yaml", "to: [store-crm]", "to: [head-office]")
        rows = self.lines("test", "--config", "rules", code=1)
        self.assertEqual(len(rows), 11)
        failed = [row for row in rows[:-1] if row["result"] == "failed"]
        self.assertEqual([row["failures"][0]["got"] for row in failed], ["head-office"])
        self.assertEqual(failed[0]["file"], "rules/routes.test.yaml")
        self.assertEqual(rows[-1]["summary"]["passed"], 9)
        self.assertEqual(rows[-1]["summary"]["failed"], 1)

    def test_junit_is_well_formed_whatever_names_and_values_hold(self):
        (self.folder / "rules/odd.test.yaml").write_text(
            "tests:\n"
            "  - name: \"<a> & 'b' \\\"c\\\" \\u001B \\uFFFE \\u0301 ]]>\"\n"
            "    lead: {selected_dealer: \"</failure>\\u0007\"}\n"
            "    expect: {outcome: routed}\n"
            "  - {name: unreadable, expect: {outcome: routed}}\n")
        out, error = self.command(
            "--format", "junit", "--output", "report.xml", code=1)
        self.assertIn("12 tests in 2 files: 10 passed, 1 failed, 1 cannot be read", out)
        root = ElementTree.parse(self.folder / "report.xml").getroot()
        self.assertEqual(root.tag, "testsuites")
        self.assertEqual(
            {name: root.get(name) for name in ("tests", "failures", "errors")},
            {"tests": "12", "failures": "1", "errors": "1"})
        suites = root.findall("testsuite")
        self.assertEqual(
            [suite.get("name") for suite in suites],
            ["rules/odd.test.yaml", "rules/routes.test.yaml"])
        for suite in suites:
            cases = suite.findall("testcase")
            self.assertEqual(suite.get("tests"), str(len(cases)))
            for case in cases:
                self.assertTrue(case.get("name") and case.get("classname"))
                self.assertEqual(case.get("file"), suite.get("name"))
                self.assertGreater(int(case.get("line")), 0)
                float(case.get("time"))
        failure = suites[0].find("testcase/failure")
        self.assertIn("expected routed, got default", failure.get("message"))
        self.assertIn("</failure>", failure.text)
        self.assertIsNotNone(suites[0].find("testcase/error"))

    def test_the_examples_of_the_manual_pass(self):
        manual = (ROOT / "docs/rule-tests.md").read_text()
        examples = [
            text for text in re.findall(r"^```yaml\n(.*?)^```$", manual, re.M | re.S)
            if re.search(r"^tests:", text, re.M)]
        self.assertEqual(len(examples), 4)
        for number, text in enumerate(examples):
            (self.folder / f"rules/manual-{number}.test.yaml").write_text(text)
        out, _ = self.command("--filter", "manual-")
        self.assertIn("5 passed", out)

    def test_rules_that_do_not_load_fail_and_stand_in_the_report(self):
        self.edit("routes.yaml", "to: [store-crm]", "to: [store-cmr]")
        _, error = self.command("--format", "junit", "--output", "report.xml", code=1)
        self.assertIn("undefined-sink", error)
        root = ElementTree.parse(self.folder / "report.xml").getroot()
        self.assertEqual(root.get("errors"), "1")
        self.assertIn("store-cmr", root.find("testsuite/testcase/error").text)


class Diff(Program):
    def setUp(self):
        super().setUp()
        shutil.copytree(self.folder / "rules", self.folder / "old")
        self.edit(
            "routes.yaml", "      - id: mailbox-and-crm\n",
            "      - id: honda-desk\n        when: {car_make: Honda}\n        to: [head-office]\n"
            "      - id: mailbox-and-crm\n")

    def git(self, *arguments):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments],
            cwd=self.folder, check=True, capture_output=True)

    def decisions(self, rules):
        out, _ = self.run_program(
            "dry-run", "--config", rules, "--format", "ndjson", str(SAMPLES))
        return [json.loads(line) for line in out.splitlines()]

    def expected_moves(self):
        """What two dry runs say, compared here."""
        moves, gained = {}, {}
        for old, new in zip(self.decisions("old"), self.decisions("rules"), strict=True):
            ends = [(one["outcome"], tuple(one["routes"])) for one in (old, new)]
            if ends[0] != ends[1]:
                moves.setdefault(tuple(ends), []).append(old["lead_id"])
            sinks = [{d["sink"] for d in one["deliveries"]} for one in (old, new)]
            for sink in sinks[1] - sinks[0]:
                gained[sink] = gained.get(sink, 0) + 1
        return moves, gained

    def check(self, rows, expected=None):
        moves, gained = expected or self.expected_moves()
        self.assertTrue(moves)
        found = {
            ((row["from"]["outcome"], tuple(row["from"]["routes"])),
             (row["to"]["outcome"], tuple(row["to"]["routes"]))): row for row in rows[:-1]}
        self.assertEqual(set(found), set(moves))
        for ends, row in found.items():
            self.assertEqual(row["count"], len(moves[ends]))
            self.assertEqual(row["examples"], moves[ends][:3])
        summary = rows[-1]["summary"]
        self.assertEqual(summary["leads"], 500)
        self.assertEqual(summary["moved"], sum(map(len, moves.values())))
        self.assertEqual(
            {name: one["gained"] for name, one in summary["sinks"].items() if one["gained"]},
            gained)

    def test_it_agrees_with_two_dry_runs(self):
        self.check(self.lines("diff", "old", "rules", "--leads", str(SAMPLES)))

    def test_revisions_are_read_from_git_and_nothing_is_checked_out(self):
        self.git("init", "-q", "-b", "main")
        shutil.copytree(self.folder / "rules", self.folder / "new")
        shutil.rmtree(self.folder / "rules")
        shutil.copytree(self.folder / "old", self.folder / "rules")
        self.git("add", "rules")
        self.git("commit", "-qm", "one")
        shutil.rmtree(self.folder / "rules")
        shutil.copytree(self.folder / "new", self.folder / "rules")
        self.git("add", "rules")
        self.git("commit", "-qm", "two")
        before = subprocess.run(
            ["git", "status", "--porcelain"], cwd=self.folder, capture_output=True).stdout
        for old, new in [("HEAD~1", "rules"), ("HEAD~1", "main"), ("main~1:rules", "HEAD:rules"),
                         ("HEAD~1:./rules", "new")]:
            with self.subTest(old=old, new=new):
                self.check(self.lines(
                    "diff", old, new, "--config", "rules", "--leads", str(SAMPLES)))
        after = subprocess.run(
            ["git", "status", "--porcelain"], cwd=self.folder, capture_output=True).stdout
        self.assertEqual(before, after)
        for bad, text in [("nope", "neither a folder"), ("HEAD:nix", "no folder 'nix'"),
                          ("HEAD:rules/routes.yaml", "not a folder in Git")]:
            with self.subTest(bad=bad):
                _, error = self.run_program(
                    "diff", bad, "rules", "--leads", str(SAMPLES), code=1)
                self.assertIn(text, error)

    def test_outside_a_repository_git_says_so(self):
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(self.folder.parent)}
        _, error = self.run_program(
            "diff", "main", "rules", "--leads", str(SAMPLES), code=1, environment=environment)
        self.assertIn("not a git repository", error)

    def test_secrets_are_not_needed(self):
        expected = self.expected_moves()
        for folder in ("old", "rules"):
            shutil.rmtree(self.folder / folder / "secrets")
            path = self.folder / folder / "service.yaml"
            text = path.read_text()
            text = text.replace("graph_url: https://graph.facebook.com", "graph_url: ${GRAPH_URL}")
            text = text.replace("listen: 127.0.0.1:8080", "listen: '${LISTEN}'")
            path.write_text(text)
        self.check(self.lines("diff", "old", "rules", "--leads", str(SAMPLES)), expected)

    def test_the_limit_of_moved_leads_sets_the_exit_code(self):
        moves, _ = self.expected_moves()
        count = sum(map(len, moves.values()))
        arguments = ["diff", "old", "rules", "--leads", str(SAMPLES), "--max-moved"]
        out, _ = self.run_program(*arguments, str(count))
        self.assertIn(f"{count} of 500 leads would move", out)
        out, _ = self.run_program(*arguments, str(count - 1), code=1)
        self.assertIn(f"error: over {count - 1} leads would move", out)

    def test_a_side_that_does_not_load_shows_its_findings(self):
        self.edit("routes.yaml", "to: [head-office]", "to: [head-ofice]")
        _, error = self.run_program(
            "diff", "old", "rules", "--leads", str(SAMPLES), code=1)
        self.assertIn("undefined-sink", error)
        self.assertIn("'rules' does not load: 1 error", error)

    def test_leads_must_be_named(self):
        self.run_program("diff", "old", "rules", code=64)
        self.run_program(
            "diff", "old", "rules", "--leads", "x", "--last", "30d", code=64)


class WhyNot(Program):
    def ask(self, *arguments, **options):
        return self.run_program("why-not", *arguments, "--config", "rules", **options)

    def answer(self, *arguments, **options):
        out, _ = self.ask(*arguments, "--format", "ndjson", **options)
        return json.loads(out)

    def test_the_change_is_proved_by_the_dry_run(self):
        lead = {"id": "5", "selected_dealer": "1234", "car_make": "Fiat"}
        (self.folder / "lead.json").write_text(json.dumps(lead))
        answer = self.answer("lead.json", "--expect", "stores/mailbox-and-crm")
        self.assertFalse(answer["reached"])
        first = answer["answers"][0]
        self.assertEqual(first["obstacle"]["kind"], "condition")
        self.assertEqual(first["obstacle"]["route"], "stores")
        self.assertEqual(
            first["change"], [{"name": "selected_dealer", "old": ["1234"], "new": ["00001234"]}])
        self.assertIn("they differ only in leading zeros", first["hints"][0])
        changed = {**lead, "selected_dealer": "00001234"}
        out, _ = self.run_program(
            "dry-run", "--config", "rules", "--format", "ndjson", "-",
            input=json.dumps(changed).encode())
        self.assertEqual(json.loads(out), first["proof"])

    def test_a_lead_is_found_by_its_id_in_files(self):
        out, _ = self.ask("1730000000100000", "--expect", "default", "--leads", str(SAMPLES))
        self.assertIn("'stores/mailbox-and-crm' is asked before and takes the lead", out)
        self.assertIn("proved: the changed lead is default to head-office", out)
        out, _ = self.ask("1730000000100000", "--expect", "archive", "--leads", str(SAMPLES))
        self.assertIn("it goes to 'archive' already", out)
        _, error = self.ask("404", "--expect", "default", "--leads", str(SAMPLES), code=1)
        self.assertIn("there is no lead '404'", error)
        _, error = self.ask(str(SAMPLES), "--expect", "default", code=1)
        self.assertIn("more than one lead", error)

    def test_what_no_change_can_do_exits_with_1(self):
        self.edit("routes.yaml", "      - id: crm\n", "      - id: crm\n        disabled: true\n")
        out, _ = self.ask("-", "--expect", "stores/crm", code=1, input=b'{"id": "1"}')
        self.assertIn("no change of the lead can do it: 'stores/crm' is disabled", out)

    def test_an_unknown_route_gets_the_nearest(self):
        _, error = self.ask("-", "--expect", "stores/mailbx", code=1, input=b'{"id": "1"}')
        self.assertIn("did you mean 'stores/mailbox'?", error)


class Stored(Bench):
    """The leads of a running service's store."""

    def test_diff_and_why_not_read_the_store_and_leave_it_alone(self):
        self.configure()
        service = self.serve()
        for number in range(3):
            status, _ = self.submit(
                json.dumps({"submission_id": str(number), "selected_dealer": "7"}),
                "application/json")
            self.assertEqual(status, 200)
        self.wait_for_deliveries(3, more=("--sink", "archive"))
        shutil.copytree(self.folder / "rules", self.folder / "new")
        path = self.folder / "new/routes.yaml"
        path.write_text(path.read_text().replace("to: [store-email]", "to: [head-office]"))
        before = self.leads()
        out, _ = self.run_program("diff", "rules", "new", "--last", "1d", "--format", "ndjson")
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(rows[-1]["summary"]["leads"], 3)
        self.assertEqual(rows[0]["count"], 3)
        self.assertEqual(rows[0]["examples"], ["0", "1", "2"])
        self.assertEqual(rows[0]["move"], "moved")
        out, _ = self.run_program("why-not", "1", "--expect", "dealers/with-crm")
        self.assertIn("proved: ", out)
        _, error = self.run_program("why-not", "9", "--expect", "dealers", code=1)
        self.assertIn("no lead '9' in the store", error)
        self.assertEqual(self.leads(), before)
        service.stop()
        self.expect_no_secret()


if __name__ == "__main__":
    unittest.main()
