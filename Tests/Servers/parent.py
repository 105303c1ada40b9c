"""What the test servers share: one JSON object a line on stdout, the first with the port."""

import json
import os
import sys
import threading

_lock = threading.Lock()


def say(**event):
    with _lock:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def end_with_parent():
    """The test's end closes stdin."""

    def wait():
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()
