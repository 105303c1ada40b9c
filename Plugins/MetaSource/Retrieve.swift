public import LeadKit
import Logging

/// Reading whole forms and ads.
extension MetaSource {
    /// Reads the forms and ads, newest page first as the API gives them. One that cannot be read
    /// does not keep the others away; what was wrong first is thrown at the end.
    ///
    /// - Throws: `FetchFailure` when the API refuses or does not answer after some tries,
    ///   `IntakeError` when the inbox does not take a page, `CancellationError`.
    public func retrieve(
        _ query: BulkQuery, into inbox: any InboxWriter,
        progress: @Sendable (BulkProgress) -> Void
    ) async throws -> BulkProgress {
        for id in query.forms + query.ads where GraphID(id) == nil {
            throw FetchFailure(.reject, "'\(id)' is no id of a form or ad: it must be digits")
        }
        var reader = BulkReader(source: self, query: query, inbox: inbox)
        var (targets, failure) = try await targets(of: query)
        for target in targets {
            do {
                try await reader.read(target, progress: progress)
            } catch let error as FetchFailure {
                logger.warning(
                    "a form or ad was not read to its end",
                    metadata: ["id": "\(target.id)", "reason": "\(error.reason)"])
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return reader.progress
    }

    /// Where the leads are, and whose token may read them; with it why some may be missing.
    private func targets(
        of query: BulkQuery
    ) async throws -> (targets: [BulkTarget], failure: FetchFailure?) {
        var forms = query.forms
        if forms.isEmpty, query.ads.isEmpty { forms = config.forms }
        let all = forms.isEmpty && query.ads.isEmpty
        guard !accesses.isEmpty else {
            throw FetchFailure(.halt, "no access token; add the page under 'pages:'")
        }
        let ads = query.ads.map { BulkTarget(id: $0, isForm: false, accesses: accesses) }
        // One token needs no search for the page that a form belongs to.
        if !all, accesses.count == 1 || forms.isEmpty {
            return (forms.map { BulkTarget(id: $0, isForm: true, accesses: accesses) } + ads, nil)
        }
        let (known, failure) = try await formsOfPages()
        guard !all else { return (known, failure) }
        // A page that does not list its forms matters here only if a form turns out unreadable.
        let targets = forms.map { form in
            known.first { $0.id == form }
                ?? BulkTarget(id: form, isForm: true, accesses: accesses)
        }
        return (targets + ads, nil)
    }

    /// The default token first: it is meant for every page.
    private var accesses: [GraphClient.Access] {
        let shared = config.defaultAccessToken.map { GraphClient.Access(page: nil, token: $0) }
        return [shared].compactMap(\.self)
            + config.pages.entries.map { .init(page: $0.name, token: $0.value.accessToken) }
    }

    /// The forms of all pages that list theirs, and the first reason of those that do not.
    private func formsOfPages() async throws -> (forms: [BulkTarget], failure: FetchFailure?) {
        guard !config.pages.entries.isEmpty else {
            throw FetchFailure(.halt, "no form is named and no page is listed; name one of them")
        }
        var forms: [BulkTarget] = []
        var failure: FetchFailure?
        for (page, settings) in config.pages.entries {
            let access = GraphClient.Access(page: page, token: settings.accessToken)
            do {
                forms += try await self.forms(of: page, as: access)
            } catch let error as GraphError {
                failure = failure ?? error.failure
            } catch let error as FetchFailure {
                failure = failure ?? error
            }
        }
        return (forms, failure)
    }

    private func forms(
        of page: String, as access: GraphClient.Access
    ) async throws -> [BulkTarget] {
        var forms: [BulkTarget] = []
        var pages = BulkPages(
            source: self, path: "/\(page)/leadgen_forms", access: access, fields: "id")
        while let list = try await pages.next() {
            for form in list.compactMap({ GraphID($0["id"]) }) {
                forms.append(BulkTarget(id: form.text, isForm: true, accesses: [access]))
            }
        }
        return forms
    }
}

/// A form or an ad to read.
struct BulkTarget: Sendable {
    var id: String
    var isForm: Bool
    /// Whose token to try, in order.
    var accesses: [GraphClient.Access]
}

/// Reads targets and hands their leads to the inbox, a page in one call.
struct BulkReader {
    private(set) var progress = BulkProgress()

    private let source: MetaSource
    private let query: BulkQuery
    private let inbox: any InboxWriter

    init(source: MetaSource, query: BulkQuery, inbox: any InboxWriter) {
        self.source = source
        self.query = query
        self.inbox = inbox
    }

    /// Reads one form or ad with the first token that may.
    mutating func read(
        _ target: BulkTarget, progress report: @Sendable (BulkProgress) -> Void
    ) async throws {
        for (index, access) in target.accesses.enumerated() {
            var pages = BulkPages(
                source: source, path: "/\(target.id)/leads", access: access, filtering: filtering)
            do {
                try await read(target, from: &pages, report: report)
                return
            } catch let error as GraphError {
                let isLast = index == target.accesses.count - 1
                guard pages.count == 0, error.kind.mayBeOtherPage, !isLast else {
                    throw error.failure
                }
            }
        }
    }

    private mutating func read(
        _ target: BulkTarget, from pages: inout BulkPages,
        report: @Sendable (BulkProgress) -> Void
    ) async throws {
        var outside = 0
        while let list = try await pages.next() {
            let items = list.compactMap { item($0, of: target, page: pages.access.page) }
            outside += list.count - items.count
            let leads = items.count { if case .lead = $0 { true } else { false } }
            if !items.isEmpty {
                let answers = try await source.patiently { try await inbox.accept(items) }
                progress.count(answers)
            }
            progress.pages += 1
            progress.leads += leads
            report(progress)
        }
        guard outside > 0 else { return }
        source.logger.notice(
            "the Graph API sent leads from outside the time asked for; they were left out",
            metadata: ["id": "\(target.id)", "count": "\(outside)"])
    }

    /// The filter's field is `time_created`; with `created_time`, the name that leads have, the
    /// API would send everything and say nothing. There is no "less than or equal".
    private var filtering: String? {
        var conditions: [(operator: String, value: Int64)] = []
        if let since = query.since {
            conditions.append(("GREATER_THAN_OR_EQUAL", since.seconds))
        }
        if let until = query.until { conditions.append(("LESS_THAN", until.seconds + 1)) }
        guard !conditions.isEmpty else { return nil }
        var writer = JSONWriter()
        writer.array { writer in
            for condition in conditions {
                writer.object { writer in
                    writer.name("field")
                    writer.string("time_created")
                    writer.name("operator")
                    writer.string(condition.operator)
                    writer.name("value")
                    writer.integer(condition.value)
                }
            }
        }
        return writer.text
    }

    /// What the inbox gets for an element; nil when it is outside the time asked for.
    private func item(_ value: JSONValue, of target: BulkTarget, page: String?) -> InboxItem? {
        var writer = JSONWriter()
        writer.value(value)
        do throws(LeadError) {
            guard GraphID(value["id"]) != nil else {
                throw LeadError("the lead's id is not 1 to 19 digits")
            }
            let reader = LeadReader(source: source.instance, receivedTime: source.time.now())
            var lead = try reader.graph(value, raw: writer.bytes)
            if lead.envelope[.pageID] == nil { lead.envelope[.pageID] = page }
            if target.isForm, lead.envelope[.formID] == nil {
                lead.envelope[.formID] = target.id
            }
            return isInside(lead) ? .lead(lead) : nil
        } catch {
            return .quarantined(
                source: source.instance, raw: writer.bytes, reason: error.description)
        }
    }

    /// A lead without a readable time is kept: leaving it out would lose it.
    private func isInside(_ lead: Lead) -> Bool {
        guard let created = lead.envelope[.createdTime].flatMap({ Timestamp($0) }) else {
            return true
        }
        return created.seconds >= query.since?.seconds ?? .min
            && created.seconds <= query.until?.seconds ?? .max
    }
}

extension GraphError.Kind {
    /// Whether the answer could be another for the token of another page.
    fileprivate var mayBeOtherPage: Bool {
        switch self {
        case .permission, .ambiguous, .token: true
        default: false
        }
    }
}
