import MartletConfiguration

extension HeaderRules {
    static let table = SettingsTable(
        HeaderRules(),
        [
            .live("remove", \.remove, .headerNames, default: "none", "The names of headers that are removed."),
            .live("set", \.set, .headers, default: "none", "Headers by name that take the place of those there."),
            .live("add", \.add, .headers, default: "none", "Headers by name that are added to those there."),
        ])
}

extension SettingType<[String]> {
    /// Names of headers that rules may change.
    fileprivate static var headerNames: Self {
        Self(SettingForm("name", example: "X-Debug", kind: .list)) { node in
            let names = try SettingType.tokens("header", example: "X-Debug").parse(node)
            for name in names where HeaderRules.untouchable.contains(name.lowercased()) {
                throw node.error("\(name) is the proxy's own business")
            }
            return names
        }
    }
}

extension SettingType<[HeaderRules.Field]> {
    /// A mapping of names to values.
    fileprivate static var headers: Self {
        Self(SettingForm("mapping", example: "{}", kind: .mapping([]))) { node in
            try node.namedMembers().map { name, value in
                guard let field = HeaderRules.Field(name, try value.string()) else {
                    throw value.error("this cannot be a header")
                }
                guard !HeaderRules.untouchable.contains(name.lowercased()) else {
                    throw value.error("this header is the proxy's own business")
                }
                return field
            }
        }
    }
}
