import FileSink
import Foundation
import HTTPSink
import LeadKit
import LeadTesting
import SMTPSink
import Testing

/// Every bundled sink holds to the one contract, against a server that really answers.
@Suite(.timeLimit(.minutes(2)))
struct BundledSinkTests {
    @Test func `the file sink holds to the contract`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await SinkContract(
            FileSink.self, settings: ["path": .text(folder.appending(path: "a/b.ndjson").path())]
        ).verify()
        try await SinkContract(
            FileSink.self,
            settings: [
                "path": .text(folder.appending(path: "each").path()), "format": "json",
                "mode": "one-per-lead",
            ],
            makeDelivery: { number, _ in
                .sample(
                    number,
                    rendered: ["path": folder.appending(path: "each/\(number).json").path()])
            }
        ).verify()
    }

    @Test func `the HTTP sink holds to the contract`() async throws {
        let server = FakeHTTPServer()
        try await server.start()
        let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
        try await SinkContract(
            HTTPSink.self,
            settings: [
                "url": .text(server.url + "/leads"), "signing_secret": .text(secret),
                "headers": ["Authorization": "Bearer hush-hush"],
            ], secrets: [secret, "hush-hush"],
            faults: [
                .init("408", .retry) { server.fail(.status(408)) },
                .init("429", .retry) { server.fail(.status(429)) },
                .init("500", .retry) { server.fail(.status(500)) },
                .init("503", .retry) { server.fail(.status(503)) },
                .init("404, the first time", .retry) { server.fail(.status(404)) },
                .init("400", .reject) { server.fail(.status(400)) },
                .init("422", .reject) { server.fail(.status(422)) },
                .init("302 is not followed", .reject) { server.fail(.status(302)) },
                .init("401", .halt) { server.fail(.status(401)) },
                .init("403", .halt) { server.fail(.status(403)) },
            ],
            stall: .init(
                begin: {
                    server.forgetRequests()
                    server.fail(.hang)
                }, reached: { _ = await server.requests(count: 1) },
                end: { server.recover() })
        ).verify()
        await server.stop()
    }

    @Test func `the mail sink holds to the contract`() async throws {
        let server = FakeSMTPServer()
        try await server.start()
        @Sendable func reply(_ code: Int) -> SMTPFault { .reply("\(code) no") }
        try await SinkContract(
            SMTPSink.self,
            settings: [
                "url": .text(server.url), "tls": "off", "from": "leads@example.com",
                "to": "store@example.com", "subject": "A lead", "body": "Text",
            ],
            faults: [
                .init("450 at RCPT", .retry) { server.fail(.rcpt, with: reply(450)) },
                .init("451 at the end", .retry) { server.fail(.message, with: reply(451)) },
                .init("552 at RCPT", .retry) { server.fail(.rcpt, with: reply(552)) },
                .init("answer lost", .retry) { server.fail(.message, with: .acceptAndClose) },
                .init("550 at RCPT", .reject) { server.fail(.rcpt, with: reply(550)) },
                .init("554 at the end", .reject) { server.fail(.message, with: reply(554)) },
                .init("530 at MAIL", .halt) { server.fail(.mail, with: reply(530)) },
            ]
        ).verify()
        await server.stop()
    }
}
