"""The hammer of the notification list: several threads push nodes that they share, one takes them and sleeps."""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from urlmon_core.atomics cimport atomic_i64, atomic_u32, i64_add_relaxed, i64_load_relaxed, u32_exchange_acq_rel
from urlmon_core.hammering cimport (
    OUT_OF_RESOURCES, checked, deadline_after, random_number, report, sleeper, sleeper_open, sleeper_push, sleeper_wait,
    stumble,
)
from urlmon_core.notify cimport REFUSED, list_close, list_take_all, node
from urlmon_core.threads cimport pthread_join, pthread_t, urlmon_now_ns, urlmon_thread_start
from urlmon_core.wakeup cimport urlmon_wakeup_close

cdef struct posted_node:
    node link                 # must stay first
    atomic_u32 pending
    atomic_i64 posted
    int64_t taken             # consumer only, as is `batch`
    int64_t batch

cdef struct notify_hammer:
    sleeper consumer
    posted_node *nodes
    uint64_t node_count
    int64_t posts
    int64_t deadline_ns
    atomic_i64 pushed
    atomic_i64 refused

cdef struct notify_producer:
    notify_hammer *shared
    uint64_t seed
    pthread_t thread


cdef void *_notify_produce(void *argument) noexcept nogil:
    cdef notify_producer *self = <notify_producer *> argument
    cdef notify_hammer *shared = self.shared
    cdef posted_node *item
    cdef int64_t i
    for i in range(shared.posts):
        item = &shared.nodes[random_number(&self.seed) % shared.node_count]
        i64_add_relaxed(&item.posted, 1)
        if u32_exchange_acq_rel(&item.pending, 1) == 0:
            if sleeper_push(&shared.consumer, &item.link) == REFUSED:
                i64_add_relaxed(&shared.refused, 1)
            else:
                i64_add_relaxed(&shared.pushed, 1)
        stumble(&self.seed, 256)
        if i % 256 == 0 and urlmon_now_ns() > shared.deadline_ns:
            break
    return NULL


cdef int64_t _notify_take(notify_hammer *shared, node *link, int64_t batch, int64_t *takes, int64_t *doubled) noexcept nogil:
    """Looks at each node of a batch; returns how many posts it had not seen."""
    cdef posted_node *item
    cdef int64_t fresh = 0
    cdef int64_t posted
    while link is not NULL:
        item = <posted_node *> link
        link = link.next              # it may be pushed again as soon as its flag is cleared
        takes[0] += 1
        if item.batch == batch or u32_exchange_acq_rel(&item.pending, 0) == 0:
            doubled[0] += 1
        item.batch = batch
        posted = i64_load_relaxed(&item.posted)
        fresh += posted - item.taken
        item.taken = posted
    return fresh


cdef struct notify_figures:
    int64_t posted
    int64_t missing           # posts that the consumer did not see
    int64_t pushed
    int64_t taken
    int64_t doubled           # nodes that were in the list twice
    int64_t refused
    int64_t lost
    int64_t sleeps
    int64_t signals


cdef int _hammer_notify(int producers, int nodes, int64_t posts, int64_t close_after, uint64_t seed, double seconds,
                        notify_figures *figures) noexcept nogil:
    cdef notify_hammer *shared = <notify_hammer *> calloc(1, sizeof(notify_hammer))
    cdef notify_producer *threads = <notify_producer *> calloc(producers, sizeof(notify_producer))
    cdef posted_node *items = <posted_node *> calloc(nodes, sizeof(posted_node))
    cdef int64_t seen = 0
    cdef int64_t batches = 0
    cdef bint closed = False
    cdef node *link
    cdef int started = 0
    cdef int i
    memset(figures, 0, sizeof(notify_figures))
    if shared is NULL or threads is NULL or items is NULL or not sleeper_open(&shared.consumer):
        free(items)
        free(shared)
        free(threads)
        return OUT_OF_RESOURCES
    figures.posted = producers * posts
    shared.nodes = items
    shared.node_count = nodes
    shared.posts = posts
    shared.deadline_ns = deadline_after(seconds)
    while started < producers:
        threads[started].shared = shared
        threads[started].seed = seed * 1000 + <uint64_t> started + 1
        if urlmon_thread_start(&threads[started].thread, _notify_produce, &threads[started]):
            break
        started += 1
    while not closed and seen < figures.posted and urlmon_now_ns() < shared.deadline_ns:
        closed = 0 <= close_after <= figures.taken
        link = list_close(&shared.consumer.list) if closed else list_take_all(&shared.consumer.list)
        batches += 1
        if link is not NULL:
            seen += _notify_take(shared, link, batches, &figures.taken, &figures.doubled)
        elif not closed:
            sleeper_wait(&shared.consumer)
    for i in range(started):
        pthread_join(threads[i].thread, NULL)
    # A post is counted before its node is pushed, so the last one may have been seen with the node's push still to come.
    if not closed:
        seen += _notify_take(shared, list_take_all(&shared.consumer.list), batches + 1, &figures.taken, &figures.doubled)
    figures.missing = figures.posted - seen
    figures.pushed = i64_load_relaxed(&shared.pushed)
    figures.refused = i64_load_relaxed(&shared.refused)
    figures.lost = shared.consumer.lost
    figures.sleeps = shared.consumer.sleeps
    figures.signals = i64_load_relaxed(&shared.consumer.signals)
    urlmon_wakeup_close(&shared.consumer.wakeup)
    free(items)
    free(shared)
    free(threads)
    return 0 if started == producers else OUT_OF_RESOURCES


cdef public int urlmon_hammer_notify(unsigned long long seed, int scale) noexcept nogil:
    """What the program without Python runs, `scale` times as long as in the quickest run. Returns how many runs found something."""
    cdef notify_figures notes
    cdef int failed
    cdef int broken = 0
    failed = _hammer_notify(4, 3, 5000 * scale, -1, seed, 120, &notes)
    broken += report(b"notification list", seed, failed, notes.missing + notes.doubled + notes.lost + notes.refused
                     + (notes.pushed != notes.taken) + (notes.signals > notes.sleeps))
    failed = _hammer_notify(4, 16, 5000 * scale, 500 * scale, seed, 120, &notes)
    broken += report(b"notification list, closed under fire", seed, failed, notes.doubled + notes.lost + (notes.pushed != notes.taken))
    return broken


# -- the door for tests ----------------------------------------------------------------------------------------------

def hammer_notify(int producers=4, int nodes=64, int64_t posts=50_000, int64_t close_after=-1, uint64_t seed=1, double seconds=20.0):
    """`producers` threads post `posts` times each on `nodes` nodes that they share; the caller takes, arms and sleeps.

    close_after: the caller closes the list after so many takes. Returns a dict of figures.
    """
    cdef notify_figures figures
    cdef int failed
    with nogil:
        failed = _hammer_notify(producers, nodes, posts, close_after, seed, seconds, &figures)
    return checked(failed, figures)
