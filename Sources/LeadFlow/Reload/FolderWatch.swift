// Dispatch sources may be resumed and cancelled from any thread; they are not marked so.
@preconcurrency internal import Dispatch
internal import Glibc
internal import Synchronization

/// Watches folders by inotify(7): those of a configuration, and those of the files that it read.
///
/// A folder is watched, not its files: editors write beside a file and rename, Kubernetes exchanges
/// a link. What is no rule file is not told of, so that a store or an output file that lies below
/// the configuration does not keep it reading.
///
/// The way to the folder may lead over links that are exchanged as a whole (`current -> releases/7`).
/// The folder that such a link lies in is watched for the link alone.
final class FolderWatch: Sendable {
    /// Something happened to a file; `isGrowing` while somebody writes to it.
    typealias Event = (path: String, isGrowing: Bool)

    /// The most folders watched.
    static let foldersMax = 4_096

    private struct State {
        var folders: [Int32: String] = [:]
        var watched: [String: Int32] = [:]
        /// Files whose change matters, whatever their names.
        var files: Set<String> = []
        /// Names of the links that lead to the root, by the folder that they lie in.
        var links: [Int32: Set<String>] = [:]
        var events: [Event] = []
    }

    private let root: String
    private let file: Int32
    private let reader: any DispatchSourceRead
    private let reading = Mutex<Void>(())
    private let state = Mutex(State())

    /// Nil when the system has no watch to spare; `onEvent` is called when `take` has something.
    init?(root: String, onEvent: @escaping @Sendable () -> Void) {
        let file = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard file >= 0 else { return nil }
        self.root = root
        self.file = file
        reader = DispatchSource.makeReadSource(
            fileDescriptor: file, queue: DispatchQueue(label: "leadrouter.watch"))
        reader.setEventHandler { [weak self] in
            guard let self else { return }
            if self.readEvents() { onEvent() }
        }
        reader.setCancelHandler { Glibc.close(file) }
        reader.resume()
    }

    deinit { reader.cancel() }

    /// Watches the configuration's folders, and those of the files, from now on.
    ///
    /// - Returns: whether all are watched.
    func watch(_ files: Set<String>) -> Bool {
        var folders: Set<String> = [root]
        addFolders(below: root, to: &folders)
        for file in files { folders.insert(FolderWatch.folder(of: file)) }
        state.withLock { $0.files = files }
        let links = FolderWatch.links(on: root).map(watchLink)
        return !links.contains(false)
            && folders.sorted().prefix(FolderWatch.foldersMax).allSatisfy(watch)
            && folders.count <= FolderWatch.foldersMax
    }

    /// What happened since the last call, up to this very moment.
    func take() -> [Event] {
        _ = readEvents()
        return state.withLock { state in
            defer { state.events = [] }
            return state.events
        }
    }

    private func watch(_ folder: String) -> Bool {
        state.withLock { state in
            guard let number = add(folder) else { return FolderWatch.mayBeMissed }
            state.folders[number] = folder
            state.watched[folder] = number
            return true
        }
    }

    private func watchLink(_ link: String) -> Bool {
        state.withLock { state in
            guard let number = add(FolderWatch.folder(of: link)) else {
                return FolderWatch.mayBeMissed
            }
            state.links[number, default: []].insert(FolderWatch.lastName(of: link))
            return true
        }
    }

    /// The number of the watch, which is the same for one folder under two names; nil when there
    /// is none, and then `errno` says why.
    private func add(_ folder: String) -> Int32? {
        let interest =
            UInt32(IN_CLOSE_WRITE) | UInt32(IN_MODIFY) | UInt32(IN_MOVED_TO)
            | UInt32(IN_MOVED_FROM) | UInt32(IN_CREATE) | UInt32(IN_DELETE)
            | UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF) | UInt32(IN_ATTRIB)
            | UInt32(IN_ONLYDIR)
        let number = inotify_add_watch(file, folder, interest)
        return number >= 0 ? number : nil
    }

    /// Whether a folder that cannot be watched is none that matters: a secret's folder may be one
    /// that this process may not list.
    private static var mayBeMissed: Bool {
        errno == ENOENT || errno == EACCES || errno == ENOTDIR
    }

    /// The parts of a path that are links, each as the path names it.
    static func links(on path: String) -> [String] {
        let bytes = Array(path.utf8)
        let ends = bytes.indices.filter { $0 > 0 && bytes[$0] == 0x2F } + [bytes.count]
        return ends.map { bytes[..<$0] }
            .map { String(decoding: $0, as: UTF8.self) }
            .filter { part in
                var status = Glibc.stat()
                return lstat(part, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
            }
    }

    private static func lastName(of path: String) -> String {
        String(decoding: path.utf8.split(separator: 0x2F).last ?? [], as: UTF8.self)
    }

    private func addFolders(below folder: String, to folders: inout Set<String>) {
        guard folders.count < FolderWatch.foldersMax, let stream = opendir(folder) else { return }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
            let name = FolderWatch.name(of: entry)
            // Of a hidden folder only what a link or a path leads to is read.
            guard name.utf8.first != 0x2E else { continue }
            let path = folder + "/" + name
            if folders.insert(path).inserted { addFolders(below: path, to: &folders) }
        }
    }

    private static func name(of entry: UnsafeMutablePointer<dirent>) -> String {
        withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
    }

    /// Whether a file has a name as rules and tables have.
    static func isNamedAsRules(_ path: String) -> Bool {
        [".yaml", ".yml", ".csv", ".tsv"].contains { ending in
            path.utf8.count > ending.utf8.count
                && path.utf8.suffix(ending.utf8.count)
                    .elementsEqual(ending.utf8)
        }
    }

    static func folder(of path: String) -> String {
        let bytes = Array(path.utf8)
        guard let slash = bytes.lastIndex(of: 0x2F) else { return "." }
        return slash == 0 ? "/" : String(decoding: bytes[..<slash], as: UTF8.self)
    }

    /// Whether something that matters happened.
    ///
    /// Who reads holds the lock until what was read is noted: `take` must not come between.
    private func readEvents() -> Bool { reading.withLock { _ in readAll() } }

    private func readAll() -> Bool {
        var found: [Event] = []
        let room = 1 << 16
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: room, alignment: 8)
        defer { buffer.deallocate() }
        while true {
            let count = Glibc.read(file, buffer, room)
            guard count > 0 else { break }
            var offset = 0
            while offset < count {
                let event = (buffer + offset).loadUnaligned(as: inotify_event.self)
                let text = (buffer + offset + MemoryLayout<inotify_event>.size)
                    .assumingMemoryBound(to: CChar.self)
                let name = event.len > 0 ? String(cString: text) : ""
                if let event = meaning(of: event, name) { found.append(event) }
                offset += MemoryLayout<inotify_event>.size + Int(event.len)
            }
        }
        guard !found.isEmpty else { return false }
        state.withLock { $0.events += found }
        return true
    }

    /// Nil when it does not matter.
    private func meaning(of event: inotify_event, _ name: String) -> Event? {
        func has(_ flag: Int) -> Bool { event.mask & UInt32(truncatingIfNeeded: flag) != 0 }
        // Events were lost: anything may have happened.
        if has(Int(IN_Q_OVERFLOW)) { return (root, false) }
        let (folder, isLink) = state.withLock { state in
            defer {
                if has(Int(IN_IGNORED)) {
                    state.folders[event.wd] = nil
                    state.links[event.wd] = nil
                }
            }
            return (state.folders[event.wd], state.links[event.wd]?.contains(name) == true)
        }
        if isLink { return (root, false) }
        guard let folder else { return nil }
        if name.utf8.isEmpty || has(Int(IN_ISDIR)) { return (folder + "/" + name, false) }
        let path = folder + "/" + name
        guard matters(path, name) else { return nil }
        return (path, has(Int(IN_MODIFY)) && !has(Int(IN_CLOSE_WRITE)))
    }

    /// Whether a change of the file can change what the configuration says: it was read, it is
    /// named as rules and tables are, or it is a link.
    private func matters(_ path: String, _ name: String) -> Bool {
        if state.withLock({ $0.files.contains(path) }) { return true }
        if FolderWatch.isNamedAsRules(name) { return true }
        var status = Glibc.stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }
}
