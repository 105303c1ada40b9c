internal import CMalloc
internal import Foundation

/// How much of its memory the service keeps for the next moment.
enum Heap {
    /// What glibc may hold back at the end of each of its arenas.
    static let keptMax: Int32 = 32 << 20
    /// What is larger is taken from the system and given back by itself.
    static let mappedMin: Int32 = 4 << 20
    /// By how much an arena grows.
    static let growth: Int32 = 1 << 20

    /// A service under load frees and takes a few megabytes with each commit. glibc gives them back
    /// each time (mallopt(3), `M_TRIM_THRESHOLD`), which interrupts all threads and has the pages
    /// made anew: a quarter of the time of an intake under load. Kept, they are there.
    ///
    /// What an operator sets in the environment (`MALLOC_TRIM_THRESHOLD_` and the like) is
    /// overruled. Without glibc this does nothing.
    static func keepWhatIsFreed() {
        _ = mallopt(M_TRIM_THRESHOLD, keptMax)
        _ = mallopt(M_MMAP_THRESHOLD, mappedMin)
        _ = mallopt(M_TOP_PAD, growth)
    }

    /// What may lie unused before it is given back.
    static let unusedMax = 96 << 20
    /// How often that is looked at.
    static let lookEvery = Duration.seconds(30)

    /// Gives back what a flood left: freed pieces between such as are in use stay with the process
    /// for ever otherwise, however little it needs.
    static func giveBackWhatIsUnused() async throws {
        while true {
            try await Task.sleep(for: lookEvery)
            if unusedBytes > unusedMax { malloc_trim(Int(keptMax)) }
        }
    }

    /// What the system has given and nobody uses: the pages that are there, without those of files,
    /// less what is allocated. What glibc counts as free would count pages that were given back.
    private static var unusedBytes: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
            return 0
        }
        let pages = text.utf8.split(separator: 0x20).compactMap { Int(String($0) ?? "") }
        guard pages.count > 2 else { return 0 }
        let used = mallinfo2()
        return (pages[1] - pages[2]) * Int(getpagesize()) - Int(used.uordblks + used.hblkhd)
    }
}
