internal import LeadKit

/// A value of a lead, and what is known of it already.
struct SeenValue {
    /// Trimmed and NFC.
    var exact: TextRange
    /// Folded as well; its count is -1 until somebody asks.
    var folded: TextRange
    var isASCII: Bool
    /// The findings of the slot's probes, from here on.
    var firstFinding: Int32
    /// In `numbers`; -1 until somebody asks.
    var number: Int32 = -1
    /// In `times`; -1 until somebody asks.
    var time: Int32 = -1
}

/// The values of one lead as compiled rules ask for them, each read, normalised and looked up at
/// most once, and only when asked for.
///
/// Made once and used for one lead after the other: nothing is allocated for a lead whose texts are
/// ASCII and that is not larger than those before.
struct LeadValues {
    let rules: CompiledRules
    private var now = Timestamp(seconds: 0)
    private var isDuplicate = false
    /// Tells this lead's entries in `slots` and `rows` from those of leads before.
    private var stamp: UInt32 = 0
    private var slots: [SlotState]
    private var rows: [RowState]
    private var fieldNames: FieldNames
    /// For each answer the next one of the same name; -1 for none.
    private var nextField: [Int32] = []

    private var texts = TextArena()
    private var values: [SeenValue] = []
    private var valueCount: Int32 = 0
    private var findings: [Finding] = []
    private var findingCount: Int32 = 0
    private var found: [Int32] = []
    private var numbers: [ExactNumber?] = []
    private var times: [Timestamp?] = []

    private struct SlotState {
        var fieldStamp: UInt32 = 0
        var firstField: Int32 = 0
        var lastField: Int32 = 0
        var valueStamp: UInt32 = 0
        var firstValue: Int32 = 0
        var valueCount: Int32 = 0
    }

    private struct RowState {
        var stamp: UInt32 = 0
        var row: Int32 = -1
    }

    /// The symbols that a probe found for a value, in `found`.
    private struct Finding {
        /// -1 until somebody asks.
        var start: Int32
        var count: Int32
    }

    init(_ rules: CompiledRules) {
        self.rules = rules
        slots = rules.names.map { _ in SlotState() }
        rows = rules.tables.map { _ in RowState() }
        fieldNames = FieldNames(rules.names)
    }

    /// Begins with a lead; what was known of the one before is forgotten.
    mutating func begin(_ lead: Lead, at now: Timestamp, isDuplicate: Bool) {
        self.now = now
        self.isDuplicate = isDuplicate
        if stamp == .max { restart() }
        stamp += 1
        texts.clear()
        valueCount = 0
        findingCount = 0
        if !found.isEmpty { found.removeAll(keepingCapacity: true) }
        if !numbers.isEmpty { numbers.removeAll(keepingCapacity: true) }
        if !times.isEmpty { times.removeAll(keepingCapacity: true) }
        lead.fieldData.withFields { fields in
            while nextField.count < fields.count { nextField.append(-1) }
            for position in fields.indices {
                let slot = fieldNames.slot(of: fields[position].name, at: position)
                if slot >= 0 { add(field: Int32(position), to: slot) }
            }
        }
    }

    private mutating func add(field: Int32, to slot: Int) {
        nextField[Int(field)] = -1
        if slots[slot].fieldStamp == stamp {
            nextField[Int(slots[slot].lastField)] = field
        } else {
            slots[slot].fieldStamp = stamp
            slots[slot].firstField = field
        }
        slots[slot].lastField = field
    }

    private mutating func restart() {
        stamp = 0
        for index in slots.indices { slots[index] = SlotState() }
        for index in rows.indices { rows[index] = RowState() }
    }
}

// Values.
extension LeadValues {
    /// The numbers of the slot's values; empty when it is missing.
    mutating func values(of slot: Int, _ lead: Lead) -> Range<Int> {
        if slots[slot].valueStamp != stamp { read(slot, lead) }
        let first = Int(slots[slot].firstValue)
        return first..<(first + Int(slots[slot].valueCount))
    }

    private mutating func read(_ slot: Int, _ lead: Lead) {
        switch rules.slots[slot].kind {
        case .field:
            let first = valueCount
            if slots[slot].fieldStamp == stamp { readFields(slot, lead) }
            keep(from: first, of: slot)
        case .column(let table, let column):
            let row = row(of: Int(table), lead)
            let first = valueCount
            if row >= 0 { append(rules.tables[Int(table)].rows[row][Int(column)], slot) }
            keep(from: first, of: slot)
        case .other:
            let first = valueCount
            let texts = LeadView.texts(
                of: rules.names[slot], lead: lead, now: now, isDuplicate: isDuplicate)
            for text in texts { append(text, slot) }
            keep(from: first, of: slot)
        }
    }

    private mutating func readFields(_ slot: Int, _ lead: Lead) {
        lead.fieldData.withFields { fields in
            var position = slots[slot].firstField
            while position >= 0 {
                for text in fields[Int(position)].values { append(text, slot) }
                position = nextField[Int(position)]
            }
        }
    }

    private mutating func keep(from first: Int32, of slot: Int) {
        slots[slot].valueStamp = stamp
        slots[slot].firstValue = first
        slots[slot].valueCount = valueCount - first
    }

    private mutating func append(_ text: String, _ slot: Int) {
        guard let (range, isASCII) = texts.append(text) else { return }
        let value = SeenValue(
            exact: range, folded: TextRange(start: 0, count: -1), isASCII: isASCII,
            firstFinding: findingCount)
        if Int(valueCount) < values.count {
            values[Int(valueCount)] = value
        } else {
            values.append(value)
        }
        valueCount += 1
        for _ in 0..<rules.slots[slot].probeCount {
            if Int(findingCount) < findings.count {
                findings[Int(findingCount)].start = -1
            } else {
                findings.append(Finding(start: -1, count: 0))
            }
            findingCount += 1
        }
    }

    /// The row that the lead's key selects: the first value that is a key; -1 without one.
    private mutating func row(of table: Int, _ lead: Lead) -> Int {
        if rows[table].stamp == stamp { return Int(rows[table].row) }
        let key = rules.tableKeys[table]
        var row: Int32 = -1
        if key.slot >= 0 {
            for value in values(of: Int(key.slot), lead) {
                let found = found(for: value, slot: Int(key.slot), probe: Int(key.probe))
                guard let symbol = found.first else { continue }
                row = self.found[symbol] - key.firstSymbol
                break
            }
        }
        rows[table] = RowState(stamp: stamp, row: row)
        return Int(row)
    }

    /// The value as a number; nil when it is none.
    mutating func number(of value: Int) -> ExactNumber? {
        let known = values[value].number
        if known >= 0 { return numbers[Int(known)] }
        let number = texts.withBytes(values[value].exact) {
            ExactNumber(bytes: UnsafeBufferPointer(start: $0, count: $1))
        }
        values[value].number = Int32(numbers.count)
        numbers.append(number)
        return number
    }

    /// The value as a time; nil when it is none.
    mutating func time(of value: Int) -> Timestamp? {
        let known = values[value].time
        if known >= 0 { return times[Int(known)] }
        let time = Timestamp(dateOrTime: string(of: value))
        values[value].time = Int32(times.count)
        times.append(time)
        return time
    }

    /// The value's text, trimmed and NFC.
    func string(of value: Int) -> String { texts.string(values[value].exact) }
}

// Probes.
extension LeadValues {
    /// A symbol that a probe found.
    func symbol(_ index: Int) -> Int32 { found[index] }

    /// Where in `symbol(_:)` the symbols stand that a probe finds for a value.
    mutating func found(for value: Int, slot: Int, probe: Int) -> Range<Int> {
        let finding = Int(values[value].firstFinding) + probe
        if findings[finding].start < 0 {
            let start = found.count
            ask(rules.probes[Int(rules.slots[slot].firstProbe) + probe], value)
            findings[finding] = Finding(start: Int32(start), count: Int32(found.count - start))
        }
        let start = Int(findings[finding].start)
        return start..<(start + Int(findings[finding].count))
    }

    private mutating func ask(_ probe: Probe, _ value: Int) {
        let range = probe.isExact ? values[value].exact : folded(value)
        switch probe.kind {
        case .equals: look(for: range, in: probe.space)
        case .startsWith:
            for length in lengths(of: probe) where length <= range.count {
                look(for: TextRange(start: range.start, count: length), in: probe.space)
            }
        case .endsWith:
            for length in lengths(of: probe) where length <= range.count {
                let start = range.start + range.count - length
                look(for: TextRange(start: start, count: length), in: probe.space)
            }
        case .group:
            let (group, symbols) = (rules.groups[Int(probe.first)], Int(probe.space))
            // Taken out while it is written to: the closure may not reach into self.
            var found: [Int32] = []
            swap(&found, &self.found)
            texts.withBytes(range) { bytes, count in
                group.match(bytes, count: count) { found.append(rules.symbols[symbols + $0]) }
            }
            swap(&found, &self.found)
        }
    }

    private func lengths(of probe: Probe) -> ArraySlice<Int32> {
        rules.lengths[Int(probe.first)..<Int(probe.first + probe.count)]
    }

    private mutating func look(for range: TextRange, in space: Int32) {
        let symbol = texts.withBytes(range) { bytes, count in
            rules.texts.symbol(
                of: bytes, count: count, key: TextKey(bytes, count: count), in: space)
        }
        if symbol >= 0 { found.append(symbol) }
    }

    private mutating func folded(_ value: Int) -> TextRange {
        if values[value].folded.count < 0 {
            values[value].folded = texts.fold(
                values[value].exact, isASCII: values[value].isASCII)
        }
        return values[value].folded
    }
}
