"""A small Graph API: reading leads one by one, many at once, and form by form through cursors."""

import base64
import calendar
import hashlib
import hmac
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FIELDS = {
    "id", "created_time", "ad_id", "ad_name", "adset_id", "adset_name", "campaign_id",
    "campaign_name", "form_id", "field_data", "custom_disclaimer_responses", "is_organic",
    "platform", "partner_name", "retailer_item_id",
}


class Refused(Exception):
    def __init__(self, message, code, status=400, subcode=None):
        super().__init__(message)
        self.status = status
        error = {"message": message, "type": "OAuthException", "code": code}
        if subcode:
            error["error_subcode"] = subcode
        self.body = {"error": error}


def seconds(lead):
    return calendar.timegm(time.strptime(lead["created_time"], "%Y-%m-%dT%H:%M:%S+0000"))


class Graph:
    """Serves `leads` (id → lead in Graph shape) to who shows `token` and its proof."""

    def __init__(self, token, app_secret):
        self.token = token
        self.proof = hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        self.leads = {}
        self.reads = {}  # lead id → how often its content went out by a read of the lead
        self.targets = []
        self.refusal = None  # answered instead of anything else
        self.lock = threading.Lock()
        graph = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_GET(self):
                status, body = graph.answer(self.path, self.headers)
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=UTF-8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        ThreadingHTTPServer.request_queue_size = 128
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # who hung up was killed, or stopped
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, *leads):
        with self.lock:
            for lead in leads:
                self.leads[lead["id"]] = lead

    def answer(self, target, headers):
        path, _, query = target.partition("?")
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        with self.lock:
            self.targets.append(target)
            try:
                if self.refusal:
                    raise self.refusal
                self.authorise(query, headers)
                return 200, self.route([part for part in path.split("/") if part], query)
            except Refused as refusal:
                return refusal.status, refusal.body

    def authorise(self, query, headers):
        bearer = headers.get("Authorization", "")
        token = query.get("access_token") or bearer[len("Bearer "):]
        if not token:
            raise Refused("An access token is required to request this resource.", 104)
        if token != self.token:
            raise Refused("Error validating access token: invalid.", 190)
        if query.get("appsecret_proof", self.proof) != self.proof:
            raise Refused("Invalid appsecret_proof provided in the API argument", 100)

    def route(self, parts, query):
        if not parts or not parts[0].startswith("v"):
            raise Refused("Unknown path components", 2500, status=404)
        match parts[1:]:
            case [] if "ids" in query:
                return {lead: self.lead(lead, query) for lead in query["ids"].split(",")}
            case [lead]:
                return self.lead(lead, query)
            case [form, "leads"]:
                return self.page(form, query, "/".join(parts))
        raise Refused("Unknown path components", 2500, status=404)

    def lead(self, id, query):
        if id not in self.leads:
            raise Refused(
                f"Unsupported get request. Object with ID '{id}' does not exist", 100, subcode=33)
        self.reads[id] = self.reads.get(id, 0) + 1
        return self.chosen(self.leads[id], query)

    def chosen(self, lead, query):
        fields = query.get("fields", "id,created_time,ad_id,form_id,field_data").split(",")
        for field in fields:
            if field not in FIELDS:
                raise Refused(f"(#100) Tried accessing nonexisting field ({field})", 100)
        return {name: lead[name] for name in [*fields, "id"] if name in lead}

    def page(self, form, query, path):
        rows = [lead for lead in self.leads.values() if lead.get("form_id") == form]
        if not rows:
            raise Refused(f"Object with ID '{form}' does not exist", 100, subcode=33)
        for test in json.loads(query.get("filtering", "[]")):
            # Like the real one: a field that it does not know filters nothing, silently.
            if test["field"] != "time_created":
                continue
            value = int(test["value"])
            holds = {
                "GREATER_THAN": lambda at: at > value,
                "GREATER_THAN_OR_EQUAL": lambda at: at >= value,
                "LESS_THAN": lambda at: at < value,
            }[test["operator"]]
            rows = [lead for lead in rows if holds(seconds(lead))]
        rows.sort(key=lambda lead: (-seconds(lead), lead["id"]))  # newest first
        start = 0
        if "after" in query:
            after = base64.b64decode(query["after"]).decode()
            start = 1 + [lead["id"] for lead in rows].index(after)
        limit = int(query.get("limit", 25))
        data = rows[start:start + limit]
        answer = {"data": [self.chosen(lead, query) for lead in data]}
        if data:
            after = base64.b64encode(data[-1]["id"].encode()).decode()
            answer["paging"] = {"cursors": {"before": "QQ==", "after": after}}
            if start + limit < len(rows):
                # The real one puts the token in here; who follows it is found out.
                again = urllib.parse.urlencode({**query, "after": after, "next_followed": "1"})
                answer["paging"]["next"] = f"{self.url}/{path}?{again}"
        return answer


def sign(body, secret, algorithm="sha256"):
    digest = hmac.new(secret.encode(), body, algorithm).hexdigest()
    return f"{algorithm}={digest}"


def announcement(leads, page="106000000000001"):
    """The body of the webhook that announces leads."""
    changes = [
        {"field": "leadgen", "value": {
            "leadgen_id": lead["id"], "page_id": page, "form_id": lead["form_id"],
            "created_time": seconds(lead)}}
        for lead in leads
    ]
    entry = {"id": page, "time": 1760090000, "changes": changes}
    return json.dumps({"object": "page", "entry": [entry]}).encode()
