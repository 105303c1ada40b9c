"""The outside of leadrouter for black-box tests: real servers on 127.0.0.1, and the program.

Mail is Debian's python3-aiosmtpd; the rest is the standard library. The Graph API here is written
from Meta's documented behaviour, independently of the one in LeadTesting.
"""

import base64
import collections
import contextlib
import email
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller

from ports import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEADROUTER = os.environ.get("LEADROUTER", str(ROOT / ".build/debug/leadrouter"))
APP_SECRET = "acceptance-app-secret"
PAGE_TOKEN = "acceptance-page-token"
VERIFY_TOKEN = "acceptance-verify-token"
FORM_TOKEN = "acceptance-form-token"
SECRETS = [APP_SECRET, PAGE_TOKEN, VERIFY_TOKEN, FORM_TOKEN]


#: The exit code of a command that the service which has the store did not answer.
EX_UNAVAILABLE = 69


class Unavailable(AssertionError):
    """The service that has the store did not answer a command."""


def until(condition, seconds=30.0, what="the condition", every=0.02):
    """Polls with a deadline; returns the condition's first true value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(every)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        """Who hung up was killed, or stopped."""


class Graph:
    """Enough of the Graph API to read leads: single, by ids, and the pages of a form."""

    def __init__(self):
        self.leads, self.reads, self.lock = {}, [], threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.answer(self)

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, *leads):
        for lead in leads:
            self.leads[lead["id"]] = lead

    def answer(self, handler):
        parts = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        path = [p for p in parts.path.split("/") if p]
        if path and re.fullmatch(r"v\d+\.\d+", path[0]):
            path = path[1:]
        token = query.get("access_token") or handler.headers.get("Authorization", "")[7:]
        if token != PAGE_TOKEN:
            return self.error(handler, 190, "Invalid OAuth access token.")
        proof = hmac.new(APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
        if query.get("appsecret_proof", proof) != proof:
            return self.error(handler, 100, "Invalid appsecret_proof provided in the API argument")
        if query.get("ids"):
            ids = query["ids"].split(",")
            if any(i not in self.leads for i in ids):
                return self.error(handler, 100, "Unsupported get request.", 33)
            with self.lock:
                self.reads += ids
            return self.send(handler, 200, {i: self.leads[i] for i in ids})
        if len(path) == 2 and path[1] == "leads":
            return self.page(handler, path[0], query)
        if len(path) == 1 and path[0] in self.leads:
            with self.lock:
                self.reads.append(path[0])
            return self.send(handler, 200, self.leads[path[0]])
        return self.error(handler, 100, "Unsupported get request.", 33)

    def page(self, handler, form, query):
        def created(lead):
            return int(time.mktime(time.strptime(lead["created_time"][:19], "%Y-%m-%dT%H:%M:%S")))

        rows = [l for l in self.leads.values() if l.get("form_id") == form]
        rows.sort(key=created, reverse=True)
        for one in json.loads(query.get("filtering", "[]")):
            if one.get("field") != "time_created":
                continue
            value, op = int(one["value"]), one["operator"]
            keep = {"GREATER_THAN": lambda t: t > value, "LESS_THAN": lambda t: t < value,
                    "GREATER_THAN_OR_EQUAL": lambda t: t >= value}[op]
            rows = [r for r in rows if keep(created(r))]
        limit = min(int(query.get("limit", 25)), 40)
        start = int(base64.b64decode(query["after"])) if query.get("after") else 0
        data = rows[start:start + limit]
        answer = {"data": data}
        if data:
            after = base64.b64encode(str(start + len(data)).encode()).decode()
            answer["paging"] = {"cursors": {"before": "x", "after": after}}
            if start + len(data) < len(rows):
                more = urllib.parse.urlencode({"access_token": PAGE_TOKEN, "after": after})
                answer["paging"]["next"] = f"{self.url}/v21.0/{form}/leads?{more}"
        self.send(handler, 200, answer)

    def error(self, handler, code, message, subcode=None):
        body = {"error": {"message": message, "type": "OAuthException", "code": code,
                          "error_subcode": subcode, "fbtrace_id": "A1b2"}}
        self.send(handler, 400, body)

    def send(self, handler, status, body):
        data = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def webhook(self, *ids):
        changes = [{"field": "leadgen", "value": {
            "leadgen_id": i, "page_id": "106000000000001", "form_id": "555000000000001",
            "created_time": 1760000000}} for i in ids]
        return json.dumps({"object": "page", "entry": [
            {"id": "106000000000001", "time": 1760090000, "changes": changes}]}).encode()


class CRM:
    """Records each POST; `script` answers statuses in turn, then 201; `echoes` sends each back, its
    headers behind its body."""

    echoes = False

    def __init__(self):
        self.posts, self.script, self.lock = [], [], threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # an answer in one piece: two would wait for each other

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.lock:
                    outer.posts.append({"path": self.path, "body": body,
                                        "headers": {k.lower(): v for k, v in self.headers.items()}})
                    status = outer.script.pop(0) if outer.script else 201
                self.send_response(status)
                answer = body + str(self.headers).encode() if outer.echoes else b""
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keys(self):
        with self.lock:
            return [p["headers"]["idempotency-key"] for p in self.posts]


class MailServer:
    """aiosmtpd; `script` answers the end of DATA in turn, then 250."""

    def __init__(self, port=0):
        self.mails, self.script, self.lock = [], [], threading.Lock()
        self.port = port or free_port()
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()
        self.url = f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content)
        with self.lock:
            answer = self.script.pop(0) if self.script else "250 OK"
            self.mails.append({"to": envelope.rcpt_tos, "from": envelope.mail_from,
                               "message": message, "raw": envelope.content, "answer": answer})
        return answer

    def accepted(self):
        with self.lock:
            return [m for m in self.mails if m["answer"].startswith("250")]

    def close(self):
        if self.controller is not None:
            self.controller.stop()
            self.controller = None


def signature(body, secret=APP_SECRET):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Program:
    """A configuration in a folder of its own, and the program that serves it."""

    def __init__(self, graph, crm, mail_url, extra_sinks="", routes=None, retry=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="leadrouter-"))
        self.rules = self.folder / "rules"
        self.rules.mkdir()
        self.port, self.admin = free_port(), free_port()
        self.log = open(self.folder / "log", "ab")
        self.process = None
        self.environment = dict(
            os.environ, APP_SECRET=APP_SECRET, PAGE_TOKEN=PAGE_TOKEN, VERIFY_TOKEN=VERIFY_TOKEN,
            FORM_TOKEN=FORM_TOKEN)
        stores = (ROOT / "rules/dealers.csv").read_text()
        (self.rules / "stores.csv").write_text(
            stores.replace("https://crm.example.test", crm.url if crm else "http://127.0.0.1:9"))
        retry = retry or "{for: 7d, first: 200ms, most: 1s}"
        routes = routes or ROUTES
        (self.rules / "leadrouter.yaml").write_text(f"""\
version: 1
server: {{listen: "127.0.0.1:{self.port}", admin: {{listen: "127.0.0.1:{self.admin}"}}}}
store: {{url: "sqlite:{self.folder}/leads.db"}}
sources:
  facebook:
    plugin: meta
    verify_token: ${{VERIFY_TOKEN}}
    app_secret: ${{APP_SECRET}}
    graph_url: {graph.url if graph else 'http://127.0.0.1:9'}
    graph_version: v21.0
    pages: {{"106000000000001": {{access_token: "${{PAGE_TOKEN}}"}}}}
    forms: ["555000000000001"]
  website:
    plugin: webhook
    auth: {{header: X-Form-Token, secret: "${{FORM_TOKEN}}"}}
    id: submission_id
    rename: {{"1.3": first_name}}
sinks:
  store-email: {{plugin: smtp, url: "{mail_url}", tls: off, from: "leads@example.com", to: "{{{{store.email}}}}", subject: "New lead: {{{{car_make}}}} for {{{{store.name}}}}", format: text, retry: {retry}, on_failure: [head-office]}}
  store-crm:   {{plugin: http, url: "{{{{store.crm_url}}}}", method: POST, format: json, headers: {{X-Lead: "{{{{lead.id}}}}"}}, retry: {retry}, on_failure: [head-office]}}
  head-office: {{plugin: file, path: "{self.folder}/out/head-office.ndjson", format: ndjson, mode: append}}
  archive:     {{plugin: file, path: "{self.folder}/out/archive.ndjson", format: ndjson, mode: append}}
  each:        {{plugin: file, path: "{self.folder}/out/each/{{{{lead.id}}}}.json", format: json, mode: one-per-lead}}
{extra_sinks}
tables:
  store: {{file: stores.csv, key: store_number, match: selected_dealer}}
{routes}
default:
  to: [head-office]
""")

    def url(self, name):
        return f"/hooks/{name}"

    def run(self, *arguments, stdin=None):
        return subprocess.run(
            [LEADROUTER, *arguments], input=stdin, capture_output=True, env=self.environment,
            cwd=self.folder, timeout=120)

    def command(self, *arguments, stdin=None):
        return self.run(*arguments, "--config", str(self.rules), stdin=stdin)

    def start(self):
        self.process = subprocess.Popen(
            [LEADROUTER, "serve", "--config", str(self.rules)], stdout=self.log, stderr=self.log,
            env=self.environment, cwd=self.folder)
        until(self.is_ready, 20, "the service's readiness")
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError("serve ended: " + (self.folder / "log").read_text()[-2000:])
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.5):
                return self.get("/health/ready", self.admin)[0] == 200
        except OSError:
            return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def work(self):
        """Seconds of a processor that the service has used."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        user, system = stat.rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def stop(self, seconds=20):
        """SIGTERM; returns the exit code."""
        if self.process is None or self.process.poll() is not None:
            return None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    #: Whether the ledger must be sound at the end; off where a test breaks it.
    verifies = True

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        if self.verifies and (self.folder / "leads.db").exists():
            done = self.run("ledger", "verify", "--store", str(self.folder / "leads.db"))
            assert done.returncode == 0, (done.stdout, done.stderr)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def request(self, method, path, body=None, headers=None, port=None, timeout=20,
                connection=None):
        """By a connection that stays open, or one of its own."""
        own = connection or http.client.HTTPConnection(
            "127.0.0.1", port or self.port, timeout=timeout)
        try:
            own.request(method, path, body=body, headers=headers or {})
            response = own.getresponse()
            return response.status, response.read(), dict(response.getheaders())
        finally:
            if own is not connection:
                own.close()

    def get(self, path, port=None):
        return self.request("GET", path, port=port)

    def announce(self, body, sign=True, **headers):
        sent = {"Content-Type": "application/json"}
        if sign:
            sent["X-Hub-Signature-256"] = signature(body)
        sent.update({k.replace("_", "-"): v for k, v in headers.items()})
        return self.request("POST", "/hooks/facebook", body, sent)

    def submit(self, body, content_type="application/json", token=FORM_TOKEN, connection=None):
        headers = {"Content-Type": content_type}
        if token:
            headers["X-Form-Token"] = token
        return self.request("POST", "/hooks/website", body, headers, connection=connection)

    def rows(self, *arguments):
        done = self.command(*arguments, "--format", "ndjson", "--limit", "1000000")
        if done.returncode == EX_UNAVAILABLE:
            raise Unavailable(done.stderr)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def leads(self):
        return self.rows("leads", "list")

    def deliveries(self):
        return self.rows("deliveries", "list")

    def settled(self):
        asked = self.process
        try:
            leads, deliveries = self.leads(), self.deliveries()
        except Unavailable:
            # No fault where it died while it was asked, and somebody starts it again.
            with contextlib.suppress(subprocess.TimeoutExpired):
                asked.wait(2)
                return False
            raise
        return (all(l["state"] in ("decided", "held", "quarantined") for l in leads)
                and all(d["state"] in ("delivered", "dead") for d in deliveries)
                and (leads, deliveries))

    def settle(self, seconds=60.0, every=0.02):
        """Waits for the end of all deliveries; says what is left when it does not come."""
        try:
            return until(self.settled, seconds, "the end of all deliveries", every)
        except AssertionError as error:
            states = {}
            with contextlib.suppress(Unavailable):
                states = collections.Counter(
                    row["state"] for row in self.leads() + self.deliveries())
            log = (self.folder / "log").read_text()[-2000:]
            raise AssertionError(f"{error}: {dict(states)}\n{log}") from None

    def lines(self, name):
        path = self.folder / "out" / name
        return [json.loads(l) for l in path.read_text().splitlines()] if path.exists() else []


ROUTES = """\
routes:
  - id: archive
    always: true
    also_to: [archive]
  - id: meta-tests
    when: {lead.is_test: true}
    drop: Meta test lead
  - id: dealers
    when: {selected_dealer: {in_table: store}}
    routes:
      - id: both
        when: {store.email: {exists: true}, store.crm_url: {exists: true}}
        to: [store-email, store-crm]
      - id: mail
        when: {store.email: {exists: true}}
        to: [store-email]
      - id: crm
        when: {store.crm_url: {exists: true}}
        to: [store-crm]
"""

SEED_LEAD = {
    "id": "1730000000999001", "created_time": "2018-02-28T08:49:14+0000",
    "ad_id": "120210000000000123", "form_id": "555000000000001",
    "field_data": [{"name": "car_make", "values": ["Honda"]},
                   {"name": "full_name", "values": ["Joe Example"]},
                   {"name": "email", "values": ["joe@example.com"]},
                   {"name": "selected_dealer", "values": ["99213450"]}]}
