"""An SMTP server that refuses as the recipient asks and reports each mail.

Recipients: `rcpt-CODE@…` is answered CODE at RCPT, `data-CODE@…` CODE behind the final dot,
`lost@…` loses the connection behind the final dot, `hang@…` is never answered there, `late-CODE@…`
is answered CODE there after a connection to the port of the event `late`.

With `stall` nothing of that holds: DATA is read only to its first byte, until a connection to the
port of the event `stalled`; then the event `tail` tells how the mail ended.

Arguments: `greeting=CODE` and `ehlo=CODE` refuse the session; `auth` wants user `leads` with password `right`; `deaf` never answers QUIT;
`slow` greets after 12 s;
`tls=PEM` offers STARTTLS.
"""

import asyncio
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from parent import end_with_parent, say


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.split("@")[0]
        if local.startswith("rcpt-"):
            return local[5:] + " 5.1.1 no such <" + address + ">"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        local = envelope.rcpt_tos[0].split("@")[0]
        if local == "lost":
            server.transport.abort()
            return "250 never seen"
        if local == "hang":
            say(event="hung", connection=session.peer[1])
            await asyncio.sleep(3600)
        if local.startswith("late-"):
            await woken("late")
            return local[5:] + " late"
        if local.startswith("data-"):
            return local[5:] + " refused"
        say(
            event="mail", sender=envelope.mail_from, recipients=envelope.rcpt_tos,
            data=envelope.original_content.decode("latin-1"), helo=session.host_name,
            login=bool(session.authenticated), tls=session.ssl is not None,
            connection=session.peer[1])
        return "250 2.0.0 queued"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data == LoginPassword(b"leads", b"right")
    return AuthResult(success=good, handled=False)


class Slow(SMTP):
    def connection_made(self, transport):
        asyncio.get_running_loop().call_later(12, super().connection_made, transport)


class Deaf(SMTP):
    async def smtp_QUIT(self, argument):
        say(event="quit")
        await asyncio.sleep(3600)


async def woken(event):
    """Says the event with a port, and waits for a connection there."""
    go_on = asyncio.Event()

    async def wake(_, other):
        go_on.set()
        other.close()

    waker = await asyncio.start_server(wake, "127.0.0.1", 0)
    say(event=event, port=waker.sockets[0].getsockname()[1])
    await go_on.wait()


async def stall(reader, writer):
    def reply(text):
        writer.write(text.encode() + b"\r\n")

    reply("220 stall")
    while True:
        line = await reader.readline()
        if line.upper().startswith(b"DATA"):
            break
        reply("250 OK")
    reply("354 go on")
    await reader.read(1)
    await woken("stalled")
    tail = b""
    try:
        while part := await reader.read(65536):
            tail = (tail + part)[-5:]
    except ConnectionError:
        pass
    say(event="tail", whole=tail == b"\r\n.\r\n")


def refusing(word):
    async def refuse(reader, writer):
        step, code = word.split("=")
        if step == "greeting":
            writer.write(code.encode() + b" go away\r\n")
        else:
            writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            if line.upper().startswith(b"QUIT"):
                writer.write(b"221 bye\r\n")
                break
            writer.write(code.encode() + b" go away\r\n")
        writer.close()

    return refuse


async def main():
    words = set(sys.argv[1:])
    for word in words:
        if word.startswith(("greeting=", "ehlo=")):
            server = await asyncio.start_server(refusing(word), "127.0.0.1", 0)
            say(port=server.sockets[0].getsockname()[1])
            await server.serve_forever()
    if "stall" in words:
        server = await asyncio.start_server(stall, "127.0.0.1", 0)
        say(port=server.sockets[0].getsockname()[1])
        await server.serve_forever()
    context = None
    for word in words:
        if word.startswith("tls="):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(word[4:])
    kind = Deaf if "deaf" in words else Slow if "slow" in words else SMTP

    def make():
        options = {}
        if "auth" in words:
            options = dict(
                authenticator=authenticate, auth_required=True,
                auth_require_tls=context is not None)
        return kind(Handler(), enable_SMTPUTF8=False, tls_context=context, **options)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, "127.0.0.1", 0)
    say(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


end_with_parent()
warnings.simplefilter("ignore")
logging.disable()
asyncio.run(main())
