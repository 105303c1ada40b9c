import Foundation
import LeadKit

/// Reads leads from files: NDJSON, a JSON array or object, a Graph page (`{"data": […]}`), or
/// standard input (`-`). Lines stream; a single JSON document is read whole.
struct LeadInput {
    /// The most bytes of one document or line.
    static let documentBytesMax = 64 << 20

    var reader: LeadReader

    /// One lead, or why there is none.
    struct Item {
        var file: String
        var line: Int
        var lead: Result<Lead, LeadError>
    }

    struct Unreadable: Error {
        var description: String
    }

    /// Calls `body` for each lead in order; `progress` gets the fraction read, if known.
    func read(
        _ path: String, progress: (Double?) -> Void = { _ in },
        body: (Item) async throws -> Void
    ) async throws {
        let name = path == "-" ? "standard input" : path
        guard let lines = LineReader(path: path) else {
            throw Unreadable(description: "cannot read '\(path)'")
        }
        let parser = JSONParser()
        var number = 0
        var isFirst = true
        while var line = try lines.next() {
            number += 1
            if isFirst, line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
            if line.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) { continue }
            if isFirst, (try? parser.parse(line)) == nil {
                // Not one value a line: perhaps one document over many lines.
                isFirst = false
                let whole = try line + [0x0A] + lines.rest(atMost: LeadInput.documentBytesMax)
                if let document = try? parser.parse(whole) {
                    for item in items(document.root, name, line: number) { try await body(item) }
                    return
                }
                for item in wholeAsLines(whole, parser, name, from: number) { try await body(item) }
                number += whole.count { $0 == 0x0A } - 1
                continue
            }
            isFirst = false
            for item in items(of: line, parser, name, line: number) { try await body(item) }
            progress(lines.fraction)
        }
    }

    private func wholeAsLines(
        _ whole: ArraySlice<UInt8>, _ parser: JSONParser, _ file: String, from first: Int
    ) -> [Item] {
        let lines = whole.split(separator: 0x0A, omittingEmptySubsequences: false)
        return lines.enumerated().flatMap { offset, line -> [Item] in
            if line.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) { return [] }
            return items(of: line, parser, file, line: first + offset)
        }
    }

    private func items(
        of line: ArraySlice<UInt8>, _ parser: JSONParser, _ file: String, line number: Int
    ) -> [Item] {
        do {
            let document = try parser.parse(line)
            let root = document.root
            if root.kind == .object, root["data"]?.kind != .array, root["leads"]?.kind != .array {
                return [item(root, raw: Array(line), file, number)]
            }
            return items(root, file, line: number)
        } catch {
            return [Item(file: file, line: number, lead: .failure(LeadError(error.description)))]
        }
    }

    /// The leads of a document: an array, a page, or a single lead.
    private func items(_ root: JSONValue, _ file: String, line: Int) -> [Item] {
        let values: [JSONValue] =
            switch root.kind {
            case .array: root.elements
            case .object:
                if let list = root["data"] ?? root["leads"], list.kind == .array {
                    list.elements
                } else {
                    [root]
                }
            default: [root]
            }
        return values.map { item($0, raw: nil, file, line) }
    }

    private func item(_ value: JSONValue, raw: [UInt8]?, _ file: String, _ line: Int) -> Item {
        let bytes: [UInt8]
        if let raw {
            bytes = raw
        } else {
            var writer = JSONWriter()
            writer.value(value)
            bytes = writer.bytes
        }
        do {
            return Item(file: file, line: line, lead: .success(try reader.lead(value, raw: bytes)))
        } catch {
            return Item(file: file, line: line, lead: .failure(error))
        }
    }
}

/// Lines of a file without their ends, in bounded memory.
private final class LineReader {
    private let handle: FileHandle
    private let size: Int?
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    private var bytesRead = 0

    init?(path: String) {
        if path == "-" {
            handle = .standardInput
            size = nil
        } else {
            guard let opened = FileHandle(forReadingAtPath: path) else { return nil }
            handle = opened
            let attributes = try? FileManager.default.attributesOfItem(atPath: path)
            size = attributes?[.size] as? Int
            if attributes?[.type] as? FileAttributeType == .typeDirectory { return nil }
        }
    }

    /// How much is read, if the size is known.
    var fraction: Double? { size.map { $0 == 0 ? 1 : Double(bytesRead) / Double($0) } }

    /// The next line; nil at the end.
    func next() throws -> ArraySlice<UInt8>? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                defer { start = end + 1 }
                return buffer[start..<end]
            }
            if isAtEnd {
                guard start < buffer.count else { return nil }
                defer { start = buffer.count }
                return buffer[start...]
            }
            guard buffer.count - start <= LeadInput.documentBytesMax else {
                throw LeadInput.Unreadable(
                    description: "a line is over \(LeadInput.documentBytesMax) bytes")
            }
            searched = buffer.count - start
            buffer.removeFirst(start)
            start = 0
            try fill()
        }
    }

    /// What follows, as far as it fits.
    func rest(atMost limit: Int) throws -> [UInt8] {
        while !isAtEnd, buffer.count - start < limit { try fill() }
        defer { start = buffer.count }
        return Array(buffer[start...])
    }

    private func fill() throws {
        guard let data = try handle.read(upToCount: 1 << 20), !data.isEmpty else {
            isAtEnd = true
            return
        }
        bytesRead += data.count
        buffer.append(contentsOf: data)
    }
}
