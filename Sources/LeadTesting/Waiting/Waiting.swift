/// Ways to wait that end at once when the task is cancelled.
enum Waiting {
    /// Waits until the task is cancelled: what a server does that never answers.
    static func untilCancelled() async {
        let (stream, continuation) = AsyncStream<Never>.makeStream()
        for await _ in stream {}
        withExtendedLifetime(continuation) {}
    }

    /// Whether the work ended in time. Work that does not heed cancellation is left behind, so
    /// that the answer itself is never late.
    static func ends(_ work: Task<Void, Never>, within limit: Duration) async -> Bool {
        let ended = Arrivals<Bool>(keptMax: 1)
        // Both end by themselves: the first with the work, the second after `limit` or when the
        // first was faster and cancelled it.
        let timer = Task {
            try? await Task.sleep(for: limit)
            ended.append { _ in false }
        }
        Task {
            await work.value
            ended.append { _ in true }
            timer.cancel()
        }
        return await ended.wait(for: 1).first ?? false
    }
}
