import LeadServer
import Testing

@Suite struct MetricsTextTests {
    @Test func `a metric has its help, its type and a line a value`() {
        var metrics = MetricsText()
        metrics.write("up", .gauge, "Whether.", 1)
        metrics.write(
            "done_total", .counter, "How many.",
            [([("sink", "a"), ("state", "x")], 2), ([("sink", "b"), ("state", "x")], 0.5)])
        metrics.write("none", .gauge, "Never.", [])
        #expect(
            metrics.text == """
                # HELP up Whether.
                # TYPE up gauge
                up 1
                # HELP done_total How many.
                # TYPE done_total counter
                done_total{sink="a",state="x"} 2
                done_total{sink="b",state="x"} 0.5

                """)
    }

    /// A combining accent behind a quote makes one Character of both: the bytes are looked at.
    @Test(
        arguments: [
            ("a\"b", #"a\"b"#), ("a\\b", #"a\\b"#), ("a\nb", #"a\nb"#),
            ("a\"\u{301}b", "a\\\"\u{301}b"), ("a\r\nb", "a\r\\nb"),
        ])
    func `labels are escaped as bytes`(value: String, written: String) {
        var metrics = MetricsText()
        metrics.write("m", .gauge, "Help.", [([("l", value)], 1)])
        let expected = "# HELP m Help.\n# TYPE m gauge\nm{l=\"\(written)\"} 1\n"
        #expect(metrics.text.utf8.elementsEqual(expected.utf8))
    }

    @Test func `help keeps its quotes and stays on its line`() {
        var metrics = MetricsText()
        metrics.write("m", .gauge, "a \"b\" \\\nc", 1)
        #expect(metrics.text == "# HELP m a \"b\" \\\\\\nc\n# TYPE m gauge\nm 1\n")
    }

    @Test(
        arguments: [
            (0, "0"), (1_795_865_066, "1795865066"), (0.25, "0.25"), (-3, "-3"),
            (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
        ] as [(Double, String)])
    func `numbers are written as Prometheus reads them`(value: Double, written: String) {
        var metrics = MetricsText()
        metrics.write("m", .gauge, "Help.", value)
        #expect(metrics.text == "# HELP m Help.\n# TYPE m gauge\nm \(written)\n")
    }
}
