extension APIError {
    /// Makes an error of what decoding a body threw, with a text for people.
    init(describing error: any Error) {
        switch error {
        case let error as APIError: self = error
        case DecodingError.keyNotFound(let key, _): self = .badRequest("\(key.stringValue) is missing")
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
            self = .badRequest(path.isEmpty ? "the body is no JSON object" : "\(path) is of another type")
        default: self = .badRequest("the body is no JSON")
        }
    }
}
