internal import LeadKit

// The classes that a list of checks tells apart.
extension ValueSpace {
    /// The literals, and every other value by what it begins with or measures. Keys of tables are
    /// left to `keys`, since there may be many.
    func classes() -> [ValueClass] {
        var single = exact.map { ValueClass(kind: .exactly, guess: Value($0)) }
        var open: [ValueClass] = []
        let taken = Set(exact)
        let known = taken.union(folded)
        for text in folded {
            // Digits have no case: such a literal is one value.
            if ValueSpace.isCaseless(text) {
                single.append(ValueClass(kind: .exactly, guess: Value(text)))
            } else {
                let guess = [text, text.uppercased()].first { !taken.contains($0) } ?? text
                open.append(
                    ValueClass(kind: .inOtherCase, guess: Value(Normalization.value(guess))))
            }
        }
        open += beginnings(known) + measures()
        open.append(ValueClass(kind: .other, guess: Value(fresh("", known))))
        return single + withOpaqueAnswers(open)
    }

    /// What it costs to find limits among the words of the tests, each as its author wrote it.
    var spellingCost: Int { (numbers.count + 2) * spellings.count }

    /// How many `keys` there are.
    var keyCount: Int { keyTables.reduce(0) { $0 + tables[$1].index.count } }

    /// The keys of the tables that the checks look into.
    var keys: some Sequence<ValueClass> {
        keyTables.lazy.flatMap { self.tables[$0].index.keys }
            .map { ValueClass(kind: .exactly, guess: Value($0)) }
    }

    /// ASCII without letters: nothing that case could change.
    static func isCaseless(_ text: String) -> Bool {
        text.utf8.allSatisfy {
            $0 < 0x80 && !(0x41...0x5A).contains($0) && !(0x61...0x7A).contains($0)
        }
    }

    private func beginnings(_ known: Set<String>) -> [ValueClass] {
        var seen: Set<String> = []
        return (exactBeginnings + foldedBeginnings).filter { seen.insert($0).inserted }.map {
            ValueClass(kind: .beginning(Value($0)), guess: Value(fresh($0, known)))
        }
    }

    private func measures() -> [ValueClass] {
        let some = numbers.isEmpty ? 0 : 2 * numbers.count + 1
        let numeric = (0..<some).map { place in
            ValueClass(kind: .number(place: place), guess: Value(number(at: place)))
        }
        let few = times.isEmpty ? 0 : 2 * times.count + 1
        return numeric
            + (0..<few).map { place in
                ValueClass(kind: .time(place: place), guess: Value(time(at: place)))
            }
    }

    /// Each class once for every way in which the opaque checks can answer, if these are few:
    /// so that two routes with the same regular expression are seen to ask the same.
    private func withOpaqueAnswers(_ classes: [ValueClass]) -> [ValueClass] {
        guard (1...3).contains(opaque.count) else { return classes }
        return classes.flatMap { value in
            (0..<(1 << opaque.count)).map { bits in
                var value = value
                value.opaque = opaque.indices.map { bits & (1 << $0) != 0 }
                return value
            }
        }
    }
}

// Guesses.
extension ValueSpace {
    /// A text that begins so and is none of the literals.
    private func fresh(_ beginning: String, _ known: Set<String>) -> String {
        let isNumeric =
            !beginning.isEmpty && beginning.utf8.allSatisfy { (0x30...0x39).contains($0) }
        let tails =
            isNumeric
            ? ["", "0", "000", "99", "1"]
            : beginning.isEmpty
                ? ["other", "another", "elsewhere"] : ["", " …", "x", "-other"]
        func isBeginning(_ text: String) -> Bool {
            [exactBeginnings, foldedBeginnings].contains { list in
                list.contains {
                    $0.utf8.count > beginning.utf8.count && ByteSearch.hasPrefix(text, $0)
                }
            }
        }
        return tails.lazy.map { beginning + $0 }.first { text in
            !known.contains(text) && !known.contains(Normalization.folded(text))
                && !isBeginning(text)
        } ?? beginning + "~"
    }

    private func number(at place: Int) -> String {
        let index = place / 2
        if place % 2 == 1 { return spelling(of: numbers[index]) ?? "0" }
        let low = index > 0 ? numbers[index - 1] : nil
        let high = index < numbers.count ? numbers[index] : nil
        let ends = [low, high].compactMap { $0.flatMap(spelling) }
        let whole = ends.compactMap { Int($0) }
        var tries: [String] = []
        if let first = whole.first { tries = [String(first &+ 1), String(first &- 1)] }
        if whole.count == 2 { tries.append(String((whole[0] &+ whole[1]) / 2)) }
        for base in ends {
            let dotted = base.utf8.contains(0x2E) ? base : base + "."
            tries += [dotted + "5", dotted + "01", dotted + "00001", "1" + base, "0", "-1"]
        }
        return tries.first { text in
            ExactNumber(text).map { number in
                (low.map { $0 < number } ?? true) && (high.map { number < $0 } ?? true)
            } ?? false
        } ?? "0"
    }

    /// The limit as its author wrote it.
    private func spelling(of limit: ExactNumber) -> String? {
        spellings.first { ExactNumber($0) == limit }
    }

    private func time(at place: Int) -> String {
        let index = place / 2
        if place % 2 == 1 { return times[index].text }
        let low = index > 0 ? times[index - 1] : nil
        let high = index < times.count ? times[index] : nil
        if let low { return Timestamp(seconds: low.seconds + 1).text }
        return Timestamp(seconds: (high?.seconds ?? 0) - 1).text
    }
}
