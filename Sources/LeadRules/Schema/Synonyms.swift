internal import LeadKit

/// What people write who come from another tool or language, and what it is called here.
struct Synonyms {
    private let words: [String: String]

    private init(_ known: KeyValuePairs<String, [String]>) {
        var words: [String: String] = [:]
        for (word, others) in known { for other in others { words[other] = word } }
        self.words = words
    }

    /// The word of this language; nil when the text is none of the others.
    subscript(_ text: String) -> String? { words[text.lowercased()] }

    /// What to write instead of an unknown word: a synonym, a near one, or one of all.
    func help(for text: String, among known: [String]) -> String? {
        if let word = self[text], known.contains(word) { return "write '\(word)' instead" }
        return Nearest.help(for: text, among: known)
    }

    static let combinators = Synonyms([
        "all": ["and", "every", "all_of"], "any": ["or", "either", "any_of", "some"],
        "not": ["none", "nor", "none_of", "unless", "except"],
    ])

    static let operators = Synonyms([
        "equals": ["is", "eq", "=", "==", "===", "exactly", "value"],
        "not_equals": ["!=", "<>", "is_not", "isnt", "not", "ne", "neq", "differs"],
        "in": ["one_of", "any_of", "any", "either", "is_in", "is_one_of"],
        "not_in": ["none_of", "not_any", "is_not_in"],
        "above": [">", "gt", "greater", "greater_than", "more_than", "over", "larger_than"],
        "at_least": [">=", "gte", "ge", "min", "minimum", "from"],
        "below": ["<", "lt", "less", "less_than", "under", "smaller_than"],
        "at_most": ["<=", "lte", "le", "max", "maximum", "up_to"],
        "between": ["range", "within"],
        "contains": ["has", "includes", "include", "like", "has_text"],
        "starts_with": ["begins", "begins_with", "prefix", "starts"],
        "ends_with": ["suffix", "ends"],
        "search": ["regex", "regexp", "pattern", "re", "rlike"],
        "exists": [
            "present", "missing", "empty", "is_empty", "not_empty", "blank", "null", "filled",
        ],
        "before": ["earlier", "until", "earlier_than"], "after": ["later", "since", "later_than"],
        "exact": ["case_sensitive"],
    ])

    static let routeKeys = Synonyms([
        "id": ["name", "route", "key", "title"],
        "when": ["if", "where", "condition", "conditions", "filter", "only_if"],
        "to": ["then", "send", "send_to", "sink", "sinks", "target", "destination", "deliver_to"],
        "also_to": ["cc", "bcc", "copy", "copy_to", "also"],
        "drop": ["reject", "discard", "ignore", "delete", "block"],
        "note": ["comment", "description", "notes"],
        "disabled": ["enabled", "active", "off"],
        "routes": ["children", "rules", "subroutes"],
        "hour": ["hourly", "per_hour"], "day": ["daily", "per_day", "today"],
        "month": ["monthly", "per_month"],
    ])

    static let scheduleKeys = Synonyms([
        "closed": ["holidays", "holiday", "closures", "closed_on", "closed_days", "except"],
        "special": ["exceptions", "special_days", "special_hours"],
        "open": ["hours", "opening_hours", "days", "week", "times"],
        "time_zone": ["timezone", "zone", "tz"],
    ])

    static let topKeys = Synonyms([
        "routes": ["rules", "route", "routing"],
        "sinks": ["outputs", "destinations", "targets", "deliveries", "recipients"],
        "sources": ["inputs", "origins"], "default": ["else", "fallback", "otherwise"],
        "tables": ["table", "lookups", "csv"], "conditions": ["filters", "condition"],
        "fields": ["types", "columns", "answers"], "include": ["includes", "import", "files"],
        "dedupe": ["duplicates", "dedup", "deduplicate"], "store": ["database", "db", "storage"],
    ])
}
