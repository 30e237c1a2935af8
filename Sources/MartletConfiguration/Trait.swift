#if !Service
#error("MartletServer, MartletProxy and martlet belong to a trait: .package(…, traits: [\"Service\"]); in this checkout swift build --traits Service")
#endif
