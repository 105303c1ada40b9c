import Testing

@testable import LeadRules

struct ScratchTests {
    private final class Owner {
        var scratch = Scratch<Int32>(count: 4, filler: -1)
    }

    @Test func `memory is given back with its owner`() {
        var owner: Owner? = Owner()
        weak let memory = owner?.scratch.memory
        owner?.scratch.reserve(1000)
        #expect(memory != nil)
        owner = nil
        #expect(memory == nil)
    }

    @Test func `more room keeps what is there and is filled`() {
        var scratch = Scratch<Int32>(count: 2, filler: -1)
        scratch[1] = 7
        scratch.reserve(100)
        #expect((0..<4).map { scratch[$0] } == [-1, 7, -1, -1])
        #expect(scratch[99] == -1)
    }
}
