internal import Foundation
internal import Glibc
internal import LeadKit
public import LeadRules

/// A configuration's folder on disk, and the environment of this process.
public struct ConfigurationFolder: ConfigurationFiles {
    /// The folder, without a slash at its end.
    private let folder: String
    /// The folder as it was named, with a slash.
    public let displayPrefix: String

    /// The most bytes of one file.
    public static let fileBytesMax = 64 << 20
    /// The most files that are looked at for globs.
    public static let filesMax = 100_000

    /// Makes the folder at a path.
    public init(path: String) {
        displayPrefix = path.utf8.last == 0x2F ? path : path + "/"
        folder = path
    }

    /// The bytes of a regular file below the folder.
    public func read(_ path: String) throws(ConfigurationFileError) -> [UInt8] {
        try ConfigurationFolder.read(at: displayPrefix + path, inside: real())
    }

    /// The device and the number of a regular file there.
    public func identity(_ path: String) -> FileIdentity? {
        var status = Glibc.stat()
        guard stat(displayPrefix + path, &status) == 0, ConfigurationFolder.isRegular(status) else {
            return nil
        }
        return FileIdentity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
    }

    /// The bytes of a secret's file.
    public func readSecret(_ path: String) throws(ConfigurationFileError) -> [UInt8] {
        let isAbsolute = path.utf8.first == 0x2F
        return try ConfigurationFolder.read(at: isAbsolute ? path : displayPrefix + path)
    }

    /// The relative paths of all regular files, and of links to such.
    public func list() throws(ConfigurationFileError) -> [String] {
        let start = URL(filePath: folder, directoryHint: .isDirectory).resolvingSymlinksInPath()
        guard
            let paths = FileManager.default.enumerator(
                atPath: start.path(percentEncoded: false))
        else { throw ConfigurationFileError("there is no such folder") }
        var result: [String] = []
        while let path = paths.nextObject() as? String {
            let type = paths.fileAttributes?[.type] as? FileAttributeType
            guard
                type == .typeRegular
                    || (type == .typeSymbolicLink && isRegularFile(displayPrefix + path))
            else { continue }
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

    private func isRegularFile(_ path: String) -> Bool {
        var status = Glibc.stat()
        return stat(path, &status) == 0 && ConfigurationFolder.isRegular(status)
    }
}

// Reading. What is opened is what is asked whether it is a regular file, without waiting: the path
// may lead to a pipe that nobody writes to, or be exchanged at any moment.
extension ConfigurationFolder {
    /// The folder without links, with a slash; nil when there is none.
    private func real() -> String? {
        ConfigurationFolder.realPath(folder).map { $0.utf8.last == 0x2F ? $0 : $0 + "/" }
    }

    private static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    /// Reads a regular file; with a folder only one that lies in it, whatever links lead there. The
    /// file that was opened is asked where it lies, so that no link can change in between.
    private static func read(
        at path: String, inside folder: String?? = nil
    ) throws(ConfigurationFileError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        guard file >= 0 else { throw ConfigurationFileError(reason(errno)) }
        defer { close(file) }
        if let folder, let place = realPath("/proc/self/fd/\(file)") ?? realPath(path),
            !ByteSearch.hasPrefix(place, folder ?? "/")
        {
            throw ConfigurationFileError.outside
        }
        var status = Glibc.stat()
        guard fstat(file, &status) == 0 else { throw ConfigurationFileError(reason(errno)) }
        guard isRegular(status) else { throw ConfigurationFileError("it is not a regular file") }
        return try read(file, expecting: Int(status.st_size))
    }

    /// All bytes up to the end, also of a file that grows or shrinks meanwhile.
    private static func read(
        _ file: Int32, expecting size: Int
    ) throws(ConfigurationFileError) -> [UInt8] {
        var bytes: [UInt8] = []
        var room = min(max(size, 0), fileBytesMax) + 1
        while bytes.count <= fileBytesMax {
            var failure: Int32 = 0
            var count = 0
            bytes.append(
                contentsOf: Array(unsafeUninitializedCapacity: room) { buffer, filled in
                    repeat {
                        count = Glibc.read(file, buffer.baseAddress, buffer.count)
                        failure = count < 0 ? errno : 0
                    } while failure == EINTR
                    filled = max(count, 0)
                })
            guard failure == 0 else { throw ConfigurationFileError(reason(failure)) }
            if count == 0 { return bytes }
            room = max(1, min(room - count, 1 << 16))
        }
        throw ConfigurationFileError("it is over \(fileBytesMax) bytes")
    }

    private static func isRegular(_ status: Glibc.stat) -> Bool {
        status.st_mode & S_IFMT == S_IFREG
    }

    private static func reason(_ error: Int32) -> String {
        switch error {
        case ENOENT, ENOTDIR: "there is no such file"
        case EACCES, EPERM: "permission denied"
        case ELOOP: "its links lead in a circle"
        case ENAMETOOLONG: "the name is too long"
        case EISDIR: "it is not a regular file"
        default: "it cannot be read (\(String(cString: strerror(error))))"
        }
    }
}
