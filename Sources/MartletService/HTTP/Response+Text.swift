package import HTTPTypes
package import Hummingbird
package import MartletWebSocket
package import NIOCore
import NIOHTTP1

extension Response {
    package init(_ answer: RequestEndpoint.Answer) {
        self = .text(answer.body, status: .init(code: Int(answer.status.code)), contentType: answer.contentType)
        if let seconds = answer.retryAfter { self.headers[.retryAfter] = String(seconds) }
    }

    package static func text(
        _ text: String,
        status: HTTPResponse.Status = .ok,
        contentType: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: contentType],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    package static func json(_ text: String) -> Response { .text(text, contentType: "application/json") }

    package static func json(_ bytes: ByteBuffer) -> Response {
        Response(status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: bytes))
    }
}
