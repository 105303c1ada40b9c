import LeadCurl
import LeadKit

/// What an answer, or its absence, means for the delivery.
enum HTTPVerdict {
    /// The bounds of the wait that the other side may ask for, in seconds.
    static let waitSeconds: ClosedRange<Int64> = 1...3600

    /// 404 and 409 are at times said by a server in the middle of an update, or while somebody else
    /// writes: they are believed when they come on this attempt or a later one.
    static let refusedAttempts = 3

    /// So much of an answer's body is looked at for what is kept of it.
    static let answerBytes = 1000

    static func receipt(
        _ response: HTTPResponse, success: HTTPSuccess, attempt: Int, now: Int64
    ) throws(DeliveryFailure) -> Receipt {
        let status = response.status
        let answer = answer(response)
        guard success.allows(status) else {
            throw failure(response, attempt: attempt, now: now).answered(answer)
        }
        if !success.json.entries.isEmpty {
            do throws(DeliveryFailure) {
                try check(response, success.json)
            } catch { throw error.answered(answer) }
        }
        return Receipt("HTTP \(status)", answer: answer)
    }

    /// How the body begins, when it is text.
    static func answer(_ response: HTTPResponse) -> String {
        let start = response.body.prefix(answerBytes)
        guard !start.contains(0) else { return "" }
        return String(decoding: start, as: UTF8.self).trimmed
    }

    static func failure(_ response: HTTPResponse, attempt: Int, now: Int64) -> DeliveryFailure {
        let status = response.status
        switch status {
        case 408, 425, 429, 500...599:
            return .retry(after: wait(response, now: now), "HTTP \(status)")
        case 401, 403, 407: return .halt("HTTP \(status): the other side refuses our credentials")
        case 410: return .halt("HTTP 410: the address is gone for good")
        case 404, 409:
            return attempt < refusedAttempts
                ? .retry("HTTP \(status)", isOfThisLead: true) : .reject("HTTP \(status)")
        case 300...399:
            return .reject("HTTP \(status): redirects are not followed; write the final address")
        case 200...299:
            return .reject("HTTP \(status) is not among the statuses of 'success'")
        default: return .reject("HTTP \(status)")
        }
    }

    static func failure(_ error: CurlError) -> DeliveryFailure {
        if error.isBadRequest { return .reject(error.message) }
        // Not begun: no reason to leave the other side alone.
        if error.isBusy { return .retry(error.message, isOfThisLead: true) }
        return .retry(error.message, isAmbiguous: error.mayHaveArrived)
    }

    /// What `Retry-After` asks for, in seconds or as a date, within bounds.
    static func wait(_ response: HTTPResponse, now: Int64) -> Duration? {
        guard let text = response.header("retry-after")?.trimmed, let first = text.utf8.first else {
            return nil
        }
        let isNumber = first == 0x2D || (0x30...0x39).contains(first)
        let seconds =
            if isNumber && text.utf8.dropFirst().allSatisfy({ (0x30...0x39).contains($0) }) {
                Int64(text) ?? (first == 0x2D ? 0 : .max)
            } else {
                HTTPDate.seconds(text).map { $0 - now }
            }
        return seconds.map {
            .seconds(min(max($0, waitSeconds.lowerBound), waitSeconds.upperBound))
        }
    }

    /// An answer that says no is a refusal; one that cannot be read says nothing.
    private static func check(
        _ response: HTTPResponse, _ wanted: NamedSettings<String>
    ) throws(DeliveryFailure) {
        let root: JSONValue
        do {
            root = try JSONDocument.parse(response.body).root
        } catch {
            throw .retry(
                "HTTP \(response.status), but the answer is no JSON of at most 64 KiB",
                isAmbiguous: true)
        }
        for (path, text) in wanted.entries {
            var value: JSONValue? = root
            for name in HTTPSuccess.members(of: path) ?? [] { value = value?[name] }
            guard let found = value?.scalarText, found.utf8.elementsEqual(text.utf8) else {
                throw .reject(
                    "HTTP \(response.status), but '\(path)' of the answer is not '\(text)'")
            }
        }
    }
}
