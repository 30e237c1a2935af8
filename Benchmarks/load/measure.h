// What the load generators share: a clock, and the CPU time of the server.
#ifndef MEASURE_H
#define MEASURE_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void die(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, errno ? strerror(errno) : "unexpected");
    exit(1);
}

// Seconds.
static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

// Nanoseconds that all threads of a process have spent on a core.
static double cpu_time(int process) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", process);
    DIR *directory = opendir(path);
    if (!directory) die("the server is gone");
    double sum = 0;
    struct dirent *thread;
    while ((thread = readdir(directory))) {
        if (thread->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", process, thread->d_name);
        FILE *file = fopen(path, "r");
        unsigned long long value = 0;
        if (file) {
            if (fscanf(file, "%llu", &value) != 1) value = 0;
            fclose(file);
        }
        sum += (double)value;
    }
    closedir(directory);
    return sum;
}

#endif
