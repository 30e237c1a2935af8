import FoundationEssentials

/// A request's body: JSON, and nothing is as good as `{}`.
struct APIRequestBody: APIBody {
    let bytes: Data

    func decode<Value: Decodable>() throws -> Value {
        try JSONDecoder().decode(Value.self, from: self.bytes.isEmpty ? Data("{}".utf8) : self.bytes)
    }
}
