#if !Hummingbird
#error("MartletHummingbird belongs to a trait: .package(…, traits: [\"Hummingbird\"]); in this checkout swift build --traits Service")
#endif
