"""Sharing the link by priority. See flow.pxd; used through cimport only.

Bands are the priorities of one apartment's running transfers; apartments are equal among each other. The top band is the highest one
that received a byte, or got a transfer, within the last STALL_NS: an idle or stalled band holds nobody back. The bands below it are read
from a credit of one byte for every fifteen of the top band.

Windows follow a receiver-driven rule of the FAST TCP kind: what the flow needs at its measured rate and smallest round trip, plus a bounded
share of standing queue. A flow is left alone until its rate has stopped growing, so slow start is never cut short.
"""

from urlmon_core.atomics cimport u64_load_relaxed, u64_store_relaxed
from urlmon_core.libcurl cimport CURLE_OK, CURLINFO_ACTIVESOCKET, CURLPAUSE_CONT, curl
from urlmon_core.runqueue cimport PRIORITY_MIN
from urlmon_core.sockets cimport sockets_bulk, sockets_hold, sockets_set_bulk

cdef extern from "tcpwindow.h" nogil:
    long urlmon_tcp_base_rtt_us(int fd, int *segment)
    int urlmon_tcp_set_window(int fd, int bytes)

cdef extern from *:
    int __builtin_clz(unsigned int) noexcept nogil

cdef enum:
    BULK_FROM = 64 << 10            # bytes received before a transfer counts as bulk
    STALL_NS = 200000000            # a band that is silent for so long holds nobody back
    SHARE = 15                      # the top band gets 15 of 16 bytes
    CREDIT_MOST = 64 << 10          # bytes of unused credit that are remembered
    TICK_NS = 25000000              # how often windows are looked at
    SEGMENTS_LEAST = 3              # a window below it makes sender and receiver wait for each other
    WINDOW_MOST = 8 << 20           # bytes: beyond it the system's own window is as good
    GROWTH_ROUNDS = 3               # measurements without growth by a quarter: the path is full
    QUEUE_BELOW_US = 8000           # standing queue that all flows below normal together may keep, as time
    QUEUE_NORMAL_US = 20000         # the same for normal ones
    LEVEL_NORMAL = 15


# -- bands -----------------------------------------------------------------------------------------------------------

cdef int _top(apartment_record *apartment, int64_t now_ns) noexcept nogil:
    """The highest band that counts at the moment, -1 = none."""
    cdef unsigned int bands = apartment.bands
    cdef int level
    while bands:
        level = 31 - __builtin_clz(bands)
        if now_ns - apartment.band_heard_ns[level] < STALL_NS:
            return level
        bands &= ~((<unsigned int> 1) << level)
    return -1


cdef inline bint _one_band(apartment_record *apartment) noexcept nogil:
    return apartment.bands & (apartment.bands - 1) == 0


cdef void _join(transfer *self, int64_t now_ns) noexcept nogil:
    cdef apartment_record *apartment = self.transaction.apartment
    apartment.band_members[self.level] += 1
    apartment.bands |= (<unsigned int> 1) << self.level
    apartment.band_heard_ns[self.level] = now_ns
    self.counted = True


cdef void _leave(transfer *self) noexcept nogil:
    cdef apartment_record *apartment = self.transaction.apartment
    apartment.band_members[self.level] -= 1
    if apartment.band_members[self.level] == 0:
        apartment.bands &= ~((<unsigned int> 1) << self.level)
        if apartment.bands == 0:
            apartment.low_credit = 0
    self.counted = False


cdef void flow_admitted(transfer *self, int64_t now_ns) noexcept nogil:
    """A transfer starts; from now on its band counts."""
    self.level = self.transaction.waiting.priority - PRIORITY_MIN
    self.held = False
    self.refused = False
    self.is_bulk = False
    self.multiplexed = False
    self.fd = -1
    self.window = 0
    _join(self, now_ns)
    _hold_below(self)


cdef void _hold_below(transfer *self) noexcept nogil:
    """A new top band: what is below it is held at once, not only when it is next found ready; each window that is still granted to
    it would be in the way of the first bytes."""
    cdef apartment_record *apartment = self.transaction.apartment
    cdef transfer *other = self.context.bulk
    if _one_band(apartment):
        return
    while other is not NULL:
        if other.level < self.level and other.transaction.apartment == apartment and other.fd >= 0 and not flow_may_read(other):
            flow_hold(other)
        other = other.next_bulk


cdef void flow_ended(transfer *self) noexcept nogil:
    """It is over; its connection goes back to the system's own window."""
    if self.counted:
        _leave(self)
    if self.held:
        _release(self)
    if self.is_bulk:
        if self.previous_bulk is NULL:
            self.context.bulk = self.next_bulk
        else:
            self.previous_bulk.next_bulk = self.next_bulk
        if self.next_bulk is not NULL:
            self.next_bulk.previous_bulk = self.previous_bulk
        self.is_bulk = False
        if self.fd >= 0 and sockets_bulk(&self.context.sockets, self.fd) == <void *> self:
            sockets_set_bulk(&self.context.sockets, self.fd, NULL)
            if self.window:
                urlmon_tcp_set_window(self.fd, 0)


cdef void flow_set_level(transfer *self, int level) noexcept nogil:
    """SetPriority on a running transfer."""
    if self.level == level:
        return
    if self.counted:
        _leave(self)
        self.level = level
        _join(self, self.context.now_ns)
        _hold_below(self)
    else:
        self.level = level
    self.context.tick_ns = self.context.now_ns


cdef void flow_set_running(transfer *self, bint running) noexcept nogil:
    """A suspended transfer does not compete with the others."""
    if running and not self.counted:
        _join(self, self.context.now_ns)
    elif not running and self.counted:
        _leave(self)


# -- reading and holding ---------------------------------------------------------------------------------------------

cdef bint flow_may_read(transfer *self) noexcept nogil:
    """May the transfer be read now? False: flow_hold it."""
    cdef apartment_record *apartment = self.transaction.apartment
    if _one_band(apartment) or self.level >= _top(apartment, self.context.now_ns):
        return True
    return apartment.low_credit > 0


cdef void flow_hold(transfer *self) noexcept nogil:
    if self.held:
        return
    self.held = True
    self.previous_held = NULL
    self.next_held = self.context.held
    if self.context.held is not NULL:
        self.context.held.previous_held = self
    self.context.held = self
    if not self.refused:
        # Leaving the socket alone is not enough: the system would go on offering its whole buffer to the sender.
        sockets_hold(&self.context.sockets, self.fd, True)
        # One segment, and not less: a sender that may not send a whole one falls back on its persist timer, for seconds.
        urlmon_tcp_set_window(self.fd, self.segment)


cdef void _release(transfer *self) noexcept nogil:
    self.held = False
    if self.previous_held is NULL:
        self.context.held = self.next_held
    else:
        self.previous_held.next_held = self.next_held
    if self.next_held is not NULL:
        self.next_held.previous_held = self.previous_held
    if self.refused:
        self.refused = False
        if self.counted and not self.stalled and not self.suspended:
            curl.easy_pause(self.easy, CURLPAUSE_CONT)
    elif self.is_bulk:
        urlmon_tcp_set_window(self.fd, self.window)
        sockets_hold(&self.context.sockets, self.fd, False)
    self.period_ns = 0          # what it received while it was held says nothing about the path


cdef void flow_received(transfer *self, size_t size) noexcept nogil:
    """Counts `size` body bytes that were just taken."""
    cdef apartment_record *apartment = self.transaction.apartment
    cdef int64_t now_ns = self.context.now_ns
    cdef int top
    self.context.unflushed += size
    if not _one_band(apartment):
        top = _top(apartment, now_ns)
        if self.level < top:
            apartment.low_credit -= <int64_t> size
        elif apartment.low_credit < CREDIT_MOST:
            apartment.low_credit += <int64_t> size // SHARE
    apartment.band_heard_ns[self.level] = now_ns
    u64_store_relaxed(
        &apartment.level_bytes[self.level], u64_load_relaxed(&apartment.level_bytes[self.level]) + size)
    if not self.is_bulk and self.received >= BULK_FROM:
        _begin_bulk(self)


# -- windows ---------------------------------------------------------------------------------------------------------

cdef void _begin_bulk(transfer *self) noexcept nogil:
    cdef int fd = -1
    self.is_bulk = True
    self.previous_bulk = NULL
    self.next_bulk = self.context.bulk
    if self.context.bulk is not NULL:
        self.context.bulk.previous_bulk = self
    self.context.bulk = self
    self.period_ns = 0
    self.rate = 0
    self.growth = 0
    if not self.multiplexed and curl.easy_getinfo(self.easy, CURLINFO_ACTIVESOCKET, <void *> &fd) == CURLE_OK and fd >= 0:
        self.fd = fd
        sockets_set_bulk(&self.context.sockets, fd, self)
        self.base_rtt_us = urlmon_tcp_base_rtt_us(fd, &self.segment)
    if self.context.tick_ns < 0:
        self.context.tick_ns = self.context.now_ns + TICK_NS


cdef void _set_window(transfer *self, int window) noexcept nogil:
    if window or self.window:
        # Set again even if it is the same: the system's own tuning may have lifted it meanwhile.
        urlmon_tcp_set_window(self.fd, window)
    self.window = window


cdef void _measure(transfer *self, int64_t now_ns) noexcept nogil:
    """Looks at one bulk flow; sets its window when a measurement is complete."""
    cdef int64_t elapsed_ns
    cdef int64_t rate
    cdef int64_t window
    cdef int64_t queue_us
    if self.fd < 0 or sockets_bulk(&self.context.sockets, self.fd) != <void *> self:
        return
    if self.level > LEVEL_NORMAL:
        _set_window(self, 0)
        return
    if self.held or self.stalled or self.suspended:
        self.period_ns = 0
        return
    elapsed_ns = now_ns - self.period_ns
    if self.period_ns and elapsed_ns < 2000 * self.base_rtt_us:
        return              # less than two round trips
    if self.period_ns:
        rate = <int64_t> ((self.received - self.period_bytes) * 1000000 // <uint64_t> (elapsed_ns // 1000))
        if rate * 4 > self.rate * 5:
            self.growth = 0
        elif self.growth < GROWTH_ROUNDS:
            self.growth += 1
        # The largest of late, forgotten by an eighth each time: a pause of the sender must not close the window.
        self.rate = rate if rate > self.rate else self.rate - (self.rate - rate) // 8
        if self.growth >= GROWTH_ROUNDS:
            queue_us = QUEUE_BELOW_US if self.level < LEVEL_NORMAL else QUEUE_NORMAL_US
            window = self.rate * queue_us // 1000000
            if window < SEGMENTS_LEAST * self.segment:
                window = SEGMENTS_LEAST * self.segment
            window += self.rate * self.base_rtt_us * 5 // 4 // 1000000
            _set_window(self, <int> window if window < WINDOW_MOST else 0)
    self.period_ns = now_ns
    self.period_bytes = self.received


cdef int64_t flow_tick(io_context *context, int64_t now_ns) noexcept nogil:
    """Once a turn. Releases who may be read again, sees to the windows when it is time. Returns when to come again, -1 = never."""
    cdef transfer *self = context.held
    cdef transfer *following
    cdef apartment_record *apartment
    cdef int64_t next_ns = -1
    cdef int64_t until_ns
    cdef int top
    while self is not NULL:
        following = self.next_held
        if flow_may_read(self):
            _release(self)
        else:
            apartment = self.transaction.apartment
            top = _top(apartment, now_ns)
            until_ns = apartment.band_heard_ns[top] + STALL_NS
            if next_ns < 0 or until_ns < next_ns:
                next_ns = until_ns
        self = following
    if context.bulk is NULL:
        context.tick_ns = -1
    elif context.tick_ns >= 0 and now_ns >= context.tick_ns:
        context.tick_ns = now_ns + TICK_NS
        self = context.bulk
        while self is not NULL:
            _measure(self, now_ns)
            self = self.next_bulk
    if context.tick_ns >= 0 and (next_ns < 0 or context.tick_ns < next_ns):
        next_ns = context.tick_ns
    return next_ns
