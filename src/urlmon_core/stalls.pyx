"""The stall rule. See stalls.pxd; used through cimport only.

libcurl has one of its own (LOW_SPEED_LIMIT), but driven by its socket interface it looks at a transfer only when something happens to it,
and a transfer to which nothing happens is the very case. So every running transfer with a rule has a mark, time and bytes,
which is renewed whenever the rule is kept or the transfer is not supposed to move; a mark that is too old ends it.
"""

from libc.stdint cimport uint64_t

from urlmon_core.libcurl cimport CURLE_OK, CURLINFO_SIZE_UPLOAD_T, curl, curl_off_t

cdef enum:
    LOOK_MOST_NS = 1000000000       # marks are looked at once a second, or four times within the shortest stall time


cdef void stalls_begin(transfer *self) noexcept nogil:
    """A transfer starts."""
    cdef int64_t allowed_ns = self.transaction.request.profile.stall_ns
    cdef io_context *context = self.context
    cdef int64_t look_ns
    self.watched = allowed_ns > 0
    if not self.watched:
        return
    self.mark_ns = context.now_ns
    self.mark_bytes = 0
    self.previous_watched = NULL
    self.next_watched = context.watched
    if context.watched is not NULL:
        context.watched.previous_watched = self
    context.watched = self
    look_ns = allowed_ns // 4 if allowed_ns // 4 < LOOK_MOST_NS else LOOK_MOST_NS
    if context.look_ns < 0 or context.now_ns + look_ns < context.look_ns:
        context.look_ns = context.now_ns + look_ns


cdef void stalls_end(transfer *self) noexcept nogil:
    """It is over, or its connection is given up."""
    if not self.watched:
        return
    self.watched = False
    if self.previous_watched is NULL:
        self.context.watched = self.next_watched
    else:
        self.previous_watched.next_watched = self.next_watched
    if self.next_watched is not NULL:
        self.next_watched.previous_watched = self.previous_watched
    if self.context.watched is NULL:
        self.context.look_ns = -1


cdef uint64_t _moved(transfer *self) noexcept nogil:
    """Bytes of bodies that went either way."""
    cdef curl_off_t sent = 0
    if curl.easy_getinfo(self.easy, CURLINFO_SIZE_UPLOAD_T, <void *> &sent) != CURLE_OK or sent < 0:
        sent = 0
    return self.received + <uint64_t> sent


cdef transfer *stalls_due(io_context *context, int64_t now_ns) noexcept nogil:
    """Looks at all of them when it is time. One that has stalled, NULL = none (any more)."""
    cdef transfer *self = context.watched
    cdef int64_t next_ns = LOOK_MOST_NS
    cdef int64_t allowed_ns
    cdef int64_t elapsed_ns
    cdef uint64_t moved
    cdef uint64_t needed
    if context.look_ns < 0 or now_ns < context.look_ns:
        return NULL
    while self is not NULL:
        allowed_ns = self.transaction.request.profile.stall_ns
        if allowed_ns // 4 < next_ns:
            next_ns = allowed_ns // 4
        elapsed_ns = now_ns - self.mark_ns
        moved = _moved(self)
        needed = <uint64_t> (self.transaction.request.profile.stall_speed * (elapsed_ns // 1000) // 1000000)
        if self.transaction.stream.waiting or self.suspended or self.held or self.asking or self.starving or (
                moved > self.mark_bytes and moved - self.mark_bytes >= needed):
            self.mark_ns = now_ns
            self.mark_bytes = moved
        elif elapsed_ns >= allowed_ns:
            return self             # the caller ends it and asks again
        self = self.next_watched
    context.look_ns = now_ns + next_ns
    return NULL


cdef int64_t stalls_next(io_context *context) noexcept nogil:
    """When to look again, -1 = never."""
    return context.look_ns
