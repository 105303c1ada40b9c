"""The wall clock is set while deliveries wait: nothing is given up early, nothing waits for years."""

import pathlib
import shutil
import struct
import subprocess
import unittest

from bench import Bench, lead, until

YEAR = 365 * 86_400
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
