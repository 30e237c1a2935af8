/// Fired into the pipelines of connections when their server is about to go and another will take its place: WebSockets are
/// closed with 1012 (service restart), streams end. Plain HTTP is left alone.
package struct ServerRestartEvent: Sendable {
    /// How long the client should wait before it comes back, where it can be told. Milliseconds.
    package let retry: Int

    package init(retry: Int) { self.retry = retry }
}
