import NIOCore

/// The input of a connection that waits, and whether the application wants it.
struct InputState {
    /// Whether the application has paused reading.
    var isPaused = false
    /// Whether NIO wanted to read and was held back.
    var isReadHeldBack = false
    /// The input that arrived while reading was paused.
    var held = ByteBuffer()
    /// Whether input is being processed; code called from there must not process it again.
    var isProcessing = false
    /// Whether input has been discarded; input after it would follow a gap, and is discarded too.
    var isDiscarding = false
    /// The bytes of payload that the handler received, in all.
    var deliveredBytes = 0
}
