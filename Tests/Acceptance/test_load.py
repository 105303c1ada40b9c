"""Bursts and large backlogs (R16, R20, R25). R16_ROWS is how many deliveries wait, R25_KILLS how
often the start is killed, R20_SECONDS how long a burst is."""

import collections
import importlib.machinery
import importlib.util
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import time
import unittest

import world
from sizes import size
from world import until

ROWS = size("R16_ROWS")
KILLS = size("R25_KILLS")
BURST_SECONDS = size("R20_SECONDS")
SEED = int(os.environ.get("FAULT_SEED", str(random.randrange(1 << 32))))

#: One connection a thread: an answer belongs to the form that was sent last. Kept are the ids that
#: were acknowledged, and what is neither 200 nor 503 with Retry-After.
SCRIPT = """
local thread = 0
function setup(t) t:set("id", thread); thread = thread + 1 end
function init(args)
  count = 0
  file = io.open(args[1] .. "/thread-" .. id, "w")
  token = args[2]
end
function request()
  count = count + 1
  return wrk.format("POST", "/hooks/website",
    {["Content-Type"] = "application/json", ["X-Form-Token"] = token},
    '{"submission_id":"b' .. id .. '-' .. count .. '","car_make":"Honda"}')
end
function response(status, headers, body)
  if status == 200 then
    file:write("200 b" .. id .. "-" .. count .. "\\n")
  elseif status == 503 and (headers["Retry-After"] or headers["retry-after"]) then
    file:write("503 later\\n")
  else
    file:write("bad " .. status .. "\\n")
  end
  file:flush()
end
"""


class Burst(unittest.TestCase):
    @unittest.skipUnless(shutil.which("wrk"), "needs wrk")
    def test_each_form_of_a_burst_is_stored_or_told_to_come_later(self):
        """R20. As many as the machine can send."""
        program = world.Program(None, None, "smtp://127.0.0.1:9")
        self.addCleanup(program.close)
        program.start()
        (program.folder / "script.lua").write_text(SCRIPT)
        (program.folder / "answers").mkdir()
        subprocess.run(
            ["wrk", "-t", "200", "-c", "200", "-d", f"{BURST_SECONDS}s", "--timeout", "60s", "-s",
             str(program.folder / "script.lua"), f"http://127.0.0.1:{program.port}", "--",
             str(program.folder / "answers"), world.FORM_TOKEN],
            check=True, stdout=subprocess.DEVNULL)
        answers = [line.split() for file in (program.folder / "answers").iterdir()
                   for line in file.read_text().splitlines()]
        statuses = collections.Counter(status for status, _ in answers)
        acknowledged = {name for status, name in answers if status == "200"}
        self.assertEqual(statuses["bad"], 0, [a for a in answers if a[0] == "bad"][:9])
        self.assertGreater(len(acknowledged), 100)
        leads, _ = program.settle(120 * BURST_SECONDS, every=0.5)
        stored = {lead["lead_id"].split(":")[-1] for lead in leads}
        self.assertEqual(acknowledged - stored, set(), "acknowledged and lost")
        lines = [line["id"] for line in program.lines("head-office.ndjson")]
        self.assertEqual(len(lines), len(set(lines)))
        self.assertEqual(len(lines), len(leads))
        print(f"{len(acknowledged)} acknowledged, {statuses['503']} told to come later in "
              f"{BURST_SECONDS} s, 0 lost", end=" ")


def benchmark():
    """Benchmarks/drain, which knows how to write rows as the program does."""
    path = str(world.ROOT / "Benchmarks/drain")
    loader = importlib.machinery.SourceFileLoader("drain", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("drain", loader))
    loader.exec_module(module)
    return module


class Backlog(unittest.TestCase):
    sink = "head-office"

    def test_a_backlog_keeps_no_start_waiting_and_survives_kills(self):
        """R16, R25."""
        print(f"FAULT_SEED={SEED}", end=" ", flush=True)
        chance = random.Random(SEED)
        program = world.Program(None, None, "smtp://127.0.0.1:9", routes="routes: []")
        program.verifies = False  # the rows name a rule set that never was
        self.addCleanup(program.close)
        program.start()
        self.assertEqual(program.stop(), 0)
        self.fill(program)
        starts = []
        for _ in range(KILLS):
            starts.append(self.start(program))
            time.sleep(chance.uniform(0, 1))
            program.kill()
        starts.append(self.start(program))
        # A new lead is not the last of all.
        self.assertEqual(program.submit(b'{"submission_id": "new"}')[0], 200)
        until(lambda: b'"new"' in self.file(program), 60, "the new lead")
        left = self.counts(program).get("pending", 0)
        if ROWS <= 10_000:
            until(lambda: self.counts(program) == {"delivered": ROWS + 1}, 120, "the end")
        memory = pathlib.Path(f"/proc/{program.process.pid}/status").read_text()
        memory = int(memory.split("VmHWM:")[1].split()[0]) // 1024
        self.assertEqual(program.stop(), 0)
        self.check(program)
        disk = (program.folder / "leads.db").stat().st_size >> 20
        starts.sort()
        print(f"{ROWS} rows, {KILLS} kills: ready after {starts[len(starts) // 2]:.2f} s, at most "
              f"{starts[-1]:.2f} s; {left} waited when the new lead was through; {memory} MiB "
              f"resident, {disk} MiB on disk", end=" ")
        self.assertLessEqual(memory, 256)

    def fill(self, program):
        bench = benchmark().Bench.__new__(benchmark().Bench)
        bench.database = program.folder / "leads.db"
        bench.fill(ROWS, self.sink)

    def start(self, program):
        began = time.monotonic()
        program.start()
        return time.monotonic() - began

    def file(self, program):
        path = program.folder / "out/head-office.ndjson"
        return path.read_bytes() if path.exists() else b""

    def rows(self, program, statement):
        db = sqlite3.connect(f"file:{program.folder}/leads.db?mode=ro", uri=True)
        try:
            return db.execute(statement).fetchall()
        finally:
            db.close()

    def counts(self, program):
        return dict(self.rows(program, "SELECT state, count(*) FROM outbox GROUP BY state"))

    def check(self, program):
        """Nothing is lost, nothing twice, and what is recorded as delivered is there."""
        counts = self.counts(program)
        self.assertEqual(sum(counts.values()), ROWS + 1)
        self.assertEqual(set(counts) - {"pending", "delivered"}, set())
        lines = [line["delivery_id"] for line in program.lines("head-office.ndjson")]
        self.assertEqual(len(lines), len(set(lines)), "a line came twice")
        done = {key for key, in self.rows(
            program, "SELECT key FROM outbox WHERE state = 'delivered'")}
        self.assertEqual(done, set(lines))


if __name__ == "__main__":
    unittest.main()
