import NIOCore

/// The job of a connection's task once the connection is a WebSocket: the task runs the route's handler, so that the
/// server waits for it like for any request.
final class ConnectionJob: Sendable {
    typealias Job = @Sendable () async -> Void

    private let promise: EventLoopPromise<Job?>

    /// - Parameter channel: the connection; if it closes without a job, there is none.
    init(_ channel: any Channel) {
        let promise = channel.eventLoop.makePromise(of: Job?.self)
        self.promise = promise
        channel.closeFuture.whenComplete { _ in promise.succeed(nil) }
    }

    func start(_ job: @escaping Job) { self.promise.succeed(job) }

    /// Ends the wait for a job, since the connection is served without a task.
    func none() { self.promise.succeed(nil) }

    /// Waits for the job and runs it.
    func run() async {
        if let job = try? await self.promise.futureResult.get() { await job() }
    }
}
