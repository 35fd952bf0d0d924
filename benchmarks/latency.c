/* The floor of bench_own.py's latency: the same stamps through two threads of plain C. One waits for the socket and wakes the other,
 * which waits as an idle owner does. Prints p50 and p99 in nanoseconds. Linux. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STAMPS = 2000, PAUSE_US = 4000 };

static int connection, wake;
static _Atomic int64_t newest; /* stamp, -1 = there will be no more */

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void check(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
}

static void send_stamps(int listener)
{
    int one = 1, client = accept(listener, NULL, NULL);
    check(client, "accept");
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (int i = 0; i < STAMPS; i++) {
        usleep(PAUSE_US);
        int64_t stamp = now_ns();
        check((int)send(client, &stamp, sizeof stamp, 0), "send");
    }
    exit(0);
}

static void *receive(void *nothing)
{
    int64_t stamps[64];
    uint64_t one = 1;
    struct epoll_event event = {.events = EPOLLIN}, ready;
    int poller = epoll_create1(0);
    (void)nothing;
    check(epoll_ctl(poller, EPOLL_CTL_ADD, connection, &event), "epoll_ctl");
    for (;;) {
        if (epoll_wait(poller, &ready, 1, -1) != 1)
            continue;
        ssize_t size = recv(connection, stamps, sizeof stamps, 0);
        newest = size > 0 ? stamps[(size_t)size / sizeof *stamps - 1] : -1;
        check((int)write(wake, &one, sizeof one), "eventfd");
        if (size <= 0)
            return NULL;
    }
}

static int compare(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

int main(void)
{
    static int64_t late[STAMPS];
    int count = 0, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    pthread_t thread;
    check(bind(listener, (struct sockaddr *)&address, size), "bind");
    check(listen(listener, 1), "listen");
    check(getsockname(listener, (struct sockaddr *)&address, &size), "getsockname");
    if (fork() == 0)
        send_stamps(listener);
    connection = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(connection, (struct sockaddr *)&address, size), "connect");
    check(wake = eventfd(0, EFD_NONBLOCK), "eventfd");
    if (pthread_create(&thread, NULL, receive, NULL) != 0)
        return 1;
    while (count < STAMPS) {
        struct pollfd waiting = {.fd = wake, .events = POLLIN};
        uint64_t drained;
        poll(&waiting, 1, -1);
        if (read(wake, &drained, sizeof drained) < 0)
            continue;
        const int64_t stamp = newest;
        if (stamp < 0)
            break;
        late[count++] = now_ns() - stamp;
    }
    wait(NULL);
    qsort(late, (size_t)count, sizeof *late, compare);
    printf("%lld %lld\n", (long long)late[count / 2], (long long)late[count * 99 / 100]);
    return 0;
}
