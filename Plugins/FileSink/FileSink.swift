public import LeadKit

/// Writes each lead to a file: a line of NDJSON, or a file of its own.
///
/// A delivery key gets exactly one line or file, also when the program is killed in between: a
/// later attempt finds what an earlier one wrote.
public struct FileSink: Sink {
    public static let name = "file"
    public static let summary = "Writes each lead as a line of a file, or to a file of its own."
    public static let example = """
        sinks:
          archive:
            plugin: file
            path: "out/{{lead.form_id}}.ndjson"
        """

    /// The settings.
    public struct Config: PluginConfig {
        /// How a lead is written.
        public enum Format: String, CaseIterable, Sendable {
            /// A JSON object a line.
            case ndjson
            /// A file that is one JSON object.
            case json
        }

        /// What a lead gets.
        public enum Mode: String, CaseIterable, Sendable {
            /// A line at the end of a file.
            case append
            /// A file of its own.
            case onePerLead = "one-per-lead"
        }

        var path: Template?
        var format = Format.ndjson
        var mode = Mode.append

        public init() {}

        public static let settings: [Setting<Config>] = [
            .template(
                "path", \.path, in: .path, isRequired: true,
                "The file; each value of a lead becomes one safe name. Missing folders are made."),
            .choice("format", \.format, default: .ndjson, "How a lead is written."),
            .choice("mode", \.mode, default: .append, "Whether leads share a file."),
        ]

        public func check(at node: SettingNode, problems: inout SettingProblems) {
            guard format == .json, mode == .append else { return }
            problems.error(
                "bad-value", at: node["format"]?.position ?? node.position,
                "'format: json' is one object a file, and 'mode: append' puts many into one",
                help: "write 'format: ndjson', or 'mode: one-per-lead'")
        }
    }

    private let config: Config
    private let queue: FileQueue

    public init(config: Config, context: PluginContext) {
        self.config = config
        queue = FileQueue(label: "file-\(context.instance)", mode: config.mode)
    }

    public func deliver(_ delivery: Delivery) async throws(DeliveryFailure) -> Receipt {
        let path = delivery[config.path]
        guard FilePath.isUsable(path) else {
            throw .reject("the finished 'path' is empty, ends in '/', or has '..' or NUL in it")
        }
        let order = FileOrder(
            key: delivery.key, path: path, bytes: delivery.json + [0x0A],
            attempt: delivery.attempt)
        let result: Result<FilePlace, FileFault> = await queue.write(order)
        switch result {
        case .success(let place): return Receipt(place.description)
        case .failure(let fault): throw fault.failure(of: config.path).sent(to: path)
        }
    }

    public static func body(of delivery: Delivery, config: Config) -> String? {
        String(decoding: delivery.json, as: UTF8.self)
    }

    public func close() async { await queue.close() }
}

/// Where a lead stands.
struct FilePlace: Sendable, CustomStringConvertible {
    var path: String
    /// Where its line starts; nil for a file of its own.
    var offset: Int?

    var description: String { offset.map { "\(path) at byte \($0)" } ?? path }
}

/// Paths, looked at as bytes.
enum FilePath {
    static func isUsable(_ path: String) -> Bool {
        let bytes = path.utf8
        guard let last = bytes.last, last != 0x2F, !bytes.contains(0) else { return false }
        return !bytes.split(separator: 0x2F).contains { $0.elementsEqual("..".utf8) }
    }

    /// The folder that a file stands in.
    static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: 0x2F) else { return "." }
        return slash == path.startIndex ? "/" : String(decoding: path.utf8[..<slash], as: UTF8.self)
    }

    /// The hidden name beside the file under which it is written first.
    static func temporary(for path: String, key: DeliveryKey) -> String {
        "\(folder(of: path))/.\(key.text).tmp"
    }
}
