import LeadKit

/// The body of a request to the admin API.
enum JSONBody {
    /// Its object; says what is wrong with any other body.
    static func object(_ body: [UInt8]) throws(BadRequest) -> JSONValue {
        let root: JSONValue
        do {
            root = try JSONDocument.parse(body).root
        } catch {
            throw BadRequest(description: "the body cannot be read: \(error)")
        }
        guard root.kind == .object else {
            throw BadRequest(description: "the body is no JSON object")
        }
        return root
    }
}
