"""What a supervisor and an operator see of a running service: metrics, readiness, the log."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

import world
from world import until

SINKS = {"store-email", "store-crm", "head-office", "archive", "each", "quiet"}
HEALTHS = {"well", "failing", "recovering", "resting", "halted", "probing"}
#: What each label may say. Nothing of a lead or of a destination is among it.
LABELS = {
    "sink": SINKS, "health": HEALTHS, "by": {"configuration", "operator"},
    "outcome": {"routed", "default", "held", "dropped", "published", "unchanged", "refused",
                "delivered", "retry", "dead", "released", "stored", "duplicate", "conflict", "quarantined"},
    "source": {"facebook", "website", "import", ""},
    "status": {"200", "400", "401", "403", "404", "413", "415", "503"},
    "state": {"announced", "received", "decided", "held", "quarantined", "forgotten", "pending",
              "leased", "delivered", "dead", "cancelled"},
}
SAMPLE = re.compile(r'(leadrouter_[a-z_]+)(?:\{([^}]*)\})? ([0-9.e+-]+|\+Inf)$')


class Operating(unittest.TestCase):
    dealer = "99213450"

    def make(self, crm=None, mail="smtp://127.0.0.1:9", **options):
        program = world.Program(None, crm, mail, **options)
        self.addCleanup(program.close)
        return program

    def submit(self, program, name, **answers):
        body = {"submission_id": name, "selected_dealer": self.dealer, **answers}
        return program.submit(json.dumps(body).encode())[0]

    def ready(self, program):
        status, body, _ = program.get("/health/ready", program.admin)
        answer = json.loads(body)
        self.assertEqual(status, 200 if answer["ready"] else 503)
        return answer

    def log(self, program, text):
        return [l for l in (program.folder / "log").read_text().splitlines() if text in l]

    def metrics(self, program):
        """By name: type and {labels: value}; checked as Prometheus would."""
        families, values = {}, {}
        for line in program.get("/metrics", program.admin)[1].decode().splitlines():
            if line.startswith("# HELP "):
                name, text = line[7:].split(" ", 1)
                self.assertTrue(text.endswith("."), line)
                self.assertNotIn(name, families)
                families[name] = None
            elif line.startswith("# TYPE "):
                name, kind = line[7:].split(" ")
                self.assertIsNone(families[name])
                self.assertEqual(kind == "counter", name.endswith("_total"), name)
                families[name] = kind
            else:
                name, inner, value = SAMPLE.match(line).groups()
                self.assertEqual(list(families)[-1], name)
                labels = re.findall(r'([a-z]+)="([^"]*)"', inner or "")
                for label, text in labels:
                    if label not in ("hash", "version"):
                        self.assertIn(text, LABELS[label], line)
                key = (name, tuple(sorted(labels)))
                self.assertNotIn(key, values)
                values[key] = float(value)
        return families, values

    def value(self, program, name, **labels):
        return self.metrics(program)[1].get((name, tuple(sorted(labels.items()))))


class Metrics(Operating):
    def test_each_fault_of_a_sink_shows(self):
        crm = world.CRM()
        crm.script = [401] * 100
        quiet = "  quiet: {plugin: file, path: x.ndjson, paused: true}"
        program = self.make(crm, extra_sinks=quiet)
        program.start()

        def value(name, **labels):
            return self.value(program, "leadrouter_sink_" + name, **labels)

        self.assertEqual(value("destinations", sink="store-crm", health="halted"), 0)
        self.assertEqual(value("oldest_open_seconds", sink="store-crm"), 0)
        # A rise from nothing would be none to an alarm.
        self.assertEqual(self.value(program, "leadrouter_deliveries", sink="store-crm",
                                    state="dead"), 0)
        self.assertEqual(value("paused", sink="quiet", by="configuration"), 1)
        self.assertEqual(value("paused", sink="archive", by="operator"), 0)
        for number in range(6):
            self.assertEqual(self.submit(program, f"m-{number}", email="canary@example.com"), 200)
        until(lambda: value("destinations", sink="store-crm", health="halted") == 1,
              what="the halted CRM")
        until(lambda: value("destinations", sink="store-email", health="resting") == 1,
              what="the resting mail server")
        until(lambda: value("oldest_open_seconds", sink="store-crm") > 0, what="an age")
        until(lambda: value("attempts_total", sink="archive", outcome="delivered") == 6)
        done = program.command("sinks", "pause", "archive", "--reason", "canary")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(value("paused", sink="archive", by="operator"), 1)
        self.assertEqual(value("paused", sink="archive", by="configuration"), 0)
        self.assertEqual(value("attempts_under_way_max", sink="archive"), 4)
        self.assertGreater(value("attempts_total", sink="store-crm", outcome="released"), 0)
        self.assertGreater(value("attempts_total", sink="store-email", outcome="retry"), 0)
        self.assertEqual(value("attempts_total", sink="store-email", outcome="delivered"), 0)
        text = program.get("/metrics", program.admin)[1].decode()
        for hidden in ("canary", "127.0.0.1", "example.com"):
            self.assertNotIn(hidden, text)

    def test_attempts_under_way_are_counted_by_sink(self):
        answer = threading.Event()
        self.addCleanup(answer.set)
        program = self.make(HungCRM(answer))
        program.start()
        self.assertEqual(self.submit(program, "u-1"), 200)
        name = "leadrouter_sink_attempts_under_way"
        until(lambda: self.value(program, name, sink="store-crm") == 1, what="the attempt")
        self.assertEqual(self.value(program, name, sink="archive"), 0)
        answer.set()
        until(lambda: self.value(program, name, sink="store-crm") == 0, what="its end")

    def test_room_and_sizes_are_those_of_the_file_system(self):
        program = self.make()
        program.start()
        disk = os.statvfs(program.folder)
        free = self.value(program, "leadrouter_store_disk_free_bytes")
        self.assertLess(abs(free - disk.f_bavail * disk.f_frsize), 1 << 30)
        # 8 MiB, or a sixteenth of a small disk; the ballast is there.
        self.assertEqual(self.value(program, "leadrouter_store_disk_needed_bytes"),
                         min(8 << 20, disk.f_blocks * disk.f_frsize // 16))
        self.assertGreater(self.value(program, "leadrouter_store_file_bytes"), 0)
        self.assertIsNotNone(self.value(program, "leadrouter_store_file_free_bytes"))
        self.assertGreater(self.value(program, "leadrouter_store_log_bytes"), 0)
        started = self.value(program, "leadrouter_start_timestamp_seconds")
        self.assertLess(abs(time.time() - started), 600)

    def test_webhooks_and_what_came_of_them_are_counted_by_source(self):
        program = self.make()
        program.start()

        def value(name, **labels):
            return self.value(program, "leadrouter_" + name, **labels)

        self.assertEqual(value("webhook_answers_total", source="website", status="401"), 0)
        for number in (1, 1, 2):
            self.assertEqual(self.submit(program, f"w-{number}"), 200)
        self.assertEqual(program.submit(b"{")[0], 400)
        self.assertEqual(program.submit(b"{}", token="wrong")[0], 401)
        self.assertEqual(program.request("POST", "/hooks/webseite", b"{}", {})[0], 404)
        for status, count in (("200", 3), ("400", 1), ("401", 1), ("503", 0)):
            self.assertEqual(
                value("webhook_answers_total", source="website", status=status), count)
        self.assertEqual(value("webhook_answers_total", source="", status="404"), 1)
        for outcome, count in (("stored", 2), ("duplicate", 1), ("quarantined", 1)):
            self.assertEqual(
                value("intake_items_total", source="website", outcome=outcome), count)
        self.assertEqual(value("intake_items_total", source="facebook", outcome="stored"), 0)
        self.assertTrue(self.log(program, "refused a webhook"))

    def test_the_manual_lists_every_metric_with_its_type_and_labels(self):
        program = self.make()
        program.start()
        families, values = self.metrics(program)
        labels = {name: {label for label, _ in key} for name, key in values}
        manual = {}
        for line in (world.ROOT / "docs/admin-api.md").read_text().splitlines():
            row = re.match(r"\| `(leadrouter_\w+)` \| (\w+) \|([^|]*)\|", line)
            if row:
                manual[row[1]] = (row[2], set(re.findall(r"`(\w+)`", row[3])))
        self.assertEqual(manual, {n: (kind, labels[n]) for n, kind in families.items()})


class HungCRM(world.CRM):
    """Answers nothing before `answer` is set."""

    def __init__(self, answer):
        super().__init__()
        usual = self.server.RequestHandlerClass.do_POST

        def do_post(request):
            answer.wait(60)
            usual(request)

        self.server.RequestHandlerClass.do_POST = do_post


class Readiness(Operating):
    @unittest.skipUnless(os.geteuid() == 0, "needs root for 'mount'")
    def test_a_full_disk_is_named_and_logged_once(self):
        disk = tempfile.mkdtemp(prefix="leadrouter-disk-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        program = self.make()
        root = program.rules / "leadrouter.yaml"
        root.write_text(root.read_text().replace(f"{program.folder}/leads.db", f"{disk}/leads.db"))
        program.start()
        self.assertEqual(self.ready(program).get("reason"), None)
        free = self.value(program, "leadrouter_store_disk_free_bytes")
        needed = self.value(program, "leadrouter_store_disk_needed_bytes")
        self.assertEqual(needed, 4 << 20)
        with open(disk + "/filler", "wb") as filler:
            filler.write(b"\0" * int(free - needed / 2))
        for _ in range(3):
            answer = until(lambda: not self.ready(program)["ready"] and self.ready(program),
                           what="the full disk")
            self.assertEqual(answer["reason"], "disk-full")
            self.assertIn("disk", answer["message"])
            self.assertIn("hash", answer["rules"])
        self.assertEqual(self.value(program, "leadrouter_intake_open"), 0)
        self.assertLess(self.value(program, "leadrouter_store_disk_free_bytes"), needed)
        os.unlink(disk + "/filler")
        until(lambda: self.ready(program)["ready"], what="room")
        self.assertEqual(len(self.log(program, "not ready: disk-full: ")), 1)
        self.assertEqual(len(self.log(program, "not ready")), 1)
        self.assertEqual(len(self.log(program, "ready again")), 1)

    def test_a_store_that_another_program_holds_is_named(self):
        program = self.make()
        program.start()
        other = sqlite3.connect(program.folder / "leads.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        self.assertEqual(self.submit(program, "h-1"), 503)
        self.assertEqual(self.ready(program)["reason"], "store-busy")
        other.execute("ROLLBACK")
        other.close()
        until(lambda: self.submit(program, "h-2") == 200, what="the store")
        self.assertTrue(self.ready(program)["ready"])
        self.assertEqual(len(self.log(program, "not ready: store-busy: ")), 1)


class Stops(Operating):
    def hung(self):
        answer = threading.Event()
        self.addCleanup(answer.set)
        program = self.make(HungCRM(answer))
        program.start()
        self.assertEqual(self.submit(program, "s-1"), 200)
        until(lambda: self.value(program, "leadrouter_sink_attempts_under_way",
                                 sink="store-crm") == 1, what="the attempt")
        program.process.send_signal(signal.SIGTERM)
        until(lambda: self.log(program, "stopping"), what="the notice")
        return program, answer

    def test_a_stop_shows_and_waits_for_what_is_under_way(self):
        program, answer = self.hung()
        shown = self.ready(program)
        self.assertEqual((shown["ready"], shown["reason"]), (False, "stopping"))
        self.assertEqual(program.get("/health/live", program.admin)[0], 200)
        self.assertEqual(self.value(program, "leadrouter_intake_open"), 0)
        with self.assertRaises(OSError):
            self.submit(program, "s-2")
        answer.set()
        self.assertEqual(program.process.wait(20), 0)
        [begin] = self.log(program, "stopping")
        self.assertIn("asked_by=SIGTERM", begin)
        [end] = self.log(program, "stopped")
        # Others that are tried again may be under way as well.
        self.assertRegex(end, r"attempts_ended=[1-9]\d* attempts_released=0")
        # A stop is no trouble.
        self.assertEqual(self.log(program, "not ready"), [])

    def test_an_attempt_that_outlasts_the_grace_is_released(self):
        program, _ = self.hung()
        self.assertEqual(program.process.wait(25), 0)
        [end] = self.log(program, "stopped")
        self.assertRegex(end, r"attempts_ended=\d+ attempts_released=1 ")
        self.assertEqual(
            [d["state"] for d in program.deliveries() if d["sink"] == "store-crm"], ["pending"])


class Edits(Operating):
    def test_a_new_token_waits_for_the_next_start_and_the_log_says_so(self):
        program = self.make()
        root = program.rules / "leadrouter.yaml"
        text = root.read_text()
        admin = f'admin: {{listen: "127.0.0.1:{program.admin}"'
        root.write_text(text.replace(admin, admin + ", token: {file: token}"))
        (program.rules / "token").write_text("first-token-of-it\n")
        program.start()

        def status(token):
            return program.request("GET", "/api/sinks", port=program.admin,
                                   headers={"Authorization": f"Bearer {token}"})[0]

        self.assertEqual(status("first-token-of-it"), 200)
        (program.rules / "token").write_text("second-token-of-it\n")
        until(lambda: self.log(program, "'server.admin.token' changed"), what="the warning")
        self.assertEqual(len(self.log(program, "refused with 401")), 1)
        self.assertEqual((status("first-token-of-it"), status("second-token-of-it")), (200, 401))
        program.stop()
        program.start()
        self.assertEqual((status("first-token-of-it"), status("second-token-of-it")), (401, 200))
        self.assertNotIn("-token-of-it", (program.folder / "log").read_text())

    def test_a_sink_that_is_gone_with_deliveries_shows(self):
        crm = world.CRM()
        crm.script = [401] * 100
        program = self.make(crm)
        program.start()
        self.assertEqual(self.submit(program, "g-1"), 200)
        until(lambda: crm.posts, what="the attempt")
        root = program.rules / "leadrouter.yaml"
        text = root.read_text()
        lines = [l for l in text.splitlines() if not l.startswith("  store-crm:")]
        root.write_text("\n".join(lines).replace(", store-crm]", "]").replace(
            "[store-crm]", "[archive]") + "\n")
        [warning] = until(lambda: self.log(program, "not configured"), what="the warning")
        self.assertIn("--sink store-crm", warning)
        self.assertIn("deliveries=1", warning)
        name = "leadrouter_sink_absent"
        self.assertEqual(self.value(program, name, sink="store-crm"), 1)
        self.assertEqual(self.value(program, name, sink="archive"), 0)
        program.stop()
        program.start()
        until(lambda: len(self.log(program, "not configured")) == 2, what="the warning at start")
        self.assertEqual(self.value(program, name, sink="store-crm"), 1)
        done = program.command("deliveries", "cancel", "--sink", "store-crm", "--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(self.value(program, name, sink="store-crm"))


if __name__ == "__main__":
    unittest.main()
