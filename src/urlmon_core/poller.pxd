# Readiness of descriptors, see poller.h. I/O thread only.

cdef extern from "poller.h" nogil:
    enum:
        URLMON_READABLE
        URLMON_WRITABLE
        URLMON_BROKEN
        URLMON_BATCH
    ctypedef struct urlmon_ready:
        int fd
        int ready
    ctypedef struct urlmon_poller:
        int fd
    int urlmon_poller_open(urlmon_poller *poller)
    int urlmon_poller_set(urlmon_poller *poller, int fd, int had, int wanted)
    void urlmon_poller_forget(urlmon_poller *poller, int fd, int had)
    int urlmon_poller_wait(urlmon_poller *poller, urlmon_ready *ready, int room, int timeout_ms)
    void urlmon_poller_close(urlmon_poller *poller)
