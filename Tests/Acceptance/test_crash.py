"""A delivery that crashes the program again and again is set aside; a program that is killed blames
nobody."""

import signal
import socket

from bench import Bench, lead, until


class Crash(Bench):
    """Its sink takes the request and never answers: the delivery is under way at every end."""

    def setUp(self):
        super().setUp()
        # A signal that is sent is no trap: a backtrace would wait for an instruction to fail.
        self.environment["SWIFT_BACKTRACE"] = "enable=yes"

    def use_hung_sink(self):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        self.addCleanup(listener.close)
        self.configure(
            sinks={
                "poison": self.http(f"http://127.0.0.1:{listener.getsockname()[1]}/"),
                "well": self.http(self.crm.url + "/well")},
            routes="routes:\n  - {id: all, always: true, to: [poison, well]}\n"
                   "default: {hold: nobody wants it}\n")
        one = lead("444000000000001")
        self.graph.add(one)
        return one

    def end(self, number):
        until(lambda: self.deliveries("--sink", "poison", "--state", "leased"), "it is under way")
        self.service.process.send_signal(number)
        self.service.process.wait(20)

    def test_three_crashes_in_a_row_set_a_delivery_aside(self):
        one = self.use_hung_sink()
        self.serve()
        self.announce(one)
        for _ in range(3):
            self.end(signal.SIGSEGV)
            self.serve()
        [dead] = self.wait_for_deliveries(1, "dead", more=("--sink", "poison"))
        self.assertIn("quarantined", dead["detail"])
        self.assertIn("quarantined", self.service.log)
        self.assertEqual(len(self.wait_for_deliveries(1, more=("--sink", "well"))), 1)
        # The program goes on: a new lead is taken, and is not blamed for the old one.
        two = lead("444000000000002")
        self.graph.add(two)
        self.announce(two)
        self.wait_for_deliveries(2, more=("--sink", "well"))
        self.end(signal.SIGTERM)

    def test_a_program_that_is_killed_blames_no_delivery(self):
        one = self.use_hung_sink()
        self.serve()
        self.announce(one)
        for _ in range(5):
            self.end(signal.SIGKILL)
            self.serve()
        until(lambda: self.deliveries("--sink", "poison", "--state", "leased"), "it is under way")
        self.assertEqual(self.deliveries("--state", "dead"), [])
