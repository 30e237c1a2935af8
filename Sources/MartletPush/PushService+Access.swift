import Logging

extension PushService {
    /// Who a token stands for.
    ///
    /// - Parameter token: `nil` for a client without one.
    package func user(of token: String?, event: String) async -> AccessDecision {
        guard let token else {
            return self.hooks.anonymousUser.map { .user(PushUser($0)) } ?? .refused
        }
        guard let authenticate = self.hooks.authenticate else { return .user(PushUser(token)) }
        do {
            guard let user = try await authenticate(token, event), !user.id.isEmpty,
                user.id.utf8.count <= PushLimits.tokenLength
            else { return .refused }
            return .user(user)
        } catch {
            self.logger.warning("cannot tell who a token stands for", metadata: ["error": "\(error)"])
            return .unavailable
        }
    }

    /// Who a client of the event-stream dialect is: the one user that its token stands for, whatever the event.
    package func user(of request: EventStreamRequest) async -> AccessDecision {
        guard let first = request.events.first else { return .refused }
        let decision = await self.user(of: request.token, event: first)
        guard case .user(var user) = decision, request.token != nil, self.hooks.authenticate != nil else {
            return decision
        }
        for event in request.events.dropFirst() {
            let decision = await self.user(of: request.token, event: event)
            guard case .user(let next) = decision else { return decision }
            guard user.id.utf8.elementsEqual(next.id.utf8) else { return .refused }
            if let expiry = next.expiresAt { user.expiresAt = min(user.expiresAt ?? expiry, expiry) }
        }
        return .user(user)
    }
}
