"""The mail server and the CRM that deliveries go to. Both remember everything they get."""

import email
import email.policy
import logging
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

# A login without TLS is what is wanted on this machine, and needs no warning a session.
logging.getLogger("mail.log").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", category=UserWarning, module="aiosmtpd")


class Mail:
    def __init__(self, envelope):
        self.sender = envelope.mail_from
        self.recipients = envelope.rcpt_tos
        self.message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.id = self.message["Message-ID"]
        self.key = self.id.strip("<>").split("@")[0]
        self.lead = self.message["X-Lead-Id"]
        self.body = self.message.get_content().replace("\r\n", "\n")


class MailServer:
    """`refusals` are replies to the next mails, per recipient; None as last one: for ever."""

    def __init__(self, port, login=None):
        self.mails = []
        self.attempts = []  # (recipient, Message-ID) of every DATA, refused ones too
        self.refusals = {}
        self.lock = threading.Lock()
        self.port = port
        self.options = {}
        if login:
            def authenticate(server, session, envelope, mechanism, data):
                good = isinstance(data, LoginPassword) and login == (
                    data.login.decode(), data.password.decode())
                return AuthResult(success=good, handled=good)

            self.options = {
                "authenticator": authenticate, "auth_required": True, "auth_require_tls": False}

    def start(self):
        self.controller = Controller(
            self, hostname="127.0.0.1", port=self.port, **self.options)
        self.controller.start()

    def close(self):
        self.controller.stop(no_assert=True)

    async def handle_DATA(self, server, session, envelope):
        mail = Mail(envelope)
        with self.lock:
            recipient = envelope.rcpt_tos[0]
            self.attempts.append((recipient, mail.id))
            left = self.refusals.get(recipient)
            if left:
                return left.pop(0)
            self.mails.append(mail)
        return "250 2.0.0 taken"

    def to(self, recipient):
        with self.lock:
            return [mail for mail in self.mails if mail.recipients == [recipient]]


class Post:
    def __init__(self, path, headers, body):
        self.path = path
        self.headers = headers
        self.body = body
        self.key = headers.get("Idempotency-Key")


class CRM:
    """Answers 201, or what `answers` holds for the path: a list, used up one by one."""

    def __init__(self):
        self.posts = []
        self.answers = {}
        self.lock = threading.Lock()
        crm = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with crm.lock:
                    crm.posts.append(Post(self.path, self.headers, body))
                    left = crm.answers.get(self.path)
                    status = left.pop(0) if left else 201
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_PUT = do_POST

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # who hung up was killed, or stopped
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def at(self, path):
        with self.lock:
            return [post for post in self.posts if post.path == path]
