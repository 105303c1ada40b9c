import Foundation
import Glibc
import LeadKit
import Synchronization

/// Why a revision cannot be read.
struct GitFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A running `git cat-file --batch`: names go in, objects come out.
///
/// The process ends when its standard input is closed, with the last reference.
final class GitObjects: Sendable {
    /// An object of the repository.
    struct Object: Sendable {
        var id: String
        /// `tree`, `blob`, `commit` or `tag`.
        var kind: String
        var bytes: [UInt8]
    }

    /// The most bytes of one object.
    static let objectBytesMax = 64 << 20

    private let connection: Mutex<Connection>
    private let folder: String

    /// Starts Git in a folder of the repository.
    init(in folder: String) throws(GitFailure) {
        self.folder = folder
        connection = Mutex(try Connection.start(in: folder))
    }

    /// The object of that name, such as `main:rules` or an id; nil when there is none.
    func object(_ name: String) throws(GitFailure) -> Object? {
        let answer = connection.withLock { connection in
            Result { () throws(GitFailure) in try connection.object(name) }
        }
        return try answer.get()
    }
}

/// Both ends of the process.
private struct Connection: ~Copyable {
    private let input: Int32
    private let output: Int32
    private let errors: Int32
    private let process: pid_t
    private var buffer: [UInt8] = []

    private init(input: Int32, output: Int32, errors: Int32, process: pid_t) {
        self.input = input
        self.output = output
        self.errors = errors
        self.process = process
    }

    static func start(in folder: String) throws(GitFailure) -> Connection {
        // Git may end before it has read what it is asked.
        signal(SIGPIPE, SIG_IGN)
        var ends: [[Int32]] = []
        for _ in 0..<3 {
            var pair: [Int32] = [0, 0]
            guard pipe(&pair) == 0 else { throw GitFailure("cannot start Git") }
            // No other child may keep them open.
            for end in pair { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            ends.append(pair)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0][0], STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, ends[1][1], STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, ends[2][1], STDERR_FILENO)
        let arguments = ["git", "-C", folder, "cat-file", "--batch"]
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var child: pid_t = 0
        let status = posix_spawnp(&child, "git", &actions, nil, &pointers, environ)
        for end in [ends[0][0], ends[1][1], ends[2][1]] { close(end) }
        guard status == 0 else {
            for end in [ends[0][1], ends[1][0], ends[2][0]] { close(end) }
            throw GitFailure("'git' cannot be started; install it: apt-get install git")
        }
        return Connection(
            input: ends[0][1], output: ends[1][0], errors: ends[2][0], process: child)
    }

    deinit {
        for end in [input, output, errors] { close(end) }
        var status: Int32 = 0
        waitpid(process, &status, 0)
    }

    mutating func object(_ name: String) throws(GitFailure) -> GitObjects.Object? {
        write(Array((name + "\n").utf8))
        guard let line = line() else { throw failure() }
        let words = line.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
        // `ID KIND SIZE`, or `NAME missing`, where the name may hold blanks.
        guard words.count == 3, let size = Int(words[2]) else { return nil }
        guard size <= GitObjects.objectBytesMax else {
            throw GitFailure("'\(name)' is over \(GitObjects.objectBytesMax) bytes")
        }
        guard let bytes = take(size), take(1) != nil else { throw failure() }
        return GitObjects.Object(id: words[0], kind: words[1], bytes: bytes)
    }

    private func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // Git has ended: reading its answer says so.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// What Git said before it ended.
    private func failure() -> GitFailure {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = max(0, read(errors, &chunk, chunk.count))
        let text = String(decoding: chunk[..<count], as: UTF8.self)
        let first = text.utf8.split(separator: 0x0A).first.map { String($0) ?? "" } ?? "it ended"
        return GitFailure("git: \(Console.shown(first))")
    }

    private mutating func line() -> [UInt8]? {
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                let line = Array(buffer[..<end])
                buffer.removeFirst(end + 1)
                return line
            }
            guard fill() else { return nil }
        }
    }

    private mutating func take(_ count: Int) -> [UInt8]? {
        while buffer.count < count {
            guard fill() else { return nil }
        }
        let taken = Array(buffer[..<count])
        buffer.removeFirst(count)
        return taken
    }

    private mutating func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(output, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            buffer += chunk[..<count]
            return true
        }
    }
}
