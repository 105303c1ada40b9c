import CFileCalls
import Glibc

/// The system calls, with their failures thrown.
enum FileCall {
    /// Opens without following a link at the end, without waiting for a pipe's other side, and
    /// makes missing folders when the file may be made.
    static func open(_ path: String, _ flags: Int32) throws(FileFault) -> Int32 {
        let all = flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
        var descriptor = Glibc.open(path, all, 0o640)
        if descriptor < 0, errno == ENOENT, flags & O_CREAT != 0 {
            try makeFolder(FilePath.folder(of: path))
            descriptor = Glibc.open(path, all, 0o640)
        }
        guard descriptor >= 0 else { throw .lastError() }
        return descriptor
    }

    static func status(_ descriptor: Int32) throws(FileFault) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .lastError() }
        return status
    }

    /// The status of a regular file with one name; anything else is refused.
    static func plainStatus(_ descriptor: Int32) throws(FileFault) -> stat {
        let status = try status(descriptor)
        guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 else {
            throw FileFault(.notPlain)
        }
        return status
    }

    /// Up to `count` bytes; fewer only at the file's end.
    static func read(_ descriptor: Int32, at offset: Int, count: Int) throws(FileFault) -> [UInt8] {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let part = pread(
                    descriptor, buffer.baseAddress.map { $0 + filled }, count - filled,
                    off_t(offset + filled))
                if part < 0, errno == EINTR { continue }
                failed = part < 0
                guard part > 0 else { break }
                filled += part
            }
        }
        if failed { throw .lastError() }
        return bytes
    }

    /// Makes the folder and the ones above it, 0750, each on disk before the next.
    static func makeFolder(_ path: String) throws(FileFault) {
        if mkdir(path, 0o750) == 0 { return try syncFolder(FilePath.folder(of: path)) }
        switch errno {
        case EEXIST: return
        case ENOENT:
            try makeFolder(FilePath.folder(of: path))
            guard mkdir(path, 0o750) == 0 || errno == EEXIST else { throw .lastError() }
            try syncFolder(FilePath.folder(of: path))
        default: throw .lastError()
        }
    }

    static func syncFolder(_ path: String) throws(FileFault) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .lastError() }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .lastError() }
    }

    /// Renames; EEXIST when the new name is taken. File systems without that kind of renaming get
    /// a second name and lose the first.
    static func renameWithoutReplacing(_ old: String, _ new: String) throws(FileFault) {
        if renameat2(AT_FDCWD, old, AT_FDCWD, new, UInt32(LR_RENAME_NOREPLACE)) == 0 { return }
        guard errno == EINVAL || errno == ENOSYS else { throw .lastError() }
        guard link(old, new) == 0 else { throw .lastError() }
        unlink(old)
    }
}
