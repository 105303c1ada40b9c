import Foundation
import Glibc

/// A TCP connection on which a test writes exactly the bytes that it wants.
final class RawConnection: Sendable {
    private let descriptor: Int32

    /// `room` is how many bytes the system takes for it while it reads nothing.
    init?(port: Int, room: Int32? = nil) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var room {
            setsockopt(
                descriptor, SOL_SOCKET, SO_RCVBUF, &room, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        // A server that does not answer fails the test instead of holding it up.
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(
            descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if connected != 0 { return nil }
    }

    deinit { close(descriptor) }

    /// Writes as much as the server takes.
    func send(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    /// The same again and again, until the server closes; false when it takes nothing for a while
    /// and does not close. Reads nothing. On a thread of its own.
    func sendUntilClosed(_ text: String) async -> Bool {
        await withCheckedContinuation { continuation in
            Thread {
                var bytes = Array(text.utf8)
                var count = 0
                repeat {
                    count = Glibc.send(
                        self.descriptor, &bytes, bytes.count, Int32(MSG_NOSIGNAL))
                } while count > 0
                continuation.resume(returning: errno != EAGAIN)
            }.start()
        }
    }

    /// Says that nothing more comes.
    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// The answer until its head is there, or the server closes.
    private func answer() -> String {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &part, part.count, 0)
            if count <= 0 { break }
            bytes += part.prefix(count)
            if bytes.firstRange(of: [0x0D, 0x0A, 0x0D, 0x0A]) != nil { break }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The status of the answer; waits on a thread of its own, since the server needs the others.
    func status() async -> Int? {
        let answer = await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: self.answer()) }.start()
        }
        let parts = answer.utf8.split(separator: 0x20, maxSplits: 2)
        return parts.count > 1 ? String(parts[1]).flatMap { Int($0) } : nil
    }

    /// Everything until the server closes; nil when it does not.
    func rest() async -> String? {
        await withCheckedContinuation { continuation in
            Thread {
                var bytes: [UInt8] = []
                var part = [UInt8](repeating: 0, count: 4096)
                var count = 0
                repeat {
                    count = recv(self.descriptor, &part, part.count, 0)
                    bytes += part.prefix(max(count, 0))
                } while count > 0
                let isClosed = count == 0 || errno == ECONNRESET
                continuation.resume(
                    returning: isClosed ? String(decoding: bytes, as: UTF8.self) : nil)
            }.start()
        }
    }
}
