internal import Foundation
internal import Glibc

/// The name that a copy is to have.
///
/// SQLite and a store find what belongs to them by name alone. A copy must neither take such a name,
/// not even while it is free, nor stand where another file would be taken for its log.
struct BackupName {
    /// What SQLite keeps beside a file, and would read as the copy's.
    static let besideEnds = ["-wal", "-shm", "-journal"]
    /// What else a store keeps beside its file.
    static let ownEnds = [".lock", ".ballast", LedgerCopy.unfinishedSuffix]
    /// What a store is made as before it has its name; removed when it is made again.
    private static let newEnd = ".new"

    private let path: String

    init(_ path: String) { self.path = path }

    /// Refuses names that belong to a store, and old files beside the name.
    func check(besides source: String) throws(StoreError) {
        guard !path.utf8.contains(0) else {
            throw .unusable("the name of a backup must not hold a zero byte")
        }
        for end in BackupName.besideEnds + BackupName.ownEnds where hasEnd(end) {
            throw .unusable(
                "'\(path)' ends with '\(end)', as what stands beside a store does; name another file"
            )
        }
        if hasEnd(BackupName.newEnd), let file = try? StoreFile(path, creates: false),
            file.path.utf8.elementsEqual((source + BackupName.newEnd).utf8)
        {
            throw .unusable("'\(path)' belongs to the store; name another file")
        }
        var status = stat()
        if lstat(path, &status) == 0 { throw isTaken }
        try checkBeside()
    }

    /// A file of that name is there.
    var isTaken: StoreError {
        .unusable("'\(path)' exists; a backup replaces nothing, so name another file")
    }

    /// Refuses when a file stands beside the name that SQLite would take for the copy's.
    func checkBeside() throws(StoreError) {
        for end in BackupName.besideEnds {
            var status = stat()
            guard lstat(path + end, &status) == 0 else { continue }
            throw .unusable(
                "'\(path + end)' is there, and would be taken for a part of the copy; remove it if it "
                    + "is left over, or name another file")
        }
    }

    private func hasEnd(_ end: String) -> Bool {
        path.utf8.reversed().starts(with: end.utf8.reversed())
    }
}
