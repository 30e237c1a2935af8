/// The HTTP side triggers this event on a connection when it wants the body of the request that it is answering: a client
/// that waits before it sends the body (`Expect: 100-continue`) is told to go on.
package struct WantsBodyEvent: Sendable {
    package init() {}
}
