/// The HTTP side triggers this event on a connection when it wants the body of the request that it is answering. A client
/// with `Expect: 100-continue` waits for that, and is told to go on.
package struct WantsBodyEvent: Sendable {
    package init() {}
}
