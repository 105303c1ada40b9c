/// What a source calls the members of flat objects, and the columns of exports.
public struct LeadNames: Sendable, Equatable {
    /// The member that holds the lead's id.
    public var id: String
    /// A member's name → the answer's, or an attribute's such as `created_time`.
    public var rename: [String: String]

    /// Makes names; by default nothing has a name of its own.
    public init(id: String = "id", rename: [String: String] = [:]) {
        self.id = id
        self.rename = rename
    }
}

extension LeadReader {
    /// Makes a reader for leads that a source would read, so that they have the same ids.
    public init(source: String, receivedTime: Timestamp, names: LeadNames) {
        self.init(
            source: source, receivedTime: receivedTime, idName: names.id, rename: names.rename)
    }
}
