/// Writes metrics as Prometheus reads them: the text format, version 0.0.4.
public struct MetricsText {
    /// What a metric is.
    public enum Kind: String, Sendable {
        /// Only grows, until a restart.
        case counter
        /// Goes up and down.
        case gauge
    }

    /// The text so far.
    public private(set) var text = ""

    /// Nothing written.
    public init() {}

    /// Writes a metric with all its values; `name` and the labels' names are ours, the help and the
    /// labels' values any text.
    public mutating func write(
        _ name: String, _ kind: Kind, _ help: String,
        _ values: [(labels: [(name: String, value: String)], value: Double)]
    ) {
        guard !values.isEmpty else { return }
        let help = MetricsText.escaped(help, isQuoted: false)
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for (labels, value) in values {
            let inner = labels.map { "\($0.name)=\"\(MetricsText.escaped($0.value))\"" }
            let shown = labels.isEmpty ? "" : "{\(inner.joined(separator: ","))}"
            text += "\(name)\(shown) \(MetricsText.number(value))\n"
        }
    }

    /// Writes a metric without labels.
    public mutating func write(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        write(name, kind, help, [([], value)])
    }

    private static func number(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value.isNaN ? "NaN" : String(value)
    }

    /// Backslashes and ends of lines are escaped everywhere, quotes in labels only.
    private static func escaped(_ value: String, isQuoted: Bool = true) -> String {
        var bytes: [UInt8] = []
        for byte in value.utf8 {
            switch byte {
            case 0x5C: bytes += [0x5C, 0x5C]
            case 0x22 where isQuoted: bytes += [0x5C, 0x22]
            case 0x0A: bytes += [0x5C, 0x6E]
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
