internal import Glibc
internal import Synchronization

/// Writes into the lock file that the process died of itself.
///
/// A trap cannot be caught, but the kernel tells the process of it by a signal: the handler writes
/// one line, which a signal handler may, and lets the signal take its course. `kill -9` and a power
/// cut leave no note: they blame no delivery. When the thread that dies is deciding a lead, the line
/// names it: that lead is to blame, and no delivery is.
enum CrashNote {
    /// What Swift traps, `abort` and damaged memory raise.
    private static let signals = [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE]
    private static let line = Array("\(StoreLock.crashed)\n".utf8)
    /// The same without its end, and room for a lead's number and the end.
    nonisolated(unsafe) private static let lineWithLead: UnsafeMutableRawBufferPointer = {
        let word = Array("\(StoreLock.crashed) ".utf8)
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: word.count + digitsMax + 1, alignment: 1)
        room.copyBytes(from: word)
        return room
    }()
    /// A number has as many digits at most, and is not below zero.
    private static let digitsMax = 19
    /// The lead that is being decided, and the thread that does it; of routing, which is one task.
    private static let lead = Atomic<Int64>(-1)
    private static let thread = Atomic<UInt>(0)
    /// The lock file of the store that this process owns; -1 for none. A handler may only read
    /// what needs no lock.
    private static let file = Atomic<Int32>(-1)

    /// The handlers before ours, by signal. Written by `install` alone, before ours can run.
    nonisolated(unsafe) private static var earlier = Array(
        repeating: sigaction(), count: 32)

    /// Asks for notes in this process; once, by a program that owns a store.
    static func install() {
        // Made before any signal: the handler must not be the first to ask for them.
        _ = (line.count, lineWithLead.count, file.load(ordering: .sequentiallyConsistent))
        _ = (lead.load(ordering: .relaxed), thread.load(ordering: .relaxed))
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

    /// Notes the lead while it is decided. Of two at once, one goes unnoted.
    static func deciding<T>(_ sequence: Int64, _ body: () -> T) -> T {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
        lead.store(sequence, ordering: .releasing)
        defer { lead.store(-1, ordering: .releasing) }
        return body()
    }

    static func begin(_ descriptor: Int32) {
        file.store(descriptor, ordering: .sequentiallyConsistent)
    }

    static func end(_ descriptor: Int32) {
        _ = file.compareExchange(
            expected: descriptor, desired: -1, ordering: .sequentiallyConsistent)
    }

    /// Writes the line with the lead that this thread is deciding; false when it decides none.
    private static func writeLead(to descriptor: Int32) -> Bool {
        var number = lead.load(ordering: .acquiring)
        guard number >= 0, thread.load(ordering: .relaxed) == UInt(pthread_self()) else {
            return false
        }
        // From the end: a handler may ask for no memory.
        let start = lineWithLead.count - digitsMax - 1
        var count = 1
        var rest = number / 10
        while rest > 0 {
            count += 1
            rest /= 10
        }
        for place in (0..<count).reversed() {
            lineWithLead[start + place] = UInt8(0x30 + number % 10)
            number /= 10
        }
        lineWithLead[start + count] = 0x0A
        return pwrite(descriptor, lineWithLead.baseAddress, start + count + 1, 0) > 0
    }

    private static func write(_ number: Int32, isSent: Bool) {
        let descriptor = file.load(ordering: .sequentiallyConsistent)
        if descriptor >= 0, !writeLead(to: descriptor) {
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
