import LeadFlow
import LeadKit
import LeadRules
import LeadServer
import LeadStore

/// `POST /api/reload`: reads the configuration's folder, and says what that led to.
enum ReloadAction {
    static func run(_ reload: Reload?) async -> AdminServer.Answer {
        guard let outcome = await reload?.request() else {
            return AdminServer.Answer(
                status: 503, body: Array("{\"error\":\"nothing can be reloaded\"}\n".utf8))
        }
        var writer = JSONWriter()
        var status = 200
        writer.object { writer in
            switch outcome {
            case .published(let edition): write("published", edition.findings, to: &writer)
            case .unchanged(let edition): write("unchanged", edition.findings, to: &writer)
            case .refused(let refusal):
                status = 422
                write("refused", refusal.findings, to: &writer)
            }
            if let edition = reload?.rules.edition {
                writer.name("hash")
                writer.string(edition.hash)
                writer.name("since")
                writer.string(edition.since.text)
            }
        }
        return AdminServer.Answer(status: status, body: writer.bytes + [0x0A])
    }

    /// At most so many findings are shown.
    static let findingsMax = 100

    private static func write(_ outcome: String, _ result: LoadResult, to writer: inout JSONWriter)
    {
        writer.name("outcome")
        writer.string(outcome)
        writer.name("errors")
        writer.integer(result.errorCount)
        writer.name("warnings")
        writer.integer(result.warningCount)
        writer.name("findings")
        writer.array { writer in
            for finding in result.diagnostics.prefix(findingsMax) {
                writer.object { writer in
                    for (name, text) in [
                        ("severity", "\(finding.severity)"), ("code", finding.code),
                        ("file", finding.position.file), ("message", finding.message),
                    ] {
                        writer.name(name)
                        writer.string(text)
                    }
                    writer.name("line")
                    writer.integer(finding.position.line)
                    writer.name("column")
                    writer.integer(finding.position.column)
                }
            }
        }
    }
}
