import FoundationEssentials
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The text of an error of the system or of a library, without its internals.
package enum ErrorText {
    package static func of(_ error: any Error) -> String {
        switch error {
        case let error as IOError: self.text(of: error.errnoCode)
        case let error as POSIXError: self.text(of: error.code.rawValue)
        case let error as CocoaError:
            if let cause = error.underlying as? POSIXError {
                self.text(of: cause.code.rawValue)
            } else {
                switch error.code {
                case .fileReadNoSuchFile, .fileNoSuchFile: self.text(of: ENOENT)
                case .fileReadNoPermission: self.text(of: EACCES)
                case .fileReadInapplicableStringEncoding, .fileReadCorruptFile: "it is not UTF-8"
                default: "it cannot be read"
                }
            }
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { self.of($0.error) } ?? "\(error)"
        default: "\(error)"
        }
    }

    private static func text(of number: CInt) -> String { String(cString: strerror(number)) }
}
