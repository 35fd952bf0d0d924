/* Starting the I/O thread: a plain pthread that never takes a signal (they belong to the main thread, whose Python
 * handlers they run) and that a bounded wait can join. Linux and macOS. */
#ifndef URLMON_THREADS_H
#define URLMON_THREADS_H

#include <pthread.h>
#include <signal.h>
#include <time.h>

#define URLMON_STACK_SIZE (1024 * 1024) /* TLS and QUIC handshakes need more than musl's default of 128 KiB */

/* Any thread. Returns 0 or an errno value. */
static inline int urlmon_thread_start(pthread_t *thread, void *(*body)(void *), void *argument)
{
    sigset_t every_signal, previous;
    pthread_attr_t attributes;
    int failure = pthread_attr_init(&attributes);
    if (failure)
        return failure;
    (void)pthread_attr_setstacksize(&attributes, URLMON_STACK_SIZE);
    sigfillset(&every_signal);
    pthread_sigmask(SIG_SETMASK, &every_signal, &previous); /* inherited by the new thread from its first instruction */
    failure = pthread_create(thread, &attributes, body, argument);
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
    pthread_attr_destroy(&attributes);
    return failure;
}

/* The thread itself. */
static inline void urlmon_thread_name(const char *name)
{
#if defined(__APPLE__)
    pthread_setname_np(name);
#else
    (void)pthread_setname_np(pthread_self(), name);
#endif
}

/* Any thread. Nanoseconds of the monotonic clock. */
static inline long long urlmon_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}

#endif
