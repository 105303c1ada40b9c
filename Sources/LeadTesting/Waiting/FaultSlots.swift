internal import Synchronization

/// Faults that wait for their turn, per step of a protocol: each is used up a number of times.
final class FaultSlots<Step: Hashable & Sendable, Fault: Sendable>: Sendable {
    private let slots = Mutex<[Step: [(fault: Fault, times: Int)]]>([:])

    /// Puts a fault behind those already waiting at the step.
    func add(_ fault: Fault, at step: Step, times: Int) {
        precondition(times > 0, "a fault happens at least once")
        slots.withLock { $0[step, default: []].append((fault, times)) }
    }

    /// The fault for this turn of the step, used up by asking.
    func take(_ step: Step) -> Fault? {
        slots.withLock { slots in
            guard var waiting = slots[step], let first = waiting.first else { return nil }
            if first.times == 1 {
                waiting.removeFirst()
            } else {
                waiting[0].times = first.times - 1
            }
            slots[step] = waiting
            return first.fault
        }
    }

    /// Forgets every waiting fault.
    func removeAll() { slots.withLock { $0 = [:] } }
}
