#if !Hummingbird
#error("This module belongs to the trait Hummingbird: swift build --traits Service, as make does.")
#endif
