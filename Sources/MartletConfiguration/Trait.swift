#if !Service
#error("MartletServer, MartletProxy and martlet need the trait Service; in this checkout: swift build --traits Service")
#endif
