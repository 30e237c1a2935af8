/// One of the two sockets of a ``DirectHandshake``, which owns it.
final class HandshakeSocket: PolledSocket {
    private let side: TunnelSide
    private unowned let handshake: DirectHandshake

    init(side: TunnelSide, descriptor: CInt, handshake: DirectHandshake) {
        self.side = side
        self.handshake = handshake
        super.init(descriptor: descriptor)
    }

    override func ready(_ events: UInt32, _ now: Int64) { self.handshake.ready(self.side, events, now) }
}
