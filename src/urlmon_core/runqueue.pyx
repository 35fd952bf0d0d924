"""RunQueue: priority order, FIFO within a priority, aging. See runqueue.pxd; used through cimport only."""

from libc.string cimport memset

from urlmon_core.counters cimport urlmon_assert

cdef extern from *:
    int __builtin_ctz(unsigned int) noexcept nogil


cdef void run_queue_init(run_queue *queue, int64_t aging_ns) noexcept nogil:
    memset(queue, 0, sizeof(run_queue))
    queue.aging_ns = aging_ns


cdef inline int _rank(run_entry *entry) noexcept nogil:
    return 0 if entry is NULL else entry.rank


cdef run_entry *_merge(run_entry *a, run_entry *b) noexcept nogil:
    """Merges two leftist heaps ordered by sequence; recursion is as deep as the two right spines, 2 log2 n at most."""
    cdef run_entry *swap
    if a is NULL:
        return b
    if b is NULL:
        return a
    if b.sequence < a.sequence:
        swap = a
        a = b
        b = swap
    a.next = _merge(a.next, b)
    a.next.previous = a
    if _rank(a.left) < _rank(a.next):
        swap = a.left
        a.left = a.next
        a.next = swap
    a.rank = _rank(a.next) + 1
    return a


cdef void _heap_remove(run_level *level, run_entry *entry) noexcept nogil:
    cdef run_entry *parent = entry.previous
    cdef run_entry *rest = _merge(entry.left, entry.next)
    cdef run_entry *swap
    cdef int rank
    if rest is not NULL:
        rest.previous = parent
    if parent is NULL:
        level.heap = rest
        return
    if parent.left == entry:
        parent.left = rest
    else:
        parent.next = rest
    while parent is not NULL:
        if _rank(parent.left) < _rank(parent.next):
            swap = parent.left
            parent.left = parent.next
            parent.next = swap
        rank = _rank(parent.next) + 1
        if rank == parent.rank:
            break
        parent.rank = rank
        parent = parent.previous


cdef inline run_entry *_head(run_level *level) noexcept nogil:
    if level.heap is NULL:
        return level.first
    if level.first is NULL or level.heap.sequence < level.first.sequence:
        return level.heap
    return level.first


cdef void run_queue_insert(run_queue *queue, run_entry *entry) noexcept nogil:
    """Queue's owner. Queues `entry` by its priority, sequence and since_ns, which the caller has set."""
    cdef int index = entry.priority - PRIORITY_MIN
    cdef run_level *level = &queue.levels[index]
    urlmon_assert(entry.where == NOT_QUEUED)
    if level.last is NULL or level.last.sequence < entry.sequence:
        entry.next = NULL
        entry.previous = level.last
        if level.last is NULL:
            level.first = entry
        else:
            level.last.next = entry
        level.last = entry
        entry.where = IN_FIFO
    else:
        entry.next = NULL
        entry.left = NULL
        entry.rank = 1
        level.heap = _merge(level.heap, entry)
        level.heap.previous = NULL
        entry.where = IN_HEAP
    queue.occupied |= (<uint32_t> 1) << index
    queue.count += 1


cdef void run_queue_remove(run_queue *queue, run_entry *entry) noexcept nogil:
    """Queue's owner. Takes `entry` out, wherever it stands."""
    cdef int index = entry.priority - PRIORITY_MIN
    cdef run_level *level = &queue.levels[index]
    urlmon_assert(entry.where != NOT_QUEUED)
    if entry.where == IN_FIFO:
        if entry.previous is NULL:
            level.first = entry.next
        else:
            entry.previous.next = entry.next
        if entry.next is NULL:
            level.last = entry.previous
        else:
            entry.next.previous = entry.previous
    else:
        _heap_remove(level, entry)
    entry.where = NOT_QUEUED
    if level.first is NULL and level.heap is NULL:
        queue.occupied &= ~((<uint32_t> 1) << index)
    queue.count -= 1


cdef void run_queue_set_priority(run_queue *queue, run_entry *entry, int priority) noexcept nogil:
    """Queue's owner. Moves a queued `entry` to another priority; it keeps its place by arrival."""
    if entry.priority != priority:
        run_queue_remove(queue, entry)
        entry.priority = <signed char> priority
        run_queue_insert(queue, entry)


cdef int run_queue_effective(run_queue *queue, run_entry *entry, int64_t now_ns) noexcept nogil:
    """The priority that counts at `now_ns`: one level more for each aging interval waited, up to HIGHEST."""
    cdef int64_t lifted
    if queue.aging_ns <= 0 or entry.priority >= PRIORITY_HIGHEST:
        return entry.priority
    lifted = entry.priority + (now_ns - entry.since_ns) // queue.aging_ns
    return PRIORITY_HIGHEST if lifted > PRIORITY_HIGHEST else <int> lifted


cdef run_entry *run_queue_best(run_queue *queue, int64_t now_ns, int at_least) noexcept nogil:
    """Queue's owner. The next entry among those of base priority `at_least` or more (NULL: none); it stays queued."""
    cdef uint32_t remaining = queue.occupied & ~(((<uint32_t> 1) << (at_least - PRIORITY_MIN)) - 1)
    cdef run_entry *best = NULL
    cdef run_entry *head
    cdef int best_effective = PRIORITY_MIN
    cdef int effective
    while remaining:
        head = _head(&queue.levels[__builtin_ctz(remaining)])
        remaining &= remaining - 1
        effective = run_queue_effective(queue, head, now_ns)
        if (best is NULL or effective > best_effective
                or (effective == best_effective and head.sequence < best.sequence)):
            best = head
            best_effective = effective
    return best
