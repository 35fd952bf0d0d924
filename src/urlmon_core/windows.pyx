"""Receive windows of bulk transfers. See windows.pxd; used through cimport only.

A receiver-driven rule of the FAST TCP kind: a flow gets what it needs at its measured rate and smallest round trip, plus a part of the
standing queue of its band. The queue is bounded as a time at the best rate that the band has had of late, and divided equally, so that
flows that meet in one queue come to equal rates; where senders do not go along, the parts of those that receive more are made smaller
for as long as the band as a whole loses nothing by it. A flow is left alone until its rate has stopped growing, so slow start is never
cut short.
"""

from libc.stdint cimport uint64_t

from urlmon_core.atomics cimport u64_load_relaxed
from urlmon_core.budget cimport budget_limits
from urlmon_core.libcurl cimport CURLE_OK, CURLINFO_ACTIVESOCKET, curl
from urlmon_core.rcvlowat cimport rcvlowat_end, rcvlowat_look
from urlmon_core.sockets cimport sockets_bulk, sockets_set_bulk
from urlmon_core.transaction cimport apartment_record, band_windows

cdef extern from "tcpwindow.h" nogil:
    long urlmon_tcp_base_rtt_us(int fd, int *segment)
    uint64_t urlmon_tcp_peer(int fd)
    int urlmon_tcp_set_window(int fd, int bytes)

cdef enum:
    TICK_NS = 25000000              # how often windows are looked at
    BAND_NS = 100000000             # how long the rate of a band is measured
    SEGMENTS_LEAST = 3              # a window below it makes sender and receiver wait for each other
    WINDOW_MOST = 8 << 20           # bytes: beyond it the system's own window is as good
    GROWTH_ROUNDS = 3               # measurements without growth by a quarter: the path is full
    QUEUE_BELOW_US = 8000           # standing queue that all flows of a band below normal together may keep, as time
    QUEUE_NORMAL_US = 20000         # the same for the normal band
    FORGET_BELOW = 64               # the best rate is forgotten by this part of what it exceeds the present one, for each BAND_NS: seconds
    FORGET_NORMAL = 1024            # the same for the normal band: minutes, so that it holds its own against the traffic of others
    LOSS = 97                       # percent of the best rate below which the band has lost something
    PART_LEAST = 20                 # per mille
    PART_WHOLE = 1000
    LEVEL_NORMAL = 15


cdef void _find_base_rtt(transfer *self) noexcept nogil:
    """A connection that was made while others had filled the link has never seen its smallest round trip, but they have."""
    cdef transfer *other = self.context.bulk
    self.own_rtt_us = urlmon_tcp_base_rtt_us(self.fd, &self.segment)
    self.base_rtt_us = self.own_rtt_us
    self.peer = urlmon_tcp_peer(self.fd)
    while other is not NULL:
        if other.peer == self.peer and other.peer and other.fd >= 0:
            if other.own_rtt_us < self.base_rtt_us:
                self.base_rtt_us = other.own_rtt_us
            if self.own_rtt_us < other.base_rtt_us:
                other.base_rtt_us = self.own_rtt_us
        other = other.next_bulk


cdef void windows_begin(transfer *self) noexcept nogil:
    """A transfer has become bulk."""
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
    self.measured = False
    self.part = PART_WHOLE
    self.lowat = False
    self.lowat_ns = self.context.now_ns
    self.lowat_received = self.received
    if not self.multiplexed and curl.easy_getinfo(self.easy, CURLINFO_ACTIVESOCKET, <void *> &fd) == CURLE_OK and fd >= 0:
        self.fd = fd
        sockets_set_bulk(&self.context.sockets, fd, self)
        _find_base_rtt(self)
    if self.context.tick_ns < 0:
        self.context.tick_ns = self.context.now_ns + TICK_NS


cdef void windows_end(transfer *self) noexcept nogil:
    """A bulk transfer is over; its connection goes back to the system's own window."""
    if self.previous_bulk is NULL:
        self.context.bulk = self.next_bulk
    else:
        self.previous_bulk.next_bulk = self.next_bulk
    if self.next_bulk is not NULL:
        self.next_bulk.previous_bulk = self.previous_bulk
    self.is_bulk = False
    rcvlowat_end(self)
    if self.fd >= 0 and sockets_bulk(&self.context.sockets, self.fd) == <void *> self:
        sockets_set_bulk(&self.context.sockets, self.fd, NULL)
        if self.window or self.lent:
            urlmon_tcp_set_window(self.fd, 0)


cdef void windows_hold(transfer *self) noexcept nogil:
    """One segment, and not less: a sender that may not send a whole one falls back on its persist timer, for seconds."""
    urlmon_tcp_set_window(self.fd, self.segment)


cdef void windows_release(transfer *self, int most) noexcept nogil:
    """As before windows_hold, but no more than `most` bytes (0 = no limit)."""
    self.lent = most != 0 and (self.window == 0 or self.window > most)
    urlmon_tcp_set_window(self.fd, most if self.lent else self.window)
    windows_discount(self)


cdef void windows_discount(transfer *self) noexcept nogil:
    """What is received about now says nothing about the path: it was held, or comes from our own buffer."""
    self.period_ns = 0
    self.transaction.apartment.windows[self.level].since_ns = 0


cdef inline bint _competes(transfer *self) noexcept nogil:
    """Whether it receives at its own pace, over a connection of its own."""
    return self.fd >= 0 and not self.held and not self.lent and not self.transaction.stream.waiting and not self.suspended


cdef void _set_window(transfer *self, int window) noexcept nogil:
    if window or self.window:
        # Set again even if it is the same: the system's own tuning may have lifted it meanwhile.
        urlmon_tcp_set_window(self.fd, window)
    self.window = window


# -- a band ----------------------------------------------------------------------------------------------------------

cdef band_windows *_look(transfer *self, int64_t now_ns) noexcept nogil:
    """The band of a bulk flow. The first one to look in a tick completes the measurement of its rate, when it is time."""
    cdef apartment_record *apartment = self.transaction.apartment
    cdef band_windows *band = &apartment.windows[self.level]
    cdef uint64_t received
    cdef int64_t rate
    cdef int64_t lasting
    if band.looked_ns == now_ns:
        return band
    if now_ns - band.looked_ns > 10 * BAND_NS:
        band.peak = 0                   # it had no bulk transfers: another path, or another time
        band.since_ns = 0
        band.rate = 0
    band.looked_ns = now_ns
    band.flows = 0
    band.measured = 0
    band.measured_bytes = 0
    band.due = band.since_ns == 0 or now_ns - band.since_ns >= BAND_NS
    if band.due:
        received = u64_load_relaxed(&apartment.level_bytes[self.level])
        if band.since_ns:
            # One alone may be a burst, or a hole: what counts lasts for two.
            rate = <int64_t> ((received - band.since_bytes) * 1000000 // <uint64_t> ((now_ns - band.since_ns) // 1000))
            lasting = rate if rate < band.rate else band.rate
            band.lost = rate * 100 < band.peak * LOSS and band.rate * 100 < band.peak * LOSS
            band.rate = rate
            if lasting > band.peak:
                band.peak = lasting
            else:
                band.peak -= (band.peak - lasting) // (FORGET_BELOW if self.level < LEVEL_NORMAL else FORGET_NORMAL)
        band.since_ns = now_ns
        band.since_bytes = received
    return band


cdef void _adjust_part(transfer *self, band_windows *band) noexcept nogil:
    """Brings the flows of a band to equal rates, as long as it loses nothing: what one gives up, another must take."""
    cdef int64_t mean
    cdef int64_t excess
    if band.lost:
        self.part += self.part // 8 + 1
    elif band.measured > 1 and self.growth >= GROWTH_ROUNDS:
        mean = band.measured_bytes // band.measured + 1
        excess = (<int64_t> (self.received - self.band_bytes) - mean) * 1000 // mean
        excess = 400 if excess > 400 else -400 if excess < -400 else excess
        self.part -= <int> (self.part * excess // 1000)
    if self.part > PART_WHOLE:
        self.part = PART_WHOLE
    elif self.part < PART_LEAST:
        self.part = PART_LEAST


# -- one flow --------------------------------------------------------------------------------------------------------

cdef int _window_for(transfer *self, band_windows *band) noexcept nogil:
    """Bytes; 0 = the system's own."""
    cdef int64_t queue_us = QUEUE_BELOW_US if self.level < LEVEL_NORMAL else QUEUE_NORMAL_US
    cdef int64_t window = band.peak // band.flows * queue_us // 1000000 * self.part // PART_WHOLE
    if window < SEGMENTS_LEAST * self.segment:
        window = SEGMENTS_LEAST * self.segment
    window += self.rate * self.base_rtt_us * 5 // 4 // 1000000
    return <int> window if window < WINDOW_MOST else 0


cdef void _measure(transfer *self, band_windows *band, int64_t now_ns) noexcept nogil:
    """Looks at one bulk flow; sets its window when a measurement is complete."""
    cdef int64_t elapsed_ns
    cdef int64_t rate
    if self.fd < 0 or sockets_bulk(&self.context.sockets, self.fd) != <void *> self:
        return
    if self.lent:
        return              # that is what it may have for now
    if self.level > LEVEL_NORMAL:
        _set_window(self, 0)
        return
    if not _competes(self):
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
        if budget_limits(self):
            _set_window(self, 0)        # no queue stands in front of a link
        elif self.growth >= GROWTH_ROUNDS and band.peak:
            _set_window(self, _window_for(self, band))
    self.period_ns = now_ns
    self.period_bytes = self.received


cdef int64_t windows_tick(io_context *context, int64_t now_ns) noexcept nogil:
    """Once a turn: sees to the windows when it is time. Returns when to come again, -1 = never."""
    cdef transfer *self
    cdef band_windows *band
    if context.bulk is NULL:
        context.tick_ns = -1
    elif context.tick_ns >= 0 and now_ns >= context.tick_ns:
        context.tick_ns = now_ns + TICK_NS
        self = context.bulk
        while self is not NULL:
            band = _look(self, now_ns)
            if not _competes(self):
                self.measured = False
            else:
                band.flows += 1
                if self.measured:
                    band.measured += 1
                    band.measured_bytes += <int64_t> (self.received - self.band_bytes)
            self = self.next_bulk
        self = context.bulk
        while self is not NULL:
            band = _look(self, now_ns)
            if band.due:
                if self.measured and band.peak:
                    _adjust_part(self, band)
                self.measured = _competes(self)
                self.band_bytes = self.received
            _measure(self, band, now_ns)
            rcvlowat_look(self, now_ns)
            self = self.next_bulk
    return context.tick_ns
