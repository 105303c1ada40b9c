internal import Glibc
internal import Synchronization

/// Writes into the lock file that the process died of itself.
///
/// A trap cannot be caught, but the kernel tells the process of it by a signal: the handler writes
/// one line, which a signal handler may, and lets the signal take its course. `kill -9` and a power
/// cut leave no note: they blame no delivery.
enum CrashNote {
    /// What Swift traps, `abort` and damaged memory raise.
    private static let signals = [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE]
    private static let line = Array("\(StoreLock.crashed)\n".utf8)
    /// The lock file of the store that this process owns; -1 for none. A handler may only read
    /// what needs no lock.
    private static let file = Atomic<Int32>(-1)

    /// The handlers before ours, by signal. Written by `install` alone, before ours can run.
    nonisolated(unsafe) private static var earlier = Array(
        repeating: sigaction(), count: 32)

    /// Asks for notes in this process; once, by a program that owns a store.
    static func install() {
        // Made before any signal: the handler must not be the first to ask for them.
        _ = (line.count, file.load(ordering: .sequentiallyConsistent))
        for number in signals {
            var action = sigaction()
            action.__sigaction_handler.sa_sigaction = { number, info, _ in
                CrashNote.write(number, isSent: info.map { $0.pointee.si_code <= 0 } ?? true)
            }
            action.sa_flags = SA_SIGINFO
            var before = sigaction()
            sigaction(number, nil, &before)
            earlier[Int(number)] = before
            sigaction(number, &action, nil)
        }
    }

    static func begin(_ descriptor: Int32) {
        file.store(descriptor, ordering: .sequentiallyConsistent)
    }

    static func end(_ descriptor: Int32) {
        _ = file.compareExchange(
            expected: descriptor, desired: -1, ordering: .sequentiallyConsistent)
    }

    private static func write(_ number: Int32, isSent: Bool) {
        let descriptor = file.load(ordering: .sequentiallyConsistent)
        if descriptor >= 0 {
            line.withUnsafeBytes { _ = pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        }
        // Whoever listened before, the system or Swift's backtraces, takes over: the instruction
        // that failed fails again. A signal that somebody sent must be sent again, and to the system:
        // a backtrace would wait for an instruction to fail.
        if isSent {
            signal(number, SIG_DFL)
            _ = raise(number)
            return
        }
        earlier.withUnsafeBufferPointer { earlier in
            _ = sigaction(number, earlier.baseAddress.map { $0 + Int(number) }, nil)
        }
    }
}
