#ifndef CMARTLET_SYSTEM_H
#define CMARTLET_SYSTEM_H

// What the C library has and Swift's module of it lacks.

#include <errno.h>
#include <features.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <dirent.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
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

/// The limit of open descriptors; -1 when it is unknown.
static inline long martlet_descriptor_limit(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) ? -1 : (long)limit.rlim_cur;
}

/// How many descriptors are open; -1 when it is unknown.
static inline long martlet_open_descriptor_count(void) {
#ifdef __linux__
    struct stat status;
    // Linux 6.2 and later say it at once; before, the names are counted, and there may be many.
    if (!stat("/proc/self/fd", &status) && status.st_size > 0) return (long)status.st_size;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) return -1;
    long count = -1;  // the folder's own
    struct dirent *entry;
    while ((entry = readdir(folder))) count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
#else
    return -1;
#endif
}

/// Bytes of a page of memory.
static inline long martlet_page_size(void) { return sysconf(_SC_PAGESIZE); }

/// The clock ticks of a second, in which the system counts time on processors.
static inline long martlet_clock_ticks(void) { return sysconf(_SC_CLK_TCK); }

/// How many processors the process may run on (`taskset`, a container's cpuset); 0 when it is unknown.
static inline int martlet_processor_count(void) {
    int count = 0;
#ifdef __linux__
    unsigned long mask[128] = {0};
    long size = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    for (long index = 0; index < size / (long)sizeof mask[0]; index++) count += __builtin_popcountl(mask[index]);
#endif
    return count;
}

/// Brings memory that is about to be changed into the processor's cache. A hint: any address will do.
static inline void martlet_prefetch(const void *address) { __builtin_prefetch(address, 1, 3); }

/// The calling thread's name, as `top -H` shows it: the first 15 bytes.
static inline void martlet_name_thread(const char *name) {
#ifdef __linux__
    prctl(PR_SET_NAME, name, 0, 0, 0);
#endif
}

#ifdef __linux__
// System calls of the path that every proxied message takes, without what the C library adds to make them cancellable:
// in a process with several threads that is one percent of what a small message costs. They set errno as usual.

static inline long martlet_call(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__) && !defined(__ILP32__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    if (__builtin_expect(result < 0 && result >= -4095, 0)) {
        errno = (int)-result;
        return -1;
    }
    return result;
#else
    return syscall(number, a, b, c, d, e, f);
#endif
}

/// Never blocks.
static inline ssize_t martlet_receive(int descriptor, void *buffer, size_t length) {
    return martlet_call(SYS_recvfrom, descriptor, (long)buffer, (long)length, MSG_DONTWAIT, 0, 0);
}

/// Bytes that the kernel holds and that the peer has not taken; 0 when it is unknown.
static inline int martlet_unsent(int descriptor) {
    int count = 0;
    return ioctl(descriptor, TIOCOUTQ, &count) ? 0 : count;
}

/// Never blocks, and raises no signal.
static inline ssize_t martlet_send(int descriptor, const void *bytes, size_t length) {
    return martlet_call(SYS_sendto, descriptor, (long)bytes, (long)length, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
}

/// The new connection never blocks either.
static inline int martlet_accept(int descriptor, struct sockaddr *address, socklen_t *length) {
    return (int)syscall(SYS_accept4, descriptor, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static inline int martlet_stream_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static inline int martlet_wait(int poll, struct epoll_event *events, int count, int milliseconds) {
    return (int)martlet_call(SYS_epoll_pwait, poll, (long)events, count, milliseconds, 0, 8);
}
#endif

/// The system's cheap monotonic clock, of a few milliseconds' resolution. Nanoseconds.
static inline int64_t martlet_coarse_time(void) {
    struct timespec time;
#ifdef CLOCK_MONOTONIC_COARSE
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
#else
    clock_gettime(CLOCK_MONOTONIC, &time);
#endif
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/// Sends a text to a datagram socket of the file system, or of the abstract namespace when its name begins with `@`:
/// systemd's protocol for telling it how a service is. What cannot be sent is not.
static inline void martlet_notify(const char *name, const char *text) {
#ifdef __linux__
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if (!length || length >= sizeof address.sun_path) return;
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') address.sun_path[0] = 0;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return;
    sendto(descriptor, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(descriptor);
#endif
}

/// Gives the allocator's free memory back to the system; does nothing where the C library has no call for it.
static inline void martlet_trim_heap(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

#endif
