#if !Hummingbird
#error("MartletHummingbird needs the trait Hummingbird; in this checkout: swift build --traits Service")
#endif
