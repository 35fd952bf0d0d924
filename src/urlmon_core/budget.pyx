"""The byte budget of a visit. See budget.pxd; used through cimport only."""

from urlmon_core.flow cimport flow_before_reading
from urlmon_core.libcurl cimport CURLPAUSE_RECV, curl
from urlmon_core.transfer cimport transfer_may_go_on, transfer_unpause

cdef enum:
    VISIT_BYTES = 1 << 20       # read from one connection in one turn
    VISITS = 4                  # that begin in one turn anew, of those that have used up theirs
    EVERY_NS = 1000000000       # visits that use up their budget again and again: no more than this apart
    BACKLOG_NS = 200000000      # what came while the transfer was held or suspended is read within that


cdef void budget_spend(transfer *self, size_t size) noexcept nogil:
    """Inside libcurl's write callback: `size` bytes were taken. Pauses the transfer when its visit is over."""
    cdef io_context *context = self.context
    if self.visit_ns != context.now_ns:
        self.visit_ns = context.now_ns
        self.visit_bytes = 0
    self.visit_bytes += size
    if self.visit_bytes < VISIT_BYTES or self.visited or self.multiplexed:
        return      # pausing a stream of HTTP/2 would close its window
    if context.now_ns - self.full_ns > EVERY_NS:
        self.full_since_ns = context.now_ns
    self.full_ns = context.now_ns
    self.transaction.apartment.windows[self.level].since_ns = 0    # its band's rate is that of our own buffers
    self.visited = True
    self.next_visited = NULL
    self.previous_visited = context.last_visited
    if context.last_visited is NULL:
        context.visited = self
    else:
        context.last_visited.next_visited = self
    context.last_visited = self
    curl.easy_pause(self.easy, CURLPAUSE_RECV)


cdef bint budget_limits(transfer *self) noexcept nogil:
    """Whether it is the reader that limits the transfer: more waits in our own buffer than is read at a time, and not just for once."""
    return (self.full_ns != 0 and self.context.now_ns - self.full_ns < EVERY_NS
            and self.full_ns - self.full_since_ns > BACKLOG_NS)


cdef void budget_leave(transfer *self) noexcept nogil:
    """It ends, or has its turn."""
    if not self.visited:
        return
    self.visited = False
    if self.previous_visited is NULL:
        self.context.visited = self.next_visited
    else:
        self.previous_visited.next_visited = self.next_visited
    if self.next_visited is NULL:
        self.context.last_visited = self.previous_visited
    else:
        self.next_visited.previous_visited = self.previous_visited


cdef void budget_grant(io_context *context) noexcept nogil:
    """At the end of a turn: lets some go on in the next one, by priority, equals in the order in which they were paused.

    Only who does go on has a visit: libcurl's timer then sees to the next turn, in which the others have theirs. Before flow_tick, which
    says when those that are held instead are looked at again.
    """
    cdef transfer *best
    cdef transfer *other
    cdef int visits = VISITS
    while visits:
        best = context.visited
        if best is NULL:
            return
        other = best.next_visited
        while other is not NULL:
            if other.level > best.level:
                best = other
            other = other.next_visited
        budget_leave(best)
        flow_before_reading(best)
        if transfer_may_go_on(best):
            transfer_unpause(best)
            visits -= 1
