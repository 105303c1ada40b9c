import Foundation
import LeadCurl
import LeadKit
import LeadTesting
import Synchronization

/// A mail server that writes each mail to a file of its own.
final class MailCatcher: Sendable {
    let server: FakeSMTPServer

    init(folder: String, port: Int = 0) throws {
        let url = URL(filePath: folder, directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        var options = SMTPOptions()
        options.port = port
        let caught = MailCatcher.last(in: folder)
        server = FakeSMTPServer(options: options) { mail in
            let recipient = FileName.safe(mail.recipients.first ?? "nobody")
            let name = "\(String(format: "%05d", caught + mail.number))-\(recipient).eml"
            try? Data(mail.message).write(to: url.appending(path: name))
        }
    }

    /// The highest number of what an earlier one caught there: it is numbered on from that, so that
    /// nothing is written over.
    static func last(in folder: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let numbers = names.compactMap { name -> Int? in
            guard name.utf8.contains(0x2D) else { return nil }
            return Int(String(decoding: name.utf8.prefix { $0 != 0x2D }, as: UTF8.self))
        }
        return max(0, numbers.max() ?? 0)
    }
}

/// A web server that appends each body to a file.
final class PostCatcher: Sendable {
    let server: FakeHTTPServer

    init(file: String, port: Int = 0) throws {
        let url = URL(filePath: file)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        if !FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) {
            try Data().write(to: url)
        }
        let handle = Mutex(try FileHandle(forWritingTo: url))
        _ = handle.withLock { try? $0.seekToEnd() }
        server = FakeHTTPServer(port: port, recordedMax: 100_000) { request in
            handle.withLock { try? $0.write(contentsOf: Data(request.body + [0x0A])) }
            return FakeResponse(status: 201, body: Array("{\"status\":\"ok\"}\n".utf8))
        }
    }
}

/// Announces leads of the local Graph API, as Meta would: signed POSTs of several leads each, a
/// few at once.
struct MetaAnnouncer {
    var graph: FakeGraphAPI
    var url: String
    var appSecret: String
    var leadsPerPost = 10
    var postsAtOnce = 8

    /// Answers how often each status came back; 0 is no answer.
    func announce(_ ids: [String]) async -> [Int: Int] {
        let batches = stride(from: 0, to: ids.count, by: leadsPerPost).map {
            Array(ids[$0..<min($0 + leadsPerPost, ids.count)])
        }
        return await withTaskGroup(of: Int.self) { group in
            var statuses: [Int: Int] = [:]
            var waiting = batches[...]
            for _ in 0..<postsAtOnce {
                if let batch = waiting.popFirst() { group.addTask { await post(batch) } }
            }
            for await status in group {
                statuses[status, default: 0] += 1
                if let batch = waiting.popFirst() { group.addTask { await post(batch) } }
            }
            return statuses
        }
    }

    private func post(_ ids: [String]) async -> Int {
        let body = graph.webhookBody(for: ids)
        let request = HTTPRequest(
            method: "POST", url: url,
            headers: [
                ("Content-Type", "application/json"),
                ("X-Hub-Signature-256", FakeGraphAPI.signature(body: body, secret: appSecret)),
            ], body: body)
        return (try? await CurlClient.http.send(request))?.status ?? 0
    }
}
