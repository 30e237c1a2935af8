/// A member of a command in a batch.
struct APIBatchBody<Key: CodingKey>: APIBody {
    let container: KeyedDecodingContainer<Key>
    let key: Key

    func decode<Value: Decodable>() throws -> Value { try self.container.decode(Value.self, forKey: self.key) }
}
