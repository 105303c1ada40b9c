import LeadKit
import Testing

@testable import MetaSource

@Suite struct MutationTests {
    /// A small repeatable generator (SplitMix64), so that a failure can be run again.
    private struct Dice: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    private func mutated(_ body: [UInt8], with dice: inout Dice) -> [UInt8] {
        var body = body
        for _ in 0..<Int.random(in: 1...6, using: &dice) where !body.isEmpty {
            let at = Int.random(in: 0..<body.count, using: &dice)
            switch Int.random(in: 0..<6, using: &dice) {
            case 0: body[at] = UInt8.random(in: .min ... .max, using: &dice)
            case 1: body.remove(at: at)
            case 2:
                body.insert(Array("{}[],:\"\\0e.-".utf8).randomElement(using: &dice) ?? 0, at: at)
            case 3: body.removeSubrange(at..<min(at + 40, body.count))
            case 4: body.insert(contentsOf: body[at..<min(at + 60, body.count)], at: at)
            default: body = Array(body.prefix(at))
            }
        }
        return body
    }

    @Test(arguments: 0..<4)
    func `mutated bodies never crash, and only signed ones store`(seed: Int) async throws {
        let source = try Meta.source()
        let sample = try Samples.bytes("meta-webhook.json")
        var dice = Dice(state: UInt64(seed))
        for _ in 0..<500 {
            let body = mutated(sample, with: &dice)
            let inbox = RecordingInbox()
            let forged = Meta.post(body, signature: Meta.sign(sample))
            if body != sample {
                #expect(try await source.receive(forged, into: inbox).status == 401)
                #expect(await inbox.calls.isEmpty)
            }
            let answer = try await source.receive(Meta.post(body), into: inbox)
            #expect([200, 400].contains(answer.status))
            if answer.status == 400 { #expect(await inbox.calls.isEmpty) }
            let ids = await inbox.references.map(\.id.text)
            #expect(ids.allSatisfy { GraphID($0) != nil } && Set(ids).count == ids.count)
        }
    }
}
