internal import LeadKit
internal import Synchronization

/// When to tell that a sender still uses the previous secret: whoever changes it waits for that to
/// end. Once an hour, however many come.
final class OldSecretNotice: Sendable {
    private static let quietSeconds: Int64 = 3600

    private let told = Mutex<Int64?>(nil)

    func isDue(at time: Timestamp) -> Bool {
        told.withLock { told in
            if let before = told, abs(time.seconds - before) < OldSecretNotice.quietSeconds {
                return false
            }
            told = time.seconds
            return true
        }
    }
}
