import NIOCore

/// What has come in on a connection and waits, and whether the application wants it.
struct InputState {
    /// The application wants nothing at the moment.
    var isPaused = false
    /// NIO wants to read, and may not.
    var isReadHeldBack = false
    /// Input that came while reading was paused.
    var held = ByteBuffer()
    /// Input is being looked at: whoever is called may not do it as well.
    var isProcessing = false
    /// Input has been thrown away; what follows it would have a hole before it.
    var isDiscarding = false
    /// Payload bytes that the handler got, in all.
    var deliveredBytes = 0
}
