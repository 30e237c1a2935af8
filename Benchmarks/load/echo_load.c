// Closed-loop echo load. Prints one line of JSON: messages a second, and the server's CPU time a message from the
// kernel's scheduler counters, which does not depend on how fast the client is.
//
//   echo_load CONNECTIONS PORT PAYLOAD DEPTH SECONDS SERVER_PID
//
// Each connection sends DEPTH binary messages of PAYLOAD bytes in one write and waits for all of them to come back.
// The client busy-polls, so that the server is what is measured. The first echo of each connection is compared byte by
// byte.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

static const double warm_up_seconds = 0.5;

struct connection {
    int descriptor;
    size_t sent;
    size_t missing;
};

struct bytes {
    uint8_t *data;
    size_t length;
};

/// A binary frame; masked for the request, not for the answer.
static struct bytes frame(const uint8_t *payload, size_t length, int is_masked) {
    static const uint8_t mask[4] = {0x5a, 0x13, 0xc7, 0x88};
    struct bytes frame = {malloc(length + 14), 0};
    uint8_t mask_bit = is_masked ? 0x80 : 0;
    frame.data[frame.length++] = 0x82;
    if (length < 126) {
        frame.data[frame.length++] = mask_bit | length;
    } else if (length < 65536) {
        frame.data[frame.length++] = mask_bit | 126;
        frame.data[frame.length++] = length >> 8;
        frame.data[frame.length++] = length;
    } else {
        frame.data[frame.length++] = mask_bit | 127;
        for (int shift = 56; shift >= 0; shift -= 8) frame.data[frame.length++] = (uint64_t)length >> shift;
    }
    if (is_masked) {
        memcpy(frame.data + frame.length, mask, 4);
        frame.length += 4;
    }
    for (size_t i = 0; i < length; i++) frame.data[frame.length++] = payload[i] ^ (is_masked ? mask[i & 3] : 0);
    return frame;
}

static struct bytes repeated(struct bytes one, int count) {
    struct bytes all = {malloc(one.length * count), one.length * count};
    for (int i = 0; i < count; i++) memcpy(all.data + i * one.length, one.data, one.length);
    return all;
}

static void read_exactly(int descriptor, uint8_t *into, size_t count) {
    while (count > 0) {
        ssize_t got = read(descriptor, into, count);
        if (got <= 0) die("the server ended a connection");
        into += got;
        count -= got;
    }
}

/// Opens a WebSocket and checks one echo.
static int open_socket(int port, struct bytes request, struct bytes answer) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address)) die("connect");
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    static const char handshake[] =
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    if (write(descriptor, handshake, sizeof handshake - 1) < 0) die("write");
    char head[4096] = "";
    for (size_t length = 0; !strstr(head, "\r\n\r\n"); length++) {
        if (length == sizeof head - 1) die("the answer to the handshake is too long");
        read_exactly(descriptor, (uint8_t *)head + length, 1);
    }
    if (!strstr(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) die("no upgrade");
    uint8_t *echo = malloc(answer.length);
    if (write(descriptor, request.data, request.length) != (ssize_t)request.length) die("write");
    read_exactly(descriptor, echo, answer.length);
    if (memcmp(echo, answer.data, answer.length)) die("the echo differs from what was sent");
    free(echo);
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
    return descriptor;
}

static void watch(int poller, int operation, struct connection *connection, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poller, operation, connection->descriptor, &event)) die("epoll_ctl");
}

/// Sends what is left of a connection's batch.
static void continue_sending(int poller, struct connection *connection, struct bytes batch) {
    ssize_t sent = send(
        connection->descriptor, batch.data + connection->sent, batch.length - connection->sent, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) die("send");
    int was_partial = connection->sent > 0;
    connection->sent += sent > 0 ? sent : 0;
    int is_partial = connection->sent < batch.length;
    if (is_partial || was_partial) watch(poller, EPOLL_CTL_MOD, connection, EPOLLIN | (is_partial ? EPOLLOUT : 0));
}

int main(int count, char **arguments) {
    if (count != 7) die("usage: echo_load CONNECTIONS PORT PAYLOAD DEPTH SECONDS SERVER_PID");
    int connections = atoi(arguments[1]), port = atoi(arguments[2]), depth = atoi(arguments[4]);
    size_t length = atol(arguments[3]);
    double seconds = atof(arguments[5]);
    int server = atoi(arguments[6]);

    uint8_t *payload = malloc(length);
    for (size_t i = 0; i < length; i++) payload[i] = i * 7 + 3;
    struct bytes request = frame(payload, length, 1), answer = frame(payload, length, 0);
    struct bytes batch = repeated(request, depth);
    size_t expected = answer.length * depth;

    int poller = epoll_create1(0);
    struct connection *all = calloc(connections, sizeof *all);
    for (int i = 0; i < connections; i++) {
        all[i].descriptor = open_socket(port, request, answer);
        watch(poller, EPOLL_CTL_ADD, &all[i], EPOLLIN);
    }
    for (int i = 0; i < connections; i++) {
        all[i].missing = expected;
        continue_sending(poller, &all[i], batch);
    }

    static uint8_t received[1 << 20];
    struct epoll_event events[256];
    long messages = 0, messages_before = 0;
    double begin = now() + warm_up_seconds, end = 0, cpu_before = 0;
    for (;;) {
        int ready = epoll_wait(poller, events, 256, 0);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) continue_sending(poller, connection, batch);
            if (!(events[i].events & (EPOLLIN | EPOLLHUP))) continue;
            ssize_t got = recv(connection->descriptor, received, sizeof received, 0);
            if (got == 0 || (got < 0 && errno != EAGAIN)) die("the server ended a connection");
            if (got < 0) continue;
            if ((size_t)got > connection->missing) die("more came back than was sent");
            connection->missing -= got;
            if (connection->missing == 0) {
                messages += depth;
                connection->missing = expected;
                connection->sent = 0;
                continue_sending(poller, connection, batch);
            }
        }
        double time = now();
        if (end == 0 && time >= begin) {
            messages_before = messages;
            cpu_before = cpu_time(server);
            begin = now();
            end = begin + seconds;
        } else if (end > 0 && time >= end) {
            double cpu = cpu_time(server) - cpu_before, elapsed = now() - begin;
            long done = messages - messages_before;
            printf("{\"messages_per_second\": %.0f, \"cpu_microseconds\": %.4f, \"server_busy\": %.3f}\n",
                done / elapsed, cpu / done / 1e3, cpu / elapsed / 1e9);
            return 0;
        }
    }
}
