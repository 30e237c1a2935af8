// From HTTP to a WebSocket, and back behind a refusal.
import MartletWebSocket
import NIOCore
import NIOHTTP1

extension ClientConnection {
    /// Stops HTTP behind a request for an upgrade, and tells whether anything came behind it.
    func removeDecoder(then next: @escaping (_ leftovers: Int) -> Void) {
        guard let context = self.context else { return }
        let remove = {
            guard let decoder = self.codec?.takeDecoder() else { return }
            context.pipeline.syncOperations.removeHandler(decoder).assumeIsolated().whenSuccess {
                next(self.input.held.count + (self.codec?.leftoverLength ?? 0))
            }
        }
        if self.input.isInRead { self.input.afterRead = { remove() } } else { remove() }
    }

    /// HTTP goes on, behind an upgrade that was refused.
    func restoreDecoder() {
        guard let context = self.context, let encoder = self.codec?.encoder, self.codec?.isDecoderTaken ?? false,
            let decoder = self.codec?.makeDecoder()
        else { return }
        _ = self.codec?.takeLeftovers()
        self.closesAfterAnswer = false
        do {
            try context.pipeline.syncOperations.addHandler(decoder, position: .after(encoder))
        } catch {
            context.close(promise: nil)
        }
    }

    /// The connection goes on to count until the tunnel ends.
    func takeConnectionCount() -> ConnectionCount? {
        defer { self.connectionCount = nil }
        return self.connectionCount
    }

    /// Takes the HTTP handlers off the pipeline, once the 101 has been written.
    func leaveHTTP() {
        guard let context = self.context else { return }
        self.phase = .upgraded
        self.exchange = nil
        self.stopTimer()
        if let encoder = self.codec?.encoder { context.pipeline.syncOperations.removeHandler(encoder, promise: nil) }
    }
}
