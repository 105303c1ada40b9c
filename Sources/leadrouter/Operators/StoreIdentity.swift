import Foundation
import LeadKit

/// Which file a store is, by whatever way it is named: so that an order about one store never
/// reaches the service of another.
struct StoreIdentity: Equatable {
    /// The absolute path as it was named, and without symbolic links.
    let named: String
    let path: String
    /// The file itself; nil where it cannot be looked at, as in a folder that is not for this
    /// account.
    let file: File?

    struct File: Equatable {
        let device: UInt64
        let inode: UInt64
    }

    /// Looks at a file that may not be there.
    init(path: String) {
        let url = URL(filePath: path).standardizedFileURL
        named = url.path(percentEncoded: false)
        self.path = url.resolvingSymlinksInPath().path(percentEncoded: false)
        let status = try? FileManager.default.attributesOfItem(atPath: self.path)
        file =
            if let device = status?[.systemNumber] as? UInt64,
                let inode = status?[.systemFileNumber] as? UInt64
            {
                File(device: device, inode: inode)
            } else { nil }
    }

    /// What a service has said of its own.
    init?(_ value: JSONValue) {
        guard let named = value["named"]?.string, let path = value["path"]?.string else {
            return nil
        }
        self.named = named
        self.path = path
        let numbers = ["device", "inode"].compactMap { value[$0]?.string.flatMap { UInt64($0) } }
        file = numbers.count == 2 ? File(device: numbers[0], inode: numbers[1]) : nil
    }

    /// Whether both are one file. Where the files cannot be compared, the names are.
    func isSame(as other: StoreIdentity) -> Bool {
        if let file, let others = other.file { return file == others }
        return path.utf8.elementsEqual(other.path.utf8)
            || named.utf8.elementsEqual(other.named.utf8)
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("path")
            writer.string(path)
            writer.name("named")
            writer.string(named)
            if let file {
                writer.name("device")
                writer.string(String(file.device))
                writer.name("inode")
                writer.string(String(file.inode))
            }
        }
    }
}
