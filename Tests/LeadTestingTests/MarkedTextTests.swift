import LeadKit
import LeadTesting
import Testing

struct MarkedTextTests {
    @Test func `marks are taken out and their places kept`() {
        let marked = MarkedText("1️⃣a: b\n  é\u{301}2️⃣x1\n3️⃣")
        #expect(marked.text == "a: b\n  é\u{301}x1\n")
        #expect(marked["1️⃣"] == (1, 1))
        #expect(marked["2️⃣"] == (2, 5))
        #expect(marked["3️⃣"] == (3, 1))
        let place = marked.position("2️⃣", in: "x.yaml", length: 2)
        #expect(place == Position(file: "x.yaml", line: 2, column: 5, length: 2))
    }

    @Test func `a text without marks is left alone`() {
        #expect(MarkedText("1: 2\u{FE0F}").text == "1: 2\u{FE0F}")
    }
}

struct SampleTests {
    @Test func `a sample lead survives writing and reading`() throws {
        let lead = Lead.sample()
        let time = try #require(Timestamp("2025-10-09T08:53:30Z"))
        let reader = LeadReader(source: "facebook", receivedTime: time)
        #expect(try reader.lead(JSONDocument.parse(lead.json).root) == lead)
    }

    @Test func `deliveries of different numbers differ`() {
        #expect(Delivery.sample(1).key != Delivery.sample(2).key)
        #expect(Delivery.sample(1).key == Delivery.sample(1).key)
    }
}
