"""Receivers that hang, talk nonsense or forget: each harms only what goes to it (R05, R39).

The receivers are processes. One of them is stopped by SIGSTOP: the kernel goes on accepting its
connections, and nobody ever answers.
"""

import asyncio
import collections
import concurrent.futures
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import world
from sizes import size
from world import until

DEALERS = 20
#: Leads a second that are offered; the tests count and do not depend on it.
RATE = 100


class Receivers:
    """A process with some receivers; what each of them got."""

    def __init__(self, **modes):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="leadrouter-receivers-"))
        self.process = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__).with_name("receiver.py"), self.folder,
             *(f"{name}={mode}" for name, mode in modes.items())])
        until((self.folder / "ports").exists, what="the receivers")
        self.ports = json.loads((self.folder / "ports").read_text())

    def url(self, name):
        return f"http://127.0.0.1:{self.ports[name]}/"

    def got(self, name):
        """Lines of arrival in ns, key, lead."""
        return [line.split() for line in (self.folder / name).read_text().splitlines()]

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


def connections(ports):
    """Both ends of the connections to these; two may share the near end."""
    ends, established = {f"{port:04X}" for port in ports}, "01"
    table = pathlib.Path("/proc/net/tcp").read_text()
    rows = [line.split() for line in table.splitlines()[1:]]
    return {(row[1], row[2]) for row in rows
            if row[2].split(":")[1] in ends and row[3] == established}


class WithReceivers(unittest.TestCase):
    def start(self, sinks, routes, stores=None):
        program = world.Program(None, None, "smtp://127.0.0.1:9", routes=routes, extra_sinks=sinks)
        self.addCleanup(program.close)
        if stores:
            (program.rules / "stores.csv").write_text(stores)
        return program.start()

    def receivers(self, **modes):
        receivers = Receivers(**modes)
        self.addCleanup(receivers.close)
        return receivers


class HungSinks(WithReceivers):
    def use_dealers(self, more):
        """One sink for all dealers, each with an address; the first has a process of its own."""
        names = [f"d{number}" for number in range(DEALERS)]
        self.hung = self.receivers(d0="well")
        self.others = self.receivers(**{name: "well" for name in names[1:]})
        urls = [self.hung.url("d0")] + [self.others.url(name) for name in names[1:]]
        self.program = self.start(
            "  crm: {plugin: http, url: \"{{store.crm_url}}\", method: POST, format: json, "
            "headers: {X-Lead: \"{{lead.id}}\"}, retry: {for: 7d, first: 1s, most: 5s}, "
            f"max_in_flight: {DEALERS}, {more}}}",
            "routes:\n  - {id: crm, when: {selected_dealer: {in_table: store}}, to: [crm]}\n"
            "  - {id: canary, when: {to: canary}, to: [archive]}",
            "store_number,name,email,crm_url\n" + "".join(
                f"{number},Store,a@example.com,{url}\n" for number, url in enumerate(urls)))

    def send(self, prefix, dealers, count):
        """Forms for the dealers in turn; the time of each answer in ns, by the lead's id."""
        def one(number):
            time.sleep(max(0, began + number / RATE - time.monotonic()))
            name = f"{prefix}-{number}"
            body = {"submission_id": name, "selected_dealer": str(dealers[number % len(dealers)])}
            sent = time.time_ns()
            self.assertEqual(self.program.submit(json.dumps(body).encode())[0], 200)
            return name, sent

        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return dict(pool.map(one, range(count)))

    def arrived(self, sent):
        """Milliseconds from a form's start to the others' receivers, when all are there."""
        times = {lead.split(":")[-1]: int(at) for name in self.others.ports
                 for at, _, lead in self.others.got(name)}
        return len(times.keys() & sent.keys()) == len(sent) and sorted(
            (times[name] - at) / 1e6 for name, at in sent.items())

    def in_flight(self):
        """How many connections to the hung one the program holds. The ledger's leased rows tell
        less: a lane leases ahead of what it sends. The table is no snapshot: one that ends while it
        is read may stand beside its successor, but not in two readings."""
        return len(self.connections() & self.connections())

    def connections(self):
        return connections({self.hung.ports["d0"]})

    def memory(self):
        """Resident MiB."""
        status = pathlib.Path(f"/proc/{self.program.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) // 1024

    def stop_the_first(self):
        self.hung.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.hung.process.send_signal, signal.SIGCONT)

    def test_a_stopped_process_slows_no_other(self):
        """R05. What goes to others arrives while it hangs; what goes to it, when it is back."""
        self.use_dealers("timeout: 3s")
        others, seconds = range(1, DEALERS), size("R05_SECONDS")
        before = until(lambda sent=self.send("before", others, 200): self.arrived(sent), 60)
        memory = self.memory()
        self.stop_the_first()
        hung = self.send("hung", [0], 20 * seconds)
        most, watching = [0], threading.Event()

        def watch():
            while not watching.wait(0.02):
                most[0] = max(most[0], self.in_flight())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            sent = self.send("meanwhile", others, RATE * seconds)
            meanwhile = until(lambda: self.arrived(sent), 60, "the others' leads")
        finally:
            watching.set()
            watcher.join()
        self.assertEqual(self.hung.got("d0"), [], "it was not hung")
        self.assertIn(most[0], range(1, 5))
        grown = self.memory() - memory
        self.assertLessEqual(grown, 50)
        self.hung.process.send_signal(signal.SIGCONT)
        _, deliveries = self.program.settle(120)
        self.assertTrue(all(one["state"] == "delivered" for one in deliveries))
        got = {lead.split(":")[-1] for _, _, lead in self.hung.got("d0")}
        self.assertEqual(got, set(hung))
        keys = [key for name in self.others.ports for _, key, _ in self.others.got(name)]
        self.assertEqual(len(keys), len(set(keys)), "a repeat to somebody who was well")
        p99 = [times[len(times) * 99 // 100] for times in (before, meanwhile)]
        print(f"{RATE * seconds} leads to others; their p99 {p99[0]:.0f} ms before, {p99[1]:.0f} ms meanwhile; {most[0]} in flight "
              f"to the hung one, {grown} MiB more", flush=True)

    def test_the_control_without_caps_stands_still(self):
        """R05's control. With no share of its own the hung one takes all of the sink."""
        self.use_dealers(f"timeout: 1h, max_in_flight_per_destination: {DEALERS}")
        self.stop_the_first()
        self.send("hung", [0], 40)
        until(lambda: self.in_flight() == DEALERS, what="the hung one has all")
        sent = self.send("meanwhile", range(1, DEALERS), 40)
        # Leads of another sink that came after them are delivered; of these, none.
        for number in range(40):
            body = {"submission_id": f"canary-{number}", "to": "canary"}
            self.assertEqual(self.program.submit(json.dumps(body).encode())[0], 200)
        until(lambda: len(self.program.lines("archive.ndjson")) == 40, what="the canaries")
        self.assertFalse(any(self.others.got(name) for name in self.others.ports))
        self.assertFalse(self.arrived(sent))


class SilentMailServer(world.MailServer):
    """Never answers behind the final dot."""

    async def handle_DATA(self, server, session, envelope):
        with self.lock:
            self.mails.append({"to": envelope.rcpt_tos})
        await asyncio.sleep(3600)


class WideSinks(WithReceivers):
    """What a sink may have under way is its own affair: two that have all that they may, and get no
    answer, take nothing from others of the same kind, nor from the store and the listeners."""

    MOST = 256

    def submit(self, to, count):
        def one(number):
            body = {"submission_id": f"{to}-{number}", "to": to}
            self.assertEqual(self.program.submit(json.dumps(body).encode())[0], 200)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(one, range(count)))

    def use(self, sinks):
        self.program = self.start(
            "\n".join(f"  {name}: {{{settings}}}" for name, settings in sinks.items()),
            "routes:\n" + "\n".join(
                f"  - {{id: {name}, when: {{to: {name}}}, to: [{name}]}}" for name in sinks))

    def check(self, under_way, arrived):
        """All leads of the well one arrive at the first attempt while the others have all."""
        for hung in ("hung-1", "hung-2"):
            self.submit(hung, self.MOST + 20)
        until(lambda: under_way() == 2 * self.MOST, 60, "the hung ones have all")
        self.submit("well", 200)
        until(lambda: arrived() == 200, 60, "the leads of the well one")
        self.assertEqual(under_way(), 2 * self.MOST)

        def delivered():
            mine = [one for one in self.program.deliveries() if one["sink"] == "well"]
            return all(one["state"] == "delivered" for one in mine) and mine

        attempts = {one["attempts"] for one in until(delivered, 60, "the receipts")}
        self.assertEqual(attempts, {1})

    def test_requests(self):
        self.hung = self.receivers(a="well", b="well")
        well = self.receivers(well="well")
        self.hung.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.hung.process.send_signal, signal.SIGCONT)
        urls = {"hung-1": self.hung.url("a"), "hung-2": self.hung.url("b"),
                "well": well.url("well")}
        wide = f"timeout: 1h, max_in_flight: {self.MOST}, method: POST, format: json"
        self.use({name: f"plugin: http, url: \"{url}\", {wide}" for name, url in urls.items()})
        ports = set(self.hung.ports.values())
        self.check(lambda: len(connections(ports)), lambda: len(well.got("well")))

    def test_mails(self):
        hung, well = SilentMailServer(), world.MailServer()
        for server in (hung, well):
            self.addCleanup(server.close)
        relays = {"hung-1": hung.url, "hung-2": hung.url.replace("127.0.0.1", "localhost"),
                  "well": well.url}
        wide = (f"timeout: 1h, max_in_flight: {self.MOST}, tls: off, from: a@example.com, "
                "to: b@example.com, subject: s, body: b")
        self.use({name: f"plugin: smtp, url: \"{url}\", {wide}" for name, url in relays.items()})
        self.check(lambda: len(hung.mails), lambda: len(well.accepted()))


class BadReceivers(WithReceivers):
    """R39, as far as bundled plugins go: they are what may hang, see nonsense, or be told a lie."""

    def test_each_bad_receiver_harms_itself_only(self):
        bad = ["silent", "garbage", "breaks", "gone"]
        names = ["well", *bad, "empty"]
        well = self.receivers(well="well")
        others = self.receivers(**{name: name for name in ("silent", "garbage", "breaks", "empty")})
        urls = {"well": well.url("well"), "gone": "http://127.0.0.1:9/",
                **{name: others.url(name) for name in others.ports}}
        program = self.start(
            "\n".join(f"  {name}: {{plugin: http, url: \"{urls[name]}\", method: POST, "
                      "format: json, headers: {X-Lead: \"{{lead.id}}\"}, timeout: 2s, "
                      "retry: {for: 7d, first: 200ms, most: 1s}}" for name in names),
            f"routes:\n  - {{id: all, always: true, to: [{', '.join(names)}]}}\n")
        count = size("R39_LEADS")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            bodies = [b'{"submission_id": "%d"}' % number for number in range(count)]
            self.assertEqual({a[0] for a in pool.map(program.submit, bodies)}, {200})
        until(lambda: len(well.got("well")) >= count, 60 + count, "all leads where it is well")
        keys = [key for _, key, _ in well.got("well")]
        self.assertEqual(len(keys), len(set(keys)))

        def done():
            found = collections.defaultdict(collections.Counter)
            for one in program.deliveries():
                found[one["sink"]][one["state"]] += 1
            return found["well"]["delivered"] == found["empty"]["delivered"] == count and found

        states = until(done, 60, "the receipts")
        for name in bad:
            # Nothing is believed that was not said, nothing is given up.
            self.assertEqual(states[name]["delivered"] + states[name]["dead"], 0, name)
            self.assertEqual(sum(states[name].values()), count, name)
        # Who says 200 and drops the lead is believed: no receipt tells that.
        self.assertEqual(states["empty"], {"delivered": count})
        self.assertEqual(others.got("empty"), [])
        for name in ("garbage", "breaks", "silent"):
            tried = collections.Counter(key for _, key, _ in others.got(name))
            self.assertLessEqual(len(tried), count)
        self.assertIsNone(program.process.poll())
        print(f"{count} leads to six: all where it was well, nothing believed that was not said, "
              "nothing given up", end=" ")


if __name__ == "__main__":
    unittest.main()
