import Foundation
public import LeadKit
import Subprocess
import SystemPackage

/// A server in a Python child process, on 127.0.0.1 and a port of its own. It reports what it
/// sees as events, in order, and ends with the test.
public final class ChildServer: Sendable {
    /// Where it listens.
    public let port: Int
    private let events: AsyncStream<JSONValue>
    /// Runs the process; cancelled, it kills it.
    private let process: Task<Void, Never>

    /// Starts `http_server.py` or `smtp_server.py` of this folder.
    public init(_ script: String, _ arguments: String...) async throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let command = ["-B", folder.appending(path: script).path()] + arguments
        let (events, continuation) = AsyncStream.makeStream(of: JSONValue.self)
        process = Task {
            defer { continuation.finish() }
            // Its input stays open as long as this process lives. What fails ends the events.
            _ = try? await Subprocess.run(
                .path("/usr/bin/python3"), arguments: Arguments(command), input: .inputWriter,
                output: .sequence, error: .currentStandardError
            ) { child in
                for try await line in child.standardOutput.strings(bufferingPolicy: .unbounded) {
                    if let event = try? JSONDocument.parse(Array(line.utf8)).root {
                        continuation.yield(event)
                    }
                }
            }
        }
        self.events = events
        guard let port = await events.first(where: { _ in true })?["port"]?.integer else {
            process.cancel()
            throw ServerError()
        }
        self.port = port
    }

    deinit { process.cancel() }

    /// The next event, or nil when the server has ended.
    public func next() async -> JSONValue? { await events.first { _ in true } }

    /// The next event of that kind.
    public func next(_ kind: String) async -> JSONValue? {
        await events.first { $0["event"]?.string == kind }
    }
}

/// The server did not start; its complaint is on stderr.
public struct ServerError: Error {}
