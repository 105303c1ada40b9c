internal import LeadKit

/// A value of a lead, and what is known of it already.
struct SeenValue {
    /// Trimmed and NFC.
    var exact = TextRange(start: 0, count: 0)
    /// Folded as well; its count is -1 until somebody asks.
    var folded = TextRange(start: 0, count: -1)
    /// The findings of the slot's probes, from here on.
    var firstFinding: Int32 = 0
    /// In `times`; -1 until somebody asks.
    var time: Int32 = -1
    var form = TextArena.Form.ascii
    var numberState = NumberState.unread
    /// The number times 10¹⁸, of `fixed` ones.
    var number: Int128 = 0

    enum NumberState: UInt8 {
        case unread, notANumber, fixed
        /// Too long to be kept here.
        case long
    }
}

/// The values of one lead as compiled rules ask for them, each read, normalised and looked up at
/// most once, and only when asked for.
///
/// Made once and used for one lead after the other: nothing is allocated for a lead that is not
/// larger than those before and whose texts have no scalars from U+0300 on.
struct LeadValues: ~Copyable {
    let rules: CompiledRules
    // Both are good from one call of `begin` to the end of the call that it belongs to.
    private var lead: UnsafePointer<Lead>?
    private var fields: UnsafePointer<Field>?
    private(set) var now = Timestamp(seconds: 0)
    private var isDuplicate = false
    /// Tells this lead's entries in `slots` and `rows` from those of leads before.
    private var stamp: UInt64 = 0
    private var slots: Scratch<SlotState>
    private var rows: Scratch<RowState>
    private var fieldNames: FieldNames
    /// For each answer the next one of the same name; -1 for none.
    private var nextField = Scratch<Int32>(count: 32, filler: -1)

    private var texts = TextArena()
    private var values = Scratch<SeenValue>(count: 64, filler: SeenValue())
    private var valueCount = 0
    private var findings = Scratch<Finding>(count: 128, filler: Finding(start: -1, count: 0))
    private var findingCount = 0
    private var found = Scratch<Int32>(count: 128, filler: 0)
    private var foundCount = 0
    private var times: [Timestamp?] = []

    private struct SlotState {
        var fieldStamp: UInt64 = 0
        var valueStamp: UInt64 = 0
        var firstField: Int32 = 0
        var lastField: Int32 = 0
        var firstValue: Int32 = 0
        var valueCount: Int32 = 0
    }

    private struct RowState {
        var stamp: UInt64 = 0
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
        slots = Scratch(count: rules.names.count, filler: SlotState())
        rows = Scratch(count: rules.tables.count, filler: RowState())
        fieldNames = FieldNames(rules.names)
    }

    /// Begins with a lead, which must stay where it is until the next one; what was known of the one
    /// before is forgotten.
    mutating func begin(_ lead: UnsafePointer<Lead>, at now: Timestamp, isDuplicate: Bool) {
        self.lead = lead
        // Comparing is cheaper than counting references to its digits.
        if now != self.now { self.now = now }
        self.isDuplicate = isDuplicate
        stamp += 1
        texts.clear()
        valueCount = 0
        findingCount = 0
        foundCount = 0
        if !times.isEmpty { times.removeAll(keepingCapacity: true) }
        // The lead keeps its answers where they are, too.
        let all = lead.pointee.fieldData.withFields { $0 }
        fields = all.baseAddress
        guard let fields else { return }
        nextField.reserve(all.count)
        for position in 0..<all.count {
            let slot = fieldNames.slot(of: fields + position, at: position)
            if slot >= 0 { add(field: position, to: slot) }
        }
    }

    private mutating func add(field: Int, to slot: Int) {
        nextField[field] = -1
        if slots[slot].fieldStamp == stamp {
            nextField[Int(slots[slot].lastField)] = Int32(field)
        } else {
            slots[slot].fieldStamp = stamp
            slots[slot].firstField = Int32(field)
        }
        slots[slot].lastField = Int32(field)
    }
}

// Values.
extension LeadValues {
    /// The numbers of the slot's values; empty when it is missing.
    mutating func values(of slot: Int) -> Range<Int> {
        if slots[slot].valueStamp != stamp { read(slot) }
        let first = Int(slots[slot].firstValue)
        return Range(uncheckedBounds: (first, first + Int(slots[slot].valueCount)))
    }

    private mutating func read(_ slot: Int) {
        var first = valueCount
        switch rules.slots[slot].kind {
        case .field:
            if slots[slot].fieldStamp == stamp { readFields(slot) }
        case .column(let table, let column):
            let row = row(of: Int(table))
            // Looking for the row may have read its key.
            first = valueCount
            if row >= 0 { append(rules.tables[Int(table)].rows[row][Int(column)], slot) }
        case .attribute(let attribute):
            // Asked by `Lead`, the whole lead would be copied.
            if let text = lead?.pointee.envelope[attribute] { append(text, slot) }
        case .other: readTexts(slot)
        }
        slots[slot].valueStamp = stamp
        slots[slot].firstValue = Int32(first)
        slots[slot].valueCount = Int32(valueCount - first)
    }

    private mutating func readFields(_ slot: Int) {
        guard let fields else { return }
        var position = Int(slots[slot].firstField)
        while position >= 0 {
            fields[position].forEachValue { append($0, slot) }
            position = Int(nextField[position])
        }
    }

    private mutating func readTexts(_ slot: Int) {
        guard let lead else { return }
        if rules.names[slot] == .attribute(.isTest) {
            // Asked of nearly every lead; the way below would copy the lead and make a list.
            return append(lead.pointee.isTest ? "true" : "false", slot)
        }
        let texts = LeadView.texts(
            of: rules.names[slot], lead: lead.pointee, now: now, isDuplicate: isDuplicate,
            schedules: rules.schedules)
        for text in texts { append(text, slot) }
    }

    private mutating func append(_ text: String, _ slot: Int) {
        let (range, form) = texts.append(text)
        guard range.count > 0 else { return }
        var value = SeenValue()
        value.exact = range
        value.form = form
        value.firstFinding = Int32(findingCount)
        values.reserve(valueCount + 1)
        values[valueCount] = value
        valueCount += 1
        let probeCount = Int(rules.slots[slot].probeCount)
        findings.reserve(findingCount + probeCount)
        for _ in 0..<probeCount {
            findings[findingCount].start = -1
            findingCount += 1
        }
    }

    /// The row that the lead's key selects: the first value that is a key; -1 without one.
    private mutating func row(of table: Int) -> Int {
        if rows[table].stamp == stamp { return Int(rows[table].row) }
        let key = rules.tableKeys[table]
        var row: Int32 = -1
        if key.slot >= 0 {
            for value in values(of: Int(key.slot)) {
                let found = found(for: value, slot: Int(key.slot), probe: Int(key.probe))
                if found.isEmpty { continue }
                row = self.found[found.lowerBound] - key.firstSymbol
                break
            }
        }
        rows[table] = RowState(stamp: stamp, row: row)
        return Int(row)
    }

    /// The value as a number; nil when it is none.
    mutating func number(of value: Int) -> ExactNumber? {
        switch values[value].numberState {
        case .fixed: return .fixed(values[value].number)
        case .notANumber: return nil
        case .unread, .long: break
        }
        let range = values[value].exact
        let number = ExactNumber(
            bytes: UnsafeBufferPointer(start: texts.address(range), count: Int(range.count)))
        switch number {
        case .fixed(let fixed):
            values[value].number = fixed
            values[value].numberState = .fixed
        case .long: values[value].numberState = .long
        case nil: values[value].numberState = .notANumber
        }
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
    @inline(__always) func symbol(_ index: Int) -> Int32 { found[index] }

    /// Where in `symbol(_:)` the symbols stand that a probe finds for a value.
    mutating func found(for value: Int, slot: Int, probe: Int) -> Range<Int> {
        let finding = Int(values[value].firstFinding) + probe
        if findings[finding].start < 0 {
            let start = foundCount
            ask(rules.probes[Int(rules.slots[slot].firstProbe) + probe], value)
            findings[finding] = Finding(start: Int32(start), count: Int32(foundCount - start))
        }
        let start = Int(findings[finding].start)
        return Range(uncheckedBounds: (start, start + Int(findings[finding].count)))
    }

    private mutating func ask(_ probe: Probe, _ value: Int) {
        let range = probe.isExact ? values[value].exact : folded(value)
        switch probe.kind {
        case .equals: look(for: range, in: probe.space)
        case .startsWith:
            for index in probe.indices {
                let length = rules.lengths[index]
                if length > range.count { break }
                look(for: TextRange(start: range.start, count: length), in: probe.space)
            }
        case .endsWith:
            for index in probe.indices {
                let length = rules.lengths[index]
                if length > range.count { break }
                let start = range.start + range.count - length
                look(for: TextRange(start: start, count: length), in: probe.space)
            }
        case .group: match(probe, range)
        }
    }

    private mutating func look(for range: TextRange, in space: Int32) {
        let bytes = texts.address(range)
        let count = Int(range.count)
        let symbol = rules.texts.symbol(
            of: bytes, count: count, key: TextKey(bytes, count: count), in: space)
        guard symbol >= 0 else { return }
        found.reserve(foundCount + 1)
        found[foundCount] = symbol
        foundCount += 1
    }

    private mutating func match(_ probe: Probe, _ range: TextRange) {
        found.reserve(foundCount + Int(probe.count))
        let group = rules.groups[Int(probe.first)]
        let matched = group.match(
            texts.address(range), count: Int(range.count), numbers: found.address(foundCount))
        for _ in 0..<matched {
            found[foundCount] = rules.symbols[Int(probe.space + found[foundCount])]
            foundCount += 1
        }
    }

    private mutating func folded(_ value: Int) -> TextRange {
        if values[value].folded.count < 0 {
            values[value].folded = texts.fold(values[value].exact, values[value].form)
        }
        return values[value].folded
    }
}
