"""The linter's command: formats, exit codes, the manual of findings."""

import json
import pathlib
import subprocess
import tempfile
import unittest

import world

RULES = """version: 1
sinks:
  crm: {plugin: file, path: out/crm.ndjson}
routes:
  - {id: north, when: {dealer: ["11", "12"]}, to: crm}
  - {id: south, when: {dealer: ["12", "13"]}, to: crm}
default: {hold: nobody}
"""


def check(*arguments):
    return subprocess.run(
        [world.LEADROUTER, "check", *arguments], capture_output=True, cwd=world.ROOT, timeout=120,
        text=True)


class Check(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "leadrouter.yaml").write_text(RULES)

    def config(self, *arguments):
        return check("--config", str(self.folder), *arguments)

    def test_the_example_has_no_findings(self):
        done = check("--strict")
        self.assertEqual((done.returncode, done.stdout), (0, "rules: no problems\n"))

    def test_a_warning_has_its_place_a_lead_and_the_cure(self):
        done = self.config()
        self.assertEqual(done.returncode, 0)
        lines = done.stdout.splitlines()
        self.assertIn(":6:24: warning[competing-routes]: '12' never gets to", lines[0])
        self.assertEqual(lines[3], "note: the lead {dealer: \"12\"} goes to 'north'")
        self.assertTrue(lines[4].startswith("help: "))
        self.assertEqual(lines[-1], "0 errors, 1 warning")

    def test_strict_makes_warnings_fail(self):
        self.assertEqual(self.config("--strict").returncode, 1)

    def test_json_and_github(self):
        [finding] = [json.loads(line) for line in self.config("--format", "json").stdout.splitlines()]
        self.assertEqual(
            (finding["severity"], finding["code"], finding["line"], finding["column"]),
            ("warning", "competing-routes", 6, 24))
        self.assertIn("north", finding["note"])
        [line] = self.config("--format", "github").stdout.splitlines()
        self.assertRegex(line, r"^::warning file=.*,line=6,col=24,title=competing-routes::'12' never")

    def test_every_code_is_explained(self):
        page = (world.ROOT / "docs/lint.md").read_text()
        codes = [line[4:] for line in page.splitlines() if line.startswith("### ")]
        self.assertGreater(len(codes), 80)
        for code in ["never-reached", "plain-password", "yaml-syntax"]:
            self.assertIn(code, codes)
            done = check("--explain", code)
            self.assertEqual(done.returncode, 0)
            self.assertIn(f"[{code}]", done.stdout)
        unknown = check("--explain", "never-reched")
        self.assertEqual(unknown.returncode, 1)
        self.assertIn("did you mean 'never-reached'?", unknown.stderr)

    def test_errors_and_warnings_come_in_one_pass(self):
        (self.folder / "leadrouter.yaml").write_text(
            RULES.replace("to: crm}\n  -", "to: cmr}\n  -").replace('"13"', '"13*"'))
        done = self.config()
        self.assertEqual(done.returncode, 1)
        self.assertIn("error[undefined-sink]", done.stdout)
        self.assertIn("warning[pattern-as-text]", done.stdout)


if __name__ == "__main__":
    unittest.main()
