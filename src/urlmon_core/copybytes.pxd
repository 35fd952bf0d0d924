# Copying of received bytes, see copybytes.h.

cdef extern from "copybytes.h" nogil:
    void urlmon_copy(char *to, const char *source, size_t size)
    void urlmon_copy_body(char *to, const char *source, size_t size, size_t whole)
