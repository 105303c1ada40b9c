import Foundation
import Subprocess
import SystemPackage

/// Runs a script with the system's Python: a client that nobody here wrote.
///
/// Not with Foundation's `Process`: on Linux its children inherit files of this process, so that a
/// connection closed here stays open there and its client waits for ever, and blocked signals; and
/// starting several at once may crash.
enum Python {
    static let path = "/usr/bin/python3"
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: path) }

    struct Failure: Error, CustomStringConvertible { let description: String }

    /// What the script printed, at most 64 KiB. Ends it when the test is cancelled.
    static func run(_ script: String, _ arguments: String...) async throws -> String {
        let end = try await Subprocess.run(
            .path("/usr/bin/python3"), arguments: Arguments(["-c", script] + arguments),
            output: .string(limit: 65_536), error: .string(limit: 65_536))
        guard end.terminationStatus.isSuccess else {
            throw Failure(
                description: "python ended with \(end.terminationStatus): \(end.standardError)")
        }
        return end.standardOutput
    }
}
