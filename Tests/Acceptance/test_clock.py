"""The wall clock is set while deliveries wait: nothing is given up early, nothing waits for years."""

import math
import os
import pathlib
import random
import shutil
import struct
import subprocess
import time
import unittest

from bench import Bench, lead, until
from graph import Refused
from sizes import size

YEAR = 365 * 86_400
SEED = int(os.environ.get("FAULT_SEED", random.randrange(1 << 32)))
COMPILER = shutil.which("cc") or shutil.which("clang")


@unittest.skipUnless(COMPILER, "no C compiler for the clock's shim")
class Clock(Bench):
    def setUp(self):
        super().setUp()
        shim = self.folder / "clock.so"
        subprocess.run(
            [COMPILER, "-shared", "-fPIC", "-O1", "-o", shim,
             pathlib.Path(__file__).with_name("clock.c")], check=True)
        self.shift = self.folder / "shift"
        self.set(0)
        self.service_environment = {"LD_PRELOAD": str(shim), "CLOCK_SHIFT": str(self.shift)}

    def set(self, seconds):
        """Written in place: the program has mapped the file."""
        with open(self.shift, "r+b" if self.shift.exists() else "wb") as file:
            file.write(struct.pack("q", seconds))

    def serve(self):
        # The listings beside it keep the true clock.
        plain, self.environment = self.environment, {
            **self.environment, **self.service_environment}
        try:
            return super().serve()
        finally:
            self.environment = plain

    def work(self):
        """Seconds of a processor that the service has used."""
        stat = pathlib.Path(f"/proc/{self.service.process.pid}/stat").read_text()
        user, system = stat.rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def jump(self, seconds, told):
        self.set(seconds)
        until(lambda: self.service.log.count("the clock jumped") == told, "the jump is noticed")

    def test_jumps_of_ten_years_give_nothing_up_and_keep_nothing_waiting(self):
        self.crm.answers["/sick"] = [500] * 100_000
        self.configure(
            sinks={"sick": self.http(self.crm.url + "/sick")},
            routes="routes:\n  - {id: all, always: true, to: [sick]}\n"
                   "default: {hold: nobody wants it}\n")
        leads = [lead(444000000000000 + number) for number in range(30)]
        self.graph.add(*leads)
        self.serve()
        self.announce(*leads[:10])
        until(lambda: len(self.crm.posts) >= 20, "it fails for a while")
        self.jump(10 * YEAR, told=1)
        self.announce(*leads[10:20])
        seen = len(self.crm.posts)
        until(lambda: len(self.crm.posts) >= seen + 10, "it fails for a while longer")
        self.assertEqual(self.deliveries("--state", "dead"), [], "ten years are not a week")
        self.jump(-10 * YEAR, told=2)
        self.announce(*leads[20:])
        self.crm.answers.clear()
        self.wait_for_deliveries(30)
        # And over a restart.
        self.crm.answers["/sick"] = [500] * 100_000
        more = [lead(444000000001000 + number) for number in range(10)]
        self.graph.add(*more)
        self.announce(*more)
        seen = len(self.crm.posts)
        until(lambda: len(self.crm.posts) >= seen + 10, "it fails again")
        self.service.kill()
        self.set(-20 * YEAR)
        self.serve()
        self.crm.answers.clear()
        self.wait_for_deliveries(40)
        self.assertEqual(self.deliveries("--state", "dead"), [])

    def test_a_clock_that_is_years_ahead_at_the_start_erases_nothing(self):
        self.configure(
            sinks={"crm": self.http(self.crm.url + "/crm")},
            routes="routes:\n  - {id: all, always: true, to: [crm]}\n"
                   "default: {hold: nobody wants it}\n")
        root = self.folder / "rules" / "leadrouter.yaml"
        root.write_text(root.read_text() + "retention: {delivered: 90d, dead: 180d}\n")
        leads = [lead(444000000000000 + number) for number in range(5)]
        self.graph.add(*leads)
        self.serve()
        self.announce(*leads)
        self.wait_for_deliveries(5)
        self.service.stop()
        self.set(2 * YEAR)
        self.serve()
        until(lambda: "that time counts for no age" in self.service.log, "the gap is told")
        time.sleep(3)  # For a pass that must not erase; without the rule it took less than one.
        self.assertNotIn("leads forgotten", self.service.log)
        # Nor when it is set right while the service runs, or jumps once more.
        self.jump(0, told=1)
        self.jump(2 * YEAR, told=2)
        self.service.stop()
        self.serve()
        time.sleep(3)
        self.assertNotIn("leads forgotten", self.service.log)
        self.assertEqual(len(self.deliveries("--state", "delivered")), 5)

    def test_a_clock_that_is_set_back_by_a_day_keeps_no_announced_lead_and_no_edit_waiting(self):
        self.configure(
            sinks={"crm": self.http(self.crm.url + "/crm")},
            routes="routes:\n  - {id: all, always: true, to: [crm]}\n"
                   "default: {hold: nobody wants it}\n")
        self.serve()
        # It is asked for again after five seconds.
        self.graph.refusal = Refused("Service temporarily unavailable", 2)
        announced = lead(444000000000000)
        self.announce(announced)
        until(lambda: "lead not read yet" in self.service.log, "it is to be read later")
        self.jump(-20 * 3600, told=1)
        self.graph.refusal = None
        self.graph.add(announced)
        self.wait_for_deliveries(1, seconds=30)
        # A save, and in the moment in which its folder is to settle:
        self.write("routes.yaml", "routes: []\ndefault: {hold: nobody wants it}\n")
        time.sleep(0.06)
        self.set(-40 * 3600)
        until(lambda: self.service.log.count("rules in force") == 2, "the edit is in force", 20)

    def test_jumps_of_all_sizes_under_load_lose_nothing_and_stall_nothing(self):
        """R07. From a second to ten years, both ways, again and again, while a third of the posts
        fail."""
        chance = random.Random(SEED)
        print(f"FAULT_SEED={SEED}", end=" ", flush=True)
        self.crm.answers["/crm"] = [
            500 if chance.random() < 0.33 else 201 for _ in range(100_000)]
        self.configure(
            sinks={"crm": self.http(self.crm.url + "/crm")},
            routes="routes:\n  - {id: all, always: true, to: [crm]}\n"
                   "default: {hold: nobody wants it}\n")
        jumps = size("R07_JUMPS")
        leads = [lead(444000000000000 + number) for number in range(2 * jumps)]
        self.graph.add(*leads)
        self.serve()
        for number in range(jumps):
            self.announce(*leads[2 * number:2 * number + 2])
            seconds = int(10 ** chance.uniform(0, math.log10(10 * YEAR)))
            self.set(seconds if chance.random() < 0.5 else -seconds)
            # Some come in the middle of attempts, some when nothing is under way.
            time.sleep(chance.random() * 0.3)
        self.wait_for_deliveries(len(leads), seconds=60)
        self.assertEqual(self.deliveries("--state", "dead"), [])
        # Nothing is left to do, and nothing is done: a loop without a rest would use a whole core.
        began = self.work()
        time.sleep(2)
        self.assertLess(self.work() - began, 1)
        print(f"{jumps} jumps, {len(leads)} leads, 0 given up", end=" ")
