#if !Service
#error("This module belongs to the trait Service: swift build --traits Service, as make does.")
#endif
