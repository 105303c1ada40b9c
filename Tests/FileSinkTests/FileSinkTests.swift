import Foundation
import LeadKit
import Logging
import SinkTesting
import Testing

@testable import FileSink

/// A folder that goes with the test.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory
            .appending(path: "leadrouter-file-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func sink(_ mode: FileSink.Config.Mode = .append) -> FileSink {
        var config = FileSink.Config()
        config.mode = mode
        config.path = Template(
            name: "path", source: "out/{{email}}.ndjson", place: .path, position: .test)
        return FileSink(
            config: config, context: PluginContext(instance: "f", logger: Logger(label: "test")))
    }

    func delivery(_ number: Int = 0, to name: String = "a.ndjson", attempt: Int = 1) -> Delivery {
        Delivery(
            key: .sample(number), lead: .sample, sink: "f", route: "r", attempt: attempt,
            rendered: ["path": "\(path)/\(name)"])
    }

    func text(_ name: String = "a.ndjson") throws -> String {
        try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
    }

    func write(_ text: String, to name: String = "a.ndjson") throws {
        try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
    }

    var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    }
}

extension Delivery {
    /// The line that it becomes.
    var line: String { String(decoding: json, as: UTF8.self) + "\n" }
}

@Suite(.timeLimit(.minutes(2))) struct AppendTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    @Test func `leads become lines and receipts say where`() async throws {
        let sink = folder.sink()
        let first = folder.delivery(1)
        #expect(try await sink.deliver(first).text == "\(folder.path)/a.ndjson at byte 0")
        let count = first.line.utf8.count
        let second = try await sink.deliver(folder.delivery(2))
        #expect(second.text == "\(folder.path)/a.ndjson at byte \(count)")
        #expect(try folder.text() == first.line + folder.delivery(2).line)
    }

    @Test func `missing folders are made, closed to others`() async throws {
        _ = try await folder.sink().deliver(folder.delivery(to: "x/y/z.ndjson"))
        #expect(try folder.text("x/y/z.ndjson") == folder.delivery().line)
        let manager = FileManager.default
        let mode = try manager.attributesOfItem(atPath: "\(folder.path)/x/y")[.posixPermissions]
        #expect(mode as? Int == 0o750)
        let fileMode = try manager.attributesOfItem(atPath: "\(folder.path)/x/y/z.ndjson")
        #expect(fileMode[.posixPermissions] as? Int == 0o640)
    }

    @Test func `five hundred at once are five hundred whole lines`() async throws {
        let sink = folder.sink()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<500 {
                group.addTask { _ = try await sink.deliver(folder.delivery(number)) }
            }
            try await group.waitForAll()
        }
        let lines = Set(try folder.text().split(separator: "\n").map(String.init))
        #expect(lines == Set((0..<500).map { String(folder.delivery($0).line.dropLast()) }))
    }

    @Test func `the same key twice is one line`() async throws {
        let sink = folder.sink()
        async let first = sink.deliver(folder.delivery(1))
        async let second = sink.deliver(folder.delivery(1))
        #expect(try await first == second)
        #expect(try await sink.deliver(folder.delivery(1)) == first)
        #expect(try folder.text() == folder.delivery(1).line)
    }

    @Test func `a later attempt finds the line of a killed process`() async throws {
        var text = ""
        for number in 0..<3000 { text += folder.delivery(number).line }  // over a chunk of 1 MiB
        try folder.write(text)
        for number in [0, 1, 1499, 1500, 2999] {
            let sink = folder.sink()
            let receipt = try await sink.deliver(folder.delivery(number, attempt: 2))
            let offset = (0..<number).reduce(0) { $0 + folder.delivery($1).line.utf8.count }
            #expect(receipt.text == "\(folder.path)/a.ndjson at byte \(offset)")
        }
        #expect(try folder.text() == text)
        _ = try await folder.sink().deliver(folder.delivery(3000, attempt: 2))
        #expect(try folder.text() == text + folder.delivery(3000).line)
    }

    @Test func `a lead that quotes a delivery's line is not taken for it`() async throws {
        let wanted = folder.delivery(7)
        var hostile = folder.delivery(8)
        hostile.lead.fieldData.append(Field("x", "\n" + wanted.line))
        hostile.lead.fieldData.append(Field("{\"delivery_id\":\"\(wanted.key)", "y"))
        try folder.write(hostile.line)
        _ = try await folder.sink().deliver(folder.delivery(7, attempt: 2))
        #expect(try folder.text() == hostile.line + wanted.line)
    }

    @Test(arguments: [1, 14, 15, 40, 300])
    func `an unfinished line of ours is cut off`(length: Int) async throws {
        let first = folder.delivery(1).line
        try folder.write(first + folder.delivery(2).line.prefix(length))
        _ = try await folder.sink().deliver(folder.delivery(2, attempt: 2))
        #expect(try folder.text() == first + folder.delivery(2).line)
    }

    @Test func `zeros left by a power cut are cut off`() async throws {
        let first = folder.delivery(1).line
        try folder.write(first + String(repeating: "\0", count: 5000))
        _ = try await folder.sink().deliver(folder.delivery(2))
        #expect(try folder.text() == first + folder.delivery(2).line)
    }

    @Test func `somebody else's unfinished line is kept`() async throws {
        try folder.write("notes without an end")
        let receipt = try await folder.sink().deliver(folder.delivery(1))
        #expect(receipt.text == "\(folder.path)/a.ndjson at byte 21")
        #expect(try folder.text() == "notes without an end\n" + folder.delivery(1).line)
    }

    @Test func `two sinks may share a file`() async throws {
        let sinks = [folder.sink(), folder.sink()]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask { _ = try await sinks[number % 2].deliver(folder.delivery(number)) }
            }
            try await group.waitForAll()
        }
        #expect(Set(try folder.text().split(separator: "\n")).count == 200)
    }

    @Test func `a file that was moved away is made anew`() async throws {
        let sink = folder.sink()
        _ = try await sink.deliver(folder.delivery(1))
        try FileManager.default.moveItem(
            atPath: "\(folder.path)/a.ndjson", toPath: "\(folder.path)/a.ndjson.1")
        _ = try await sink.deliver(folder.delivery(2))
        #expect(try folder.text() == folder.delivery(2).line)
        #expect(try folder.text("a.ndjson.1") == folder.delivery(1).line)
    }

    @Test func `more files than may be open are all written`() async throws {
        let sink = folder.sink()
        for round in 0..<2 {
            for number in 0..<80 {
                let delivery = folder.delivery(round * 100 + number, to: "\(number).ndjson")
                _ = try await sink.deliver(delivery)
            }
        }
        for number in 0..<80 {
            let text = folder.delivery(number).line + folder.delivery(100 + number).line
            #expect(try folder.text("\(number).ndjson") == text)
        }
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
            .compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
            }
            .filter { ByteSearch.hasPrefix($0, folder.path) }
        #expect(open.count == AppendFiles.openMax)
        await sink.close()
        await sink.close()
    }
}

@Suite(.timeLimit(.minutes(2))) struct OneFileTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    @Test func `each lead is a file, and a repeat leaves it alone`() async throws {
        for attempt in 1...3 {
            let receipt = try await folder.sink(.onePerLead).deliver(
                folder.delivery(1, to: "x/one.json", attempt: attempt))
            #expect(receipt.text == "\(folder.path)/x/one.json")
        }
        #expect(try folder.text("x/one.json") == folder.delivery(1).line)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/x") == ["one.json"])
    }

    @Test func `another lead's file is never replaced`() async throws {
        let sink = folder.sink(.onePerLead)
        _ = try await sink.deliver(folder.delivery(1, to: "one.json"))
        let failure = await #expect(throws: DeliveryFailure.self) {
            try await sink.deliver(folder.delivery(2, to: "one.json"))
        }
        #expect(failure?.verdict == .reject)
        #expect(try folder.text("one.json") == folder.delivery(1).line)
        #expect(try folder.names == ["one.json"])
    }

    @Test func `what a crash left half written is replaced`() async throws {
        let key = DeliveryKey.sample(1)
        try folder.write("half", to: ".\(key).tmp")
        _ = try await folder.sink(.onePerLead).deliver(folder.delivery(1, to: "one.json"))
        #expect(try folder.names == ["one.json"])
        #expect(try folder.text("one.json") == folder.delivery(1).line)
    }
}

@Suite(.timeLimit(.minutes(2))) struct RefusedFileTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    @Test(arguments: ["../x", "a/../b", "..", "a/", "", "a\0b"])
    func `a path that climbs or is none is refused`(path: String) async throws {
        var delivery = folder.delivery()
        delivery.rendered["path"] = path
        let failure = await #expect(throws: DeliveryFailure.self) {
            try await folder.sink().deliver(delivery)
        }
        #expect(failure?.verdict == .reject)
    }

    @Test(arguments: [FileSink.Config.Mode.append, .onePerLead])
    func `links, pipes, folders and second names are refused`(
        mode: FileSink.Config.Mode
    ) async throws {
        try folder.write("kept", to: "kept")
        let path = folder.path
        try FileManager.default.createSymbolicLink(
            atPath: "\(path)/link", withDestinationPath: "\(path)/kept")
        try FileManager.default.linkItem(atPath: "\(path)/kept", toPath: "\(path)/hard")
        try #require(mkfifo("\(path)/pipe", 0o600) == 0)
        try #require(mkdir("\(path)/folder", 0o700) == 0)
        for name in ["link", "hard", "pipe", "folder", "/dev/null"] {
            var delivery = folder.delivery(to: name)
            if name == "/dev/null" { delivery.rendered["path"] = name }
            let failure = await #expect(throws: DeliveryFailure.self) {
                try await folder.sink(mode).deliver(delivery)
            }
            #expect(failure?.verdict == .reject, "\(name)")
            // A finished path may hold lead data.
            #expect(failure.map { !ByteSearch.contains($0.reason, path) } == true)
        }
        #expect(try folder.text("kept") == "kept")
    }

    @Test func `a file where a folder should be pauses the sink`() async throws {
        try folder.write("x", to: "file")
        let failure = await #expect(throws: DeliveryFailure.self) {
            try await folder.sink().deliver(folder.delivery(to: "file/a.ndjson"))
        }
        #expect(failure?.verdict == .halt)
        #expect(failure?.reason == "cannot write 'out/{{email}}.ndjson': not a directory")
        // For the history, which may hold what a lead says.
        #expect(failure.map { ByteSearch.contains($0.recipient, "file/a.ndjson") } == true)
    }

    @Test func `each system error has its verdict`() {
        let failure = FileFault(.system(ENOSPC)).failure(of: nil)
        #expect(failure.verdict == .retry(after: nil))
        #expect(!failure.isAmbiguous)
        #expect(FileFault(.system(EIO), isClean: false).failure(of: nil).isAmbiguous)
        for code in [EACCES, EROFS, EPERM, ENOTDIR] {
            #expect(FileFault(.system(code)).failure(of: nil).verdict == .halt)
        }
    }

    @Test func `a cancelled delivery returns`() async throws {
        let sink = folder.sink()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await sink.deliver(folder.delivery(1))
        }
        let failure = await #expect(throws: DeliveryFailure.self) { try await task.value }
        #expect(failure?.verdict == .retry(after: nil))
        _ = try await sink.deliver(folder.delivery(1, attempt: 2))
        #expect(try folder.text() == folder.delivery(1).line)
    }

    @Test func `one object a file cannot be appended`() {
        #expect(FileSink.Config.problems([("path", "a"), ("format", "json")]) == ["bad-value"])
        #expect(
            FileSink.Config.problems([("path", "a"), ("format", "json"), ("mode", "one-per-lead")])
                == [])
    }
}
