/// Triggered on a connection by the HTTP side when it wants the body of the request that it is answering: a client that
/// waits for it (`Expect: 100-continue`) is told to send it.
package struct WantsBodyEvent: Sendable {
    package init() {}
}
