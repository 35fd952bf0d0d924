"""Sharing the link by priority. See flow.pxd; used through cimport only.

Bands are the priorities of one apartment's running transfers; apartments are equal among each other. The top band is the highest one
that received a byte, or got a transfer, within the last STALL_NS: an idle or stalled band holds nobody back. The bands below it share a
credit of one byte for every fifteen of the top band. It is spent when a transfer is released, one after the other, on the whole window that
the transfer may fill then: released all together they would fill the link once more.
"""

from urlmon_core.atomics cimport u64_load_relaxed, u64_store_relaxed
from urlmon_core.counters cimport urlmon_assert
from urlmon_core.rcvlowat cimport rcvlowat_received
from urlmon_core.runqueue cimport PRIORITY_MIN
from urlmon_core.sockets cimport sockets_hold
from urlmon_core.transfer cimport transfer_go_on
from urlmon_core.windows cimport windows_begin, windows_discount, windows_end, windows_hold, windows_release, windows_tick

cdef extern from *:
    int __builtin_clz(unsigned int) noexcept nogil
    int __builtin_popcount(unsigned int) noexcept nogil

cdef enum:
    BULK_FROM = 64 << 10            # bytes received before a transfer counts as bulk
    STALL_NS = 200000000            # a band that is silent for so long holds nobody back
    SHARE = 15                      # the top band gets 15 of 16 bytes
    CREDIT_MOST = 64 << 10          # bytes of unused credit that are remembered
    PROMISE_SHARED = 16 << 10       # bytes for which a transfer is released that has no window set, or no connection of its own


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
        apartment.band_credit[self.level] = 0
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
    self.promised = 0
    self.lent = False
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
        if other.level < self.level and other.transaction.apartment == apartment and other.fd >= 0 and _is_below(other):
            other.promised = 0
            flow_hold(other)
        other = other.next_bulk


cdef void flow_ended(transfer *self) noexcept nogil:
    """It is over."""
    if self.counted:
        _leave(self)
    if self.held:
        _release(self)
    if self.is_bulk:
        windows_end(self)


cdef void flow_set_level(transfer *self, int level) noexcept nogil:
    """SetPriority on a running transfer."""
    if self.level == level:
        return
    if self.counted:
        _leave(self)
        self.level = level
        _join(self, self.context.now_ns)
        _hold_below(self)
        if self.is_bulk and self.fd >= 0 and not flow_may_read(self):
            flow_hold(self)
    else:
        self.level = level
    self.context.tick_ns = self.context.now_ns


cdef void flow_set_running(transfer *self, bint running) noexcept nogil:
    """A suspended transfer does not compete with the others."""
    if running and not self.counted:
        _join(self, self.context.now_ns)
        windows_discount(self)
    elif not running and self.counted:
        _leave(self)


# -- reading and holding ---------------------------------------------------------------------------------------------

cdef bint _is_below(transfer *self) noexcept nogil:
    """Does a higher band of its apartment receive?"""
    cdef apartment_record *apartment = self.transaction.apartment
    return not _one_band(apartment) and self.level < _top(apartment, self.context.now_ns)


cdef bint flow_may_read(transfer *self) noexcept nogil:
    """May the transfer be read now? False: flow_hold it."""
    return self.promised > 0 or not _is_below(self)


cdef void flow_hold(transfer *self) noexcept nogil:
    if self.held:
        return
    self.held = True
    self.previous_held = NULL
    self.next_held = self.context.held
    if self.context.held is NULL:
        self.context.last_held = self
    else:
        self.context.held.previous_held = self
    self.context.held = self
    if not self.refused:
        # Leaving the socket alone is not enough: the system would go on offering its whole buffer to the sender.
        sockets_hold(&self.context.sockets, self.fd, True)
        # One segment, and not less: a sender that may not send a whole one falls back on its persist timer, for seconds.
        windows_hold(self)


cdef void flow_before_reading(transfer *self) noexcept nogil:
    """It is to go on after a pause. libcurl would read at once, whether the poller watches the socket or not; so below a band that
    receives it is refused as well as held, until flow_tick releases it."""
    if not self.suspended and not self.refused and not flow_may_read(self):
        self.refused = self.fd < 0          # no socket of its own to be held
        flow_hold(self)
        self.refused = True


cdef void _release(transfer *self) noexcept nogil:
    self.held = False
    if self.previous_held is NULL:
        self.context.held = self.next_held
    else:
        self.previous_held.next_held = self.next_held
    if self.next_held is NULL:
        self.context.last_held = self.previous_held
    else:
        self.next_held.previous_held = self.previous_held
    if self.is_bulk and self.fd >= 0:
        windows_release(self, <int> self.promised)
        sockets_hold(&self.context.sockets, self.fd, False)
    if self.refused:
        self.refused = False
        if self.counted:
            transfer_go_on(self)


cdef void _give_credit(apartment_record *apartment, int top, int64_t size) noexcept nogil:
    """The bands below the top one share `size` bytes. top: 0 or more."""
    cdef unsigned int bands
    cdef int64_t each
    cdef int level
    urlmon_assert(top >= 0)
    bands = apartment.bands & (((<unsigned int> 1) << top) - 1)
    if bands == 0:
        return
    each = size // __builtin_popcount(bands)
    while bands:
        level = 31 - __builtin_clz(bands)
        bands &= ~((<unsigned int> 1) << level)
        if apartment.band_credit[level] < CREDIT_MOST:
            apartment.band_credit[level] += each


cdef void flow_received(transfer *self, size_t size) noexcept nogil:
    """Counts `size` body bytes that were just taken."""
    cdef apartment_record *apartment = self.transaction.apartment
    cdef int64_t now_ns = self.context.now_ns
    cdef int64_t paid
    cdef int top
    self.context.unseen += size
    if not self.transaction.request.quiet:
        self.context.unflushed += size
    if self.lent and not _is_below(self):
        windows_release(self, 0)        # what was above it is over, and it was not held meanwhile
    apartment.band_heard_ns[self.level] = now_ns
    if not _one_band(apartment):
        top = _top(apartment, now_ns)
        if self.level < top:
            paid = <int64_t> size if self.promised > <int64_t> size else self.promised
            self.promised -= paid
            apartment.band_credit[self.level] -= <int64_t> size - paid
        elif top >= 0:              # -1: it is suspended, and these are the last bytes; all others are silent
            _give_credit(apartment, top, <int64_t> size // SHARE)
    u64_store_relaxed(
        &apartment.level_bytes[self.level], u64_load_relaxed(&apartment.level_bytes[self.level]) + size)
    rcvlowat_received(self)
    if not self.is_bulk and self.received >= BULK_FROM:
        windows_begin(self)


cdef bint _pays(transfer *self) noexcept nogil:
    """Has the credit of its band the transfer released, for the bytes that it is promised?"""
    cdef int64_t *credit = &self.transaction.apartment.band_credit[self.level]
    if credit[0] <= 0 or not self.counted or self.transaction.stream.waiting:
        return False
    self.promised = PROMISE_SHARED
    if self.fd >= 0:
        if 0 < self.window < CREDIT_MOST:
            self.promised = self.window
        if self.promised < self.segment:
            self.promised = self.segment        # see flow_hold
    credit[0] -= self.promised
    return True


cdef int64_t flow_tick(io_context *context, int64_t now_ns) noexcept nogil:
    """Once a turn. Releases who may be read again, sees to the windows when it is time. Returns when to come again, -1 = never."""
    cdef transfer *self = context.last_held         # who has been held for longest comes first
    cdef transfer *following
    cdef apartment_record *apartment
    cdef int64_t next_ns = -1
    cdef int64_t until_ns
    cdef int top
    while self is not NULL:
        following = self.previous_held
        if not _is_below(self):
            self.promised = 0
            _release(self)
        elif _pays(self):
            _release(self)
        else:
            apartment = self.transaction.apartment
            top = _top(apartment, now_ns)
            until_ns = apartment.band_heard_ns[top] + STALL_NS
            if next_ns < 0 or until_ns < next_ns:
                next_ns = until_ns
        self = following
    until_ns = windows_tick(context, now_ns)
    return until_ns if next_ns < 0 or 0 <= until_ns < next_ns else next_ns
