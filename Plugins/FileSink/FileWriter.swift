import LeadKit

/// Writes batches of orders, knows what it wrote lately, and answers the tickets.
struct FileWriter: ~Copyable {
    /// How many keys are remembered, written and failed each.
    private static let memoryMax = 10_000

    private let mode: FileSink.Config.Mode
    private var files = AppendFiles()
    /// What this process wrote, so that a repeat is answered without a search.
    private var written: [DeliveryKey: FilePlace] = [:]
    private var writtenOrder: [DeliveryKey] = []
    /// The last attempt of keys whose failure certainly left nothing behind.
    private var cleanFailures: [DeliveryKey: Int] = [:]

    init(mode: FileSink.Config.Mode) { self.mode = mode }

    mutating func write(_ tickets: [FileTicket]) {
        var paths: [String] = []
        var byPath: [[UInt8]: [FileTicket]] = [:]  // by bytes: `String` merges canonical twins
        for ticket in tickets {
            if let place = written[ticket.order.key] {
                ticket.answer(.success(place))
                continue
            }
            let path = Array(ticket.order.path.utf8)
            if byPath[path] == nil { paths.append(ticket.order.path) }
            byPath[path, default: []].append(ticket)
        }
        for path in paths { write(byPath[Array(path.utf8)] ?? [], to: path) }
    }

    mutating func closeAll() { files.closeAll() }

    private mutating func write(_ tickets: [FileTicket], to path: String) {
        switch mode {
        case .append:
            let orders = tickets.map(\.order)
            var suspects: Set<DeliveryKey> = []
            for order in orders where mayStandAlready(order) { suspects.insert(order.key) }
            do {
                let offsets = try files.append(orders, to: path, searchingFor: suspects)
                for ticket in tickets {
                    let place = FilePlace(path: path, offset: offsets[ticket.order.key])
                    succeed(ticket, place)
                }
            } catch {
                for ticket in tickets { fail(ticket, error) }
            }
        case .onePerLead:
            for ticket in tickets {
                do {
                    try OneFile.write(ticket.order)
                    succeed(ticket, FilePlace(path: path))
                } catch {
                    fail(ticket, error)
                }
            }
        }
    }

    /// Whether an earlier attempt may have written the line: this is not the first, and the one
    /// before is not known to have left nothing.
    private func mayStandAlready(_ order: FileOrder) -> Bool {
        order.attempt > 1 && (cleanFailures[order.key] ?? 0) < order.attempt - 1
    }

    private mutating func succeed(_ ticket: FileTicket, _ place: FilePlace) {
        let key = ticket.order.key
        cleanFailures[key] = nil
        if written.updateValue(place, forKey: key) == nil { writtenOrder.append(key) }
        if writtenOrder.count >= 2 * FileWriter.memoryMax {
            for old in writtenOrder.prefix(FileWriter.memoryMax) { written[old] = nil }
            writtenOrder.removeFirst(FileWriter.memoryMax)
        }
        ticket.answer(.success(place))
    }

    private mutating func fail(_ ticket: FileTicket, _ fault: FileFault) {
        // Forgetting costs a search, no more.
        if cleanFailures.count >= FileWriter.memoryMax { cleanFailures = [:] }
        cleanFailures[ticket.order.key] = fault.isClean ? ticket.order.attempt : nil
        ticket.answer(.failure(fault))
    }
}
