internal import LeadKit

/// The results of rule tests as JUnit XML, as CI systems read it: a suite a file, a case a test.
public struct JUnitReport {
    private struct Case {
        var name: String
        var position: Position
        var seconds: Double
        /// `failure` or `error`, a sentence, and the whole text.
        var trouble: (element: String, message: String, text: String)?
    }

    private var files: [String]
    private var cases: [String: [Case]] = [:]

    /// A report of the files, in order.
    public init(files: [String]) { self.files = files }

    /// Adds a test that ran; `text` is what a failure prints for people.
    public mutating func add(_ result: RuleTestResult, seconds: Double, text: String) {
        let message = result.mismatches.map {
            "\($0.key): expected \($0.expected), got \($0.got)"
        }.joined(separator: "; ")
        add(
            Case(
                name: result.test.name, position: result.test.position, seconds: seconds,
                trouble: result.isPassed ? nil : ("failure", message, text)))
    }

    /// Adds what could not be run: a test, or a file, or the rules themselves.
    public mutating func add(_ test: UnreadableTest, text: String) {
        add(
            Case(
                name: test.name, position: test.position, seconds: 0,
                trouble: ("error", test.diagnostics.first?.message ?? "cannot be read", text)))
    }

    private mutating func add(_ one: Case) {
        if !files.contains(one.position.file) { files.append(one.position.file) }
        cases[one.position.file, default: []].append(one)
    }

    /// The document.
    public var text: String {
        let all = files.flatMap { cases[$0] ?? [] }
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<testsuites\(JUnitReport.counts(all))>\n"
        for file in files {
            let cases = cases[file] ?? []
            text += "  <testsuite name=\(JUnitReport.quoted(file))\(JUnitReport.counts(cases))"
            text += " skipped=\"0\" file=\(JUnitReport.quoted(file))>\n"
            for one in cases { text += JUnitReport.element(one) }
            text += "  </testsuite>\n"
        }
        return text + "</testsuites>\n"
    }

    private static func element(_ one: Case) -> String {
        var text = "    <testcase name=\(quoted(one.name)) classname=\(quoted(one.position.file))"
        text += " file=\(quoted(one.position.file)) line=\"\(max(1, one.position.line))\""
        text += " time=\"\(seconds(one.seconds))\""
        guard let trouble = one.trouble else { return text + "/>\n" }
        text += ">\n      <\(trouble.element) message=\(quoted(trouble.message))"
        text += " type=\"\(trouble.element)\">\(escaped(trouble.text, isAttribute: false))"
        return text + "</\(trouble.element)>\n    </testcase>\n"
    }

    private static func counts(_ cases: [Case]) -> String {
        let failures = cases.count { $0.trouble?.element == "failure" }
        let errors = cases.count { $0.trouble?.element == "error" }
        let time = seconds(cases.reduce(0) { $0 + $1.seconds })
        return " tests=\"\(cases.count)\" failures=\"\(failures)\" errors=\"\(errors)\""
            + " time=\"\(time)\""
    }

    /// Seconds with six digits behind the point.
    private static func seconds(_ value: Double) -> String {
        let micros = Int64((value * 1_000_000).rounded())
        let digits = String(micros % 1_000_000)
        return "\(micros / 1_000_000)."
            + String(repeating: "0", count: 6 - digits.utf8.count) + digits
    }

    private static func quoted(_ text: String) -> String {
        "\"" + escaped(text, isAttribute: true) + "\""
    }

    /// XML 1.0: what has a meaning becomes a reference; what XML cannot hold, or what would steer the
    /// terminal that shows it, becomes U+FFFD.
    static func escaped(_ text: String, isAttribute: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x26: result += "&amp;"
            case 0x3C: result += "&lt;"
            case 0x3E: result += "&gt;"
            case 0x22: result += "&quot;"
            case 0x09 where isAttribute, 0x0A where isAttribute: result += "&#\(scalar.value);"
            case 0x0D: result += "&#13;"
            case 0x09, 0x0A: result.unicodeScalars.append(scalar)
            case 0..<0x20, 0x7F..<0xA0, 0xFFFE, 0xFFFF, 0x061C, 0x200E, 0x200F, 0x2028...0x202E,
                0x2066...0x2069:
                result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
