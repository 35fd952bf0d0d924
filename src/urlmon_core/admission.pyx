"""Admission of waiting bind operations, strictly by effective priority, first come first served within one.

An apartment has one run queue. A binding whose turn comes while its host is full is parked at the host, so that it holds up nobody else.
As soon as the host has room, its best parked one represents it in the apartment's queue, by its own place of arrival; when that one
has started, the next. Everything above normal is listed once more, since an urgent slot is beyond the limit of the host as well. I/O
thread only, used through cimport only.
"""

from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, strcmp, strlen

from urlmon_core.atomics cimport i32_load_relaxed, i64_add_relaxed
from urlmon_core.counters cimport urlmon_assert
from urlmon_core.multis cimport MULTI_SHARE, MULTIS
from urlmon_core.runqueue cimport (
    NOT_QUEUED, PRIORITY_MIN, run_entry, run_queue, run_queue_best, run_queue_effective, run_queue_init, run_queue_insert,
    run_queue_remove, run_queue_set_priority,
)
from urlmon_core.transaction cimport (
    STATE_ACTIVE, STATE_PARKED, STATE_QUEUED, STATE_SUSPENDED, host_entry, set_state, transaction_of_urgency,
    transaction_of_waiting,
)


cdef host_entry *_host_of(transaction *t) noexcept nogil:
    """The entry of the transaction's host, made if there is none; NULL when memory is out."""
    cdef apartment_record *apartment = t.apartment
    cdef uint32_t hash = t.request.host_hash
    cdef host_entry *host
    cdef size_t size
    if apartment.hosts is NULL or apartment.host_count > apartment.host_slots:
        if not _grow(apartment):
            return NULL
    host = apartment.hosts[hash & (apartment.host_slots - 1)]
    while host is not NULL:
        if host.hash == hash and strcmp(host.key, t.request.host_key) == 0:
            return host
        host = host.next
    size = strlen(t.request.host_key) + 1
    host = <host_entry *> calloc(1, sizeof(host_entry) + size)
    if host is NULL:
        return NULL
    host.key = (<char *> host) + sizeof(host_entry)
    memcpy(host.key, t.request.host_key, size)
    host.hash = hash
    host.next = apartment.hosts[hash & (apartment.host_slots - 1)]
    apartment.hosts[hash & (apartment.host_slots - 1)] = host
    apartment.host_count += 1
    return host


cdef bint _grow(apartment_record *apartment) noexcept nogil:
    cdef size_t slots = apartment.host_slots * 2 if apartment.host_slots else 16
    cdef host_entry **table = <host_entry **> calloc(slots, sizeof(host_entry *))
    cdef host_entry *host
    cdef host_entry *following
    cdef size_t i = 0
    if table is NULL:
        return apartment.hosts is not NULL    # a crowded table is slower, not wrong
    while i < apartment.host_slots:
        host = apartment.hosts[i]
        i += 1
        while host is not NULL:
            following = host.next
            host.next = table[host.hash & (slots - 1)]
            table[host.hash & (slots - 1)] = host
            host = following
    free(apartment.hosts)
    apartment.hosts = table
    apartment.host_slots = slots
    return True


cdef void _drop_member(transaction *t) noexcept nogil:
    cdef host_entry *host = t.host
    cdef host_entry **link
    t.host = NULL
    host.members -= 1
    if host.members == 0:
        link = &t.apartment.hosts[host.hash & (t.apartment.host_slots - 1)]
        while link[0] != host:
            link = &link[0].next
        link[0] = host.next
        t.apartment.host_count -= 1
        free(host.parked)
        free(host)


cdef inline int _host_limit(apartment_record *apartment, host_entry *host) noexcept nogil:
    return STREAMS_PER_HOST if host.multiplexed else i32_load_relaxed(&apartment.max_per_host)


cdef inline bint _has_room(host_entry *host, apartment_record *apartment) noexcept nogil:
    return host.active < _host_limit(apartment, host)


cdef inline bint _better(apartment_record *apartment, transaction *a, transaction *b, int64_t now_ns) noexcept nogil:
    """Does `a` start before `b`?"""
    cdef int of_a = run_queue_effective(&apartment.waiting, &a.waiting, now_ns)
    cdef int of_b = run_queue_effective(&apartment.waiting, &b.waiting, now_ns)
    return of_a > of_b or (of_a == of_b and a.waiting.sequence < b.waiting.sequence)


# -- where a waiting one stands --------------------------------------------------------------------------------------

cdef void _to_waiting(transaction *t) noexcept nogil:
    set_state(t, STATE_QUEUED)
    run_queue_insert(&t.apartment.waiting, &t.waiting)


cdef void _take_out(transaction *t) noexcept nogil:
    """From the queue in which it stands, if it stands in one."""
    if t.state == STATE_QUEUED:
        run_queue_remove(&t.apartment.waiting, &t.waiting)
    elif t.state == STATE_PARKED:
        run_queue_remove(t.host.parked, &t.waiting)


cdef bint _park(transaction *t) noexcept nogil:
    cdef host_entry *host = t.host
    if host.parked is NULL:
        host.parked = <run_queue *> malloc(sizeof(run_queue))
        if host.parked is NULL:
            return False
        run_queue_init(host.parked, t.apartment.waiting.aging_ns)
    _take_out(t)
    run_queue_insert(host.parked, &t.waiting)
    set_state(t, STATE_PARKED)
    return True


cdef void _set_urgency(transaction *t) noexcept nogil:
    """Keeps the apartment's queue of urgent ones right: every waiting one above normal is in it, wherever else it stands."""
    cdef bint belongs = t.waiting.priority > 0 and t.state in (STATE_QUEUED, STATE_PARKED)
    if t.urgency.where != NOT_QUEUED:
        run_queue_remove(&t.apartment.urgents, &t.urgency)
    if belongs:
        t.urgency.priority = t.waiting.priority
        t.urgency.sequence = t.waiting.sequence
        run_queue_insert(&t.apartment.urgents, &t.urgency)


cdef transaction *_best_parked(host_entry *host, int64_t now_ns) noexcept nogil:
    cdef run_entry *entry = NULL if host.parked is NULL else run_queue_best(host.parked, now_ns, PRIORITY_MIN)
    return NULL if entry is NULL else transaction_of_waiting(entry)


cdef void _represent(host_entry *host, apartment_record *apartment, int64_t now_ns) noexcept nogil:
    """A host with room has its best one in the apartment's queue; one that turns out not to fit is parked again."""
    cdef transaction *best
    if _has_room(host, apartment):
        best = _best_parked(host, now_ns)
        if best is not NULL:
            _take_out(best)
            _to_waiting(best)


# -- what the I/O thread calls ---------------------------------------------------------------------------------------

cdef bint admission_enqueue(transaction *t, int64_t now_ns) noexcept nogil:
    """Queues `t`; its waiting.priority and waiting.sequence are set. False: out of memory, nothing done."""
    t.host = _host_of(t)
    if t.host is NULL:
        return False
    t.host.members += 1
    i64_add_relaxed(&t.apartment.queued_count, 1)
    t.waiting.since_ns = now_ns
    _to_waiting(t)
    _set_urgency(t)
    return True


cdef void admission_leave(transaction *t, int64_t now_ns) noexcept nogil:
    """Takes a waiting `t` out for good (abort) or until admission_enqueue (suspended: state STATE_SUSPENDED)."""
    cdef host_entry *host = t.host
    _take_out(t)
    set_state(t, STATE_SUSPENDED)
    if host is not NULL:
        _set_urgency(t)
        i64_add_relaxed(&t.apartment.queued_count, -1)
        _represent(host, t.apartment, now_ns)
        _drop_member(t)


cdef void admission_set_priority(transaction *t, int priority, int64_t now_ns) noexcept nogil:
    """The new priority of a waiting `t` counts at once."""
    cdef int before = t.waiting.priority
    if t.state == STATE_QUEUED:
        run_queue_set_priority(&t.apartment.waiting, &t.waiting, priority)
        if priority < before:
            _represent(t.host, t.apartment, now_ns)
    elif t.state == STATE_PARKED:
        run_queue_set_priority(t.host.parked, &t.waiting, priority)
        if priority > before:
            # It may be its host's best one now. If the host is still full when its turn comes, it is parked again.
            _take_out(t)
            _to_waiting(t)
    else:
        t.waiting.priority = <signed char> priority
    _set_urgency(t)


cdef void admission_limits_changed(apartment_record *apartment, int64_t now_ns) noexcept nogil:
    """Hosts may have room that had none."""
    cdef host_entry *host
    cdef size_t i = 0
    while i < apartment.host_slots:
        host = apartment.hosts[i]
        while host is not NULL:
            _represent(host, apartment, now_ns)
            host = host.next
        i += 1


cdef inline int _multi_of(transaction *t) noexcept nogil:
    """The number of the multi handle that gets the transfer, in the order from the host's own one: the first that has few transfers of
    the host, else the one that has fewest.

    Those that share a connection are all in the host's own one. All over TLS are in number 0: they may turn out to share one, and each
    multi handle reads the certificate store anew, which takes as long as several handshakes. So are all that may go through a proxy,
    whose connections serve any host.
    """
    cdef int *counts = t.host.in_multi
    cdef int fewest = (t.host.hash >> 16) % MULTIS
    cdef int number = fewest
    cdef int _i
    if not t.request.direct or t.request.url[4] == c"s" or t.request.url[4] == c"S":
        return 0
    if t.host.multiplexed:
        return number
    for _i in range(MULTIS):
        if counts[number] < MULTI_SHARE:
            return number
        if counts[number] < counts[fewest]:
            fewest = number
        number = (number + 1) % MULTIS
    return fewest


cdef transaction *_admit(transaction *t, bint urgent, int64_t now_ns) noexcept nogil:
    cdef apartment_record *apartment = t.apartment
    _take_out(t)
    set_state(t, STATE_ACTIVE)
    _set_urgency(t)
    t.urgent = urgent
    t.host.active += 1
    t.multi = <unsigned char> _multi_of(t)
    t.host.in_multi[t.multi] += 1
    if urgent:
        apartment.urgent_active += 1
    else:
        apartment.active += 1
    i64_add_relaxed(&apartment.queued_count, -1)
    i64_add_relaxed(&apartment.active_count, 1)
    _represent(t.host, apartment, now_ns)
    return t


cdef transaction *_next_by_slot(apartment_record *apartment, int64_t now_ns) noexcept nogil:
    """The one that is next if there is a slot, NULL = none; parks on the way whose host is full."""
    cdef run_entry *entry
    cdef transaction *t
    cdef transaction *parked
    while True:
        entry = run_queue_best(&apartment.waiting, now_ns, PRIORITY_MIN)
        if entry is NULL:
            return NULL
        t = transaction_of_waiting(entry)
        if _has_room(t.host, apartment):
            # One of the same host that is parked may have aged past it.
            parked = _best_parked(t.host, now_ns)
            return parked if parked is not NULL and _better(apartment, parked, t, now_ns) else t
        if not _park(t):
            return NULL      # no memory for the host's queue: it simply stays the next one


cdef transaction *admission_next(apartment_record *apartment, int64_t now_ns) noexcept nogil:
    """The next one that may start now, counted as active from here on; NULL: nobody may."""
    cdef transaction *chosen = NULL
    cdef transaction *urgent = NULL
    cdef run_entry *entry
    cdef bint slots_left = apartment.active < i32_load_relaxed(&apartment.max_active)
    if slots_left:
        chosen = _next_by_slot(apartment, now_ns)
    if apartment.urgents.count and apartment.urgent_active < i32_load_relaxed(&apartment.urgent_slots):
        entry = run_queue_best(&apartment.urgents, now_ns, PRIORITY_MIN)
        urgent = transaction_of_urgency(entry)
        if urgent != chosen and (chosen is NULL or _better(apartment, urgent, chosen, now_ns)):
            return _admit(urgent, not (slots_left and _has_room(urgent.host, apartment)), now_ns)
    return NULL if chosen is NULL else _admit(chosen, False, now_ns)


cdef void admission_rest(transaction *t, bint resting) noexcept nogil:
    """A suspended `t` lends its slot to others; it takes it again when it is resumed, whoever else is active then.

    Its connection stays, so it still counts for its host.
    """
    cdef int change = -1 if resting else 1
    if t.resting == resting:
        return
    t.resting = resting
    if t.urgent:
        t.apartment.urgent_active += change
    else:
        t.apartment.active += change


cdef void admission_ended(transaction *t, int64_t now_ns) noexcept nogil:
    """An active `t` gives its slots back."""
    cdef apartment_record *apartment = t.apartment
    cdef host_entry *host = t.host
    urlmon_assert(host.active > 0)
    urlmon_assert(host.in_multi[t.multi] > 0)
    host.active -= 1
    host.in_multi[t.multi] -= 1
    admission_rest(t, False)
    if t.urgent:
        apartment.urgent_active -= 1
        t.urgent = False
    else:
        apartment.active -= 1
    i64_add_relaxed(&apartment.active_count, -1)
    _represent(host, apartment, now_ns)
    _drop_member(t)
