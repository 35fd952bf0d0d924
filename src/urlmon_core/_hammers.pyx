"""Hammers: native threads work on one structure of the core as the I/O thread and the owners do, within a time limit.

The figures say what must be 0: lost, doubled, missing, wrong, stuck. Everything but the doors for tests at the end is free of Python and
runs without an interpreter: tests/hammers/ links it into a program of its own, for the sanitizers.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdio cimport printf
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset, strcmp

from urlmon_core.atomics cimport (
    atomic_i64, atomic_u32, atomic_u64, i64_add_relaxed, i64_load_relaxed, u32_exchange_acq_rel, u32_load_acquire,
    u32_store_release, u64_load_acquire, u64_load_relaxed, u64_store_relaxed, u64_store_release,
)
from urlmon_core.blocks cimport (
    block, block_bytes, block_pool, block_reference, block_release, block_take, pool_close, pool_create,
)
from urlmon_core.bytestream cimport (
    byte_stream, stream_clear, stream_consume, stream_has_room, stream_init, stream_peek, stream_publish, stream_write,
)
from urlmon_core.counters cimport live_objects
from urlmon_core.mailbox cimport mailbox, mailbox_clear, mailbox_init, mailbox_post, mailbox_take, status_entry
from urlmon_core.notify cimport (
    PUSHED_WAKE, REFUSED, list_arm, list_close, list_init, list_pending, list_push, list_take_all, node, notification_list,
    push_result,
)
from urlmon_core.threads cimport pthread_join, pthread_t, urlmon_now_ns, urlmon_thread_start
from urlmon_core.wakeup cimport (
    urlmon_wakeup, urlmon_wakeup_close, urlmon_wakeup_drain, urlmon_wakeup_open, urlmon_wakeup_signal, urlmon_wakeup_wait,
)

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int microseconds)

cdef enum:
    PATIENCE_MS = 3000        # a sleeper that nobody woke for so long, although it has something to take, was forgotten
    OUT_OF_RESOURCES = -1     # of a hammer: no memory, thread or descriptor left


cdef inline uint64_t _random(uint64_t *state) noexcept nogil:
    # xorshift64*; the state is never 0
    state[0] ^= state[0] >> 12
    state[0] ^= state[0] << 25
    state[0] ^= state[0] >> 27
    return (state[0] * <uint64_t> 0x2545F4914F6CDD1D) >> 16


cdef inline void _stumble(uint64_t *state, uint64_t rarely) noexcept nogil:
    # Now and then a thread lets others go first, or sleeps for so short that it meets others on their way to sleep.
    cdef uint64_t choice = _random(state) % rarely
    if choice == 0:
        usleep(<unsigned int> (_random(state) % 60))
    elif choice < 8:
        sched_yield()


cdef inline uint64_t _mix(uint64_t number) noexcept nogil:
    number *= <uint64_t> 0x9E3779B97F4A7C15
    return number ^ (number >> 29)


cdef int64_t _deadline(double seconds) noexcept nogil:
    return urlmon_now_ns() + <int64_t> (seconds * 1e9)


cdef struct sleeper:
    # A consumer's list and how it sleeps on it.
    notification_list list
    urlmon_wakeup wakeup
    atomic_i64 signals        # any thread
    uint64_t dice             # consumer only, as are the following two
    int64_t sleeps
    int64_t lost              # times that it slept on although there was something to take


cdef bint _sleeper_open(sleeper *self) noexcept nogil:
    list_init(&self.list)
    self.dice = 1
    return urlmon_wakeup_open(&self.wakeup) == 0


cdef push_result _sleeper_push(sleeper *self, node *item) noexcept nogil:
    # Any thread.
    cdef push_result result = list_push(&self.list, item)
    if result == PUSHED_WAKE:
        i64_add_relaxed(&self.signals, 1)
        urlmon_wakeup_signal(&self.wakeup)
    return result


cdef void _sleeper_wait(sleeper *self) noexcept nogil:
    # Consumer, after a take that gave nothing. Often it waits a little before it goes to sleep: races need both sides awake.
    cdef int ready
    cdef uint64_t rounds = _random(&self.dice) % 4096 if _random(&self.dice) % 4 else 0
    while rounds and not list_pending(&self.list):
        rounds -= 1
    if not rounds and list_arm(&self.list):
        self.sleeps += 1
        ready = urlmon_wakeup_wait(&self.wakeup, PATIENCE_MS)
        if ready > 0:
            urlmon_wakeup_drain(&self.wakeup)
        elif ready == 0 and list_pending(&self.list):
            self.lost += 1


# -- the notification list -------------------------------------------------------------------------------------------

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
        item = &shared.nodes[_random(&self.seed) % shared.node_count]
        i64_add_relaxed(&item.posted, 1)
        if u32_exchange_acq_rel(&item.pending, 1) == 0:
            if _sleeper_push(&shared.consumer, &item.link) == REFUSED:
                i64_add_relaxed(&shared.refused, 1)
            else:
                i64_add_relaxed(&shared.pushed, 1)
        _stumble(&self.seed, 256)
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
    if shared is NULL or threads is NULL or items is NULL or not _sleeper_open(&shared.consumer):
        free(items)
        free(shared)
        free(threads)
        return OUT_OF_RESOURCES
    figures.posted = producers * posts
    shared.nodes = items
    shared.node_count = nodes
    shared.posts = posts
    shared.deadline_ns = _deadline(seconds)
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
            _sleeper_wait(&shared.consumer)
    for i in range(started):
        pthread_join(threads[i].thread, NULL)
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


# -- the mailbox -----------------------------------------------------------------------------------------------------

cdef struct mailed:
    node link                 # must stay first
    mailbox box
    int64_t next_number       # consumer only
    bint over                 # consumer only
    bint dirty                # producer only, as is `next_dirty`
    mailed *next_dirty

cdef struct mail_hammer:
    sleeper consumer
    mailed *boxes
    uint64_t box_count
    uint32_t statuses
    int64_t deadline_ns
    uint64_t seed
    pthread_t thread


cdef char *_text_of(uint64_t box, uint32_t number, size_t *length) noexcept nogil:
    cdef size_t i
    cdef uint64_t mixed = _mix(box << 32 | number)
    cdef char *text
    length[0] = <size_t> (mixed % 40)
    text = <char *> malloc(length[0] + 1)
    if text is not NULL:
        for i in range(length[0]):
            text[i] = <char> (33 + (mixed >> (i % 48)) % 90)
        text[length[0]] = 0
    return text


cdef void *_mail_produce(void *argument) noexcept nogil:
    cdef mail_hammer *self = <mail_hammer *> argument
    cdef mailed *dirty = NULL
    cdef mailed *item
    cdef uint64_t open_count = self.box_count
    cdef uint64_t number
    cdef size_t length
    cdef char *text
    while open_count and urlmon_now_ns() < self.deadline_ns:
        number = _random(&self.seed) % self.box_count
        item = &self.boxes[number]
        if item.box.written < self.statuses:
            text = _text_of(number, item.box.written, &length)
            u64_store_relaxed(&item.box.received, item.box.written + 1)
            if not mailbox_post(&item.box, 7, <int> item.box.written, text, length):
                return NULL
            if item.box.written == self.statuses:
                item.box.outcome.code = <int> number
                open_count -= 1
            if not item.dirty:
                item.dirty = True
                item.next_dirty = dirty
                dirty = item
        if open_count == 0 or _random(&self.seed) % 4 == 0:
            while dirty is not NULL:      # the end of a turn, see _flush of the I/O thread
                item = dirty
                dirty = item.next_dirty
                item.dirty = False
                if item.box.written == self.statuses:
                    u32_store_release(&item.box.ended, 1)
                if u32_exchange_acq_rel(&item.box.pending, 1) == 0:
                    _sleeper_push(&self.consumer, &item.link)
            _stumble(&self.seed, 16)
    return NULL


cdef int64_t _mail_read(mailed *item, uint64_t number) noexcept nogil:
    """Takes all statuses that are there; returns how many were not the right ones."""
    cdef status_entry entry
    cdef int64_t wrong = 0
    cdef char *text
    cdef size_t length
    while mailbox_take(&item.box, &entry):
        text = _text_of(number, <uint32_t> item.next_number, &length)
        if entry.kind != 7 or entry.number != item.next_number or entry.length != length or strcmp(entry.text, text) != 0:
            wrong += 1
        item.next_number += 1
        if u64_load_relaxed(&item.box.received) < <uint64_t> item.next_number:
            wrong += 1                # progress is stored before the status that follows it
        free(text)
        free(entry.text)
    return wrong


cdef struct mailbox_figures:
    int64_t posted
    int64_t missing           # statuses that were not read
    int64_t wrong
    int64_t late              # pushed after the end was read, with something unread
    int64_t over
    int64_t lost
    int64_t sleeps
    int64_t signals


cdef int _hammer_mailbox(int boxes, int statuses, uint64_t seed, double seconds, mailbox_figures *figures) noexcept nogil:
    cdef mail_hammer *self = <mail_hammer *> calloc(1, sizeof(mail_hammer))
    cdef mailed *items = <mailed *> calloc(boxes, sizeof(mailed))
    cdef int64_t seen = 0
    cdef bint ended
    cdef uint64_t dice = seed * 77 + 1
    cdef mailed *item
    cdef node *link
    cdef int i
    memset(figures, 0, sizeof(mailbox_figures))
    if self is NULL or items is NULL or not _sleeper_open(&self.consumer):
        free(items)
        free(self)
        return OUT_OF_RESOURCES
    self.boxes = items
    self.box_count = boxes
    self.statuses = statuses
    self.seed = seed
    self.deadline_ns = _deadline(seconds)
    for i in range(boxes):
        mailbox_init(&items[i].box)
    if urlmon_thread_start(&self.thread, _mail_produce, self):
        urlmon_wakeup_close(&self.consumer.wakeup)
        free(items)
        free(self)
        return OUT_OF_RESOURCES
    while figures.over < boxes and urlmon_now_ns() < self.deadline_ns:
        link = list_take_all(&self.consumer.list)
        if link is NULL:
            _sleeper_wait(&self.consumer)
        while link is not NULL:
            item = <mailed *> link
            link = link.next
            u32_exchange_acq_rel(&item.box.pending, 0)
            figures.late += item.over and not (item.next_number == statuses)
            figures.wrong += _mail_read(item, item - items)
            ended = u32_load_acquire(&item.box.ended) != 0
            figures.wrong += _mail_read(item, item - items)
            if ended and not item.over:
                item.over = True
                figures.over += 1
                seen += item.next_number
                figures.wrong += item.box.outcome.code != item - items
            elif _random(&dice) % 16 == 0 and u32_exchange_acq_rel(&item.box.pending, 1) == 0:
                _sleeper_push(&self.consumer, &item.link)       # as resume() does
    pthread_join(self.thread, NULL)
    figures.posted = <int64_t> statuses * boxes
    figures.missing = figures.posted - seen
    figures.lost = self.consumer.lost
    figures.sleeps = self.consumer.sleeps
    figures.signals = i64_load_relaxed(&self.consumer.signals)
    for i in range(boxes):
        mailbox_clear(&items[i].box)
    urlmon_wakeup_close(&self.consumer.wakeup)
    free(items)
    free(self)
    return 0


# -- the byte stream -------------------------------------------------------------------------------------------------

cdef enum:
    VIEWS = 8                 # blocks that the reader keeps a reference on, as memoryviews do

cdef struct stream_hammer:
    byte_stream stream
    uint64_t total
    uint64_t largest          # bytes of a chunk
    uint64_t expected         # what stream_write is told of bytes to come
    bint eager                # every chunk is published at once
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
        _sleeper_push(&self.reader, &self.mail)


cdef void _await_credit(stream_hammer *self) noexcept nogil:
    while list_take_all(&self.writer.list) is NULL and urlmon_now_ns() < self.deadline_ns:
        _sleeper_wait(&self.writer)
    u32_exchange_acq_rel(&self.commands, 0)


cdef void *_stream_produce(void *argument) noexcept nogil:
    cdef stream_hammer *self = <stream_hammer *> argument
    cdef block_pool *pool = pool_create()
    cdef char *chunk = <char *> malloc(self.largest)
    cdef uint64_t done = 0
    cdef uint64_t size
    cdef uint64_t i
    cdef uint64_t _round
    cdef bint refused
    if pool is NULL or chunk is NULL:
        self.failed = True
        return NULL
    while done < self.total and not self.failed and urlmon_now_ns() < self.deadline_ns:
        size = _random(&self.seed) % self.largest + 1
        if size > self.total - done:
            size = self.total - done
        for i in range(size):
            chunk[i] = <char> (_mix((done + i) >> 3) >> (((done + i) & 7) * 8))
        if self.eager:
            for _round in range(_random(&self.seed) % 64):
                u64_load_relaxed(&self.stream.consumed)
        refused = False
        while not stream_has_room(&self.stream, size) and urlmon_now_ns() < self.deadline_ns:
            self.stalls += 1
            self.retries += refused
            refused = True
            _publish(self)            # what was written before is handed over at the end of the turn
            _await_credit(self)
        if not stream_write(&self.stream, pool, chunk, size, self.expected):
            self.failed = True
        done += size
        if self.eager:
            _publish(self)
        elif _random(&self.seed) % 3 == 0:
            _publish(self)
            _stumble(&self.seed, 256)
    _publish(self)
    free(chunk)
    pool_close(pool)
    return NULL


cdef int64_t _verify(const char *data, uint64_t start, uint64_t size) noexcept nogil:
    cdef int64_t wrong = 0
    cdef uint64_t i
    for i in range(size):
        wrong += data[i] != <char> (_mix((start + i) >> 3) >> (((start + i) & 7) * 8))
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


cdef int _hammer_stream(uint64_t total, uint64_t high_water, uint64_t largest, uint64_t expected, bint eager, uint64_t seed,
                        double seconds, stream_figures *figures) noexcept nogil:
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
    self.seed = seed
    self.deadline_ns = _deadline(seconds)
    if (not _sleeper_open(&self.reader) or not _sleeper_open(&self.writer)
            or urlmon_thread_start(&self.thread, _stream_produce, self)):
        urlmon_wakeup_close(&self.reader.wakeup)
        urlmon_wakeup_close(&self.writer.wakeup)
        free(self)
        return OUT_OF_RESOURCES
    while figures.bytes < total and urlmon_now_ns() < self.deadline_ns:
        if list_take_all(&self.reader.list) is NULL:
            _sleeper_wait(&self.reader)
            continue
        u32_exchange_acq_rel(&self.pending, 0)
        while True:
            size = stream_peek(&self.stream, &data, &holder)
            if size == 0:
                break
            part = u64_load_acquire(&self.stream.published) - figures.bytes
            if part > figures.most:
                figures.most = part
            part = _random(&dice) % size + 1 if _random(&dice) % 2 else size
            figures.wrong += _verify(data, figures.bytes, part)
            i = <int> (_random(&dice) % VIEWS)
            if views[i] is not NULL:
                block_release(views[i])
            views[i] = holder
            block_reference(holder)
            figures.bytes += part
            if stream_consume(&self.stream, part):
                figures.credits += 1
                if u32_exchange_acq_rel(&self.commands, 1) == 0:
                    _sleeper_push(&self.writer, &self.command)
            _stumble(&dice, 256)
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


# -- blocks and their pool -------------------------------------------------------------------------------------------

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
        _stumble(&self.seed, 256)     # long enough for a block that was let go too early to be used again
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
    cdef int64_t deadline_ns = _deadline(seconds)
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
        item = block_take(pool, <size_t> (_random(&seed) % (1 << (6 + _random(&seed) % 12))))
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
            if _random(&seed) % 3 == 0 or put - u64_load_acquire(&threads[i].got) == LANE:
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


# == without an interpreter ============================================================================================

cdef extern from *:
    """
    /* Cython reaches the counters of another module through a pointer that its import sets; there is no import here. */
    #define urlmon_adopt_counters(counters) (__pyx_vp_11urlmon_core_8counters_live = (counters))
    """
    void urlmon_adopt_counters(live_objects *counters) nogil


cdef int _report(const char *name, uint64_t seed, int failed, int64_t bad) noexcept nogil:
    printf(b"%-40s seed %-6llu %s\n", name, <unsigned long long> seed,
           b"OUT OF RESOURCES" if failed else b"BROKEN" if bad else b"ok")
    return failed != 0 or bad != 0


cdef public int urlmon_hammers(unsigned long long seed, int scale) noexcept nogil:
    """Every hammer once, `scale` times as long as in the quickest run; prints a line each. Returns how many found something."""
    cdef live_objects counts
    cdef notify_figures notes
    cdef mailbox_figures mails
    cdef stream_figures bytes_
    cdef block_figures blocks
    cdef int failed
    cdef int broken = 0
    memset(&counts, 0, sizeof(counts))
    urlmon_adopt_counters(&counts)
    failed = _hammer_notify(4, 3, 5000 * scale, -1, seed, 120, &notes)
    broken += _report(b"notification list", seed, failed, notes.missing + notes.doubled + notes.lost + notes.refused
                      + (notes.pushed != notes.taken) + (notes.signals > notes.sleeps))
    failed = _hammer_notify(4, 16, 5000 * scale, 500 * scale, seed, 120, &notes)
    broken += _report(b"notification list, closed under fire", seed, failed, notes.doubled + notes.lost + (notes.pushed != notes.taken))
    failed = _hammer_mailbox(16, 300 * scale, seed, 120, &mails)
    broken += _report(b"mailbox", seed, failed, mails.missing + mails.wrong + mails.late + mails.lost + (mails.over != 16))
    failed = _hammer_stream(<uint64_t> scale << 20, 256 << 10, 16 << 10, 0, False, seed, 120, &bytes_)
    broken += _report(b"byte stream", seed, failed, bytes_.wrong + bytes_.lost + bytes_.stuck + bytes_.failed
                      + (bytes_.missing != 0) + (bytes_.credits != bytes_.stalls))
    failed = _hammer_stream(<uint64_t> scale * 2000, 1, 1, 0, True, seed, 120, &bytes_)
    broken += _report(b"byte stream, one pause after the other", seed, failed, bytes_.wrong + bytes_.lost + bytes_.stuck + bytes_.failed
                      + (bytes_.missing != 0) + (bytes_.credits != bytes_.stalls) + (bytes_.stalls == 0))
    failed = _hammer_blocks(3, 4000 * scale, seed, 120, &blocks)
    broken += _report(b"blocks and their pool", seed, failed, blocks.missing + blocks.wrong + blocks.unheld)
    broken += _report(b"nothing left", seed, 0, i64_load_relaxed(&counts.blocks))
    return broken


# == doors for tests ===================================================================================================

cdef object _checked(int failed, object figures):
    if failed:
        raise MemoryError("no memory, thread or descriptor left")
    return figures


def hammer_notify(int producers=4, int nodes=64, int64_t posts=50_000, int64_t close_after=-1, uint64_t seed=1, double seconds=20.0):
    """`producers` threads post `posts` times each on `nodes` nodes that they share; the caller takes, arms and sleeps.

    close_after: the caller closes the list after so many takes. Returns a dict of figures.
    """
    cdef notify_figures figures
    cdef int failed
    with nogil:
        failed = _hammer_notify(producers, nodes, posts, close_after, seed, seconds, &figures)
    return _checked(failed, figures)


def hammer_mailbox(int boxes=16, int statuses=3000, uint64_t seed=1, double seconds=20.0):
    """A thread posts `statuses` statuses to each of `boxes` mailboxes and ends them; the caller reads, and now and then pushes one again.

    Returns a dict of figures.
    """
    cdef mailbox_figures figures
    cdef int failed
    with nogil:
        failed = _hammer_mailbox(boxes, statuses, seed, seconds, &figures)
    return _checked(failed, figures)


def hammer_stream(uint64_t total=16 << 20, uint64_t high_water=256 << 10, uint64_t largest=16 << 10, uint64_t expected=0,
                  bint eager=False, uint64_t seed=1, double seconds=20.0):
    """A thread writes `total` bytes in chunks of 1 to `largest`; the caller reads and checks them in pieces of any size.

    expected: what the writer announces as still to come, which sizes the blocks; eager: it publishes every chunk at once, not now and
    then. Returns a dict of figures; `most` is the largest number of bytes that waited unread.
    """
    cdef stream_figures figures
    cdef int failed
    with nogil:
        failed = _hammer_stream(total, high_water, largest, expected, eager, seed, seconds, &figures)
    return _checked(failed, figures)


def hammer_blocks(int holders=3, int64_t blocks=50_000, uint64_t seed=1, double seconds=20.0):
    """The caller takes `blocks` blocks of all sizes from a pool as the I/O thread does; each is held, looked at and let go by several
    of `holders` threads, the last ones after the pool was closed. Returns a dict of figures.
    """
    cdef block_figures figures
    cdef int failed
    with nogil:
        failed = _hammer_blocks(holders, blocks, seed, seconds, &figures)
    return _checked(failed, figures)
