# Live objects of the core, counted in debug builds only (URLMON_DEBUG=1); tests assert that they come back to zero.

from urlmon_core.atomics cimport atomic_i64

cdef extern from "debug.h" nogil:
    const bint URLMON_IS_DEBUG
    void urlmon_assert(bint condition)
    void urlmon_count(atomic_i64 *counter, int delta)

cdef struct live_objects:
    atomic_i64 apartments     # apartments not yet freed
    atomic_i64 bindings       # transactions: shared records of bind operations
    atomic_i64 blocks         # byte-stream blocks in use (not those waiting in the pool)
    atomic_i64 transfers      # easy handles attached to a bind operation
    atomic_i64 sockets        # sockets that libcurl holds open, idle connections included
    atomic_i64 profiles       # compiled request profiles

cdef live_objects live
