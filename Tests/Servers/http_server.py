"""An HTTP server that answers as the path asks and reports each request.

/status/N            N, empty body; other headers from the query (?Retry-After=5)
/body/TEXT           200 with TEXT
/big/N               200 with N bytes
/headers/N           200 with N headers of 1000 bytes
/hang                reports 'hung', never answers, reports 'gone' when the client leaves
/drop                reads the request and closes
"""

import http.server
import sys
import threading
import urllib.parse

from parent import end_with_parent, say


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def answer(self):
        count = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(count)
        say(
            event="request", method=self.command, path=self.path, body=body.decode("latin-1"),
            headers={name.lower(): value for name, value in self.headers.items()},
            header_count=len(self.headers), connection=self.client_address[1])
        parts = urllib.parse.urlsplit(self.path)
        words = parts.path.split("/", 2)
        argument = urllib.parse.unquote(words[2]) if len(words) > 2 else ""
        getattr(self, "do_" + words[1], self.do_body)(argument, parts.query)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer

    def reply(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def do_status(self, argument, query):
        self.reply(int(argument), urllib.parse.parse_qsl(query))

    def do_body(self, argument, query):
        self.reply(200, [], argument.encode())

    def do_big(self, argument, query):
        self.reply(200, [], b"x" * int(argument))

    def do_headers(self, argument, query):
        self.reply(200, [(f"X-{i}", "v" * 1000) for i in range(int(argument))])

    def do_hang(self, argument, query):
        say(event="hung")
        try:
            self.connection.recv(1)
        except OSError:
            pass
        say(event="gone")
        self.close_connection = True

    def do_drop(self, argument, query):
        self.close_connection = True

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, request, address):
        pass


end_with_parent()
server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 1:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    server.socket = context.wrap_socket(server.socket, server_side=True)
say(port=server.server_port)
server.serve_forever()
