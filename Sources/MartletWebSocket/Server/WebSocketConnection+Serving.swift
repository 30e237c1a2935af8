import HTTPTypes
package import Logging
import ServiceContextModule
import Tracing

extension WebSocketConnection {
    /// Returns a handler that makes a connection of the async tier.
    ///
    /// - Parameter onOpen: receives the connection, on its event loop.
    package static func makeHandler(
        onOpen: @escaping (WebSocketConnection) -> Void
    ) -> any WebSocketHandler {
        ConnectionBridge(onOpen: onOpen)
    }

    /// The executor that runs tasks on the connection's event loop.
    package var taskExecutor: any TaskExecutor { self.executor }

    /// Runs a server's handler in a span, and closes the connection afterwards.
    package func serve(
        _ request: WebSocketRequest, logger: Logger,
        _ handler: @Sendable (WebSocketRequest, WebSocketConnection) async throws -> Void
    ) async {
        var context = ServiceContext.topLevel
        InstrumentationSystem.instrument.extract(
            request.head.headerFields, into: &context, using: HTTPFieldsCarrier())
        do {
            try await withSpan("websocket connection", context: context, ofKind: .server) { span in
                span.attributes["url.path"] = request.path
                span.attributes["client.address"] = request.clientAddress
                let close = try await self.run { try await handler(request, $0) }
                span.attributes["websocket.close_code"] = Int(close.code.rawValue)
            }
        } catch {
            logger.debug("a connection's handler threw", metadata: ["error": "\(error)"])
        }
    }
}
