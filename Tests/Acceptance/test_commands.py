"""The other commands, exit codes, and what is never printed."""

import json
import re
import urllib.request

from bench import RULES, Bench, lead


class Commands(Bench):
    def start(self):
        self.configure()
        self.mail.start()
        self.addCleanup(self.mail.close)
        self.serve()

    def test_check_passes_the_example_and_the_configuration_of_these_tests(self):
        self.run_program("check", config=RULES)
        self.configure()
        out, _ = self.run_program("check")
        self.assertNotIn("error", out)

    def test_check_reports_several_errors_in_one_pass_with_their_places(self):
        self.configure(routes="""\
routes:
  - id: one
    when: {car_make: Honda}
    to: [store-emial]
  - id: one
    alway: true
    to: [head-office]
  - id: two
    when: {car_make: {matches: "(a"}}
    to: [head-office]
default:
  to: [nowhere]
""")
        out, _ = self.run_program("check", code=1)
        places = set(re.findall(r"routes\.yaml:(\d+):\d+: error\[", out))
        self.assertLessEqual({"4", "5", "6", "9", "12"}, places, out)
        self.assertIn("store-email", out, "the nearest name is proposed")
        found = self.run_program("check", "--format", "json", code=1)[0].splitlines()
        for line in map(json.loads, found):
            self.assertLessEqual({"severity", "code", "file", "line", "column", "message"}, set(line))
        self.assertGreaterEqual(len(found), 5)
        github, _ = self.run_program("check", "--format", "github", code=1)
        self.assertIn("::error file=", github)
        self.run_program("dry-run", "-", code=1)
        self.run_program("serve", code=1)

    def test_wrong_usage_exits_with_64(self):
        self.configure()
        for arguments in (
            ["check", "--nonsense"], ["nonsense"], ["dry-run"], ["leads", "list", "--state", "x"],
            ["import"], ["deliveries", "show"], ["dry-run", "--now", "soon", "-"],
        ):
            with self.subTest(arguments):
                self.run_program(*arguments, code=64, config=None)

    def test_a_missing_folder_and_missing_secrets_are_errors(self):
        self.run_program("check", code=1, config="nowhere")
        self.configure()
        del self.environment["FORM_TOKEN"]
        out, _ = self.run_program("check", code=1)
        self.assertIn("FORM_TOKEN", out)

    def test_a_second_service_on_the_same_store_exits_with_69(self):
        self.start()
        _, error = self.run_program("serve", code=69)
        self.assertTrue(error)
        self.assertIsNone(self.service.process.poll())

    def test_an_address_in_use_exits_with_69(self):
        self.start()
        path = self.folder / "rules/leadrouter.yaml"
        path.write_text(path.read_text().replace("var/leads.db", "var/other.db"))
        _, error = self.run_program("serve", code=69)
        self.assertTrue(error)

    def test_the_ledger_is_listed_and_shown(self):
        self.start()
        one = lead("444000000000001")
        self.graph.add(one)
        self.announce(one)
        delivered = self.wait_for_deliveries(4)
        [entry] = self.leads()
        self.assertEqual(
            (entry["lead_id"], entry["source"], entry["state"], entry["outcome"]),
            (one["id"], "facebook", "decided", "routed"))
        self.assertTrue(entry["rule_set_hash"])
        out, _ = self.run_program("leads", "list")
        self.assertRegex(out, rf"(?m)^{one['id']} +facebook .* decided +routed")
        out, _ = self.run_program("leads", "show", one["id"])
        for text in ("dealers/with-crm", "store-crm", "archive", "delivered"):
            self.assertIn(text, out)
        self.run_program("leads", "show", "1", code=1)
        for delivery in delivered:
            self.assertEqual(delivery["lead_id"], one["id"])
            out, _ = self.run_program("deliveries", "show", delivery["delivery_id"])
            self.assertIn(delivery["route"], out)
            self.assertRegex(out, r"(?m)^1 .* delivered")
        self.assertEqual(len(self.deliveries("--sink", "archive")), 1)
        self.assertEqual(self.deliveries("--state", "dead"), [])
        self.run_program("deliveries", "show", "ffff" * 16, code=1)

    def test_plugins_are_listed_and_each_is_documented(self):
        out, _ = self.run_program("plugins", config=None)
        names = re.findall(r"(?m)^(\w+) +(?:source|sink) ", out)
        self.assertLessEqual({"meta", "webhook", "smtp", "http", "file"}, set(names))
        for name in names:
            self.assertIn("Example:", self.run_program("plugins", name, config=None)[0])
        self.run_program("plugins", "nonsense", code=64, config=None)

    def test_sigterm_ends_an_idle_service_with_0_and_health_answers_before(self):
        self.start()
        for path in ("live", "ready"):
            with urllib.request.urlopen(
                    f"http://127.0.0.1:{self.admin_port}/health/{path}") as answer:
                self.assertEqual(answer.status, 200)
        self.assertEqual(self.service.stop(5), 0)

    def test_no_command_prints_a_secret(self):
        """What is printed is searched after each test; here all is printed that can be."""
        self.start()
        one = lead("444000000000001")
        self.graph.add(one)
        self.announce(one)
        self.wait_for_deliveries(4)
        self.run_program("check")
        for more in (["--explain"], ["--render"], ["--explain", "--render"]):
            for form in ("table", "ndjson"):
                self.run_program(
                    "dry-run", *more, "--format", form, "-", input=json.dumps(one).encode())
        self.run_program("leads", "show", one["id"])
        self.service.stop()
        # A configuration that is wrong in every place that holds a secret.
        path = self.folder / "rules/leadrouter.yaml"
        text = path.read_text()
        path.write_text(re.sub(r"(verify_token|app_secret|secret|password|token): ", r"\1x: ", text))
        self.run_program("check", code=1)
        self.run_program("check", "--format", "json", code=1)
        path.write_text(text.replace("smtp://", "smtq://").replace("tls: off", "tls: ${MAIL_PASSWORD}"))
        self.run_program("check", code=1)
