import CLibCurl
import Foundation
import Synchronization

/// A client's threads: one for HTTP, one for each mail under way, started when needed.
final class CurlLanes: Sendable {
    /// A thread for mail and how busy it is.
    struct MailLane {
        let mailbox: CurlMailbox
        let number: Int
        fileprivate var key: String
        fileprivate var load: Int
        fileprivate var lastUse: Int
        /// Whether others have to end first.
        var isShared: Bool { load > 1 }
    }

    private struct State {
        var http: CurlMailbox?
        var mail: [MailLane] = []
        /// Threads that were told to end: each may wait for the answer to QUIT first, 120 s at most.
        var ending: [CurlMailbox] = []
        var mailCount = 0
        var useCount = 0
    }

    /// Of a thread: OpenSSL and libcurl need a tenth of it. The system's 8 MiB are address space
    /// that thousands of threads do not need.
    private static let stackBytes = 1 << 20

    private let state = Mutex(State())
    private let name: String
    private let transfersMax: Int
    private let waitMax: Duration
    private let authorities: String?

    init(name: String, transfersMax: Int, waitMax: Duration, authorities: String?) {
        self.name = name
        self.transfersMax = transfersMax
        self.waitMax = waitMax
        self.authorities = authorities
    }

    deinit {
        state.withLock { state in
            state.http?.stop()
            state.mail.forEach { $0.mailbox.stop() }
        }
    }

    func http() -> CurlMailbox {
        state.withLock { state in
            if let mailbox = state.http { return mailbox }
            let mailbox = start("curl-\(name)", transfersMax: transfersMax)
            state.http = mailbox
            return mailbox
        }
    }

    /// A free thread, if possible one that has a connection for the key; a new one; or, when
    /// there are too many, the one with the least to do.
    func takeMail(for key: String) -> MailLane {
        state.withLock { state in
            state.useCount += 1
            let index = choose(key, in: &state)
            state.mail[index].key = key
            state.mail[index].load += 1
            state.mail[index].lastUse = state.useCount
            return state.mail[index]
        }
    }

    /// The thread is kept, unless too many have nothing to do; then the one idle for longest ends,
    /// and closes its connections by itself. Those that are at that count as threads: there are never
    /// more than `transfersMax`.
    func giveBack(_ lane: MailLane) {
        state.withLock { state in
            guard let index = state.mail.firstIndex(where: { $0.number == lane.number }) else {
                return
            }
            state.mail[index].load -= 1
            let idle = state.mail.indices.filter { state.mail[$0].load == 0 }
            guard idle.count > CurlClient.idleMailThreadsMax,
                let oldest = idle.min(by: { state.mail[$0].lastUse < state.mail[$1].lastUse })
            else { return }
            let spare = state.mail.remove(at: oldest).mailbox
            spare.stop()
            state.ending.append(spare)
        }
    }

    /// An index.
    private func choose(_ key: String, in state: inout State) -> Int {
        let free = state.mail.indices.filter { state.mail[$0].load == 0 }
        let known = free.filter { state.mail[$0].key.utf8.elementsEqual(key.utf8) }
        if let lane = known.max(by: { state.mail[$0].lastUse < state.mail[$1].lastUse }) {
            return lane
        }
        state.ending.removeAll(where: \.hasEnded)
        if state.mail.isEmpty || state.mail.count + state.ending.count < transfersMax {
            let number = state.mailCount
            state.mailCount += 1
            let mailbox = start("curl-\(name)-\(number)", transfersMax: 1)
            let lane = MailLane(mailbox: mailbox, number: number, key: key, load: 0, lastUse: 0)
            state.mail.append(lane)
            return state.mail.count - 1
        }
        let idlest = state.mail.indices.min { one, other in
            let (one, other) = (state.mail[one], state.mail[other])
            return (one.load, one.lastUse) < (other.load, other.lastUse)
        }
        return idlest ?? 0  // there is one: `transfersMax` is at least 1
    }

    private func start(_ name: String, transfersMax: Int) -> CurlMailbox {
        guard let multi = curl_multi_init() else { fatalError("out of memory") }
        let mailbox = CurlMailbox(multi: multi)
        let thread = Thread { [waitMax, authorities] in
            CurlLoop(
                mailbox: mailbox, transfersMax: transfersMax, waitMax: waitMax,
                authorities: authorities
            ).run()
        }
        thread.name = name
        thread.stackSize = CurlLanes.stackBytes
        thread.start()
        return mailbox
    }
}

/// The one way to a thread.
final class CurlMailbox: Sendable {
    enum Command: Sendable {
        case start(Job)
        case cancel(Job)
        case stop
    }

    /// `curl_multi_wakeup` is the one call that libcurl allows from any thread. It is made only
    /// inside the lock and only before `close`, so never on a handle that is gone.
    private struct Handle: @unchecked Sendable {
        let multi: UnsafeMutableRawPointer
    }

    private let handle: Handle
    private let state = Mutex((commands: [Command](), isClosed: false, hasEnded: false))

    init(multi: UnsafeMutableRawPointer) { handle = Handle(multi: multi) }

    /// For the thread itself.
    var multi: UnsafeMutableRawPointer { handle.multi }

    /// Wakes the thread for the first command only: it takes all that are there.
    func post(_ command: Command) {
        state.withLock { state in
            guard !state.isClosed else { return }  // a cancellation that came too late
            if state.commands.isEmpty { curl_multi_wakeup(handle.multi) }
            state.commands.append(command)
        }
    }

    func stop() { post(.stop) }

    func takeAll() -> [Command] {
        state.withLock { state in
            let all = state.commands
            state.commands = []
            return all
        }
    }

    /// The thread ends and takes the handle with it.
    func close() { state.withLock { $0.isClosed = true } }

    /// The handle is gone, and all its connections.
    func end() { state.withLock { $0.hasEnded = true } }

    var hasEnded: Bool { state.withLock { $0.hasEnded } }
}
