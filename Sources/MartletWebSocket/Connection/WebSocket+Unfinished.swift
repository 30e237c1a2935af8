// The message that has begun and not ended.
import MartletProtocol
import NIOCore

extension WebSocket: UnfinishedMessage {
    var messageMark: UInt32 { self.core.decoder.messageMark }
    var isUnfinished: Bool { self.core.decoder.isUnfinished && self.isOpen }
    var isReadingPaused: Bool { self.core.input.isPaused }
    var heldBytes: Int { self.core.decoder.heldBytes }
    var receivedBytes: Int { self.core.decoder.receivedBytes }
    var messageTimeout: TimeAmount? { self.configuration.messageTimeout }
    var maximumMessageSize: Int { self.configuration.limits.maximumMessageSize }

    func isForgotten() { self.hasUnfinished = false }

    func giveUp(_ code: CloseCode, reason: String) {
        guard let frame = self.core.giveUp(code, reason: reason) else { return }
        self.isNotReady()
        self.startCloseTimer()
        self.sendLast(frame)
        // The rest is read, and discarded, to find the end of the TCP connection.
        self.continueReading()
    }
}
