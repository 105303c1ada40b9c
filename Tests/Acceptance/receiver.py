"""An HTTP server in a process of its own that can be stopped by SIGSTOP, and be bad in other ways.

    receiver.py FOLDER NAME=MODE...

Binds a port for each name and writes all of them to FOLDER/ports as JSON. For each request a line
"<ns since 1970> <Idempotency-Key> <X-Lead>" is appended to FOLDER/<name>. Modes: `well` answers
201; `garbage` answers bytes that are no HTTP; `breaks` hangs up in the middle of its answer;
`silent` never answers; `empty` answers 200 as `well` does, and forgets what it got.
"""

import asyncio
import functools
import json
import pathlib
import re
import sys
import time

ANSWERS = {
    "well": b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
    "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "garbage": b"\x00\xffSMTP/9 maybe\r\n\r\n" * 3,
    "breaks": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe first part",
    "silent": b"",
}


class Receiver(asyncio.Protocol):
    def __init__(self, mode, file):
        self.mode, self.file, self.data = mode, file, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.data += data
        while True:
            head, gap, rest = self.data.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            size = int(length.group(1)) if length else 0
            if not gap or len(rest) < size:
                return
            self.data = rest[size:]
            self.note(head)
            self.transport.write(ANSWERS[self.mode])
            if self.mode in ("garbage", "breaks"):
                self.transport.close()

    def note(self, head):
        def header(name):
            found = re.search(rb"(?i)\r\n" + name + rb": *([^\r]*)", head)
            return found.group(1).decode() if found else "-"

        if self.mode != "empty":
            self.file.write(
                f"{time.time_ns()} {header(b'idempotency-key')} {header(b'x-lead')}\n")


async def main(folder, sinks):
    loop, ports = asyncio.get_running_loop(), {}
    for name, mode in sinks:
        file = open(folder / name, "a", buffering=1)
        server = await loop.create_server(
            functools.partial(Receiver, mode, file), "127.0.0.1", 0, backlog=512)
        ports[name] = server.sockets[0].getsockname()[1]
    (folder / "ports.new").write_text(json.dumps(ports))
    (folder / "ports.new").rename(folder / "ports")
    await asyncio.Event().wait()


asyncio.run(main(pathlib.Path(sys.argv[1]), [one.split("=") for one in sys.argv[2:]]))
