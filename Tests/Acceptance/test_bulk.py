"""Bulk reads of a form, and imports of files, with and without a running service."""

import json

from bench import FORM, SAMPLES, Bench, lead, sample_leads, until

SUMMARY = "{} leads read: {} new, {} known, 0 kept aside"


def at(number):
    """Ten minutes apart, from 2025-10-09T00:00:00Z on."""
    hour, ten = divmod(number, 6)
    day, hour = divmod(hour, 24)
    return f"2025-10-{9 + day:02}T{hour:02}:{ten}0:00+0000"


LEADS = [lead(446000000000000 + number, created=at(number)) for number in range(250)]


class Bulk(Bench):
    def setUp(self):
        super().setUp()
        self.configure()
        self.mail.start()
        self.addCleanup(self.mail.close)

    def retrieve(self, *arguments):
        out, _ = self.run_program(
            "import", "--source", "facebook", "--form", FORM, *arguments)
        return out.strip()

    def expect_archive(self, leads):
        self.service.stop()
        self.assertEqual(
            sorted(line["id"] for line in self.archive_lines()),
            sorted(one["id"] for one in leads))
        self.assertEqual(
            sorted(mail.lead for mail in self.mail.mails), sorted(one["id"] for one in leads))

    def test_a_form_is_read_through_its_cursors_without_a_service(self):
        self.graph.add(*LEADS)
        waits = "; 'leadrouter serve' routes them"
        self.assertEqual(self.retrieve(), SUMMARY.format(250, 250, 0) + waits)
        pages = [target for target in self.graph.targets if "/leads?" in target]
        self.assertGreaterEqual(len(pages), 3)
        self.assertEqual(len(set(pages)), len(pages))
        for target in pages:
            self.assertNotIn("next_followed", target)
        self.assertEqual({one["state"] for one in self.leads()}, {"received"})
        self.assertEqual(self.retrieve(), SUMMARY.format(250, 0, 250) + waits)
        self.serve()
        self.wait_for_deliveries(250 * 4, seconds=60)
        self.expect_archive(LEADS)
        self.assertEqual(self.graph.reads, {})

    def test_since_and_until_include_their_ends(self):
        self.graph.add(*LEADS)
        self.serve()
        for since, end, count in [
            ("2025-10-09T01:00:00Z", "2025-10-09T02:00:00Z", 7),
            ("2025-10-09T01:00:01Z", "2025-10-09T01:59:59Z", 5),
            ("2025-10-10", "2025-10-10T00:50:00Z", 6),
        ]:
            with self.subTest(since=since):
                out = self.retrieve("--since", since, "--until", end)
                self.assertRegex(out, f"^{count} leads read: ")
        self.assertEqual(len(self.leads()), 7 + 6)

    def test_beside_a_service_leads_go_through_it_and_known_ones_change_nothing(self):
        leads = LEADS[:120]
        self.graph.add(*leads)
        self.serve()
        self.announce(*leads[:5])
        self.wait_for_deliveries(5 * 4)
        self.assertEqual(self.retrieve(), SUMMARY.format(120, 115, 5))
        self.wait_for_deliveries(120 * 4, seconds=60)
        self.assertEqual(self.retrieve(), SUMMARY.format(120, 0, 120))
        self.announce(*leads[-5:])
        self.assertEqual(len(self.deliveries()), 120 * 4)
        self.expect_archive(leads)

    def test_files_are_imported_and_a_second_time_all_are_known(self):
        distinct = {one["id"] for one in sample_leads()}
        out, _ = self.run_program("import", str(SAMPLES))
        self.assertIn(SUMMARY.format(500, len(distinct), 500 - len(distinct)), out)
        out, _ = self.run_program("import", str(SAMPLES))
        self.assertIn(SUMMARY.format(500, 0, 500), out)
        self.serve()
        out, _ = self.run_program("import", str(SAMPLES))
        self.assertIn(SUMMARY.format(500, 0, 500), out)
        until(
            lambda: {one["state"] for one in self.leads()} == {"decided"}, "all are decided")
        self.assertEqual({one["lead_id"] for one in self.leads()}, distinct)
        self.assertEqual({one["source"] for one in self.leads()}, {"import"})

    def test_standard_input_is_imported_and_bad_lines_are_named(self):
        lines = [json.dumps(one) for one in LEADS[:3]]
        lines.insert(1, "no json")
        out, error = self.run_program(
            "import", "-", input="\n".join(lines).encode(), code=1)
        self.assertIn("3 leads read: 3 new", out)
        self.assertIn("standard input:2: error", error)

    def test_a_form_that_is_not_there_is_an_error(self):
        out, error = self.retrieve_nothing("--form", "555000000000999")
        self.assertIn("555000000000999", error)
        self.run_program("import", "--source", "nobody", code=64)
        self.run_program("import", "--source", "facebook", "--since", "yesterday", code=64)

    def retrieve_nothing(self, *arguments):
        return self.run_program("import", "--source", "facebook", *arguments, code=1)
