import Glibc
import LeadKit

/// Why a file could not be written.
struct FileFault: Error, Sendable {
    enum Cause: Sendable {
        /// The system said no, with this `errno`.
        case system(Int32)
        /// A link, pipe or device stands there, or a file with several names.
        case notPlain
        /// Another lead's file stands there.
        case taken
        /// The task was cancelled.
        case cancelled
    }

    var cause: Cause
    /// Whether it is certain that nothing of the lead stands in the file.
    var isClean: Bool

    init(_ cause: Cause, isClean: Bool = true) {
        self.cause = cause
        self.isClean = isClean
    }

    /// What the last system call said.
    static func lastError(isClean: Bool = true) -> FileFault {
        FileFault(.system(errno), isClean: isClean)
    }

    /// The failure, naming the setting as written: a finished path may hold lead data, and is told
    /// apart (`DeliveryFailure.recipient`).
    func failure(of template: Template?) -> DeliveryFailure {
        let name = template.map { $0.isSecret ? "the file" : "'\($0.source)'" } ?? "the file"
        switch cause {
        case .cancelled: return .retry("cancelled", isAmbiguous: true)
        case .taken: return .reject("\(name) names a file that holds something else")
        case .notPlain: return .reject("\(name) names something that is not a plain file")
        case .system(let code):
            let text = "cannot write \(name): \(String(cString: strerror(code)).lowercased())"
            switch code {
            case EACCES, EPERM, EROFS, ENOTDIR: return .halt(text)
            case ELOOP, EISDIR, ENAMETOOLONG, ENXIO: return .reject(text)
            default: return .retry(text, isAmbiguous: !isClean)
            }
        }
    }
}
