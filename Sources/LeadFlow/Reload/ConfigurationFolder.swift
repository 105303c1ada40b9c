internal import Foundation
public import LeadRules

/// A configuration's folder on disk, and the environment of this process.
public struct ConfigurationFolder: ConfigurationFiles {
    private let folder: URL
    /// The folder as it was named, with a slash.
    public let displayPrefix: String

    /// The most bytes of one file.
    public static let fileBytesMax = 64 << 20
    /// The most files that are looked at for globs.
    public static let filesMax = 100_000

    /// Makes the folder at a path.
    public init(path: String) {
        folder = URL(filePath: path, directoryHint: .isDirectory)
        displayPrefix = path.utf8.last == 0x2F ? path : path + "/"
    }

    /// The bytes of a regular file below the folder.
    public func read(_ path: String) throws(ConfigurationFileError) -> [UInt8] {
        try ConfigurationFolder.read(folder.appending(path: path))
    }

    /// The bytes of a secret's file.
    public func readSecret(_ path: String) throws(ConfigurationFileError) -> [UInt8] {
        let isAbsolute = path.utf8.first == 0x2F
        return try ConfigurationFolder.read(
            isAbsolute ? URL(filePath: path) : folder.appending(path: path))
    }

    private static func read(_ file: URL) throws(ConfigurationFileError) -> [UInt8] {
        do {
            // A FIFO or device would block or never end.
            let attributes = try FileManager.default.attributesOfItem(
                atPath: file.resolvingSymlinksInPath().path())
            guard attributes[.type] as? FileAttributeType == .typeRegular else {
                throw ConfigurationFileError("it is not a regular file")
            }
            guard (attributes[.size] as? Int ?? 0) <= fileBytesMax else {
                throw ConfigurationFileError("it is over \(fileBytesMax) bytes")
            }
            return [UInt8](try Data(contentsOf: file))
        } catch let error as ConfigurationFileError {
            throw error
        } catch let error as CocoaError where error.code == .fileReadNoPermission {
            throw ConfigurationFileError("permission denied")
        } catch let error as CocoaError
            where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile
        {
            throw ConfigurationFileError("there is no such file")
        } catch {
            throw ConfigurationFileError("it cannot be read")
        }
    }

    /// The relative paths of all regular files.
    public func list() throws(ConfigurationFileError) -> [String] {
        guard let paths = FileManager.default.enumerator(atPath: folder.path(percentEncoded: false))
        else { throw ConfigurationFileError("there is no such folder") }
        var result: [String] = []
        while let path = paths.nextObject() as? String {
            guard paths.fileAttributes?[.type] as? FileAttributeType == .typeRegular else {
                continue
            }
            result.append(path)
            guard result.count <= ConfigurationFolder.filesMax else {
                throw ConfigurationFileError("it holds over \(ConfigurationFolder.filesMax) files")
            }
        }
        return result
    }

    /// A variable of this process.
    public func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name]
    }
}
