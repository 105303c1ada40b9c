internal import LeadKit
internal import Synchronization

/// An attempt under way: what the sink does, and how it is broken off.
final class UnderWay: Sendable {
    typealias Answer = Result<Receipt, DeliveryFailure>

    /// Why the engine does not wait for the sink's answer any longer.
    enum Cause: Sendable {
        /// Somebody else may be at work on the delivery.
        case leaseLost
        /// The sink has forgotten its own time limit.
        case late(limit: Duration)
    }

    /// Until when the sink may take, on the clock that goes forward.
    let untilUp: Int64
    private let limit: Duration
    private let cause = Mutex<Cause?>(nil)
    private let broken = Bell()

    init(limit: Duration, startedUp: Int64) {
        self.limit = limit
        untilUp = startedUp + limit.milliseconds
    }

    /// The sink is cancelled; the first cause counts.
    func breakOff(_ cause: Cause) {
        self.cause.withLock { $0 = $0 ?? cause }
        broken.ring()
    }

    /// Breaks it off if the sink has taken too long.
    func breakOff(ifLateAt up: Int64) {
        if up >= untilUp { breakOff(.late(limit: limit)) }
    }

    /// Waits for the sink, which is cancelled with the caller, and when the attempt is broken off;
    /// nil when the lease is lost, and with it the right to say anything.
    func answer(of sink: any Sink, to delivery: Delivery) async -> Answer? {
        let answer = await withTaskGroup(of: Answer?.self) { group in
            group.addTask {
                do throws(DeliveryFailure) {
                    return .success(try await sink.deliver(delivery))
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                await self.broken.wait()
                return nil
            }
            var answer: Answer?
            // Broken off, the sink has still to end.
            while answer == nil, let next = await group.next() {
                answer = next
                group.cancelAll()
            }
            return answer
        }
        guard let answer else { return nil }
        switch (cause.withLock { $0 }, answer) {
        case (.leaseLost, _): return nil
        case (.late(let limit), .failure):
            return .failure(.retry("no answer within \(limit)", isAmbiguous: true))
        // What has arrived has arrived, however late.
        case (.late, .success), (nil, _): return answer
        }
    }
}
