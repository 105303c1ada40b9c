internal import LeadKit
internal import LeadRules
internal import Synchronization

/// A plugin's instance and the attempts that use it: closed when it is retired and the last of them
/// has ended.
final class SinkUse: Sendable {
    fileprivate struct State {
        var users = 0
        var isRetired = false
        var isClosed = false
    }

    let sink: any Sink
    let instance: SinkInstance
    let mask: SecretMask
    private let state = Mutex(State())

    init(_ sink: any Sink, _ instance: SinkInstance) {
        self.sink = sink
        self.instance = instance
        mask = SecretMask(instance.secrets)
    }

    var caps: Caps {
        Caps(instance.options, hasOneDestination: sink.hasOneDestination)
    }

    func begin() { state.withLock { $0.users += 1 } }

    func end() async {
        let closes = state.withLock { state in
            state.users -= 1
            return state.closesNow
        }
        if closes { await sink.close() }
    }

    /// No attempt begins any more.
    func retire() async {
        let closes = state.withLock { state in
            state.isRetired = true
            return state.closesNow
        }
        if closes { await sink.close() }
    }
}

extension SinkUse.State {
    var closesNow: Bool {
        mutating get {
            guard isRetired, users == 0, !isClosed else { return false }
            isClosed = true
            return true
        }
    }
}

/// What a lane works with: exchanged whole by a reload.
struct LaneSetup: Sendable {
    var use: SinkUse
    var ruleSet: RuleSet

    var options: SinkOptions { use.instance.options }
    var policy: RetryPolicy { RetryPolicy(retry: options.retry) }
}
