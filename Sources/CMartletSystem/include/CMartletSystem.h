#ifndef CMARTLET_SYSTEM_H
#define CMARTLET_SYSTEM_H

// What the C library has and Swift's module of it lacks.

#include <features.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

/// Raises the limit of open descriptors as far as the system allows, and answers what it is then; 0 when it is unknown.
static inline unsigned long martlet_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return getrlimit(RLIMIT_NOFILE, &limit) ? 0 : (unsigned long)limit.rlim_cur;
}

/// The calling thread's name, as `top -H` shows it: the first 15 bytes.
static inline void martlet_name_thread(const char *name) {
#ifdef __linux__
    prctl(PR_SET_NAME, name, 0, 0, 0);
#endif
}

/// Gives the allocator's free memory back to the system; does nothing where the C library has no call for it.
static inline void martlet_trim_heap(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

#endif
