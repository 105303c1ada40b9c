import LeadKit
import Testing

@testable import MetaSource

@Suite struct SignatureTests {
    private let secret = Secret("s3cret-app")
    private let body = Array(
        #"{"object":"page","entry":[{"id":"106000000000001","time":1760000000,"changes":[{"field":"leadgen","value":{"leadgen_id":"1730000000000003","note":"Zo\u00eb \/ 50\u0025"}}]}]}"#
            .utf8)
    private let digest = "d73c0b6984a83bba1afc5efa738afa3a2da1c73b3a486ae63c49e2659ee8273f"

    private func isValid(_ headers: [String], secrets: [Secret]? = nil) -> Bool {
        Signature.isValid(headers, body: body, secrets: secrets ?? [secret])
    }

    @Test func `the vector of the body as sent verifies`() {
        #expect(body.count == 174)
        #expect(isValid(["sha256=\(digest)"]))
    }

    @Test func `the vector of the re-serialised body does not verify`() {
        let digest = "876f7968125e450b8140fd8f870ea940bde65a1e93d92c09a0debad6414b366e"
        #expect(!isValid(["sha256=\(digest)"]))
    }

    @Test func `the previous secret of a rotation verifies`() {
        #expect(isValid(["sha256=\(digest)"], secrets: [Secret("new"), secret]))
    }

    @Test func `an upper-case digest passes`() {
        #expect(isValid(["sha256=\(digest.uppercased())"]))
    }

    @Test(arguments: [
        [], ["sha256="], ["sha1=43d01dd5370259e38f0c45f70a63a377594e5a0f"],
        ["d73c0b6984a83bba1afc5efa738afa3a2da1c73b3a486ae63c49e2659ee8273f"],
        ["sha256=d73c0b6984a83bba1afc5efa738afa3a2da1c73b3a486ae63c49e2659ee8273"],
        ["sha256=d73c0b6984a83bba1afc5efa738afa3a2da1c73b3a486ae63c49e2659ee8273f0"],
        ["SHA256=d73c0b6984a83bba1afc5efa738afa3a2da1c73b3a486ae63c49e2659ee8273f"],
        [" sha256=d73c0b6984a83bba1afc5efa738afa3a2da1c73b3a486ae63c49e2659ee8273f"],
        ["sha256=g73c0b6984a83bba1afc5efa738afa3a2da1c73b3a486ae63c49e2659ee8273f"],
        ["sha256=1zwLaYSoO7oa/F76c4r6Oi2hxzs6SGrmPEniZZ7oJz8="],
        [
            "sha256=d73c0b6984a83bba1afc5efa738afa3a2da1c73b3a486ae63c49e2659ee8273f",
            "sha256=d73c0b6984a83bba1afc5efa738afa3a2da1c73b3a486ae63c49e2659ee8273f",
        ],
    ])
    func `anything but one header of 64 digits is refused`(headers: [String]) {
        #expect(!isValid(headers))
    }

    @Test func `a digest under the empty key is refused`() {
        #expect(!isValid([Meta.sign(body, secret: "")]))
    }

    @Test func `the appsecret_proof has the documented value`() {
        #expect(
            Signature.proof(token: Secret("TOK"), secret: secret)
                == "606273e59b6fabe3e040bb93c27987b03c6256c678aa24ee6ff7d0791849f217")
    }
}
