"""The multi handles of one I/O thread: made, driven through libcurl's socket interface, asked for what is done. See multis.pxd; used
through cimport only."""

from libc.stdint cimport int64_t

from urlmon_core.atomics cimport i64_load_relaxed
from urlmon_core.counters cimport urlmon_assert
from urlmon_core.libcurl cimport (
    CURL, CURL_CSELECT_ERR, CURL_CSELECT_IN, CURL_CSELECT_OUT, CURL_POLL_REMOVE, CURL_SOCKET_TIMEOUT, CURLM,
    CURLMOPT_MAX_CONCURRENT_STREAMS, CURLMOPT_MAXCONNECTS, CURLMOPT_PIPELINING, CURLMOPT_QUICK_EXIT, CURLMOPT_SOCKETDATA,
    CURLMOPT_SOCKETFUNCTION, CURLMOPT_TIMERDATA, CURLMOPT_TIMERFUNCTION, CURLMSG_DONE, CURLMsg, CURLPIPE_MULTIPLEX, curl,
    curl_socket_t,
)
from urlmon_core.poller cimport URLMON_BROKEN, URLMON_READABLE, URLMON_WRITABLE
from urlmon_core.sockets cimport sockets_interest, sockets_multi
from urlmon_core.threads cimport urlmon_now_ns

cdef enum:
    STREAMS_AT_ONCE = 100     # CURLMOPT_MAX_CONCURRENT_STREAMS
    CONNECTIONS_LEAST = 100   # that may be kept, however few transfers there are
    PERIOD_MS = 10000
    NAMES_NS = 1000000000


# -- libcurl's callbacks ---------------------------------------------------------------------------------------------

cdef int _on_socket(CURL *easy, curl_socket_t fd, int what, void *userp, void *socketp) noexcept nogil:
    # Always 0: anything else would end every transfer of the multi handle.
    cdef multi_handle *self = <multi_handle *> userp
    sockets_interest(self.sockets, fd, 0 if what == CURL_POLL_REMOVE else what, self.number)
    return 0


cdef int _on_timer(CURLM *handle, long timeout_ms, void *userp) noexcept nogil:
    cdef multi_handle *self = <multi_handle *> userp
    self.timer_ns = -1 if timeout_ms < 0 else urlmon_now_ns() + <int64_t> timeout_ms * 1000000
    return 0


# -- making and freeing ----------------------------------------------------------------------------------------------

cdef bint _open(multi_handle *self) noexcept nogil:
    self.handle = curl.multi_init()
    if self.handle is NULL:
        return False
    curl.multi_setopt(self.handle, CURLMOPT_SOCKETFUNCTION, <void *> _on_socket)
    curl.multi_setopt(self.handle, CURLMOPT_SOCKETDATA, <void *> self)
    curl.multi_setopt(self.handle, CURLMOPT_TIMERFUNCTION, <void *> _on_timer)
    curl.multi_setopt(self.handle, CURLMOPT_TIMERDATA, <void *> self)
    curl.multi_setopt(self.handle, CURLMOPT_PIPELINING, <long> CURLPIPE_MULTIPLEX)
    curl.multi_setopt(self.handle, CURLMOPT_MAX_CONCURRENT_STREAMS, <long> STREAMS_AT_ONCE)
    return True


cdef bint multis_init(multi_table *table, socket_table *sockets) noexcept nogil:
    """Reactor's creator; multis_free in any case. False: they could not be had."""
    cdef int i
    table.told = 0
    table.running = 0
    table.most = 0
    table.before = 0
    table.period_ns = 0
    for i in range(MULTIS):
        table.multis[i].handle = NULL
        table.multis[i].sockets = sockets
        table.multis[i].number = <unsigned char> i
        table.multis[i].timer_ns = -1
        table.multis[i].names_ns = 0
        table.multis[i].running = 0
        table.multis[i].connections = 0
    for i in range(MULTIS):
        if not _open(&table.multis[i]):
            return False
    return True


cdef void multis_free(multi_table *table) noexcept nogil:
    """The thread at its end, or its creator if it was never started. No transfer is left."""
    cdef int i
    urlmon_assert(table.running == 0)
    for i in range(MULTIS):
        if table.multis[i].handle is not NULL:
            curl.multi_setopt(table.multis[i].handle, CURLMOPT_QUICK_EXIT, <long> 1)      # do not wait for resolver threads
            curl.multi_cleanup(table.multis[i].handle)
            table.multis[i].handle = NULL


# -- transfers -------------------------------------------------------------------------------------------------------

cdef inline int _most_of_late(multi_table *table, int64_t now_ns) noexcept nogil:
    """How many transfers there were at once in this period or the one before."""
    cdef int64_t periods = (now_ns - table.period_ns) // (<int64_t> PERIOD_MS * 1000000)
    if periods > 0:
        table.before = table.most if periods == 1 else 0
        table.most = 0
        table.period_ns = now_ns
    if table.most < table.running:
        table.most = table.running
    return table.most if table.most > table.before else table.before


cdef inline void _set_connections(multi_table *table, multi_handle *multi, int64_t now_ns) noexcept nogil:
    """How many connections are kept, idle ones included: in all four times as many as there were transfers of late, or some more.

    That is libcurl's own rule, but for what runs at the moment in one multi handle, which may be the last one of many that were started
    together. When there are that many in all, each multi handle with more than its part closes idle ones.
    """
    cdef int connections = 4 * _most_of_late(table, now_ns)
    if connections < CONNECTIONS_LEAST:
        connections = CONNECTIONS_LEAST
    if i64_load_relaxed(&multi.sockets.open_count) >= connections:
        connections //= MULTIS
        if connections < 2 * multi.running:
            connections = 2 * multi.running
    if connections != multi.connections:
        multi.connections = connections
        curl.multi_setopt(multi.handle, CURLMOPT_MAXCONNECTS, <long> connections)


cdef bint multis_add(multi_table *table, int number, CURL *easy, int64_t now_ns) noexcept nogil:
    """Has the transfer begin, as soon as the timers are run. False: out of memory."""
    cdef multi_handle *multi = &table.multis[number]
    if curl.multi_add_handle(multi.handle, easy) != 0:
        return False
    multi.running += 1
    table.running += 1
    _set_connections(table, multi, now_ns)
    return True


cdef void multis_remove(multi_table *table, int number, CURL *easy) noexcept nogil:
    curl.multi_remove_handle(table.multis[number].handle, easy)
    table.multis[number].running -= 1
    table.running -= 1


cdef bint multis_names_due(multi_table *table, int number, int64_t now_ns) noexcept nogil:
    """Whether it is time to look through the names that were resolved for old ones: once a second.

    libcurl would do it at the end of each transfer. With ten thousand hosts that takes 150 us, half of all that is done for a small file.
    """
    if now_ns - table.multis[number].names_ns < NAMES_NS:
        return False
    table.multis[number].names_ns = now_ns
    return True


# -- driving ---------------------------------------------------------------------------------------------------------

cdef inline void _act(multi_table *table, multi_handle *multi, int fd, int what) noexcept nogil:
    cdef int running = 0
    table.told |= 1u << multi.number
    curl.multi_socket_action(multi.handle, fd, what, &running)


cdef void multis_ready(multi_table *table, int fd, int ready) noexcept nogil:
    """`fd`, which libcurl waits for, is `ready`."""
    _act(table, &table.multis[sockets_multi(table.multis[0].sockets, fd)], fd,
         (CURL_CSELECT_IN if ready & URLMON_READABLE else 0) | (CURL_CSELECT_OUT if ready & URLMON_WRITABLE else 0)
         | (CURL_CSELECT_ERR if ready & URLMON_BROKEN else 0))


cdef int64_t multis_timer(multi_table *table) noexcept nogil:
    """When the first timer runs out, -1 = there is none."""
    cdef int64_t until_ns = -1
    cdef int i
    for i in range(MULTIS):
        if table.multis[i].timer_ns >= 0 and (until_ns < 0 or table.multis[i].timer_ns < until_ns):
            until_ns = table.multis[i].timer_ns
    return until_ns


cdef bint multis_run_timers(multi_table *table) noexcept nogil:
    """Runs the timers that have run out. False: none has."""
    cdef bint ran = False
    cdef int64_t now_ns = -1
    cdef int i
    for i in range(MULTIS):
        if table.multis[i].timer_ns >= 0:
            if now_ns < 0:
                now_ns = urlmon_now_ns()
            if table.multis[i].timer_ns <= now_ns:
                table.multis[i].timer_ns = -1
                _act(table, &table.multis[i], CURL_SOCKET_TIMEOUT, 0)
                ran = True
    return ran


cdef CURLMsg *multis_message(multi_table *table) noexcept nogil:
    """The next transfer that libcurl is done with, NULL = no more. The message is gone as soon as the transfer is removed."""
    cdef CURLMsg *message
    cdef int remaining = 0
    cdef int i
    for i in range(MULTIS):
        while table.told & (1u << i):
            message = curl.multi_info_read(table.multis[i].handle, &remaining)
            if message is NULL or remaining == 0:
                table.told &= ~(1u << i)
            if message is not NULL and message.msg == CURLMSG_DONE:
                return message
    return NULL
