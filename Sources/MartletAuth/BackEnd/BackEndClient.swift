import AsyncHTTPClient
package import FoundationEssentials
package import NIOCore
package import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Sends requests to services of the operator, such as those that serve the keys of tokens, or check tokens.
package enum BackEndClient {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package struct Answer: Sendable {
        package let status: Int
        package let headers: HTTPHeaders
        package let body: Data
    }

    /// The HTTP client of the whole process, never shut down. A redirect is an error.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(5)
        // The caller decides whether to ask again.
        configuration.connectionPool.retryConnectionEstablishment = false
        // More than any queue in front of it lets through: nothing waits here.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 72
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// Whether a request was not even sent, since too many others were under way.
    package static func isBusy(_ error: any Error) -> Bool {
        (error as? HTTPClientError) == .getConnectionFromPoolTimeout
    }

    /// Whether no connection could be established, so that no request was sent: no client can be the reason. Any other
    /// error of a socket may be the back end's answer to what a client sent, such as a reset.
    package static func isUnreachable(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError: error == .connectTimeout || error == .tlsHandshakeTimeout
        case ChannelError.connectTimeout, NIOSSLError.handshakeFailed: true
        case let error as NIOSSLExtraError: error == .failedToValidateHostname
        case let error as IOError: self.errorsOfConnecting.contains(error.errnoCode)
        default: error is NIOConnectionError
        }
    }

    /// The errors of `connect` that no request can be the reason of.
    private static let errorsOfConnecting: Set<CInt> = [
        ECONNREFUSED, EHOSTUNREACH, EHOSTDOWN, ENETUNREACH, ENETDOWN, EADDRNOTAVAIL, ETIMEDOUT,
    ]

    /// - Parameter limit: bytes that the answer may have.
    /// - Throws: unless the answer is 200 and comes in time.
    package static func get(_ url: String, limit: Int, timeout: TimeAmount = .seconds(5)) async throws -> Data {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "Accept", value: "application/json")
        let answer = try await self.execute(request, limit: limit, timeout: timeout)
        guard answer.status == 200 else { throw Failure(description: "it answers \(answer.status)") }
        return answer.body
    }

    /// Posts JSON.
    package static func post(
        _ url: String, _ json: String, headers: [(String, String)] = [], limit: Int, timeout: TimeAmount
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = HTTPHeaders(headers)
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "Accept", value: "application/json")
        request.body = .bytes(ByteBuffer(string: json))
        return try await self.execute(request, limit: limit, timeout: timeout)
    }

    private static func execute(
        _ request: HTTPClientRequest, limit: Int, timeout: TimeAmount
    ) async throws -> Answer {
        // The client's own time limit ends with the head of the answer.
        try await withThrowingTaskGroup(of: Answer.self) { group in
            group.addTask {
                let response = try await self.client.execute(request, timeout: timeout)
                let body = try await response.body.collect(upTo: limit)
                return Answer(
                    status: Int(response.status.code), headers: response.headers, body: Data(body.readableBytesView))
            }
            group.addTask {
                try await Task.sleep(for: .nanoseconds(timeout.nanoseconds))
                throw Failure(description: "no whole answer in time")
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }
}
