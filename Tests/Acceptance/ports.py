"""Ports that stay free until the program listens."""

import random
import socket

#: Below the range from which Linux takes the ports of outgoing connections (32768 and up): a test opens
#: thousands of those, and one of them may get a port of that range between the look and its use.
RANGE = range(12_000, 32_000)
#: What was given already, and may not be listened at yet.
given = set()


def free_port():
    """A port of this machine on which nobody listens."""
    while True:
        port = random.choice(RANGE)
        if port in given:
            continue
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        given.add(port)
        return port
