/// Memory that a `Decider` keeps from lead to lead: it grows, and is never cleared.
///
/// An `Array` would ask at each write whether somebody shares it; here nobody can. Indexes are
/// checked in debug builds.
struct Scratch<Element: BitwiseCopyable>: ~Copyable {
    private var base: UnsafeMutablePointer<Element>
    private var capacity: Int
    private let filler: Element
    /// Whoever holds it lets the memory live. A `deinit` of this type would be the plain way; Swift
    /// 6.3 does not call that of a generic type when the owner stands in another file and files are
    /// compiled one by one, as in debug builds.
    let memory: Memory

    final class Memory {
        fileprivate var start: UnsafeMutablePointer<Element>
        fileprivate init(_ start: UnsafeMutablePointer<Element>) { self.start = start }
        deinit { start.deallocate() }
    }

    /// Room for `count` elements, each `filler`.
    init(count: Int, filler: Element) {
        capacity = max(1, count)
        base = .allocate(capacity: capacity)
        base.initialize(repeating: filler, count: capacity)
        memory = Memory(base)
        self.filler = filler
    }

    /// Makes room for `count` elements in all; new ones are the filler.
    mutating func reserve(_ count: Int) {
        if count > capacity { grow(to: count) }
    }

    private mutating func grow(to count: Int) {
        let larger = max(count, capacity * 2)
        let new = UnsafeMutablePointer<Element>.allocate(capacity: larger)
        new.initialize(from: base, count: capacity)
        (new + capacity).initialize(repeating: filler, count: larger - capacity)
        base.deallocate()
        base = new
        memory.start = new
        capacity = larger
    }

    subscript(index: Int) -> Element {
        @inline(__always) get {
            assert(index >= 0 && index < capacity, "there is no element \(index)")
            return base[index]
        }
        @inline(__always) set {
            assert(index >= 0 && index < capacity, "there is no element \(index)")
            base[index] = newValue
        }
    }

    /// Where an element lies, until room is made for more.
    @inline(__always) func address(_ index: Int) -> UnsafeMutablePointer<Element> { base + index }
}
