import Foundation
import LeadKit
import LeadRules

/// A configuration in a revision of a Git repository. Nothing is checked out: files are read from
/// Git's objects, by one `git cat-file --batch`.
struct GitFolder: ConfigurationFiles {
    /// `main:rules/`, before the paths in messages.
    let displayPrefix: String
    private let objects: GitObjects
    /// The ids of the regular files, by path.
    private let blobs: [String: String]
    /// Links, folders of other repositories: there, and not readable.
    private let others: Set<String>

    /// The most files of a revision's folder.
    static let filesMax = 100_000

    /// Opens `REV` (the revision of `configFolder`) or `REV:PATH`.
    init(_ text: String, configFolder: String) throws(GitFailure) {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw GitFailure("'\(Console.shown(text))' is neither a folder nor a Git revision")
        }
        let colon = text.utf8.firstIndex(of: 0x3A)
        let revision = colon.map { String(text[..<$0]) } ?? text
        var isFolder: ObjCBool = false
        let configExists =
            FileManager.default.fileExists(atPath: configFolder, isDirectory: &isFolder)
            && isFolder.boolValue
        let workingFolder = colon == nil && configExists ? configFolder : "."
        let name =
            if colon != nil { text } else if configExists { "\(text):./" } else {
                "\(text):./\(configFolder)"
            }
        objects = try GitObjects(in: workingFolder)
        guard let root = try objects.object(name) else {
            guard try objects.object(revision + "^{commit}") != nil else {
                throw GitFailure(
                    "'\(text)' is neither a folder with a leadrouter.yaml nor a revision that Git knows"
                )
            }
            let folder = colon.map { String(text[text.utf8.index(after: $0)...]) } ?? configFolder
            throw GitFailure("the revision '\(revision)' has no folder '\(folder)'")
        }
        guard root.kind == "tree" else { throw GitFailure("'\(text)' is not a folder in Git") }
        var tree = GitTree()
        try tree.add(root, below: "", of: objects)
        blobs = tree.blobs
        others = tree.others
        displayPrefix = colon == nil ? "\(text):\(configFolder)/" : "\(text)/"
    }

    /// The bytes of a file.
    func read(_ path: String) throws(ConfigurationFileError) -> [UInt8] {
        guard let id = blobs[path] else {
            throw ConfigurationFileError(
                others.contains(path) ? "it is not a regular file" : "there is no such file")
        }
        do throws(GitFailure) {
            guard let object = try objects.object(id) else {
                throw GitFailure("Git has no object \(id)")
            }
            return object.bytes
        } catch {
            throw ConfigurationFileError(error.description)
        }
    }

    /// The paths of the regular files.
    func list() -> [String] { Array(blobs.keys) }

    /// Secrets are not in Git; one that is, is read as any file.
    func readSecret(_ path: String) throws(ConfigurationFileError) -> [UInt8] { try read(path) }

    /// A variable of this process.
    func environment(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }
}

/// The files below a tree object: entries of `MODE NAME NUL ID`, the id in binary.
private struct GitTree {
    var blobs: [String: String] = [:]
    var others: Set<String> = []

    mutating func add(
        _ tree: GitObjects.Object, below prefix: String, of objects: GitObjects
    ) throws(GitFailure) {
        let idBytes = tree.id.utf8.count / 2
        var rest = tree.bytes[...]
        while !rest.isEmpty {
            guard let blank = rest.firstIndex(of: 0x20),
                let end = rest[blank...].firstIndex(of: 0), rest.endIndex - end > idBytes
            else { throw GitFailure("Git's answer cannot be read") }
            let mode = String(decoding: rest[..<blank], as: UTF8.self)
            let path = prefix + String(decoding: rest[(blank + 1)..<end], as: UTF8.self)
            let id = GitTree.hexadecimal(rest[(end + 1)...].prefix(idBytes))
            rest = rest[(end + 1 + idBytes)...]
            switch mode {
            case "40000":
                guard let below = try objects.object(id) else {
                    throw GitFailure("Git has no object \(id)")
                }
                try add(below, below: path + "/", of: objects)
            case "100644", "100755", "100664": blobs[path] = id
            default: others.insert(path)
            }
            guard blobs.count <= GitFolder.filesMax else {
                throw GitFailure("the folder holds over \(GitFolder.filesMax) files")
            }
        }
    }

    private static func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
