public import HTTPTypes

/// Connections to one URL, one after the other: when one is lost, the next is opened after a pause.
///
/// ```swift
/// for try await socket in client.reconnecting(to: "wss://example.com/feed") {
///     do {
///         for try await message in socket.messages { handle(message) }
///     } catch {}  // the sequence decides whether to go on
/// }
/// ```
///
/// A connection is closed with 1000 when the loop continues or is left. The sequence is for one task.
public struct ReconnectingWebSocket: AsyncSequence, Sendable {
    public typealias Element = WebSocketConnection

    let client: WebSocketClient
    let url: String
    let subprotocols: [String]
    let headerFields: HTTPFields
    let policy: ReconnectPolicy
    let clock: any Clock<Duration>

    public final class AsyncIterator: AsyncIteratorProtocol {
        private let sequence: ReconnectingWebSocket
        private var current: WebSocketConnection?
        private var openedAt: Duration = .zero
        private var attempts = 0
        private let now: () -> Duration

        init(_ sequence: ReconnectingWebSocket) {
            self.sequence = sequence
            self.now = Self.stopwatch(sequence.clock)
        }

        /// Returns a function that tells the time since now, by any clock.
        private static func stopwatch(_ clock: some Clock<Duration>) -> () -> Duration {
            let start = clock.now
            return { start.duration(to: clock.now) }
        }

        deinit { self.current?.closeSoon() }

        public func next() async throws -> WebSocketConnection? {
            if let lost = self.current {
                if self.now() - self.openedAt >= self.sequence.policy.stableAfter { self.attempts = 0 }
                let wasOpen = lost.closeInformation == nil
                let information = await lost.close()
                self.current = nil
                // The server may have been closing the connection.
                let isOurs = wasOpen && information.initiator == .local && information.code == .normalClosure
                // The loop continued without a loss: it wants another connection.
                let loss = ReconnectPolicy.Loss.closed(information)
                switch isOurs ? .retry : self.sequence.policy.decide(loss) {
                case .finish: return nil
                case .fail:
                    throw WebSocketError(.closed, reason: "the connection was closed for good: \(information)")
                case .retry: try await self.pause(loss)
                }
            }
            while true {
                do {
                    let connection = try await self.sequence.client.open(
                        self.sequence.url, subprotocols: self.sequence.subprotocols,
                        headerFields: self.sequence.headerFields)
                    self.current = connection
                    self.openedAt = self.now()
                    return connection
                } catch let error as CancellationError {
                    throw error
                } catch {
                    switch self.sequence.policy.decide(.failed(error)) {
                    case .finish: return nil
                    case .fail: throw error
                    case .retry: try await self.pause(.failed(error))
                    }
                }
            }
        }

        private func pause(_ loss: ReconnectPolicy.Loss) async throws {
            let policy = self.sequence.policy
            self.attempts += 1
            if let most = policy.maximumAttempts, self.attempts > most {
                if case .failed(let error) = loss { throw error }
                throw WebSocketError(.closed, reason: "the connection was lost \(self.attempts) times in a row")
            }
            var delay = policy.delay(attempt: self.attempts)
            if case .failed(let error as WebSocketError) = loss, let wanted = error.retryAfter {
                delay = Swift.max(delay, Swift.min(wanted, policy.maximumDelay))
            }
            policy.onRetry(.init(number: self.attempts, delay: delay, loss: loss))
            try await self.sequence.clock.sleep(for: delay)
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
}

extension WebSocketError {
    /// The time in the server's `Retry-After`, given in seconds; `nil` if there is none or it is a date.
    var retryAfter: Duration? {
        self.handshakeFailure?.response?.headerFields[.retryAfter].flatMap { Int($0) }.map { .seconds(max($0, 0)) }
    }
}

extension WebSocketClient {
    /// Connects, and connects again whenever the connection is lost, until `policy` ends it.
    ///
    /// - Parameters:
    ///   - url: the URL, as for ``connect(to:subprotocols:headerFields:_:)``.
    ///   - subprotocols: likewise.
    ///   - headerFields: likewise, in every handshake.
    ///   - policy: the pauses, which losses are fatal, and a hook.
    ///   - clock: the clock that measures the pauses.
    public func reconnecting(
        to url: String,
        subprotocols: [String] = [],
        headerFields: HTTPFields = [:],
        policy: ReconnectPolicy = .init(),
        clock: any Clock<Duration> = ContinuousClock()
    ) -> ReconnectingWebSocket {
        ReconnectingWebSocket(
            client: self, url: url, subprotocols: subprotocols, headerFields: headerFields, policy: policy,
            clock: clock)
    }
}
