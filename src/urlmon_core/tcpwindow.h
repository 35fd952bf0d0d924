/* What the system says and takes about receiving over one TCP connection. I/O thread only.
 *
 * Linux: TCP_INFO, SO_RCVLOWAT, and TCP_WINDOW_CLAMP, which may be lowered and lifted while data flow. Elsewhere the round trip is unknown and the
 * window stays the system's own: priorities then rest on admission and on the order of reading. */
#ifndef URLMON_TCPWINDOW_H
#define URLMON_TCPWINDOW_H

#include <limits.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#if defined(__linux__)
#include <linux/tcp.h>
#endif

/* The smallest round trip seen on the connection, in microseconds (1 ms if unknown), and the largest segment that may come. */
static inline long urlmon_tcp_base_rtt_us(int fd, int *segment)
{
    *segment = 1460;
#if defined(__linux__)
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0) {
        if (info.tcpi_advmss != 0)
            *segment = (int)info.tcpi_advmss;
        if (info.tcpi_min_rtt != 0 && info.tcpi_min_rtt != UINT_MAX)
            return (long)info.tcpi_min_rtt;
        if (info.tcpi_rtt != 0)
            return (long)info.tcpi_rtt;
    }
#else
    (void)fd;
#endif
    return 1000;
}

/* Whom the connection is with: the address without the port, as a number that is the same for the same one; 0 = unknown. */
static inline uint64_t urlmon_tcp_peer(int fd)
{
    struct sockaddr_storage there;
    socklen_t size = sizeof there;
    const unsigned char *bytes;
    size_t count;
    uint64_t sum = 14695981039346656037u; /* FNV-1a */
    if (getpeername(fd, (struct sockaddr *)&there, &size) != 0)
        return 0;
    if (there.ss_family == AF_INET) {
        bytes = (const unsigned char *)&((struct sockaddr_in *)&there)->sin_addr;
        count = 4;
    } else if (there.ss_family == AF_INET6) {
        bytes = (const unsigned char *)&((struct sockaddr_in6 *)&there)->sin6_addr;
        count = 16;
    } else {
        return 0;
    }
    while (count--)
        sum = (sum ^ *bytes++) * 1099511628211u;
    return sum | 1;
}

/* How many bytes must have come before the connection counts as readable, 1 = any. 0 or -1. */
static inline int urlmon_tcp_set_rcvlowat(int fd, int bytes)
{
#if defined(__linux__)
    return setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
#else
    (void)fd;
    (void)bytes;
    return -1;
#endif
}

/* Bounds the window that is offered to the peer to `bytes`; 0 gives it back to the system. 0 or -1. */
static inline int urlmon_tcp_set_window(int fd, int bytes)
{
#if defined(__linux__)
    int clamp = bytes > 0 ? bytes : INT_MAX / 2;
    return setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &clamp, sizeof clamp);
#else
    (void)fd;
    (void)bytes;
    return 0;
#endif
}

#endif
