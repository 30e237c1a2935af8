/// The HTTP side triggers this event on a connection that has shown a right key: it need not make room for others.
package struct ProvedEvent: Sendable {
    package init() {}
}
