internal import Crypto
internal import Foundation
internal import LeadKit
internal import Synchronization

extension FakeGraphAPI {
    /// How ids stand in a notification: both occur.
    public enum IDStyle: Sendable {
        /// `"1730000000100000"`
        case text
        /// `1730000000100000`, more digits than a Double holds.
        case number
    }

    /// The notification that announces the leads: one entry a page, one change a lead, in the
    /// order given. Unknown ids are announced too, with the default page and no form.
    ///
    /// The bytes are ASCII-escaped as Meta sends them; sign exactly these. `timeSeconds` is when it
    /// is sent, not when the lead was made.
    public func webhookBody(
        for leads: [String], timeSeconds: Int64? = nil, ids style: IDStyle = .text
    ) -> [UInt8] {
        let time = timeSeconds ?? Int64(Date().timeIntervalSince1970)
        let known = state.withLock { state in leads.map { ($0, state.leads.byID[$0]) } }
        var pages: [(page: String, changes: [(id: String, lead: GraphLead?)])] = []
        for (id, lead) in known {
            let page = lead?.page ?? options.pageID
            if let index = pages.firstIndex(where: { $0.page == page }) {
                pages[index].changes.append((id, lead))
            } else {
                pages.append((page, [(id, lead)]))
            }
        }
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("object")
            writer.string("page")
            writer.name("entry")
            writer.array { writer in
                for (page, changes) in pages {
                    writer.object { writer in
                        FakeGraphAPI.write("id", page, style, to: &writer)
                        writer.name("time")
                        writer.integer(time)
                        writer.name("changes")
                        writer.array { writer in
                            for (id, lead) in changes {
                                FakeGraphAPI.write(
                                    id, lead, page: page, time: time, style, to: &writer)
                            }
                        }
                    }
                }
            }
        }
        return ASCIIJSON.escape(writer.bytes)
    }

    private static func write(
        _ id: String, _ lead: GraphLead?, page: String, time: Int64, _ style: IDStyle,
        to writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.name("field")
            writer.string("leadgen")
            writer.name("value")
            writer.object { writer in
                write("leadgen_id", id, style, to: &writer)
                write("page_id", page, style, to: &writer)
                if let form = lead?.form { write("form_id", form, style, to: &writer) }
                // Absent for organic and test leads. Both names hold the ad's id.
                if let ad = lead?.ad {
                    write("ad_id", ad, style, to: &writer)
                    write("adgroup_id", ad, style, to: &writer)
                }
                writer.name("created_time")
                writer.integer(lead?.createdSeconds ?? time)
            }
        }
    }

    private static func write(
        _ name: String, _ id: String, _ style: IDStyle, to writer: inout JSONWriter
    ) {
        writer.name(name)
        if style == .number, let number = UInt64(id) {
            writer.integer(number)
        } else {
            writer.string(id)
        }
    }

    /// The value of `X-Hub-Signature-256` for a body: `sha256=` and 64 hexadecimal digits.
    public static func signature(body: [UInt8], secret: String) -> String {
        "sha256=" + hmac(body, secret: secret)
    }

    /// The `appsecret_proof` for a token.
    public static func proof(token: String, secret: String) -> String {
        hmac(Array(token.utf8), secret: secret)
    }

    static func hmac(_ message: [UInt8], secret: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(
            for: message, using: SymmetricKey(data: Array(secret.utf8)))
        return code.map { byte in
            let hex = String(byte, radix: 16)
            return hex.utf8.count == 1 ? "0" + hex : hex
        }.joined()
    }
}
