# Threads and the clock, see threads.h.

cdef extern from "threads.h" nogil:
    ctypedef struct pthread_t:
        pass
    int urlmon_thread_start(pthread_t *thread, void *(*body)(void *) noexcept nogil, void *argument)
    int pthread_join(pthread_t thread, void **result)
    void urlmon_thread_name(const char *name)
    long long urlmon_now_ns()
