import LeadRules
import Testing

@Suite struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:8081", "127.0.0.1", 8081), ("localhost:0", "localhost", 0),
        ("leads_1.example-host.org:65535", "leads_1.example-host.org", 65_535),
        ("[::1]:80", "::1", 80), ("::1:80", "::1", 80), ("[fe80::1%eth0]:80", "fe80::1%eth0", 80),
        ("[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1", 80),
    ]) func `a host and a port are taken`(_ text: String, _ host: String, _ port: Int) {
        #expect(ListenAddress(text) == ListenAddress(host: host, port: port))
    }

    /// In a URL these would name another port, another host or a login.
    @Test(arguments: [
        "127.0.0.1/x?:8081", "127.0.0.1#:8081", "127.0.0.1?:8081", "user@127.0.0.1:8081",
        "127.0.0.1\\:8081", "127.0.0.1 :8081", " 127.0.0.1:8081", "127.0.0.1\r\nX:8081",
        "127.0.0.1:80:8081", "[127.0.0.1]:8081", "[::1:8081", "::1]:8081", "http://a:8081",
        "[fe80::1%]:80", "[fe80::1%a/b]:80", "a%2f:80", "ä:80", ":80", "[]:80", "a:", "a:+80",
        "a:-1", "a:65536", "a:000080", "a", "",
    ]) func `anything else is not`(_ text: String) { #expect(ListenAddress(text) == nil) }
}
