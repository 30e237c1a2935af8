#ifndef CMARTLET_SYSTEM_H
#define CMARTLET_SYSTEM_H

// What the C library has and Swift's module of it lacks.

#include <features.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/// Gives the allocator's free memory back to the system; does nothing where the C library has no call for it.
static inline void martlet_trim_heap(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

#endif
