"""What every test needs: a folder, a configuration, the program, and servers around it."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from graph import Graph, announcement, sign
from ports import free_port
from servers import CRM, MailServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = str(pathlib.Path(os.environ.get("LEADROUTER", ROOT / ".build/debug/leadrouter")).resolve())
RULES = ROOT / "rules"
SAMPLES = RULES / "samples/dealer-leads.ndjson"
FORM = "555000000000001"

# Odd enough that none of them is in any output by chance.
SECRETS = {
    "META_VERIFY_TOKEN": "verify-Qx7w2Lk9",
    "META_APP_SECRET": "appsecret-Zr5t8Mn1",
    "META_PAGE_TOKEN": "pagetoken-Hy3v6Bc4",
    "FORM_TOKEN": "formtoken-Jd9f1Gs7",
    "LEADROUTER_ADMIN_TOKEN": "admintoken-Wp2k5Tq8",
    "MAIL_PASSWORD": "mailpassword-Xe4r7Uv3",
    "SIGNING_SECRET": "whsec_QWNjZXB0YW5jZVNpZ25pbmdTZWNyZXQwMTIz",
}


def until(condition, what, seconds=30, every=0.02):
    """What the condition answers, as soon as that is true."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)


def lead(id, dealer="99213450", created="2025-10-09T08:53:20+0000", form=FORM, **answers):
    answers = {"car_make": "Honda", "full_name": "Joe Example", **answers}
    answers["selected_dealer"] = dealer
    return {
        "id": str(id), "created_time": created, "form_id": form, "is_organic": False,
        "platform": "fb", "ad_id": "120210000000000123", "ad_name": "Autumn",
        "field_data": [{"name": name, "values": [value]} for name, value in answers.items()],
    }


def sample_leads():
    lines = SAMPLES.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


class Service:
    """A running `leadrouter serve`."""

    def __init__(self, bench, wait=True):
        self.bench = bench
        self.log_path = bench.new_log()
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--config", "rules"], cwd=bench.folder, env=bench.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            self.wait_until_ready()

    @property
    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def wait_until_ready(self):
        def is_ready():
            if self.process.poll() is not None:
                raise AssertionError(f"the service ended with {self.process.returncode}\n{self.log}")
            return "leadrouter is ready" in self.log

        until(is_ready, "the service is ready")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=20):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


class Bench(unittest.TestCase):
    """A folder of its own with `rules/`; Graph API, mail server and CRM beside it.

    After each test everything that the program printed is searched for the secrets.
    """

    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="leadrouter-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)  # runs last
        (self.folder / "rules").mkdir()
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", **SECRETS}
        self.outputs = []
        self.logs = []
        self.addCleanup(self.expect_no_secret)
        self.addCleanup(self.expect_a_sound_ledger)
        self.port, self.admin_port, self.mail_port = free_port(), free_port(), free_port()
        self.graph = Graph(SECRETS["META_PAGE_TOKEN"], SECRETS["META_APP_SECRET"])
        self.addCleanup(self.graph.close)
        self.crm = CRM()
        self.addCleanup(self.crm.close)
        self.mail = MailServer(self.mail_port, ("leads", SECRETS["MAIL_PASSWORD"]))
        self.service = None

    # The configuration

    def write(self, name, text):
        path = self.folder / "rules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def smtp(self, to, more=""):
        return (
            f'{{plugin: smtp, url: "smtp://127.0.0.1:{self.mail_port}", tls: off, username: leads, '
            f'password: "${{MAIL_PASSWORD}}", from: "leads@example.com", to: "{to}", '
            f'subject: "New lead: {{{{car_make}}}} for {{{{full_name}}}}", format: text, '
            f'retry: {{for: 3d, first: 100ms, most: 300ms}}{more}}}')

    def http(self, url, more=""):
        return (
            f'{{plugin: http, url: "{url}", method: POST, format: json, '
            f'headers: {{X-Lead: "{{{{lead.id}}}}"}}, signing_secret: "${{SIGNING_SECRET}}", '
            f'retry: {{for: 3d, first: 100ms, most: 300ms}}{more}}}')

    def sinks(self):
        retry = "retry: {first: 100ms, most: 300ms}"
        return {
            "store-email": self.smtp("{{store.email}}", ", on_failure: [head-office]"),
            "store-crm": self.http("{{store.crm_url}}", ", on_failure: [head-office]"),
            "head-office": self.smtp("leads@head-office.example.com"),
            "archive":
                '{plugin: file, path: "out/archive/{{lead.created_date}}.ndjson", '
                f"format: ndjson, mode: append, {retry}}}",
            "single":
                '{plugin: file, path: "out/single/{{lead.id}}.json", format: json, '
                f"mode: one-per-lead, {retry}}}",
        }

    ROUTES = """\
routes:
  - id: archive
    always: true
    also_to: [archive, single]
  - id: meta-tests
    when: {lead.is_test: true}
    drop: Meta test lead
  - id: dealers
    when: {selected_dealer: {in_table: store}}
    routes:
      - id: with-crm
        when: {store.crm_url: {exists: true}}
        to: [store-email, store-crm]
      - id: any-lead
        always: true
        to: [store-email]
default:
  to: [head-office]
"""

    def configure(self, sinks=None, routes=None, dealers=None):
        sinks = "\n".join(f"  {name}: {text}" for name, text in (sinks or self.sinks()).items())
        self.write("leadrouter.yaml", f"""\
version: 1
server: {{listen: "127.0.0.1:{self.port}", admin: {{listen: "127.0.0.1:{self.admin_port}", \
token: "${{LEADROUTER_ADMIN_TOKEN}}"}}}}
store: {{url: "sqlite:var/leads.db"}}
log: {{level: debug}}
sources:
  facebook:
    plugin: meta
    verify_token: ${{META_VERIFY_TOKEN}}
    app_secret: ${{META_APP_SECRET}}
    graph_url: {self.graph.url}
    graph_version: v21.0
    pages: {{"106000000000001": {{access_token: "${{META_PAGE_TOKEN}}"}}}}
  website:
    plugin: webhook
    auth: {{header: X-Form-Token, secret: "${{FORM_TOKEN}}"}}
    id: submission_id
    rename: {{"1.3": first_name}}
sinks:
{sinks}
tables:
  store:
    file: stores.csv
    key: store_number
    match: selected_dealer
fields:
  selected_dealer: {{exact: true, expect_in: store}}
include: [routes.yaml]
""")
        self.write("routes.yaml", routes or self.ROUTES)
        self.write("stores.csv", dealers or self.dealers())

    def dealers(self):
        """The stores of the example, their CRM addresses moved to the CRM of this test."""
        text = (RULES / "dealers.csv").read_text(encoding="utf-8")
        return text.replace("https://crm.example.test", self.crm.url)

    # The program

    def new_log(self):
        self.logs.append(self.folder / f"program-{len(self.logs)}.log")
        return self.logs[-1]

    def run_program(self, *arguments, code=0, input=None, config="rules"):
        """Standard output and error; the exit code must be as told."""
        command = [BINARY, *arguments]
        if config:
            command += ["--config", str(config)]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, input=input or b"",
            capture_output=True, timeout=60)
        out, error = done.stdout.decode(), done.stderr.decode()
        self.outputs += [out, error]
        self.assertEqual(done.returncode, code, f"{arguments}\n{out[-2000:]}\n{error[-2000:]}")
        return out, error

    def serve(self):
        self.service = Service(self)
        service = self.service
        self.addCleanup(lambda: service.process.poll() is None and service.kill())
        return service

    def listed(self, *arguments):
        out, _ = self.run_program(*arguments, "--format", "ndjson", "--limit", "100000")
        return [json.loads(line) for line in out.splitlines()]

    def leads(self, *arguments):
        return self.listed("leads", "list", *arguments)

    def deliveries(self, *arguments):
        return self.listed("deliveries", "list", *arguments)

    def wait_for_deliveries(self, count, state="delivered", seconds=30, more=()):
        def are_there():
            found = self.deliveries("--state", state, *more)
            return found if len(found) >= count else None

        return until(are_there, f"{count} deliveries are {state}", seconds, every=0.1)

    # Webhooks

    def request(self, method, path, body=None, headers=None, timeout=20):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def announce(self, *leads):
        body = announcement(leads)
        return self.post_event(body, {
            "X-Hub-Signature-256": sign(body, SECRETS["META_APP_SECRET"])})

    def post_event(self, body, headers):
        headers = {"Content-Type": "application/json", **headers}
        return self.request("POST", "/hooks/facebook", body, headers)

    def submit(self, body, kind, token=SECRETS["FORM_TOKEN"]):
        headers = {"Content-Type": kind}
        if token is not None:
            headers["X-Form-Token"] = token
        return self.request("POST", "/hooks/website", body, headers)

    # What came out

    def archive_lines(self):
        lines = []
        for path in sorted((self.folder / "out/archive").glob("*")):
            text = path.read_bytes()
            self.assertTrue(text.endswith(b"\n"), f"the last line of {path.name} has no end")
            lines += [json.loads(line) for line in text.splitlines()]
        return lines

    def expect_a_sound_ledger(self):
        """The invariants of docs/ledger.md hold after whatever the test did."""
        store = self.folder / "var/leads.db"
        if store.exists():
            out, _ = self.run_program("ledger", "verify", "--store", str(store))
            self.assertIn("all is well", out)

    def expect_no_secret(self):
        texts = self.outputs + [path.read_text(errors="replace") for path in self.logs]
        for name, secret in SECRETS.items():
            for text in texts:
                if secret in text:
                    self.fail(f"{name} was printed: {line_of(text, secret)}")
        for target in self.graph.targets:
            self.assertNotIn(SECRETS["META_PAGE_TOKEN"], target, "a token in an address")


def line_of(text, part):
    return re.search(f".*{re.escape(part)}.*", text).group()


def crash(log):
    """The part of a log that tells of a crash, without the threads that did not; else its end."""
    begin = max(log.find("Fatal error"), 0) or log.find("*** ")
    return log[begin:begin + 3000] if begin >= 0 else log[-2000:]
