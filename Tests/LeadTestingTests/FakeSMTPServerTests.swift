import LeadTesting
import Testing

@Suite(.enabled(if: Python.isInstalled, "python3 is not installed"), .timeLimit(.minutes(1)))
struct FakeSMTPServerTests {
    @Test func `smtplib delivers a mail as it was written`() async throws {
        try await FakeSMTPServer.running { server in
            let output = try await Python.run(
                """
                import smtplib, sys
                from email.message import EmailMessage
                m = EmailMessage()
                m["From"] = "leads@example.com"; m["To"] = "a@example.com"
                m["Subject"] = "Zo\\u00eb " + "long " * 30
                m.set_content(".\\n..dots\\nend\\n")
                with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as s:
                    s.ehlo("client.example")
                    print(sorted(s.esmtp_features))
                    s.send_message(m)
                """, String(server.port))
            #expect(output.contains("'8bitmime'") && output.contains("'pipelining'"))
            let mails = await server.mails(count: 1)
            let mail = try #require(mails.first)
            #expect(mail.client == "client.example")
            #expect(mail.sender == "leads@example.com")
            #expect(mail.recipients == ["a@example.com"])
            #expect(mail.header("subject")?.utf8.contains(0x0D) == false)
            #expect(mail.header("SUBJECT")?.utf8.count ?? 0 > 150)
            #expect(mail.text == ".\r\n..dots\r\nend\r\n")
            #expect(mail.number == 1)
        }
    }

    @Test(arguments: ["PLAIN", "LOGIN"])
    func `a login is checked`(mechanism: String) async throws {
        var options = SMTPOptions()
        options.login = ("user", "pass")
        try await FakeSMTPServer.running(options: options) { server in
            let output = try await Python.run(
                """
                import smtplib, sys
                port, mechanism = int(sys.argv[1]), sys.argv[2]
                def connect(password):
                    s = smtplib.SMTP("127.0.0.1", port); s.ehlo()
                    s.user, s.password = "user", password
                    f = {"PLAIN": s.auth_plain, "LOGIN": s.auth_login}[mechanism]
                    s.auth(mechanism, f)
                    return s
                s = smtplib.SMTP("127.0.0.1", port); s.ehlo(); print(s.mail("a@b.test")[0])
                try: connect("wrong")
                except smtplib.SMTPAuthenticationError as e: print(e.smtp_code)
                s = connect("pass"); s.sendmail("a@b.test", ["c@d.test"], "Subject: x\\r\\n\\r\\ny\\r\\n"); s.quit()
                """, String(server.port), mechanism)
            #expect(output == "530\n535\n")
            #expect(await server.mails(count: 1).first?.user == "user")
        }
    }

    @Test func `each step fails as told, and only so often`() async throws {
        try await FakeSMTPServer.running { server in
            server.fail(.greeting, with: .reply("421 4.3.2 not now"))
            server.fail(.mail, with: .reply("451 4.3.0 mail"))
            server.fail(recipient: "Bad@x.test", with: .reply("550 5.1.1 nobody"))
            server.fail(.data, with: .reply("451 4.3.0 data"))
            server.fail(.message, with: .reply("554 5.6.0 content"))
            server.fail(.message, with: .close)
            server.fail(.message, with: .acceptAndClose)
            let output = try await Python.run(
                """
                import smtplib, sys
                def once():
                    try:
                        s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]))
                        print("ok", s.sendmail("a@x.test", ["bad@x.test", "good@x.test"], "A: b\\r\\n\\r\\nc\\r\\n"))
                        s.quit()
                    except smtplib.SMTPResponseException as e: print(e.smtp_code)
                    except smtplib.SMTPException as e: print(type(e).__name__)
                for i in range(7): once()
                """, String(server.port))
            let expected = [
                "421", "451", "451", "554", "SMTPServerDisconnected", "SMTPServerDisconnected",
                "ok {}",
            ]
            #expect(output.split(separator: "\n").map(String.init) == expected)
            // The answer of the first was lost, not the mail.
            #expect(server.mailCount == 2)
            #expect(server.connectionCount == 7)
        }
    }

    @Test func `what is not clean SMTP is refused`() async throws {
        var options = SMTPOptions()
        options.offersUTF8 = false
        options.messageBytesMax = 1000
        try await FakeSMTPServer.running(options: options) { server in
            let output = try await Python.run(
                """
                import socket, sys
                def talk(*sends):
                    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                    f = s.makefile("rb"); f.readline()
                    codes = []
                    for data in sends:
                        s.sendall(data)
                        for line in iter(f.readline, b""):
                            if line[3:4] == b" ": codes.append(line[:3].decode()); break
                    s.close(); print(*codes)
                E, M, R = b"EHLO x\\r\\n", b"MAIL FROM:<a@x.test>\\r\\n", b"RCPT TO:<b@x.test>\\r\\n"
                D = b"DATA\\r\\n"
                talk(b"NOOP\\n", b"NOPE\\r\\n", M, E, R, D, M, M)
                talk(E, b"MAIL FROM:<a@x.test> NOTIFY=NEVER\\r\\n", b"MAIL FROM:<a@x> <b@x>\\r\\n",
                     b"MAIL FROM:<\\xc3\\xa4@x.test>\\r\\n", b"MAIL FROM:<a@x.test> SIZE=2000\\r\\n")
                talk(E, M, R, D, b"x\\n.\\nMAIL FROM:<evil@x.test>\\r\\n.\\r\\n")
                talk(E, M, R, D, b"y" * 5000 + b"\\r\\n.\\r\\n", M)
                talk(b"x" * 20000)
                """, String(server.port))
            let expected = [
                "500 500 503 250 503 503 250 503", "250 555 555 553 552", "250 250 250 354 550",
                "250 250 250 354 552 250", "500",
            ]
            #expect(output.split(separator: "\n").map(String.init) == expected)
            #expect(server.mailCount == 0)
        }
    }

    @Test func `pipelined commands are answered in order`() async throws {
        try await FakeSMTPServer.running { server in
            let output = try await Python.run(
                """
                import socket, sys
                s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                s.sendall(b"HELO x\\r\\nMAIL FROM:<>\\r\\nRCPT TO:<b@x.test>\\r\\nDATA\\r\\n"
                          b"A: 1\\r\\n\\r\\n..\\r\\n.\\r\\nRSET\\r\\nQUIT\\r\\n")
                print(*[l[:3].decode() for l in s.makefile("rb")])
                """, String(server.port))
            #expect(output == "220 250 250 250 354 250 250 221\n")
            #expect(server.mails.first?.text == ".\r\n")
        }
    }

    @Test func `stopping ends a hanging connection`() async throws {
        let server = FakeSMTPServer()
        try await server.start()
        server.fail(.ehlo, with: .hang)
        let port = String(server.port)
        async let output = Python.run(
            """
            import smtplib, sys
            s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]))
            try: s.ehlo()
            except smtplib.SMTPServerDisconnected: print("gone")
            """, port)
        await server.connections(count: 1)
        await server.stop()
        await server.stop()
        // Whether EHLO or the hang-up came first, the client is not left waiting.
        _ = try? await output
    }

    @Test func `a sink that fails keeps the mail out`() async throws {
        struct Full: Error {}
        let server = FakeSMTPServer { mail in if mail.sender == "a@x.test" { throw Full() } }
        try await server.start()
        let output = try await Python.run(
            """
            import smtplib, sys
            for sender in ["a@x.test", "b@x.test"]:
                with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as s:
                    try: s.sendmail(sender, ["c@x.test"], "A: b\\r\\n\\r\\nc\\r\\n"); print("ok")
                    except smtplib.SMTPDataError as e: print(e.smtp_code)
            """, String(server.port))
        await server.stop()
        #expect(output == "451\nok\n")
        #expect(server.mails.map(\.sender) == ["b@x.test"])
    }
}
