import Crypto
import HTTPTypes
import Hummingbird
import MartletHTTP
import MartletProtocol
import NIOCore

/// A file of the binary. It is sent as it is or with gzip, as the client likes, and not at all to a client that has it.
struct StaticFile: Sendable {
    /// The file in one content coding. A strong entity tag names bytes, so each coding has its own.
    private struct Form: Sendable {
        let bytes: ByteBuffer
        let tag: String
    }

    private let plain: Form
    private let compressed: Form
    private let headers: HTTPFields

    /// - Parameter headers: the fields of every answer, the type of the file and what caches may do among them.
    init(_ bytes: [UInt8], headers: HTTPFields) {
        var hash = SHA256()
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        let name = hash.finalize().prefix(16).map { Self.hexadecimal($0) }.joined()
        self.plain = Form(bytes: ByteBuffer(bytes: bytes), tag: "\"\(name)\"")
        self.compressed = Form(bytes: ByteBuffer(bytes: Gzip.compress(bytes)), tag: "\"\(name)-gzip\"")
        self.headers = headers
    }

    func response(to request: Request) -> Response {
        let isCompressed = AcceptEncoding.allowsGzip(request.headers[values: .acceptEncoding])
        let form = isCompressed ? self.compressed : self.plain
        var headers = self.headers
        headers[.eTag] = form.tag
        headers[.vary] = "Accept-Encoding"
        if EntityTag.isKnown(form.tag, ifNoneMatch: request.headers[values: .ifNoneMatch]) {
            headers[.contentType] = nil
            var response = Response(status: .notModified, headers: headers)
            response.headers[.contentLength] = nil  // it would be the length of the file, which 0 is not
            return response
        }
        if isCompressed { headers[.contentEncoding] = "gzip" }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: form.bytes))
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}
