"""Broken syncs, full disks, power cuts, floods of connections, answers that get lost, leads that
kill the process (RELIABILITY's R02 to R04, R10, R11, R18, R19, R21, R24, R30).

Each test compares what was acknowledged with what the sinks got.
"""

import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import selectors
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

import world
from sizes import size
from world import until

SEED = int(os.environ.get("FAULT_SEED", str(random.randrange(1 << 32))))
IS_ROOT = os.geteuid() == 0


class Senders:
    """Sends forms from several threads until stopped; knows which were acknowledged. Each form has
    a connection of its own, unless they `keep` one a thread."""

    def __init__(self, program, count=4, pause=0.0, prefix="s", keep=False):
        self.program, self.pause, self.prefix, self.keep = program, pause, prefix, keep
        self.acknowledged, self.statuses, self.number = set(), {}, 0
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.program.port, timeout=20)
        while not self.stopping.is_set():
            with self.lock:
                self.number += 1
                name = f"{self.prefix}-{self.number}"
            body = json.dumps({"submission_id": name, "car_make": "Honda", "note": "x" * 500})
            try:
                status = self.program.submit(
                    body.encode(), connection=connection if self.keep else None)[0]
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            with self.lock:
                self.statuses[status] = self.statuses.get(status, 0) + 1
                if status == 200:
                    self.acknowledged.add(name)
            if status != 200:
                time.sleep(0.02)
            time.sleep(self.pause)
        connection.close()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        return self.acknowledged


class Flood:
    """Connections that say nothing. One that is closed, or not let in, is opened again."""

    def __init__(self, port, count):
        self.port, self.selector, self.opened = port, selectors.DefaultSelector(), 0
        for _ in range(count):
            self.open()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def open(self):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", self.port))
        self.selector.register(connection, selectors.EVENT_READ)
        self.opened += 1

    def run(self):
        while not self.stopping.is_set():
            for key, _ in self.selector.select(0.1):
                with contextlib.suppress(OSError):
                    if key.fileobj.recv(1000):
                        continue
                self.selector.unregister(key.fileobj)
                key.fileobj.close()
                self.open()
            self.stopping.wait(0.01)  # so that who refuses all is not asked all the time

    def stop(self):
        self.stopping.set()
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


class Faults(unittest.TestCase):
    def setUp(self):
        self.chance = random.Random(SEED)
        print(f"FAULT_SEED={SEED}", end=" ", flush=True)

    def make(self, crm=None, store=None, **options):
        program = world.Program(None, crm, "smtp://127.0.0.1:9", **options)
        self.addCleanup(program.close)
        if store:
            root = program.rules / "leadrouter.yaml"
            root.write_text(root.read_text().replace(
                f"sqlite:{program.folder}/leads.db", f"sqlite:{store}/leads.db"))
        return program

    def arrived(self, program):
        """The ids of the leads in head office's file, each once."""
        lines = [line["id"] for line in program.lines("head-office.ndjson")]
        self.assertEqual(len(lines), len(set(lines)), "a line came twice")
        return {line.split(":")[-1] for line in lines}

    def settle(self, program, acknowledged, seconds=60):
        program.settle(seconds)
        self.assertEqual(acknowledged - self.arrived(program), set(), "acknowledged and lost")

    def folder(self):
        folder = tempfile.mkdtemp(prefix="leadrouter-disk-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return pathlib.Path(folder)


@unittest.skipUnless(IS_ROOT, "needs root for 'mount'")
class Disks(Faults):
    def mount(self, *arguments):
        folder = self.folder()
        subprocess.run(["mount", *arguments, str(folder)], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(folder)], check=False)
        return folder

    def test_a_full_disk_stops_intake_and_nothing_else(self):
        """R04. The filler takes everything at a random moment, and goes again."""
        fills = size("R04_FILLS")
        # The leads themselves need room: a release build takes a megabyte of them between two fills.
        disk = self.mount("-t", "tmpfs", "-o", f"size={64 + 2 * fills}m", "tmpfs")
        crm = world.CRM()
        program = self.make(crm, store=disk)
        program.start()
        senders = Senders(program)
        try:
            for _ in range(fills):
                before = len(senders.acknowledged)
                until(lambda: len(senders.acknowledged) > before + 20, what="some leads")
                time.sleep(self.chance.random() * 0.3)
                with open(disk / "filler", "wb", buffering=0) as filler:
                    for many in (1 << 20, 1 << 12, 1):
                        try:
                            while filler.write(b"\0" * many):
                                pass
                        except OSError:
                            pass
                refused = senders.statuses.get(503, 0)
                until(lambda: senders.statuses.get(503, 0) > refused, 5, "503 on a full disk")
                status, _, headers = program.submit(b'{"submission_id": "late"}')
                self.assertEqual(status, 503)
                self.assertIn("Retry-After", headers)
                self.assertEqual(program.get("/health/ready", program.admin)[0], 503)
                self.assertEqual(program.get("/health/live", program.admin)[0], 200)
                # What was accepted is delivered by the ballast.
                until(lambda: senders.acknowledged <= self.arrived(program), 20, "deliveries")
                (disk / "filler").unlink()
                good = senders.statuses[200]
                until(lambda: senders.statuses[200] > good, 5, "leads after the disk is free")
        finally:
            acknowledged = senders.stop()
        self.settle(program, acknowledged)
        self.assertIsNone(program.process.poll())
        print(f"{fills} fills, {len(acknowledged)} acknowledged, "
              f"{senders.statuses[503]} refused, 0 lost", end=" ")

    def test_a_stop_ends_on_a_disk_that_is_wholly_full(self):
        """What cannot be recorded is not waited for: it is found pending, and sent again."""
        disk = self.mount("-t", "tmpfs", "-o", "size=24m", "tmpfs")
        answer = threading.Event()

        def on_post(*_):
            answer.wait(60)
            return 201

        crm = LossyCRM(self.chance, on_post)
        program = self.make(crm, store=disk, routes=CRM_ROUTES)
        program.start()
        for name in "abc":
            body = {"submission_id": name, "selected_dealer": "99213450", "note": name}
            self.assertEqual(program.submit(json.dumps(body).encode())[0], 200)
        until(lambda: crm.posts, what="an attempt under way")
        (disk / "leads.db.ballast").unlink()
        with open(disk / "filler", "wb", buffering=0) as filler:
            for many in (1 << 16, 1 << 12, 1):
                try:
                    while filler.write(b"\0" * many):
                        pass
                except OSError:
                    pass
        answer.set()
        program.process.send_signal(signal.SIGTERM)
        program.process.wait(20)
        (disk / "filler").unlink()
        program.start()
        program.settle(60)
        self.assertEqual(len({post["headers"]["idempotency-key"] for post in crm.posts}), 3)

    @unittest.skipUnless(shutil.which("xfs_freeze"), "needs xfs_freeze")
    def test_a_disk_that_stalls_refuses_new_leads_and_keeps_the_old_ones(self):
        """Writes neither end nor fail. Who waits is answered when they end; who comes after ten
        seconds is told to come again, at once."""
        image = self.folder() / "image"
        with open(image, "wb") as file:
            file.truncate(400 << 20)
        subprocess.run(["mkfs.xfs", "-q", str(image)], check=True, stdout=subprocess.DEVNULL)
        disk = self.mount("-o", "loop", str(image))
        program = self.make(store=disk)
        program.start()
        senders = Senders(program)
        self.addCleanup(senders.stop)
        until(lambda: len(senders.acknowledged) > 100, what="some leads")
        subprocess.run(["xfs_freeze", "-f", str(disk)], check=True)
        thaw = ["xfs_freeze", "-u", str(disk)]
        self.addCleanup(subprocess.run, thaw, stderr=subprocess.DEVNULL, check=False)
        until(lambda: senders.statuses.get(503, 0) > 20, 30, "503 while the disk stalls")
        status, _, headers = program.submit(b'{"submission_id": "late"}')
        self.assertEqual((status, headers["Retry-After"]), (503, "2"))
        status, answer = program.get("/health/ready", program.admin)[:2]
        self.assertEqual((status, json.loads(answer)["reason"]), (503, "store-busy"))
        self.assertEqual(program.get("/health/live", program.admin)[0], 200)
        subprocess.run(thaw, check=True)
        good = len(senders.acknowledged)
        until(lambda: len(senders.acknowledged) > good + 20, 10, "leads after the stall")
        until(lambda: program.get("/health/ready", program.admin)[0] == 200, 10, "readiness")
        self.settle(program, senders.stop())
        self.assertIsNone(program.process.poll())
        print(f"{senders.statuses}", end=" ")

    def cut(self, system, environment=None):
        """A power cut: what was not synced is gone. Answers how many acknowledged leads are."""
        image = self.folder() / "image"
        with open(image, "wb") as file:
            file.truncate(400 << 20)
        subprocess.run([f"mkfs.{system}", "-q", str(image)], check=True,
                       stdout=subprocess.DEVNULL)
        disk = self.mount("-o", "loop", str(image))
        program = self.make(store=disk)
        program.environment.update(environment or {})
        program.start()
        senders = Senders(program, count=6)
        until(lambda: len(senders.acknowledged) > 200, what="some leads")
        time.sleep(self.chance.random() * 0.5)
        with senders.lock:
            acknowledged = set(senders.acknowledged)
        subprocess.run(["xfs_io", "-x", "-c", "shutdown", str(disk)], check=True)
        program.kill()
        senders.stop()
        subprocess.run(["umount", str(disk)], check=True)
        subprocess.run(["mount", "-o", "loop", str(image), str(disk)], check=True)
        for name in (environment or {}):
            del program.environment[name]
        program.start()
        program.settle(60)
        stored = {lead["lead_id"].split(":")[-1] for lead in program.leads()}
        program.stop()
        check = subprocess.run(
            ["sqlite3", str(disk / "leads.db"), "PRAGMA integrity_check"], capture_output=True)
        self.assertEqual(check.stdout.strip(), b"ok")
        self.doCleanups()
        self.acknowledged = getattr(self, "acknowledged", 0) + len(acknowledged)
        return len(acknowledged - stored)

    @unittest.skipUnless(shutil.which("xfs_io"), "needs xfs_io")
    def test_a_power_cut_loses_nothing_that_was_acknowledged(self):
        """R02."""
        cuts = size("R02_CUTS")
        for round in range(cuts):
            self.assertEqual(self.cut(["xfs", "ext4"][round % 2]), 0)
        print(f"{cuts} cuts, {self.acknowledged} acknowledged, 0 lost", end=" ")

    @unittest.skipUnless(shutil.which("xfs_io") and shutil.which("cc"), "needs a C compiler")
    def test_the_control_of_the_power_cut_loses_leads(self):
        """A disk that lies about syncs: the test above can fail."""
        library = self.folder() / "lies.so"
        source = pathlib.Path(__file__).with_name("faults.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)],
                       check=True)
        lost = 0
        for _ in range(5):
            lost += self.cut("xfs", {"LD_PRELOAD": str(library)})
            if lost:
                return
        self.fail("a disk that lies lost nothing")


#: What strace spoils, and from which call of it on at most. Opening is spoilt early, while the
#: service starts: later it opens its watched folder and its sink's file only.
CALLS = {"fdatasync,fsync": 60, "pwrite64": 300, "openat": 300, "rename,renameat,renameat2": 4}


@unittest.skipUnless(shutil.which("strace"), "needs strace")
class Syscalls(Faults):
    def test_a_call_that_fails_acknowledges_nothing_that_is_not_stored(self):
        """R03. The n-th call of a kind fails once, or it and all that follow. The service ends
        with 69 or 75, or goes on; a restart has every acknowledged lead."""
        ends, acknowledged, runs = {}, 0, size("R03_RUNS")
        for round in range(runs):
            calls = list(CALLS)[round % len(CALLS)]
            times = "" if round // len(CALLS) % 2 else "+"
            number = self.chance.randint(1, CALLS[calls])
            with self.subTest(calls=calls, when=f"{number}{times}"):
                end, leads = self.spoil(calls, f"{number}{times}")
                ends[end] = ends.get(end, 0) + 1
                acknowledged += leads
            self.doCleanups()
        print(f"{runs} runs ended {ends}, {acknowledged} acknowledged, 0 lost", end=" ")

    def test_a_sync_that_fails_for_ever_ends_the_service(self):
        """R03. After a failed sync nobody knows what is on the disk, so nothing is acknowledged
        any more: whoever starts the service again reads what is there."""
        self.assertEqual(self.spoil("fdatasync,fsync", "30+", 1 << 20)[0], 75)

    def test_a_start_that_fails_anywhere_is_only_tried_again(self):
        """R03. From the first call on: what an interrupted start leaves keeps no later one away."""
        for calls in CALLS:
            for number in range(1, 11):
                with self.subTest(calls=calls, when=f"{number}+"):
                    self.spoil(calls, f"{number}+", 5)
                self.doCleanups()

    def spoil(self, calls, when, most=200):
        """How a service whose calls fail ended, and how many leads it acknowledged before: `most`,
        then it is killed. strace counts the calls of each thread for itself."""
        program = self.make()
        program.process = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}",
             "-e", f"inject={calls}:error=EIO:when={when}",
             world.LEADROUTER, "serve", "--config", str(program.rules)],
            stdout=program.log, stderr=program.log, env=program.environment, cwd=program.folder)
        try:
            until(program.is_ready, 60, "the service")
        except AssertionError:
            # It failed before it was ready, or its libraries were not found: refused, no trap.
            end = program.process.wait(30)
            self.assertGreater(end, 0, "neither ready nor a clean end")
            program.start()
            return end, 0
        senders = Senders(program, count=3)
        try:
            until(lambda: program.process.poll() is not None or len(senders.acknowledged) > most,
                  60, "an end or leads")
        finally:
            acknowledged = senders.stop()
        end = program.process.poll()
        if end is None:
            # strace hands the signal on to nobody: its child is the service.
            child = subprocess.run(["pgrep", "-P", str(program.process.pid)], capture_output=True)
            os.kill(int(child.stdout.split()[0]), signal.SIGKILL)
            program.process.wait(20)
        else:
            self.assertIn(end, (69, 75))
        program.start()
        self.settle(program, acknowledged)
        return "went on" if end is None else end, len(acknowledged)


class Floods(Faults):
    def test_silent_and_slow_connections_keep_nobody_out(self):
        """R19. They are closed by themselves; forms of others go through meanwhile."""
        program = self.make()
        program.start()
        slow = []
        for number in range(size("R19_CONNECTIONS")):
            connection = socket.create_connection(("127.0.0.1", program.port))
            if number % 3 == 1:
                connection.send(b"POST /hooks/website HTTP/1.1\r\nHost:")
            if number % 3 == 2:
                connection.send(b"POST /hooks/website HTTP/1.1\r\nHost: a\r\n"
                                b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
            slow.append(connection)
        for number in range(50):
            self.assertEqual(program.submit(b'{"submission_id": "%d"}' % number)[0], 200)
        for number, connection in enumerate(slow):
            connection.settimeout(40)
            while connection.recv(1000):
                pass
            connection.close()
        program.settle(30)
        self.assertEqual(len(self.arrived(program)), 50)
        print(f"{len(slow)} connections, all closed; 50 forms delivered meanwhile", end=" ")

    def test_more_connections_than_files_harm_nobody(self):
        """R18. 256 files, and more idle connections, which come again whenever they are closed.
        Who has a connection goes on; who wants one waits for a turn among all the others."""
        program = self.make()
        program.process = subprocess.Popen(
            ["prlimit", "--nofile=256:256", world.LEADROUTER, "serve", "--config",
             str(program.rules)], stdout=program.log, stderr=program.log,
            env=program.environment, cwd=program.folder)
        until(program.is_ready, what="the service")
        connections, seconds = size("R18_CONNECTIONS"), size("R18_SECONDS")
        old = Senders(program, count=4, pause=0.5, prefix="old", keep=True)
        until(lambda: len(old.acknowledged) >= 4, what="connections of their own")
        flood, began, work = Flood(program.port, connections), time.monotonic(), program.work()
        new = Senders(program, count=4, prefix="new")
        try:
            while time.monotonic() < began + seconds:
                self.assertIsNone(program.process.poll())
                time.sleep(0.2)
            share = (program.work() - work) / (time.monotonic() - began)
            meanwhile = len(old.acknowledged), len(new.acknowledged)
        finally:
            flood.stop()
            released = time.monotonic()
            until(lambda: len(new.acknowledged) > meanwhile[1], 90, "a new one after the release")
            released = time.monotonic() - released
            acknowledged = old.stop() | new.stop()
        self.assertEqual(set(old.statuses), {200})
        self.settle(program, acknowledged)
        self.assertLess(share, 0.5, "a busy loop")
        print(f"{connections} at a time for {seconds} s, {flood.opened} in all; forms meanwhile: "
              f"{meanwhile[0]} of who had a connection, {meanwhile[1]} of others; 0 lost, "
              f"{share * 100:.0f} % of a core; a new connection {released:.1f} s after the release",
              end=" ")

    def test_each_lead_many_times_at_once_is_one_lead(self):
        """R21."""
        program = self.make()
        program.start()
        count = size("R21_LEADS")
        work = [number for number in range(count) for _ in range(self.chance.randint(1, 5))]
        self.chance.shuffle(work)

        def send(number):
            return program.submit(b'{"submission_id": "%d"}' % number)[0]

        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            self.assertEqual(set(pool.map(send, work)), {200})
        leads, deliveries = program.settle(60 + count // 8, every=1)
        self.assertEqual(len(leads), count)
        self.assertEqual(len(self.arrived(program)), count)
        print(f"{len(work)} forms, {len(leads)} leads", end=" ")

    def test_the_control_of_duplicates_takes_nothing_without_the_unique_index(self):
        """R21's control. What keeps leads apart is the index; the insert names it."""
        program = self.make()
        program.verifies = False
        program.start()
        self.assertEqual(program.submit(b'{"submission_id": "1"}')[0], 200)
        self.assertEqual(program.stop(), 0)
        with contextlib.closing(sqlite3.connect(program.folder / "leads.db")) as db, db:
            db.execute("PRAGMA writable_schema = ON")
            db.execute("UPDATE sqlite_schema SET sql = replace(sql, 'UNIQUE (source, lead_id)',"
                       " 'CHECK (1)') WHERE name = 'inbox'")
            db.execute("DELETE FROM sqlite_schema WHERE name = 'sqlite_autoindex_inbox_1'")
        try:
            program.start()
            self.assertNotEqual(program.submit(b'{"submission_id": "1"}')[0], 200)
        except (AssertionError, OSError, http.client.HTTPException):
            self.assertIsNotNone(program.process.wait(20), "it ends rather than take it twice")


class LossyCRM(world.CRM):
    """Takes every post; loses a tenth of its answers. Or answers with the status that `on_post`
    says, or, when it says none, not at all."""

    def __init__(self, chance, on_post=None):
        super().__init__()
        outer = self
        handler = self.server.RequestHandlerClass
        usual = handler.do_POST

        def do_post(request):
            with outer.lock:
                lost = chance.random() < 0.1
            if lost or on_post:
                body = request.rfile.read(int(request.headers["Content-Length"]))
                headers = {k.lower(): v for k, v in request.headers.items()}
                with outer.lock:
                    outer.posts.append({"path": request.path, "body": body, "headers": headers})
                status = on_post(body, headers) if on_post else None
                if status:
                    request.send_response(status)
                    request.send_header("Content-Length", "0")
                    request.end_headers()
                    return
                request.close_connection = True
                request.connection.shutdown(socket.SHUT_RDWR)
            else:
                usual(request)

        handler.do_POST = do_post


CRM_ROUTES = """\
routes:
  - id: crm
    when: {selected_dealer: {in_table: store}}
    to: [store-crm]
"""


class Runs:
    """A program that is started again whenever it dies. Each run is told its number, and sends it
    along: who was sent something by a run that is over ends no later one."""

    program, number, deaths = None, 0, 0

    def start(self):
        self.number += 1
        self.program.environment["RUN"] = str(self.number)
        self.program.start()

    def end(self, number):
        """Kills the run as a trap would. Whoever traps in an attempt does not see how it ends: its
        connection stays until then."""
        victim = self.program.process
        if number != str(self.number):
            return
        victim.send_signal(signal.SIGILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            victim.wait(10)

    @contextlib.contextmanager
    def supervised(self):
        stopping = threading.Event()

        def supervise():
            while not stopping.wait(0.05):
                if self.program.process.poll() is not None:
                    self.deaths += 1
                    with contextlib.suppress(AssertionError):
                        self.start()

        supervisor = threading.Thread(target=supervise)
        supervisor.start()
        try:
            yield
        finally:
            stopping.set()
            supervisor.join()


class Sinks(Faults):
    dealer = "99213450"

    def submit(self, program, name):
        body = {"submission_id": name, "selected_dealer": self.dealer, "note": name}
        return program.submit(json.dumps(body).encode())[0]

    def test_answers_that_get_lost_bring_the_same_key_again(self):
        """R10."""
        crm = LossyCRM(self.chance)
        program = self.make(crm, routes=CRM_ROUTES)
        program.start()
        count = size("R10_LEADS")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            done = pool.map(lambda n: self.submit(program, f"r-{n}"), range(count))
            self.assertEqual(set(done), {200})
        _, deliveries = program.settle(120 + count // 3, every=1)
        keys = {d["delivery_id"] for d in deliveries}
        self.assertEqual(len(keys), count)
        self.assertTrue(all(d["state"] == "delivered" for d in deliveries))
        self.assertEqual(set(crm.keys()), keys)
        self.assertGreater(len(crm.keys()), count, "no answer was lost")
        print(f"{count} leads, {len(crm.keys()) - count} answers lost, 0 new keys", end=" ")

    def test_leads_that_kill_the_process_are_put_aside_after_three_times(self):
        """R11. The process dies in the middle of such a lead's attempt, as a trap would end it, and
        is started again. One in a hundred of the others is refused."""
        traps = size("R11_TRAPS")
        names = [f"l-{number}" for number in range(100 * traps)]
        poisoned = set(self.chance.sample(names, traps))
        refused = set(self.chance.sample(sorted(set(names) - poisoned), traps))
        runs = Runs()

        def on_post(_, headers):
            name = headers["x-lead"].split(":")[-1]
            if name in refused:
                return 422
            if name not in poisoned:
                return 201
            runs.end(headers["x-run"])
            return None

        program = runs.program = self.make(LossyCRM(self.chance, on_post), routes=CRM_ROUTES)
        root = program.rules / "leadrouter.yaml"
        root.write_text(root.read_text().replace(
            "headers: {X-Lead:", "headers: {X-Run: \"${RUN}\", X-Lead:"))
        runs.start()

        def send(name):
            def sent():
                try:
                    return self.submit(program, name) == 200
                except (OSError, http.client.HTTPException):
                    return False  # it has just died
            until(sent, 60, "an answer")

        with runs.supervised():
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(send, names))
            _, deliveries = program.settle(60 + 60 * traps, every=0.5)
        self.assertLessEqual(runs.deaths, 3 * traps)
        states = {one["lead_id"].split(":")[-1]: one["state"] for one in deliveries
                  if one["sink"] == "store-crm"}
        self.assertEqual(states.keys(), set(names))
        dead = {name for name, state in states.items() if state == "dead"}
        self.assertEqual(dead, poisoned | refused)
        aside = [one for one in deliveries if "quarantined" in (one["detail"] or "")]
        self.assertEqual({one["lead_id"].split(":")[-1] for one in aside}, poisoned)
        print(f"{traps} traps among {len(names)} leads: {runs.deaths} deaths, {len(aside)} put "
              f"aside, {len(refused)} refused, {len(names) - len(dead)} delivered", end=" ")

    def test_a_stop_under_load_is_clean(self):
        """R24. Nothing lost, nothing sent twice, and no longer than the grace."""
        crm = world.CRM()
        program = self.make(crm, routes=CRM_ROUTES)
        acknowledged, count, stops = set(), 0, size("R24_STOPS")
        for _ in range(stops):
            program.start()
            names = [f"t-{count + number}" for number in range(40)]
            count += len(names)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                def send(name):
                    try:
                        return self.submit(program, name)
                    except (OSError, http.client.HTTPException):
                        return 0
                results = pool.map(send, names)
                time.sleep(self.chance.random() * 0.2)
                self.assertEqual(program.stop(20), 0)
                acknowledged |= {n for n, status in zip(names, results) if status == 200}
        program.start()
        waiting = sum(one["state"] != "delivered" for one in program.deliveries())
        began = time.monotonic()
        leads, _ = program.settle(60 + count // 50, every=max(0.02, count / 5000))
        took = time.monotonic() - began
        stored = {lead["lead_id"].split(":")[-1] for lead in leads}
        self.assertEqual(acknowledged - stored, set())
        self.assertEqual(len(crm.keys()), len(set(crm.keys())), "a clean stop repeats nothing")
        self.assertEqual(len(crm.keys()), len(leads))
        print(f"{stops} stops, {len(acknowledged)} acknowledged, 0 repeats; {waiting} waited after "
              f"the last, and were through in {took:.0f} s", end=" ")

    def test_no_lead_data_and_no_secret_is_in_any_output(self):
        """R30. Answers of leads, secrets, and a CRM that sends them back in its errors."""
        count = size("R30_CANARIES")
        canaries = [f"canary-{self.chance.randrange(1 << 60):x}" for _ in range(count)]
        secrets = {f"SECRET_{n}": f"secret-{self.chance.randrange(1 << 60):x}" for n in range(16)}
        crm = world.CRM()
        # Each 429 stops everything for a second.
        script = [500, 201, 400, 201, 201] * 19 + [429, 201, 201, 201, 201]
        crm.script = script * (count // len(script))
        crm.echoes = True
        program = self.make(crm, routes=CRM_ROUTES)
        program.environment.update(secrets)
        root = program.rules / "leadrouter.yaml"
        headers = "".join(f"X-{name}: \"${{{name}}}\", " for name in secrets)
        root.write_text(root.read_text().replace(
            "headers: {X-Lead:", f"max_in_flight_per_destination: 4, headers: {{{headers}X-Lead:"))
        program.start()
        outputs = []

        def send(number):
            canary = canaries[number]
            body = {"submission_id": f"c-{number}", "selected_dealer": self.dealer,
                    "email": f"{canary}@example.com", canary: canary}
            status, answer, _ = program.submit(json.dumps(body).encode())
            self.assertEqual(status, 200)
            outputs.append(answer)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(len(canaries))))
        outputs.append(program.submit(("{" + canaries[0]).encode())[1])
        outputs.append(program.submit(canaries[1].encode(), "text/" + canaries[1])[1])
        outputs.append(program.submit(canaries[2].encode(), token=canaries[2])[1])
        program.settle(120 + count // 5, every=max(0.2, count / 2000))
        for path in ("/metrics", "/health/ready", "/health/live"):
            outputs.append(program.get(path, program.admin)[1])
        outputs.append(pathlib.Path(f"/proc/{program.process.pid}/cmdline").read_bytes())
        program.stop()
        outputs.append((program.folder / "log").read_bytes())
        for command in (["leads", "list", "--limit", "1000000"],
                        ["deliveries", "list", "--limit", "1000000"], ["sinks", "list"],
                        ["ledger", "stats"], ["check"]):
            done = program.command(*command)
            outputs += [done.stdout, done.stderr]
        everything = b"\n".join(outputs).decode(errors="replace")
        # By what all of them begin with: not even a part may be there.
        self.assertEqual(re.findall("(?:canary|secret)-[0-9a-f]+", everything), [])
        for text in world.SECRETS:
            self.assertNotIn(text, everything)
        # The control: what was sent back is kept, for those who look at one delivery; secrets are
        # not even there.
        self.assertTrue(all(post["headers"]["x-secret_3"] for post in crm.posts))
        one = program.deliveries()[-1]["delivery_id"]
        shown = program.command("deliveries", "show", one).stdout.decode()
        self.assertIn("; the answer: {", shown)
        self.assertIn("canary-", shown)
        self.assertEqual(re.findall("secret-[0-9a-f]+", shown), [])
        print(f"{len(canaries)} answers and {len(secrets) + len(world.SECRETS)} secrets, none in "
              f"{len(everything)} characters of output", end=" ")


if __name__ == "__main__":
    unittest.main()
