internal import Foundation
internal import LeadKit

/// Cuts a list into pages with cursors, as the Graph API does.
///
/// A cursor is base64 of the id at the page's edge. It is there on the last page too; `next` is
/// not. `next` holds the token in clear text and lacks the proof.
struct GraphPage {
    let ids: [String]
    let parameters: [String: String]
    /// Whether an empty page with `next` stands behind each page.
    let mayBeEmpty: Bool

    private static let emptyMark = "empty:"

    /// The places of the page that the cursors ask for.
    func range(limit: Int) throws(GraphError) -> Range<Int> {
        if let before = parameters["before"].flatMap(GraphPage.text),
            let end = ids.firstIndex(of: before)
        {
            return max(0, end - limit)..<end
        }
        guard let after = parameters["after"] else { return 0..<min(limit, ids.count) }
        guard let text = GraphPage.text(after) else {
            throw .parameter("Invalid cursors values")
        }
        if text.utf8.starts(with: GraphPage.emptyMark.utf8) {
            let start = start(behind: String(text.dropFirst(GraphPage.emptyMark.count)))
            return start..<start
        }
        let start = start(behind: text)
        return start..<min(start + limit, ids.count)
    }

    /// A cursor that points nowhere any more starts anew.
    private func start(behind id: String) -> Int {
        ids.firstIndex(of: id).map { $0 + 1 } ?? 0
    }

    /// Writes `paging`, unless there is nothing at all.
    func writePaging(_ range: Range<Int>, limit: Int, url: String, to writer: inout JSONWriter) {
        guard !ids.isEmpty else { return }
        let isEmptyPage = range.isEmpty && range.lowerBound > 0
        let place = isEmptyPage ? range.lowerBound - 1 : range.lowerBound
        let first = ids[min(place, ids.count - 1)]
        let last = ids[max(range.upperBound - 1, 0)]
        let mark = mayBeEmpty && !isEmptyPage ? GraphPage.emptyMark : ""
        writer.name("paging")
        writer.object { writer in
            let before = GraphPage.cursor(first)
            let after = GraphPage.cursor(mark + last)
            writer.name("cursors")
            writer.object { writer in
                writer.name("before")
                writer.string(before)
                writer.name("after")
                writer.string(after)
            }
            if range.upperBound < ids.count {
                writer.name("next")
                writer.string(link(url, limit: limit, "after", after))
            }
            if range.lowerBound > 0 {
                writer.name("previous")
                writer.string(link(url, limit: limit, "before", before))
            }
        }
    }

    /// The client's own parameters with the cursor, and without the proof.
    private func link(_ url: String, limit: Int, _ name: String, _ cursor: String) -> String {
        var kept = parameters.filter { !["after", "before", "appsecret_proof"].contains($0.key) }
        kept["limit"] = String(limit)
        kept[name] = cursor
        let pairs = kept.sorted { $0.key < $1.key }.map { name, value in
            Template.Place.percentEncoded(name) + "=" + Template.Place.percentEncoded(value)
        }
        return url + "?" + pairs.joined(separator: "&")
    }

    private static func cursor(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

    private static func text(_ cursor: String) -> String? {
        Data(base64Encoded: cursor).map { String(decoding: $0, as: UTF8.self) }
    }
}
