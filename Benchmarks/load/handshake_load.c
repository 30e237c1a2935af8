// WebSocket handshakes: each connection connects, upgrades, waits for the whole 101, resets, and begins again.
// Prints what a handshake costs the server, in microseconds of CPU, as JSON.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

enum { ANSWER_SIZE = 2048, WARM_UP_MILLISECONDS = 500 };

struct connection {
    int descriptor;
    int isConnected;
    int length;
    char answer[ANSWER_SIZE];
};

static struct sockaddr_in server;
static char request[512];
static int requestLength;
static int poll;

static void begin(struct connection *connection) {
    int one = 1;
    struct linger linger = {1, 0};
    connection->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connection->descriptor < 0) {
        fprintf(stderr, "no descriptor is left\n");
        exit(1);
    }
    setsockopt(connection->descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(connection->descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    connection->isConnected = 0;
    connection->length = 0;
    connect(connection->descriptor, (struct sockaddr *)&server, sizeof server);
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = connection};
    epoll_ctl(poll, EPOLL_CTL_ADD, connection->descriptor, &event);
}

int main(int count, char **arguments) {
    if (count != 6) {
        fprintf(stderr, "usage: handshake_load CONNECTIONS PORT PATH SECONDS SERVER_PID\n");
        return 64;
    }
    int connections = atoi(arguments[1]), process = atoi(arguments[5]);
    double seconds = atof(arguments[4]);
    server.sin_family = AF_INET;
    server.sin_port = htons((unsigned short)atoi(arguments[2]));
    inet_pton(AF_INET, "127.0.0.1", &server.sin_addr);
    requestLength = snprintf(
        request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        arguments[3]);
    poll = epoll_create1(0);
    struct connection *all = calloc((size_t)connections, sizeof *all);
    for (int index = 0; index < connections; index++) begin(&all[index]);

    double start = now() + WARM_UP_MILLISECONDS / 1000.0, end = 0, cpuBefore = 0;
    long done = 0, failed = 0;
    struct epoll_event events[256];
    for (;;) {
        int ready = epoll_wait(poll, events, 256, 50);
        for (int index = 0; index < ready; index++) {
            struct connection *one = events[index].data.ptr;
            int isOver = 0;
            if (!one->isConnected) {
                one->isConnected = 1;
                if (events[index].events & (EPOLLERR | EPOLLHUP) ||
                    write(one->descriptor, request, (size_t)requestLength) != requestLength) {
                    failed++;
                    isOver = 1;
                } else {
                    struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
                    epoll_ctl(poll, EPOLL_CTL_MOD, one->descriptor, &event);
                }
            } else {
                ssize_t length =
                    read(one->descriptor, one->answer + one->length, (size_t)(ANSWER_SIZE - 1 - one->length));
                if (length <= 0) {
                    failed++;
                    isOver = 1;
                } else {
                    one->length += (int)length;
                    one->answer[one->length] = 0;
                    if (strstr(one->answer, "\r\n\r\n")) {
                        if (strncmp(one->answer + 9, "101", 3)) failed++;
                        else done++;
                        isOver = 1;
                    }
                }
            }
            if (isOver) {
                close(one->descriptor);
                begin(one);
            }
        }
        double time = now();
        if (!end && time >= start) {
            start = time;
            end = time + seconds;
            done = failed = 0;
            cpuBefore = cpu_time(process);
        } else if (end && time >= end) {
            double cpu = cpu_time(process) - cpuBefore;
            printf("{\"handshakes\": %ld, \"failed\": %ld, \"cpu_microseconds\": %.3f, \"server_busy\": %.3f}\n", done,
                   failed, done ? cpu / (double)done / 1000 : 0, cpu / (time - start) / 1e9);
            return 0;
        }
    }
}
