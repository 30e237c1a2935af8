import FoundationEssentials

/// Where the body of a command is read from.
protocol APIBody {
    func decode<Value: Decodable>() throws -> Value
}

/// A request's body: JSON, and nothing is as good as `{}`.
struct APIRequestBody: APIBody {
    let bytes: Data

    func decode<Value: Decodable>() throws -> Value {
        try JSONDecoder().decode(Value.self, from: self.bytes.isEmpty ? Data("{}".utf8) : self.bytes)
    }
}

/// A member of a command in a batch.
struct APIBatchBody<Key: CodingKey>: APIBody {
    let container: KeyedDecodingContainer<Key>
    let key: Key

    func decode<Value: Decodable>() throws -> Value { try self.container.decode(Value.self, forKey: self.key) }
}
