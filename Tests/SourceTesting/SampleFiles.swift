internal import Foundation
public import LeadKit

/// The sample files of the tests and of the example configuration.
public enum SampleFiles {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The bytes of a file in `Tests/Samples`.
    public static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: root.appending(path: "Tests/Samples/\(name)")))
    }

    /// A JSON file in `Tests/Samples`.
    public static func json(_ name: String) throws -> JSONValue {
        try JSONDocument.parse(bytes(name)).root
    }

    /// The 500 leads of the example configuration, one a line.
    public static func leads() throws -> [UInt8] {
        Array(try Data(contentsOf: root.appending(path: "rules/samples/dealer-leads.ndjson")))
    }
}

/// The same random numbers on every run (SplitMix64).
public struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    /// Starts the row that belongs to a seed.
    public init(seed: UInt64) { state = seed }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A text with one to four places changed: a bit, a byte, a cut, or a piece twice.
    public mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) where !result.isEmpty {
            let place = Int.random(in: 0..<result.count, using: &self)
            let end = min(result.count, place + Int.random(in: 1...16, using: &self))
            switch Int.random(in: 0..<5, using: &self) {
            case 0: result[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 1: result[place] = UInt8.random(in: 0...255, using: &self)
            case 2: result.removeSubrange(place..<end)
            case 3: result.insert(contentsOf: result[place..<end], at: place)
            default: result.insert(UInt8.random(in: 0...255, using: &self), at: place)
            }
        }
        return result
    }
}
