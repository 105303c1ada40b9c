import Foundation
import Subprocess
import SystemPackage

/// A self-signed certificate for `localhost` and 127.0.0.1 in a folder of its own.
public struct Certificate: Sendable {
    /// Certificate and key, PEM.
    public let path: String

    /// Makes one with the openssl program.
    public init() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "leadrouter-certificate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.appending(path: "both.pem").path()
        let made = try await Subprocess.run(
            .path("/usr/bin/openssl"),
            arguments: [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "1", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path, "-out",
                path + ".crt",
            ], output: .discarded, error: .discarded)
        guard made.terminationStatus.isSuccess else { throw ServerError() }
        let certificate = try Data(contentsOf: URL(filePath: path + ".crt"))
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        try file.seekToEnd()
        try file.write(contentsOf: certificate)
        try file.close()
    }

    /// Only the certificate, PEM: what a client must trust.
    public var authority: String { path + ".crt" }
}
