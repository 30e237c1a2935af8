// Pushes over HTTP and counts what WebSocket subscribers get. Prints one line of JSON: the server's CPU time a delivery and
// a push, and how long it took from each POST to its last delivery.
//
//   push_load SUBSCRIBERS PORT SUBSCRIBE_PATH REGISTER PUSH_PATH BODY PER_USER SECONDS SERVER_PID
//
// In the two paths, REGISTER and BODY, the first %d is the user's number: always 0, unless PER_USER is 1, when each
// subscriber is a user of its own and pushes go to one after the other. REGISTER is sent as a text message behind the
// handshake, if it is not empty. One POST is under way at a time, on one connection.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

enum { MOST_LATENCIES = 2000000 };

struct subscriber {
    int descriptor;
    size_t length;      // of bytes that are no whole frame yet
    uint8_t bytes[4096];
};

static const double warm_up_seconds = 1;
static struct sockaddr_in server;
static double latencies[MOST_LATENCIES];

static int open_connection(void) {
    int descriptor = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&server, sizeof server)) die("connect");
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return descriptor;
}

static void write_all(int descriptor, const char *bytes, size_t length) {
    while (length) {
        ssize_t count = write(descriptor, bytes, length);
        if (count <= 0) die("write");
        bytes += count;
        length -= (size_t)count;
    }
}

static void subscribe(struct subscriber *one, const char *path, const char *registration, int user) {
    char text[1024], target[256], message[256];
    one->descriptor = open_connection();
    snprintf(target, sizeof target, path, user);
    int length = snprintf(text, sizeof text,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n", target);
    write_all(one->descriptor, text, (size_t)length);
    char answer[2048];
    size_t filled = 0;
    do {
        ssize_t count = read(one->descriptor, answer + filled, sizeof answer - 1 - filled);
        if (count <= 0) die("handshake");
        filled += (size_t)count;
        answer[filled] = 0;
    } while (!strstr(answer, "\r\n\r\n"));
    errno = 0;
    if (strncmp(answer + 9, "101", 3)) die(answer);
    if (!*registration) return;
    int count = snprintf(message, sizeof message, registration, user);
    if (count > 125) die("the registration is too long");
    char frame[160] = {(char)0x81, (char)(0x80 | count), 0, 0, 0, 0};
    memcpy(frame + 6, message, (size_t)count);
    write_all(one->descriptor, frame, (size_t)count + 6);
}

// How many whole messages have come.
static long receive(struct subscriber *one) {
    ssize_t count = recv(one->descriptor, one->bytes + one->length, sizeof one->bytes - one->length, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return 0;
    if (count <= 0) die("a subscriber was disconnected");
    one->length += (size_t)count;
    long messages = 0;
    size_t position = 0;
    while (one->length - position >= 2) {
        size_t header = 2, length = one->bytes[position + 1];
        if (length == 126) {
            if (one->length - position < 4) break;
            header = 4;
            length = (size_t)one->bytes[position + 2] << 8 | one->bytes[position + 3];
        }
        if (one->length - position < header + length) break;
        if ((one->bytes[position] & 0x0F) < 3) messages++;  // and no ping
        position += header + length;
    }
    memmove(one->bytes, one->bytes + position, one->length - position);
    one->length -= position;
    return messages;
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(int count, char **arguments) {
    if (count != 10) {
        fprintf(stderr, "usage: push_load SUBSCRIBERS PORT SUBSCRIBE_PATH REGISTER PUSH_PATH BODY PER_USER SECONDS PID\n");
        return 64;
    }
    int subscribers = atoi(arguments[1]), per_user = atoi(arguments[7]), process = atoi(arguments[9]);
    double seconds = atof(arguments[8]);
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)atoi(arguments[2]));
    inet_pton(AF_INET, "127.0.0.1", &server.sin_addr);
    int poll = epoll_create1(0);
    struct subscriber *all = calloc((size_t)subscribers, sizeof *all);
    for (int index = 0; index < subscribers; index++) {
        subscribe(&all[index], arguments[3], arguments[4], per_user ? index : 0);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[index]};
        epoll_ctl(poll, EPOLL_CTL_ADD, all[index].descriptor, &event);
    }
    int publisher = open_connection();
    struct epoll_event own = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poll, EPOLL_CTL_ADD, publisher, &own);
    usleep(300000);  // registrations are not answered

    long expected = per_user ? 1 : subscribers, pushes = 0, deliveries = 0;
    double begin = now() + warm_up_seconds, end = 0, cpu = 0;
    for (int user = 0;; user = per_user ? (user + 1) % subscribers : 0) {
        char path[256], body[1024], request[2048];
        snprintf(path, sizeof path, arguments[5], user);
        int body_length = snprintf(body, sizeof body, arguments[6], user);
        int length = snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s",
                              path, body_length, body);
        double sent = now();
        write_all(publisher, request, (size_t)length);
        long missing = expected;
        int is_answered = 0;
        double last = sent;
        while (missing > 0 || !is_answered) {
            struct epoll_event events[512];
            int ready = epoll_wait(poll, events, 512, 3000);
            if (ready <= 0) die("a message did not come within 3 s");
            for (int index = 0; index < ready; index++) {
                struct subscriber *one = events[index].data.ptr;
                if (one) {
                    missing -= receive(one);
                    continue;
                }
                char answer[2048];
                ssize_t got = recv(publisher, answer, sizeof answer - 1, MSG_DONTWAIT);
                if (got <= 0) die("the publisher was disconnected");
                answer[got] = 0;
                errno = 0;
                if (answer[9] != '2') die(answer);
                is_answered = 1;
            }
            if (missing == 0) last = now();
        }
        double time = now();
        if (!end && time >= begin) {
            begin = time;
            end = time + seconds;
            cpu = cpu_time(process);
            continue;
        }
        if (!end) continue;
        if (pushes < MOST_LATENCIES) latencies[pushes] = last - sent;
        pushes++;
        deliveries += expected;
        if (time >= end) {
            cpu = cpu_time(process) - cpu;
            long kept = pushes < MOST_LATENCIES ? pushes : MOST_LATENCIES;
            qsort(latencies, (size_t)kept, sizeof *latencies, compare);
            printf("{\"pushes\": %ld, \"cpu_a_delivery\": %.4f, \"cpu_a_push\": %.3f, \"p50\": %.1f, \"p99\": %.1f, "
                   "\"server_busy\": %.3f}\n",
                   pushes, cpu / (double)deliveries / 1000, cpu / (double)pushes / 1000, latencies[kept / 2] * 1e6,
                   latencies[kept * 99 / 100] * 1e6, cpu / (time - begin) / 1e9);
            return 0;
        }
    }
}
