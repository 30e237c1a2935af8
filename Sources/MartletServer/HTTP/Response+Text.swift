import HTTPTypes
import Hummingbird
import MartletWebSocket
import NIOCore
import NIOHTTP1

extension Response {
    init(_ answer: RequestEndpoint.Answer) {
        self = .text(answer.body, status: .init(code: Int(answer.status.code)), contentType: answer.contentType)
    }

    static func text(
        _ text: String,
        status: HTTPResponse.Status = .ok,
        contentType: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: contentType],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    static func json(_ text: String) -> Response { .text(text, contentType: "application/json") }

    static func json(_ bytes: ByteBuffer) -> Response {
        Response(status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: bytes))
    }
}
