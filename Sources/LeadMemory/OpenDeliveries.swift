internal import LeadStore

/// Where the deliveries are that may still be worked on: what the indexes `outbox_pending`,
/// `outbox_suspect` and `outbox_leased` are in SQLite.
///
/// A delivery is in one place at a time, which follows from its columns. Whoever changes these says
/// where it was before and where it is now; see `MemoryTables.change`.
struct OpenDeliveries: Sendable {
    enum Place: Equatable {
        /// It waits for its turn.
        case waiting(sink: Name, destination: Name, dueMilliseconds: Int64)
        /// It waits, and was under way in a crash.
        case suspect(sink: Name, dueMilliseconds: Int64)
        case leased
        /// It is over, or was not there.
        case nowhere
    }

    /// Text that is compared as SQLite compares it: by bytes.
    struct Name: Hashable, Sendable {
        let text: String

        init(_ text: String) { self.text = text }

        static func == (a: Name, b: Name) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

        func hash(into hasher: inout Hasher) {
            var text = text
            text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }

    /// By sink and destination. Where nothing waits any more stays, for what comes next.
    private var waiting: [Name: [Name: DueList]] = [:]
    /// By sink.
    private var suspects: [Name: DueList] = [:]
    /// Those under way.
    private(set) var leased: Set<Int> = []

    mutating func move(_ row: Int, from old: Place, to new: Place) {
        guard old != new else { return }
        leave(row, old)
        enter(row, new)
    }

    private mutating func enter(_ row: Int, _ place: Place) {
        switch place {
        case .waiting(let sink, let destination, let due):
            waiting[sink, default: [:]][destination, default: DueList()]
                .insert(.init(dueMilliseconds: due, row: row))
        case .suspect(let sink, let due):
            suspects[sink, default: DueList()].insert(.init(dueMilliseconds: due, row: row))
        case .leased: leased.insert(row)
        case .nowhere: break
        }
    }

    private mutating func leave(_ row: Int, _ place: Place) {
        switch place {
        case .waiting(let sink, let destination, let due):
            waiting[sink]?[destination]?.remove(.init(dueMilliseconds: due, row: row))
        case .suspect(let sink, let due):
            suspects[sink]?.remove(.init(dueMilliseconds: due, row: row))
        case .leased: leased.remove(row)
        case .nowhere: break
        }
    }

    /// Those of a destination that wait; without those that were under way in a crash.
    func waiting(sink: String, destination: String) -> DueList {
        waiting[Name(sink)]?[Name(destination)] ?? DueList()
    }

    /// Those that were under way in a crash and wait.
    func suspects(sink: String) -> DueList { suspects[Name(sink)] ?? DueList() }

    /// The destinations of a sink for which something waits, and when the first of it is due;
    /// suspects do not count.
    func firstDue(sink: String) -> [Name: Int64] {
        (waiting[Name(sink)] ?? [:]).compactMapValues { $0.first?.dueMilliseconds }
    }

    /// All of a sink that wait and are due later than a time.
    func waiting(sink: String, dueAfter milliseconds: Int64) -> [Int] {
        var lists = Array((waiting[Name(sink)] ?? [:]).values)
        lists.append(suspects(sink: sink))
        return lists.flatMap { list in
            list.entries(about: milliseconds)
                .filter { $0.dueMilliseconds > milliseconds }.map(\.row)
        }
    }
}
