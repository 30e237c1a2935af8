import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import MartletWebSocket
import NIOCore
import NIOHTTP1

/// Answers requests with a router. Hummingbird's `Application` does this as well, but only for the one address that it
/// binds itself.
struct HTTPResponder<Router: Hummingbird.HTTPResponder>: Sendable
where Router.Context == ServiceRequestContext {
    private let router: Router
    /// Whether the server speaks TLS.
    private let isSecure: Bool
    private let logger: Logger

    init(_ router: Router, isSecure: Bool, logger: Logger) {
        self.router = router
        self.isSecure = isSecure
        self.logger = logger
    }

    @Sendable
    func respond(_ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
        var logger = self.logger
        logger[metadataKey: "request"] = "\(RequestID.given(request.headers[.requestID]))"
        var context = ServiceRequestContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
        context.isSecure = self.isSecure
        var response: Response
        do {
            response = try await self.router.respond(to: request, context: context)
        } catch let error as HTTPParserError {
            throw error  // Hummingbird answers it, and ends the connection
        } catch {
            logger.error("cannot answer a request", metadata: ["error": "\(error)"])
            response = Response(status: .internalServerError)
        }
        response.headers[.date] = UTCTime.http(UTCTime.now())
        try await writer.write(response: response.head, body: response.body)
    }
}

extension HTTPField.Name {
    fileprivate static let requestID = Self("X-Request-ID")!
}
