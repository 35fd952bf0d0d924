# Copying of received bytes, see copybytes.h.

cdef extern from "copybytes.h" nogil:
    void urlmon_copy(char *to, const char *source, size_t size)
    void urlmon_copy_past_caches(char *to, const char *source, size_t size)

cdef enum:
    PAST_CACHES_FROM = 1 << 20      # bytes still to come of a body from which on it is not worth a place in the caches
