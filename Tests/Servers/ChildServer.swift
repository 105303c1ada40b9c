import Foundation
public import LeadKit

/// A server in a Python child process, on 127.0.0.1 and a port of its own. It reports what it
/// sees as events, in order, and ends with the test.
public final class ChildServer: Sendable {
    /// Where it listens.
    public let port: Int
    private let events: AsyncStream<JSONValue>
    private let process: Process
    private let input: Pipe

    /// Starts `http_server.py` or `smtp_server.py` of this folder.
    public init(_ script: String, _ arguments: String...) async throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = ["-B", folder.appending(path: script).path()] + arguments
        input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        events = ChildServer.lines(of: output.fileHandleForReading)
        guard let port = await events.first(where: { _ in true })?["port"]?.integer else {
            throw ServerError()
        }
        self.port = port
    }

    deinit {
        // Foundation would complain of a process let go of while it runs.
        process.terminate()
    }

    /// The next event, or nil when the server has ended.
    public func next() async -> JSONValue? { await events.first { _ in true } }

    /// The next event of that kind.
    public func next(_ kind: String) async -> JSONValue? {
        await events.first { $0["event"]?.string == kind }
    }

    private static func lines(of file: FileHandle) -> AsyncStream<JSONValue> {
        let (stream, continuation) = AsyncStream.makeStream(of: JSONValue.self)
        let thread = Thread {
            var rest: [UInt8] = []
            while case let data = file.availableData, !data.isEmpty {
                rest += data
                while let end = rest.firstIndex(of: 0x0A) {
                    if let event = try? JSONDocument.parse(rest[..<end]).root {
                        continuation.yield(event)
                    }
                    rest.removeSubrange(...end)
                }
            }
            continuation.finish()
        }
        thread.start()
        return stream
    }
}

/// The server did not start; its complaint is on stderr.
public struct ServerError: Error {}
