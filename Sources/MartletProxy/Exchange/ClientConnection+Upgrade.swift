// The switch from HTTP to a WebSocket, and back to HTTP after a refusal.
import MartletWebSocket
import NIOCore
import NIOHTTP1

extension ClientConnection {
    /// Removes the decoder after a request for an upgrade, then calls `next`; `leftovers` is 0 if nothing has come
    /// after it.
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

    /// Puts the decoder back, so that HTTP goes on after an upgrade that was refused.
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

    /// Hands the connection's admission over to the tunnel, which gives it back when it ends.
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
