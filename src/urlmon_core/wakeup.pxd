# Wake-up descriptors, see wakeup.h.

cdef extern from "wakeup.h" nogil:
    ctypedef struct urlmon_wakeup:
        int read_fd
        int write_fd
    int urlmon_wakeup_open(urlmon_wakeup *wakeup)
    void urlmon_wakeup_signal(const urlmon_wakeup *wakeup)
    void urlmon_wakeup_drain(const urlmon_wakeup *wakeup)
    int urlmon_wakeup_wait(const urlmon_wakeup *wakeup, int timeout_ms)
    void urlmon_wakeup_close(urlmon_wakeup *wakeup)
