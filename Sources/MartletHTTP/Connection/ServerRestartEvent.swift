/// Fired into the pipelines of connections before their server stops and another takes its place: WebSockets are closed
/// with 1012 (service restart), streams end. Plain HTTP is left alone.
package struct ServerRestartEvent: Sendable {
    /// The time in milliseconds that the client should wait before it reconnects, on transports that can tell it.
    package let retry: Int

    package init(retry: Int) { self.retry = retry }
}
