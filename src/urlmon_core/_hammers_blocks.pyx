"""The hammer of the blocks and their pool: one takes blocks, several threads look at them and let them go."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from urlmon_core.atomics cimport (
    atomic_u32, atomic_u64, i64_load_relaxed, u32_load_acquire, u32_store_release, u64_load_acquire, u64_load_relaxed,
    u64_store_release,
)
from urlmon_core.blocks cimport block, block_bytes, block_pool, block_reference, block_release, block_take, pool_close, pool_create
from urlmon_core.counters cimport live_objects
from urlmon_core.hammering cimport (
    OUT_OF_RESOURCES, checked, deadline_after, random_number, report, sched_yield, stumble, urlmon_adopt_counters,
)
from urlmon_core.threads cimport pthread_join, pthread_t, urlmon_now_ns, urlmon_thread_start

cdef enum:
    LANE = 256                # blocks on their way to one holder

cdef struct block_holder:
    # A thread that looks at blocks and lets go of them; the lane to it has one writer and one reader.
    block *lane[LANE]
    uint64_t stamps[LANE]
    atomic_u64 put
    atomic_u64 got
    atomic_u32 finished       # nothing more is put
    int64_t wrong
    int64_t deadline_ns
    uint64_t seed
    pthread_t thread


cdef void *_hold_blocks(void *argument) noexcept nogil:
    cdef block_holder *self = <block_holder *> argument
    cdef uint64_t got = 0
    cdef bint finished
    cdef block *item
    cdef uint64_t stamp
    while urlmon_now_ns() < self.deadline_ns:
        finished = u32_load_acquire(&self.finished) != 0
        if got == u64_load_acquire(&self.put):
            if finished:
                break
            sched_yield()
            continue
        item = self.lane[got % LANE]
        stumble(&self.seed, 256)     # long enough for a block that was let go too early to be used again
        memcpy(&stamp, block_bytes(item), sizeof(stamp))
        self.wrong += stamp != self.stamps[got % LANE]
        memcpy(&stamp, block_bytes(item) + item.capacity - sizeof(stamp), sizeof(stamp))
        self.wrong += stamp != self.stamps[got % LANE]
        block_release(item)
        got += 1
        u64_store_release(&self.got, got)
    return NULL


cdef struct block_figures:
    int64_t taken
    int64_t missing
    int64_t reused
    int64_t most_kept
    int64_t wrong
    int64_t held
    int64_t unheld


cdef int _hammer_blocks(int holders, int64_t blocks, uint64_t seed, double seconds, block_figures *figures) noexcept nogil:
    cdef block_holder *threads = <block_holder *> calloc(holders, sizeof(block_holder))
    cdef block_pool *pool = pool_create()
    cdef int64_t deadline_ns = deadline_after(seconds)
    cdef int started = 0
    cdef uint64_t put
    cdef size_t kept
    cdef block *item
    cdef int i
    memset(figures, 0, sizeof(block_figures))
    while threads is not NULL and pool is not NULL and started < holders:
        threads[started].seed = seed * 1000 + <uint64_t> started + 1
        threads[started].deadline_ns = deadline_ns
        if urlmon_thread_start(&threads[started].thread, _hold_blocks, &threads[started]):
            break
        started += 1
    while started == holders and figures.taken < blocks and urlmon_now_ns() < deadline_ns:
        kept = pool.kept
        item = block_take(pool, <size_t> (random_number(&seed) % (1 << (6 + random_number(&seed) % 12))))
        if item is NULL:
            break
        figures.reused += pool.kept != kept
        if <int64_t> pool.kept > figures.most_kept:
            figures.most_kept = <int64_t> pool.kept
        figures.taken += 1
        memcpy(block_bytes(item), &figures.taken, sizeof(figures.taken))
        memcpy(block_bytes(item) + item.capacity - sizeof(figures.taken), &figures.taken, sizeof(figures.taken))
        for i in range(holders):
            put = u64_load_relaxed(&threads[i].put)
            while put - u64_load_acquire(&threads[i].got) == LANE and urlmon_now_ns() < deadline_ns:
                sched_yield()
            if random_number(&seed) % 3 == 0 or put - u64_load_acquire(&threads[i].got) == LANE:
                continue
            block_reference(item)
            threads[i].lane[put % LANE] = item
            threads[i].stamps[put % LANE] = <uint64_t> figures.taken
            u64_store_release(&threads[i].put, put + 1)
        block_release(item)
    if pool is not NULL:
        pool_close(pool)
    for i in range(started):
        u32_store_release(&threads[i].finished, 1)
    for i in range(started):
        pthread_join(threads[i].thread, NULL)
        figures.wrong += threads[i].wrong
        figures.held += <int64_t> u64_load_relaxed(&threads[i].got)
        figures.unheld += <int64_t> (u64_load_relaxed(&threads[i].put) - u64_load_relaxed(&threads[i].got))
    figures.missing = blocks - figures.taken
    free(threads)
    return 0 if started == holders else OUT_OF_RESOURCES


cdef public int urlmon_hammer_blocks(unsigned long long seed, int scale) noexcept nogil:
    """What the program without Python runs, `scale` times as long as in the quickest run. Returns how many runs found something."""
    cdef live_objects counts
    cdef block_figures blocks
    cdef int failed
    cdef int broken = 0
    memset(&counts, 0, sizeof(counts))
    urlmon_adopt_counters(&counts)
    failed = _hammer_blocks(3, 4000 * scale, seed, 120, &blocks)
    broken += report(b"blocks and their pool", seed, failed, blocks.missing + blocks.wrong + blocks.unheld)
    broken += report(b"blocks and their pool, nothing left", seed, 0, i64_load_relaxed(&counts.blocks))
    return broken


# -- the door for tests ----------------------------------------------------------------------------------------------

def hammer_blocks(int holders=3, int64_t blocks=50_000, uint64_t seed=1, double seconds=20.0):
    """The caller takes `blocks` blocks of all sizes from a pool as the I/O thread does; each is held, looked at and let go by several
    of `holders` threads, the last ones after the pool was closed. Returns a dict of figures.
    """
    cdef block_figures figures
    cdef int failed
    with nogil:
        failed = _hammer_blocks(holders, blocks, seed, seconds, &figures)
    return checked(failed, figures)
