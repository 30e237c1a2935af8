import MartletPush

/// The body of `POST /api/batch`: commands that are carried out one after the other, also after one that failed.
struct APIBatch: Sendable {
    /// A command: one member, named by the method.
    struct Element: Sendable {
        let method: String
        let command: Result<APICommand, APIError>
    }

    let commands: [Element]

    init(_ body: JSONObject) throws(APIError) {
        guard let commands = body["commands"] else { throw .badRequest("commands is missing") }
        guard case .array(let elements) = commands else { throw .badRequest("commands is no list") }
        var result: [Element] = []
        for element in elements {
            guard case .object(let object) = element, object.members.count == 1, let member = object.members.first
            else { throw .badRequest("each command has one member, named by its method") }
            let command: Result<APICommand, APIError>
            if case .object(let body) = member.value {
                do throws(APIError) {
                    command = .success(try APICommand(method: member.name, body))
                } catch {
                    command = .failure(error)
                }
            } else {
                command = .failure(.badRequest("\(member.name) is no JSON object"))
            }
            result.append(Element(method: member.name, command: command))
        }
        self.commands = result
    }
}
