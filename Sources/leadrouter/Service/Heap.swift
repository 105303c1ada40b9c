internal import CMalloc

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
}
