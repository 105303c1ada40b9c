import ArgumentParser
import Foundation
import Glibc
import LeadKit
import Synchronization

/// Standard output in large writes, and standard error for people.
enum Console {
    static let isErrorTerminal = isatty(STDERR_FILENO) == 1
    static let isOutputTerminal = isatty(STDOUT_FILENO) == 1

    /// Writes to standard output; a reader that went away ends the program quietly.
    static func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }

    static func write(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            let count = Glibc.write(STDOUT_FILENO, part.baseAddress, part.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 {
                if errno == EPIPE { Glibc.exit(0) }
                error(
                    "error: standard output cannot be written: \(String(cString: strerror(errno)))")
                Glibc.exit(74)
            }
            rest = rest.dropFirst(count)
        }
    }

    static func print(_ text: String) { write(Array((text + "\n").utf8)) }

    static func error(_ text: String) { showError(text + "\n") }

    /// Writes to standard error. That nobody can read there must not end the program: `write(_:)` of a
    /// file handle traps when a disk is full.
    static func showError(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }

    /// A shown value: control characters made visible, so that lead data cannot write to a
    /// terminal.
    static func shown(_ text: String) -> String {
        Diagnostic.printable(Template.Place.oneLine(text))
    }
}

extension ExitCode {
    /// A needed service (the store, another process, a remote API) cannot be used.
    static let unavailable = ExitCode(69)
}

/// What every listing can print.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table, ndjson
}

/// Columns of text, for people.
struct TextTable {
    private var rows: [[String]]
    private let header: [String]

    init(_ header: [String]) {
        self.header = header
        rows = []
    }

    mutating func add(_ cells: [String]) { rows.append(cells.map { Console.shown($0) }) }

    /// The table; a column is as wide as its widest cell, the last is not padded.
    var text: String {
        let all = [header] + rows
        let widths = header.indices.map { column in
            all.map { $0[column].unicodeScalars.count }.max() ?? 0
        }
        return all.map { row in
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1
                    ? cell
                    : cell
                        + String(repeating: " ", count: widths[column] - cell.unicodeScalars.count)
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}

/// How far long work is, on a terminal's standard error, twice a second.
final class ProgressLine: Sendable {
    private let state = Mutex((count: 0, started: ContinuousClock.now, shown: ContinuousClock.now))
    private let noun: String

    init(_ noun: String) { self.noun = noun }

    /// Counts, and shows when it is time; `fraction` is how much is done, if known.
    func advance(by count: Int = 1, fraction: Double? = nil) {
        guard Console.isErrorTerminal else { return }
        let line = state.withLock { state -> String? in
            state.count += count
            let now = ContinuousClock.now
            guard now - state.shown > .milliseconds(500) else { return nil }
            state.shown = now
            let seconds = max(0.001, (now - state.started) / .seconds(1))
            var line = "\(state.count) \(noun), \(Int(Double(state.count) / seconds))/s"
            if let fraction, fraction > 0.01 {
                line += ", \(ProgressLine.time(seconds / fraction - seconds)) left"
            }
            return line
        }
        if let line { Console.showError("\r\u{1B}[K\(line)") }
    }

    /// Shows what is done before there is anything to count.
    func show(_ text: String) {
        guard Console.isErrorTerminal else { return }
        Console.showError("\r\u{1B}[K\(text)")
    }

    private static func time(_ seconds: Double) -> String {
        let seconds = Int(seconds.rounded(.up))
        return seconds < 100 ? "\(seconds) s" : "\((seconds + 59) / 60) min"
    }

    /// Removes the line.
    func end() {
        guard Console.isErrorTerminal else { return }
        Console.showError("\r\u{1B}[K")
    }
}
