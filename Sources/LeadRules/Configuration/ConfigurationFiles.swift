internal import LeadKit

/// The folder that a configuration is, behind a protocol so that reading rules needs no disk.
public protocol ConfigurationFiles: Sendable {
    /// What to put before a path so that the author recognises it, such as `rules/`.
    var displayPrefix: String { get }
    /// The bytes of a file, by its path relative to the folder, `/`-separated, without `..`.
    func read(_ path: String) throws(ConfigurationFileError) -> [UInt8]
    /// What tells files apart whatever they are called; nil when it cannot be said.
    func identity(_ path: String) -> FileIdentity?
    /// The relative paths of all regular files, for globs.
    func list() throws(ConfigurationFileError) -> [String]
    /// The bytes of a secret's file: relative to the folder, or absolute.
    func readSecret(_ path: String) throws(ConfigurationFileError) -> [UInt8]
    /// A variable of the environment.
    func environment(_ name: String) -> String?
}

/// A file whatever its name: two paths of one identity lead to one file.
public struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let number: UInt64

    /// Makes an identity from the device and the number that the file has there.
    public init(device: UInt64, number: UInt64) {
        self.device = device
        self.number = number
    }
}

extension ConfigurationFiles {
    /// Names alone tell files apart.
    public func identity(_ path: String) -> FileIdentity? { nil }

    /// The file of the folder that a path without a file probably means.
    func help(forMissing path: String, written: String) -> String? {
        let known = (try? list()) ?? []
        guard !known.contains(path) else { return nil }
        let ending = written.utf8.split(separator: 0x2E).last.map {
            String(decoding: $0, as: UTF8.self)
        }
        if let ending, ["xlsx", "xls", "ods", "numbers"].contains(ending.lowercased()) {
            return "save the sheet as CSV (UTF-8) into the configuration's folder, and name that"
        }
        if let nearest = Nearest.name(to: path, among: known) {
            return "did you mean '\(nearest)'?"
        }
        let name = path.utf8.split(separator: 0x2F).last.map { Array($0) } ?? []
        let same = known.filter { Array($0.utf8).suffix(name.count + 1) == [0x2F] + name }
        if same.count == 1 { return "there is '\(same[0])'; paths are relative to this file" }
        return nil
    }
}

/// Why a file of the configuration cannot be read.
public struct ConfigurationFileError: Error, Sendable, CustomStringConvertible {
    /// One sentence in lower case, without the path.
    public let description: String
    /// Whether the path leads out of the configuration's folder, by a link.
    public let isOutside: Bool

    /// Makes an error from its sentence.
    public init(_ description: String) {
        self.description = description
        isOutside = false
    }

    private init(isOutside: Bool) {
        description = "it is a link that leads out of the configuration's folder"
        self.isOutside = isOutside
    }

    /// The path leads out of the folder.
    public static let outside = ConfigurationFileError(isOutside: true)
}

/// A configuration in memory, for tests.
public struct ConfigurationFilesInMemory: ConfigurationFiles {
    /// The files by relative path.
    public var files: [String: String]
    /// The environment.
    public var variables: [String: String]
    /// What stands before paths in messages.
    public var displayPrefix: String

    /// Makes a folder.
    public init(
        _ files: [String: String], environment: [String: String] = [:], displayPrefix: String = ""
    ) {
        self.files = files
        variables = environment
        self.displayPrefix = displayPrefix
    }

    /// The bytes of a file.
    public func read(_ path: String) throws(ConfigurationFileError) -> [UInt8] {
        guard let text = files[path] else { throw ConfigurationFileError("there is no such file") }
        return Array(text.utf8)
    }

    /// All paths.
    public func list() -> [String] { Array(files.keys) }

    /// The bytes of a file.
    public func readSecret(_ path: String) throws(ConfigurationFileError) -> [UInt8] {
        try read(path)
    }

    /// A variable.
    public func environment(_ name: String) -> String? { variables[name] }
}

/// Paths and globs of a configuration, all relative to its folder and `/`-separated.
enum ConfigurationPath {
    /// The path that `text`, written in `file`, means; nil when it leaves the folder.
    static func resolve(_ text: String, from file: String) -> String? {
        guard text.utf8.first != 0x2F else { return nil }
        var components = file.utf8.split(separator: 0x2F).dropLast().map { String($0) ?? "" }
        for part in text.utf8.split(separator: 0x2F) {
            switch String(part) ?? "" {
            case ".": continue
            case "..":
                if components.isEmpty { return nil }
                components.removeLast()
            case let name: components.append(name)
            }
        }
        return components.isEmpty ? nil : components.joined(separator: "/")
    }

    static func isGlob(_ text: String) -> Bool {
        text.utf8.contains { $0 == 0x2A || $0 == 0x3F || $0 == 0x5B }
    }

    /// Whether a glob matches a path: `*`, `?`, `[..]` within a component, `**` for folders.
    static func matches(_ glob: String, _ path: String) -> Bool {
        matches(components(glob), components(path))
    }

    static func components(_ path: String) -> [[UInt8]] {
        path.utf8.split(separator: 0x2F).map { Array($0) }
    }

    /// The same, both taken apart already.
    static func matches(_ pattern: [[UInt8]], _ parts: [[UInt8]]) -> Bool {
        // Dot files are never meant by a glob.
        if parts.contains(where: { $0.first == 0x2E }) { return false }
        return matches(pattern[...], parts[...])
    }

    /// Like `component`, with `**` for the star: only the last one is ever tried again.
    private static func matches(
        _ pattern: ArraySlice<[UInt8]>, _ parts: ArraySlice<[UInt8]>
    ) -> Bool {
        var p = pattern
        var t = parts
        var retry: (pattern: ArraySlice<[UInt8]>, parts: ArraySlice<[UInt8]>)?
        while true {
            if let first = p.first, first.elementsEqual("**".utf8) {
                p = p.dropFirst()
                retry = (p, t)
                continue
            }
            if let first = p.first, let part = t.first, component(first[...], part[...]) {
                p = p.dropFirst()
                t = t.dropFirst()
                continue
            }
            if t.isEmpty, p.isEmpty { return true }
            guard let back = retry, !back.parts.isEmpty else { return false }
            retry = (back.pattern, back.parts.dropFirst())
            p = back.pattern
            t = back.parts.dropFirst()
        }
    }

    /// One component. Stars are tried from short to long with the usual single back-track point,
    /// so the work stays linear in the product of the lengths.
    private static func component(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        var p = pattern
        var t = text
        var retry: (pattern: ArraySlice<UInt8>, text: ArraySlice<UInt8>)?
        while true {
            if p.first == 0x2A {
                p = p.dropFirst()
                retry = (p, t)
                continue
            }
            if let byte = t.first, let rest = single(p, byte) {
                p = rest
                t = t.dropFirst()
                continue
            }
            if t.isEmpty, p.isEmpty { return true }
            guard let back = retry, !back.text.isEmpty else { return false }
            retry = (back.pattern, back.text.dropFirst())
            p = back.pattern
            t = back.text.dropFirst()
        }
    }

    /// What is left of the pattern when its first element takes the byte.
    private static func single(_ pattern: ArraySlice<UInt8>, _ byte: UInt8) -> ArraySlice<UInt8>? {
        guard let first = pattern.first else { return nil }
        if first == 0x3F { return pattern.dropFirst() }
        guard first == 0x5B, let close = pattern.dropFirst(2).firstIndex(of: 0x5D) else {
            return first == byte ? pattern.dropFirst() : nil
        }
        var set = pattern[(pattern.startIndex + 1)..<close]
        let isNegated = set.first == 0x21 || set.first == 0x5E
        if isNegated { set = set.dropFirst() }
        var isIn = false
        while let low = set.first {
            if set.count >= 3, set[set.startIndex + 1] == 0x2D {
                if (low...max(low, set[set.startIndex + 2])).contains(byte) { isIn = true }
                set = set.dropFirst(3)
            } else {
                if low == byte { isIn = true }
                set = set.dropFirst()
            }
        }
        return isIn != isNegated ? pattern[(close + 1)...] : nil
    }
}
