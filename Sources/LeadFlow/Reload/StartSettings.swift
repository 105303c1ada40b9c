internal import LeadKit
internal import LeadRules

/// Which settings of a configuration in force are not what the process runs with, because they
/// count only when it starts: decided in a value, without I/O.
struct StartSettings {
    /// What changed since the last look.
    struct Change: Equatable {
        /// Settings that differ now.
        var differ: [String] = []
        /// Settings that are what the process runs with again.
        var back: [String] = []
    }

    private let running: Configuration
    private var told: Set<String> = []

    /// `running` is what the process started with.
    init(_ running: Configuration) { self.running = running }

    /// Each setting is told once, until it is back.
    mutating func change(to new: Configuration) -> Change {
        var change = Change()
        for (name, isSame) in StartSettings.comparison(running, new) {
            if isSame {
                if told.remove(name) != nil { change.back.append(name) }
            } else if told.insert(name).inserted {
                change.differ.append(name)
            }
        }
        return change
    }

    private static func comparison(
        _ old: Configuration, _ new: Configuration
    ) -> [(name: String, isSame: Bool)] {
        let (oldToken, newToken) = (old.server.admin.token, new.server.admin.token)
        return [
            ("server.listen", new.server.listen == old.server.listen),
            ("server.admin.listen", new.server.admin.listen == old.server.admin.listen),
            (token, newToken?.revealed == oldToken?.revealed),
            ("store.url", new.store.url == old.store.url),
            ("log.level", new.log.level == old.log.level),
        ]
    }

    /// The one of them that locks somebody out.
    static let token = "server.admin.token"
}
