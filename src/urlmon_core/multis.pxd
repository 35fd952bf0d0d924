# The multi handles of one I/O thread. I/O thread only.
#
# One would do, were it not for what libcurl does by looking through a list: for a free connection, through all those to the host, in use
# or not; for the connection to close when the pool is full, through the whole pool; for a resolved name, through a part of all names. So
# hosts are spread over several multi handles, and a host with many transfers over more than one (see admission.pyx). Connections are
# reused within one multi handle only. That costs none: the first one that has less than MULTI_SHARE of a host gets its next transfer, so
# each has as many connections to it as it ever had transfers, and all together as many as there ever were at once.

from libc.stdint cimport int64_t

from urlmon_core.libcurl cimport CURL, CURLM, CURLMsg
from urlmon_core.sockets cimport socket_table

cdef enum:
    MULTIS = 4
    MULTI_SHARE = 16          # transfers to one host in a multi handle while there is another one with fewer

cdef struct multi_handle:
    CURLM *handle
    socket_table *sockets
    unsigned char number
    int64_t timer_ns          # when libcurl wants to be called again, -1 = never
    int64_t names_ns          # when it last looked for old names
    int running               # transfers
    int connections           # CURLMOPT_MAXCONNECTS as set, 0 = not yet

cdef struct multi_table:
    multi_handle multis[MULTIS]
    int running               # transfers
    int most                  # of these at once since period_ns
    int before                # the same in the period before
    int64_t period_ns         # when the running period began
    unsigned int told         # bit i: libcurl has worked since the messages of multis[i] were last read

cdef bint multis_init(multi_table *table, socket_table *sockets) noexcept nogil
cdef void multis_free(multi_table *table) noexcept nogil
cdef bint multis_add(multi_table *table, int number, CURL *easy, int64_t now_ns) noexcept nogil
cdef void multis_remove(multi_table *table, int number, CURL *easy) noexcept nogil
cdef bint multis_names_due(multi_table *table, int number, int64_t now_ns) noexcept nogil
cdef void multis_ready(multi_table *table, int fd, int ready) noexcept nogil
cdef int64_t multis_timer(multi_table *table) noexcept nogil
cdef bint multis_run_timers(multi_table *table) noexcept nogil
cdef CURLMsg *multis_message(multi_table *table) noexcept nogil
