"""The hammer of the byte stream: a thread writes as far as there is room, another reads and gives credit."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from urlmon_core.atomics cimport atomic_u32, i64_load_relaxed, u32_exchange_acq_rel, u64_load_acquire, u64_load_relaxed
from urlmon_core.blocks cimport block, block_pool, block_reference, block_release, pool_close, pool_create
from urlmon_core.bytestream cimport (
    byte_stream, stream_clear, stream_consume, stream_go_on, stream_has_room, stream_init, stream_peek, stream_publish, stream_write,
)
from urlmon_core.counters cimport live_objects
from urlmon_core.hammering cimport (
    OUT_OF_RESOURCES, checked, deadline_after, mix, random_number, report, sleeper, sleeper_open, sleeper_push,
    sleeper_wait, stumble, urlmon_adopt_counters,
)
from urlmon_core.notify cimport list_take_all, node
from urlmon_core.threads cimport pthread_join, pthread_t, urlmon_now_ns, urlmon_thread_start
from urlmon_core.wakeup cimport urlmon_wakeup_close

cdef enum:
    VIEWS = 8                 # blocks that the reader keeps a reference on, as memoryviews do
    STILL_COMING = 4          # chunks, less one, that may come after the writer was told to stop

cdef struct stream_hammer:
    byte_stream stream
    uint64_t total
    uint64_t largest          # bytes of a chunk
    uint64_t expected         # what stream_write is told of bytes to come
    bint eager                # every chunk is published at once
    bint ahead                # the writer stops before a chunk of the largest size would find no room, as response.pyx does
    int64_t deadline_ns
    uint64_t seed
    pthread_t thread
    # towards the reader: bytes were published
    sleeper reader
    node mail
    atomic_u32 pending
    # towards the writer: there is room again
    sleeper writer
    node command
    atomic_u32 commands
    # writer only
    int64_t stalls
    int64_t retries
    bint failed


cdef void _publish(stream_hammer *self) noexcept nogil:
    stream_publish(&self.stream)
    if u32_exchange_acq_rel(&self.pending, 1) == 0:
        sleeper_push(&self.reader, &self.mail)


cdef void _await_credit(stream_hammer *self) noexcept nogil:
    while list_take_all(&self.writer.list) is NULL and urlmon_now_ns() < self.deadline_ns:
        sleeper_wait(&self.writer)
    u32_exchange_acq_rel(&self.commands, 0)
    stream_go_on(&self.stream)


cdef bint _room(stream_hammer *self, uint64_t size) noexcept nogil:
    cdef bint before = self.stream.waiting
    if stream_has_room(&self.stream, size):
        return True
    self.stalls += not before
    return False


cdef void *_stream_produce(void *argument) noexcept nogil:
    cdef stream_hammer *self = <stream_hammer *> argument
    cdef block_pool *pool = pool_create()
    cdef char *chunk = <char *> malloc(self.largest)
    cdef uint64_t done = 0
    cdef uint64_t size
    cdef uint64_t i
    cdef uint64_t _round
    cdef uint64_t coming = 0      # chunks that come although it was told to stop
    cdef bint refused
    if pool is NULL or chunk is NULL:
        self.failed = True
        return NULL
    while done < self.total and not self.failed and urlmon_now_ns() < self.deadline_ns:
        size = random_number(&self.seed) % self.largest + 1
        if size > self.total - done:
            size = self.total - done
        for i in range(size):
            chunk[i] = <char> (mix((done + i) >> 3) >> (((done + i) & 7) * 8))
        if self.eager:
            for _round in range(random_number(&self.seed) % 64):
                u64_load_relaxed(&self.stream.consumed)
        refused = False
        while not _room(self, size) and urlmon_now_ns() < self.deadline_ns:
            self.retries += refused
            refused = True
            _publish(self)            # what was written before is handed over at the end of the turn
            _await_credit(self)
        if not stream_write(&self.stream, pool, chunk, size, self.expected):
            self.failed = True
        done += size
        if self.eager:
            _publish(self)
        elif random_number(&self.seed) % 3 == 0:
            _publish(self)
            stumble(&self.seed, 256)
        if not self.ahead or done == self.total:
            continue
        if not self.stream.waiting:
            coming = random_number(&self.seed) % STILL_COMING
            _room(self, self.largest)
        if self.stream.waiting:
            if coming == 0:
                _publish(self)
                _await_credit(self)
            else:
                coming -= 1
    _publish(self)
    free(chunk)
    pool_close(pool)
    return NULL


cdef int64_t _verify(const char *data, uint64_t start, uint64_t size) noexcept nogil:
    cdef int64_t wrong = 0
    cdef uint64_t i
    for i in range(size):
        wrong += data[i] != <char> (mix((start + i) >> 3) >> (((start + i) & 7) * 8))
    return wrong


cdef struct stream_figures:
    uint64_t bytes
    uint64_t missing
    int64_t wrong
    uint64_t most             # bytes that waited unread at once
    int64_t stalls
    int64_t retries
    int64_t credits
    bint failed
    int64_t lost              # times that the reader was not told of bytes
    int64_t stuck             # times that the writer was not told of room
    int64_t sleeps
    int64_t signals


cdef int _hammer_stream(uint64_t total, uint64_t high_water, uint64_t largest, uint64_t expected, bint eager, bint ahead,
                        uint64_t seed, double seconds, stream_figures *figures) noexcept nogil:
    cdef stream_hammer *self = <stream_hammer *> calloc(1, sizeof(stream_hammer))
    cdef block *views[VIEWS]
    cdef block *holder = NULL
    cdef char *data = NULL
    cdef uint64_t dice = seed * 99 + 1
    cdef uint64_t part
    cdef size_t size
    cdef int i
    memset(figures, 0, sizeof(stream_figures))
    memset(views, 0, sizeof(views))
    if self is NULL:
        return OUT_OF_RESOURCES
    stream_init(&self.stream, high_water)
    self.reader.wakeup.read_fd = self.reader.wakeup.write_fd = -1
    self.writer.wakeup.read_fd = self.writer.wakeup.write_fd = -1
    self.total = total
    self.largest = largest
    self.expected = expected
    self.eager = eager
    self.ahead = ahead
    self.seed = seed
    self.deadline_ns = deadline_after(seconds)
    if (not sleeper_open(&self.reader) or not sleeper_open(&self.writer)
            or urlmon_thread_start(&self.thread, _stream_produce, self)):
        urlmon_wakeup_close(&self.reader.wakeup)
        urlmon_wakeup_close(&self.writer.wakeup)
        free(self)
        return OUT_OF_RESOURCES
    while figures.bytes < total and urlmon_now_ns() < self.deadline_ns:
        if list_take_all(&self.reader.list) is NULL:
            sleeper_wait(&self.reader)
            continue
        u32_exchange_acq_rel(&self.pending, 0)
        while True:
            size = stream_peek(&self.stream, &data, &holder)
            if size == 0:
                break
            part = u64_load_acquire(&self.stream.published) - figures.bytes
            if part > figures.most:
                figures.most = part
            part = random_number(&dice) % size + 1 if random_number(&dice) % 2 else size
            figures.wrong += _verify(data, figures.bytes, part)
            i = <int> (random_number(&dice) % VIEWS)
            if views[i] is not NULL:
                block_release(views[i])
            views[i] = holder
            block_reference(holder)
            figures.bytes += part
            if stream_consume(&self.stream, part):
                figures.credits += 1
                if u32_exchange_acq_rel(&self.commands, 1) == 0:
                    sleeper_push(&self.writer, &self.command)
            stumble(&dice, 256)
    pthread_join(self.thread, NULL)
    figures.missing = total - figures.bytes
    figures.stalls = self.stalls
    figures.retries = self.retries
    figures.failed = self.failed
    figures.lost = self.reader.lost
    figures.stuck = self.writer.lost
    figures.sleeps = self.reader.sleeps + self.writer.sleeps
    figures.signals = i64_load_relaxed(&self.reader.signals) + i64_load_relaxed(&self.writer.signals)
    stream_clear(&self.stream)
    for i in range(VIEWS):
        if views[i] is not NULL:
            block_release(views[i])
    urlmon_wakeup_close(&self.reader.wakeup)
    urlmon_wakeup_close(&self.writer.wakeup)
    free(self)
    return 0


cdef public int urlmon_hammer_stream(unsigned long long seed, int scale) noexcept nogil:
    """What the program without Python runs, `scale` times as long as in the quickest run. Returns how many runs found something."""
    cdef live_objects counts
    cdef stream_figures bytes_
    cdef int failed
    cdef int broken = 0
    memset(&counts, 0, sizeof(counts))
    urlmon_adopt_counters(&counts)
    failed = _hammer_stream(<uint64_t> scale << 20, 256 << 10, 16 << 10, 0, False, False, seed, 120, &bytes_)
    broken += report(b"byte stream", seed, failed, bytes_.wrong + bytes_.lost + bytes_.stuck + bytes_.failed
                     + (bytes_.missing != 0) + (bytes_.credits != bytes_.stalls))
    failed = _hammer_stream(<uint64_t> scale * 2000, 1, 1, 0, True, False, seed, 120, &bytes_)
    broken += report(b"byte stream, one pause after the other", seed, failed, bytes_.wrong + bytes_.lost + bytes_.stuck + bytes_.failed
                     + (bytes_.missing != 0) + (bytes_.credits != bytes_.stalls) + (bytes_.stalls == 0))
    failed = _hammer_stream(<uint64_t> scale * 2000, 4, 1, 0, True, True, seed, 120, &bytes_)
    broken += report(b"byte stream, stopped ahead", seed, failed, bytes_.wrong + bytes_.lost + bytes_.stuck + bytes_.failed
                     + (bytes_.missing != 0) + (bytes_.credits != bytes_.stalls) + (bytes_.stalls == 0))
    broken += report(b"byte stream, nothing left", seed, 0, i64_load_relaxed(&counts.blocks))
    return broken


# -- the door for tests ----------------------------------------------------------------------------------------------

def hammer_stream(uint64_t total=16 << 20, uint64_t high_water=256 << 10, uint64_t largest=16 << 10, uint64_t expected=0,
                  bint eager=False, bint ahead=False, uint64_t seed=1, double seconds=20.0):
    """A thread writes `total` bytes in chunks of 1 to `largest`; the caller reads and checks them in pieces of any size.

    expected: what the writer announces as still to come, which sizes the blocks; eager: it publishes every chunk at once, not now and
    then; ahead: it stops before a chunk of the largest size would find no room, and up to three more come after that. Returns a dict
    of figures; `most` is the largest number of bytes that waited unread.
    """
    cdef stream_figures figures
    cdef int failed
    with nogil:
        failed = _hammer_stream(total, high_water, largest, expected, eager, ahead, seed, seconds, &figures)
    return checked(failed, figures)
