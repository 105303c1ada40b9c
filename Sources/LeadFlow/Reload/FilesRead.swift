internal import Glibc
internal import LeadRules
internal import Synchronization

/// Which files a reading read, beside the reading itself.
final class FilesRead: ConfigurationFiles {
    private let folder: ConfigurationFolder
    private let paths = Mutex<Set<String>>([])

    init(_ folder: ConfigurationFolder) { self.folder = folder }

    /// Every path that was asked for, whether there was such a file or not; as the process sees
    /// them.
    var all: Set<String> { paths.withLock { $0 } }

    var displayPrefix: String { folder.displayPrefix }

    func read(_ path: String) throws(ConfigurationFileError) -> [UInt8] {
        note(folder.displayPrefix + path)
        return try folder.read(path)
    }

    func readSecret(_ path: String) throws(ConfigurationFileError) -> [UInt8] {
        note(path.utf8.first == 0x2F ? path : folder.displayPrefix + path)
        return try folder.readSecret(path)
    }

    func identity(_ path: String) -> FileIdentity? { folder.identity(path) }

    func list() throws(ConfigurationFileError) -> [String] { try folder.list() }

    func environment(_ name: String) -> String? { folder.environment(name) }

    private func note(_ path: String) { paths.withLock { _ = $0.insert(path) } }
}

/// What the file system says of files without reading them: two prints differ when a file was
/// written, exchanged, removed or made.
struct FolderPrint: Equatable {
    private struct File: Equatable {
        var device: UInt
        var inode: UInt
        var size: Int
        var seconds: Int
        var nanoseconds: Int
    }

    private var files: [String: File] = [:]

    /// The paths that it is of; those without a file are not told apart from others.
    let paths: Set<String>

    init(_ paths: Set<String>) {
        self.paths = paths
        for path in paths {
            var status = Glibc.stat()
            guard stat(path, &status) == 0 else { continue }
            files[path] = File(
                device: status.st_dev, inode: status.st_ino, size: Int(status.st_size),
                seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
        }
    }
}
