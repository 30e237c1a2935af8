import NIOCore

/// A client's connection over HTTP/2, whose streams are ``ClientConnection``s.
final class HTTP2Connection {
    private let channel: any Channel

    init(_ channel: any Channel) { self.channel = channel }

    /// Tells the client to open no more streams (GOAWAY), and ends the connection behind those that are open.
    func drain() { self.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }

    func abort() { self.channel.close(promise: nil) }
}
