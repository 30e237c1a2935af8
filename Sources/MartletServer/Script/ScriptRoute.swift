import HTTPTypes
import Hummingbird
import MartletService

/// The client for pages, on whatever host they are: `/martlet.js`, `/martlet.mjs`, and `/martlet.d.ts`.
///
/// Each also has a path with the version, which caches may keep forever: `/martlet/0.1.0/martlet.js`.
enum ScriptRoute {
    private static let files: [(name: String, bytes: [UInt8], type: String)] = [
        ("martlet.js", PackageResources.martlet_js, "text/javascript"),
        ("martlet.mjs", PackageResources.martlet_mjs, "text/javascript"),
        ("martlet.d.ts", PackageResources.martlet_d_ts, "application/typescript"),
    ]

    static func add(to router: Router<ServiceRequestContext>) {
        for file in Self.files {
            // A browser asks each time whether the script is still the same: nobody has to change a page for a new version.
            let current = StaticFile(file.bytes, headers: Self.headers(file.type, cache: "public, no-cache"))
            let versioned = StaticFile(
                file.bytes, headers: Self.headers(file.type, cache: "public, max-age=31536000, immutable"))
            router.get(RouterPath("/\(file.name)")) { request, _ in current.response(to: request) }
            router.get(RouterPath("/martlet/\(Version.current)/\(file.name)")) { request, _ in
                versioned.response(to: request)
            }
        }
    }

    private static func headers(_ type: String, cache: String) -> HTTPFields {
        [
            .contentType: "\(type); charset=utf-8", .cacheControl: cache, .accessControlAllowOrigin: "*",
            .xContentTypeOptions: "nosniff", .crossOriginResourcePolicy: "cross-origin",
            .typeScriptTypes: "./martlet.d.ts",
        ]
    }
}

extension HTTPField.Name {
    /// `X-TypeScript-Types`, by which Deno finds the declarations of a module.
    fileprivate static let typeScriptTypes = Self("X-TypeScript-Types")!
}
