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
    }

    private struct State {
        var http: CurlMailbox?
        var mail: [MailLane] = []
        var useCount = 0
    }

    private let state = Mutex(State())
    private let name: String
    private let transfersMax: Int
    private let authorities: String?

    init(name: String, transfersMax: Int, authorities: String?) {
        self.name = name
        self.transfersMax = transfersMax
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

    func giveBack(_ lane: MailLane) {
        state.withLock { $0.mail[lane.number].load -= 1 }
    }

    private func choose(_ key: String, in state: inout State) -> Int {
        let free = state.mail.filter { $0.load == 0 }
        let known = free.filter { $0.key.utf8.elementsEqual(key.utf8) }
        if let lane = known.max(by: { $0.lastUse < $1.lastUse }) { return lane.number }
        let number = state.mail.count
        if number < min(transfersMax, CurlClient.mailThreadsMax) {
            let mailbox = start("curl-\(name)-\(number)", transfersMax: 1)
            let lane = MailLane(mailbox: mailbox, number: number, key: key, load: 0, lastUse: 0)
            state.mail.append(lane)
            return number
        }
        let idlest = state.mail.min { ($0.load, $0.lastUse) < ($1.load, $1.lastUse) }
        return idlest?.number ?? 0  // there is one: `transfersMax` is at least 1
    }

    private func start(_ name: String, transfersMax: Int) -> CurlMailbox {
        guard let multi = curl_multi_init() else { fatalError("out of memory") }
        let mailbox = CurlMailbox(multi: multi)
        let thread = Thread { [authorities] in
            CurlLoop(mailbox: mailbox, transfersMax: transfersMax, authorities: authorities).run()
        }
        thread.name = name
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
    private let state = Mutex((commands: [Command](), isClosed: false))

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
}
