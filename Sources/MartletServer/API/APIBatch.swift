/// The body of `POST /api/batch`: commands that are carried out one after the other, also after one that failed.
struct APIBatch: Decodable {
    /// A command: one member, named by the method.
    struct Element: Decodable {
        let method: String
        let command: Result<APICommand, APIError>

        private struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            guard let key = container.allKeys.first, container.allKeys.count == 1 else {
                throw APIError.badRequest("each command has one member, named by its method")
            }
            self.method = key.stringValue
            do {
                self.command = .success(
                    try APICommand(method: key.stringValue, from: APIBatchBody(container: container, key: key)))
            } catch {
                self.command = .failure(APIError(describing: error))
            }
        }
    }

    let commands: [Element]
}
