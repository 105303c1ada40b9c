import LeadCurl
import LeadKit
import SinkTesting
import Testing

@Suite(.timeLimit(.minutes(2))) struct MailTests {
    let client = CurlClient(name: "test-mail")

    private func mail(
        to recipient: String = "a@example.com", _ server: ChildServer,
        text: String = "S: x\r\n\r\nb\r\n",
        tls: MailRequest.TLSMode = .off, password: String? = nil, timeout: Duration = .seconds(20)
    ) -> MailRequest {
        MailRequest(
            url: "smtp://localhost:\(server.port)", tls: tls,
            username: password.map { _ in "leads" }, password: password, from: "from@example.com",
            recipient: recipient, message: Array(text.utf8), timeout: timeout,
            heloName: "router.example.com")
    }

    @Test func `a mail arrives as it is, dots and all`() async throws {
        let server = try await ChildServer("smtp_server.py")
        let text = "Subject: x\r\n\r\n.\r\n..\r\nMAIL FROM:<evil@example.com>\r\n.end\r\n"
        let reply = try await client.send(mail(server, text: text))
        #expect(reply.code == 250)
        #expect(reply.text == "2.0.0 queued")
        let seen = try #require(await server.next("mail"))
        #expect(seen["data"]?.string == text)
        #expect(seen["sender"]?.string == "from@example.com")
        #expect(seen["helo"]?.string == "router.example.com")
    }

    @Test func `one connection carries many mails`() async throws {
        let server = try await ChildServer("smtp_server.py")
        for _ in 0..<20 { _ = try await client.send(mail(server)) }
        var connections: Set<Int?> = []
        for _ in 0..<20 { connections.insert(await server.next("mail")?["connection"]?.integer) }
        #expect(connections.count == 1)
    }

    @Test(arguments: [554, 451, 250])
    func `an answer that comes too late is not the next mail's`(code: Int) async throws {
        let server = try await ChildServer("smtp_server.py")
        // Time enough to get behind the dot on a busy machine.
        let first = Task {
            try await client.send(
                mail(to: "late-\(code)@example.com", server, timeout: .seconds(10)))
        }
        let wakePort = try #require(await server.next("late")?["port"]?.integer)
        let error = await #expect(throws: CurlError.self) { try await first.value }
        #expect(error?.mayHaveArrived == true)
        #expect(error?.isCancelled == false)
        _ = try? await client.send(HTTPRequest(url: "http://127.0.0.1:\(wakePort)/"))
        #expect(try await client.send(mail(to: "b@example.com", server)).text == "2.0.0 queued")
    }

    /// Some relays let strangers wait, to see who talks before he is greeted.
    @Test func `a relay that greets late gets the mail`() async throws {
        let server = try await ChildServer("smtp_server.py", "slow")
        #expect(try await client.send(mail(server, timeout: .seconds(60))).text == "2.0.0 queued")
    }

    @Test func `a connection whose mail was not taken carries no other`() async throws {
        let server = try await ChildServer("smtp_server.py")
        var connections: [Int?] = []
        for recipient in ["a", "data-554", "b", "data-450", "c"] {
            _ = try? await client.send(mail(to: "\(recipient)@example.com", server))
            guard recipient.utf8.count == 1 else { continue }
            connections.append(await server.next("mail")?["connection"]?.integer)
        }
        let hung = Task { try await client.send(mail(to: "hang@example.com", server)) }
        connections.append(await server.next("hung")?["connection"]?.integer)
        #expect(connections[2] == connections[3], "what follows a mail that was taken")
        hung.cancel()
        await #expect(throws: CurlError.self) { try await hung.value }
        _ = try await client.send(mail(server))
        connections.append(await server.next("mail")?["connection"]?.integer)
        #expect(Set(connections).count == 4)
    }

    @Test(arguments: [450, 421, 550, 552])
    func `a refusal has its reply code wherever it comes`(code: Int) async throws {
        let server = try await ChildServer("smtp_server.py")
        for step in ["rcpt", "data"] {
            let error = await #expect(throws: CurlError.self) {
                try await client.send(mail(to: "\(step)-\(code)@example.com", server))
            }
            #expect(error?.responseCode == code)
            #expect(error?.mayHaveArrived == false)
            #expect(error.map { !ByteSearch.contains($0.message, "example.com") } == true)
        }
    }

    @Test func `an answer lost behind the final dot may have arrived`() async throws {
        let server = try await ChildServer("smtp_server.py")
        let error = await #expect(throws: CurlError.self) {
            try await client.send(mail(to: "lost@example.com", server))
        }
        #expect(error?.mayHaveArrived == true)
        #expect(error.map { $0.responseCode < 400 } == true)
    }

    @Test func `a server silent on QUIT does not hold up a refusal`() async throws {
        let server = try await ChildServer("smtp_server.py", "deaf")
        let error = await #expect(throws: CurlError.self) {
            try await client.send(mail(to: "rcpt-550@example.com", server, timeout: .seconds(600)))
        }
        #expect(error?.responseCode == 550)
        #expect(error?.message == "the mail server answered 550 5.1.1")
    }

    @Test func `a wrong password is told by its code`() async throws {
        let server = try await ChildServer("smtp_server.py", "auth")
        let error = await #expect(throws: CurlError.self) {
            try await client.send(mail(server, password: "wrong"))
        }
        #expect(error?.responseCode == 535)
        #expect(error?.isLoginRefused == true)
        _ = try await client.send(mail(server, password: "right"))
        #expect(await server.next("mail")?["login"]?.bool == true)
    }

    @Test func `required TLS that is not offered sends nothing`() async throws {
        let server = try await ChildServer("smtp_server.py")
        let error = await #expect(throws: CurlError.self) {
            try await client.send(mail(server, tls: .required))
        }
        #expect(error?.isMissingTLS == true)
        #expect(error?.mayHaveArrived == false)
        _ = try await client.send(mail(to: "b@example.com", server, tls: .opportunistic))
        let seen = await server.next("mail")
        #expect(seen?["recipients"]?.elements.first?.string == "b@example.com")
    }

    @Test func `an unknown certificate is refused, also when TLS is optional`() async throws {
        let certificate = try await Certificate()
        let server = try await ChildServer("smtp_server.py", "tls=\(certificate.path)")
        for tls in [MailRequest.TLSMode.required, .opportunistic] {
            let error = await #expect(throws: CurlError.self) {
                try await client.send(mail(server, tls: tls))
            }
            #expect(error?.mayHaveArrived == false)
        }
        let friend = CurlClient(name: "friend", authorities: certificate.authority)
        _ = try await friend.send(mail(server, tls: .required))
        #expect(await server.next("mail")?["tls"]?.bool == true)
    }

    @Test func `cancelling gives a mail up`() async throws {
        let server = try await ChildServer("smtp_server.py")
        let task = Task { try await client.send(mail(to: "hang@example.com", server)) }
        #expect(await server.next("hung") != nil)
        task.cancel()
        let error = await #expect(throws: CurlError.self) { try await task.value }
        #expect(error?.mayHaveArrived == true)
    }

    @Test func `half a mail that is cancelled does not arrive as a whole one`() async throws {
        let server = try await ChildServer("smtp_server.py", "stall")
        let text = String(repeating: "0123456789\r\n", count: 2_000_000)
        let task = Task { try await client.send(mail(server, text: text)) }
        let wakePort = try #require(await server.next("stalled")?["port"]?.integer)
        task.cancel()
        await #expect(throws: CurlError.self) { try await task.value }
        _ = try? await client.send(HTTPRequest(url: "http://127.0.0.1:\(wakePort)/"))
        #expect(await server.next("tail")?["whole"]?.bool == false)
    }

    @Test func `a relay that never answers holds up no other`() async throws {
        let sick = try await ChildServer("smtp_server.py")
        let task = Task {
            try await client.send(mail(to: "hang@example.com", sick, timeout: .seconds(600)))
        }
        #expect(await sick.next("hung") != nil)
        let healthy = try await ChildServer("smtp_server.py")
        #expect(try await client.send(mail(healthy)).code == 250)
        #expect(try await client.send(mail(sick)).code == 250)
        task.cancel()
        await #expect(throws: CurlError.self) { try await task.value }
    }

    @Test func `many that hang hold up no other`() async throws {
        let wide = CurlClient(name: "wide-mail", transfersMax: 201)
        let sick = try await ChildServer("smtp_server.py")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    let mail = mail(to: "hang@example.com", sick, timeout: .seconds(600))
                    await #expect(throws: CurlError.self) { try await wide.send(mail) }
                }
            }
            for _ in 0..<200 { #expect(await sick.next("hung") != nil) }
            let healthy = try await ChildServer("smtp_server.py")
            #expect(try await wide.send(mail(healthy)).code == 250)
            group.cancelAll()
        }
    }

    @Test func `a mail that waits for its turn for too long was not sent`() async throws {
        let narrow = CurlClient(
            name: "narrow-mail", transfersMax: 1, waitMax: .milliseconds(100))
        let server = try await ChildServer("smtp_server.py")
        let first = Task {
            try await narrow.send(mail(to: "hang@example.com", server, timeout: .seconds(600)))
        }
        #expect(await server.next("hung") != nil)
        let error = await #expect(throws: CurlError.self) { try await narrow.send(mail(server)) }
        #expect(error?.isBusy == true)
        #expect(error?.mayHaveArrived == false)
        first.cancel()
        let broken = await #expect(throws: CurlError.self) { try await first.value }
        #expect(broken?.isBusy == false)
        #expect(broken?.mayHaveArrived == true)
    }

    @Test(arguments: [
        "a@b>\r\nRCPT TO:<c@d", "a@b> NOTIFY=NEVER <x", "a b@c", "", "a", "a@b@c", "ä@b.de",
        "a\u{0}@b",
    ])
    func `what is no address never reaches the server`(address: String) async throws {
        let server = try await ChildServer("smtp_server.py")
        let error = await #expect(throws: CurlError.self) {
            try await client.send(mail(to: address, server))
        }
        #expect(error?.isBadRequest == true)
    }

    @Test(arguments: [
        "http://localhost", "smtp://", "smtp://a@localhost", "smtp://h/x", "smtp://h?a",
    ])
    func `what is no mail server is refused`(url: String) async throws {
        let error = await #expect(throws: CurlError.self) {
            try await client.send(
                MailRequest(url: url, from: "a@b.de", recipient: "a@b.de", message: []))
        }
        #expect(error?.isBadRequest == true)
    }
}
