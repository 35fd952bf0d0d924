"""Doors for tests only: single structures of the core driven from Python, and hammers that drive them from native threads.

A probe wraps one structure, so that a test can compare it with a model step by step. A hammer lets native threads, which have no
Python in them, work on a structure as the I/O thread and the owners do, within a time limit in seconds, and returns figures; the
names say what must be 0: lost, doubled, missing, wrong, stuck.
"""

cimport cython
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, strcmp

from urlmon_core.admission cimport (
    admission_ended, admission_enqueue, admission_leave, admission_limits_changed, admission_next, admission_rest,
    admission_set_priority,
)
from urlmon_core.atomics cimport (
    atomic_i64, atomic_u32, atomic_u64, i32_store_relaxed, i64_add_relaxed, i64_load_relaxed, reference_take,
    u32_exchange_acq_rel, u32_init, u32_load_acquire, u32_store_release, u64_load_acquire, u64_load_relaxed,
    u64_store_relaxed, u64_store_release,
)
from urlmon_core.blocks cimport (
    block, block_bytes, block_pool, block_reference, block_release, block_take, pool_close, pool_create,
)
from urlmon_core.bytestream cimport (
    byte_stream, stream_clear, stream_consume, stream_has_room, stream_init, stream_peek, stream_publish, stream_write,
)
from urlmon_core.counters cimport live, urlmon_count
from urlmon_core.mailbox cimport mailbox, mailbox_clear, mailbox_init, mailbox_post, mailbox_take, status_entry
from urlmon_core.notify cimport (
    PUSHED_WAKE, REFUSED, list_arm, list_close, list_init, list_pending, list_push, list_take_all, node, notification_list,
    push_result,
)
from urlmon_core.request cimport STORAGE_STREAM, Profile, request_create
from urlmon_core.runqueue cimport (
    IN_FIFO, IN_HEAP, LEVELS, PRIORITY_MIN, clamp_priority, run_entry, run_queue, run_queue_best, run_queue_effective,
    run_queue_init, run_queue_insert, run_queue_remove, run_queue_set_priority,
)
from urlmon_core.threads cimport pthread_join, pthread_t, urlmon_now_ns, urlmon_thread_start
from urlmon_core.transaction cimport apartment_record, apartment_release, transaction, transaction_release
from urlmon_core.wakeup cimport (
    urlmon_wakeup, urlmon_wakeup_close, urlmon_wakeup_drain, urlmon_wakeup_open, urlmon_wakeup_signal, urlmon_wakeup_wait,
)

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int microseconds)

cdef enum:
    PATIENCE_MS = 3000        # a sleeper that nobody woke for so long, although it has something to take, was forgotten


# == probes: one thread, step by step ==================================================================================

cdef struct probe_entry:
    run_entry entry           # must stay first
    long name


cdef class RunQueueProbe:
    """A RunQueue whose entries are called by numbers. Times in ns; unknown names raise KeyError."""

    cdef run_queue queue
    cdef dict entries

    def __cinit__(self, int64_t aging_ns=0):
        run_queue_init(&self.queue, aging_ns)
        self.entries = {}

    def __dealloc__(self):
        for address in self.entries.values():
            free(<void *> <uintptr_t> address)

    cdef probe_entry *find(self, long name) except NULL:
        return <probe_entry *> <uintptr_t> self.entries[name]

    def insert(self, long name, long priority, uint64_t sequence, int64_t since_ns=0):
        """Queues a new entry; its priority is clamped."""
        cdef probe_entry *item = <probe_entry *> calloc(1, sizeof(probe_entry))
        if item is NULL:
            raise MemoryError
        item.name = name
        item.entry.priority = <signed char> clamp_priority(priority)
        item.entry.sequence = sequence
        item.entry.since_ns = since_ns
        self.entries[name] = <uintptr_t> item
        run_queue_insert(&self.queue, &item.entry)

    def remove(self, long name):
        """Takes an entry out and forgets it."""
        cdef probe_entry *item = self.find(name)
        run_queue_remove(&self.queue, &item.entry)
        del self.entries[name]
        free(item)

    def set_priority(self, long name, long priority):
        """Moves an entry to another priority."""
        run_queue_set_priority(&self.queue, &self.find(name).entry, clamp_priority(priority))

    def best(self, int64_t now_ns=0, int at_least=PRIORITY_MIN):
        """The name of the next entry of base priority `at_least` or more, None = none; it stays queued."""
        cdef run_entry *entry = run_queue_best(&self.queue, now_ns, at_least)
        return None if entry is NULL else (<probe_entry *> entry).name

    def effective(self, long name, int64_t now_ns):
        """The priority that counts at `now_ns`."""
        return run_queue_effective(&self.queue, &self.find(name).entry, now_ns)

    def __len__(self):
        return self.queue.count

    def check(self):
        """Walks everything; AssertionError says which link, rank, place or count is wrong. Returns (in lists, in heaps)."""
        cdef run_entry *entry
        cdef run_entry *before
        cdef long listed = 0
        cdef long heaped = 0
        cdef int i
        for i in range(LEVELS):
            before = NULL
            entry = self.queue.levels[i].first
            while entry is not NULL:
                assert entry.where == IN_FIFO and entry.priority == i + PRIORITY_MIN and entry.previous == before, "list"
                assert before is NULL or before.sequence < entry.sequence, "list out of order"
                listed += 1
                before = entry
                entry = entry.next
            assert self.queue.levels[i].last == before, "end of the list"
            heaped += self.check_heap(self.queue.levels[i].heap, NULL, i + PRIORITY_MIN)
            occupied = self.queue.levels[i].first is not NULL or self.queue.levels[i].heap is not NULL
            assert bool(self.queue.occupied >> i & 1) == occupied, "occupied"
        assert listed + heaped == <long> self.queue.count and listed + heaped == <long> len(self.entries), "count"
        return listed, heaped

    cdef long check_heap(self, run_entry *entry, run_entry *parent, int priority) except -1:
        cdef int left
        cdef int right
        if entry is NULL:
            return 0
        assert entry.where == IN_HEAP and entry.priority == priority and entry.previous == parent, "heap"
        assert parent is NULL or parent.sequence <= entry.sequence, "heap out of order"
        left = 0 if entry.left is NULL else entry.left.rank
        right = 0 if entry.next is NULL else entry.next.rank
        assert left >= right and entry.rank == right + 1, "rank"
        return 1 + self.check_heap(entry.left, entry, priority) + self.check_heap(entry.next, entry, priority)


cdef struct probe_node:
    node link                 # must stay first
    long name


cdef class NotificationProbe:
    """A notification list whose nodes are called by numbers."""

    cdef notification_list list
    cdef dict nodes

    def __cinit__(self):
        list_init(&self.list)
        self.nodes = {}

    def __dealloc__(self):
        for address in self.nodes.values():
            free(<void *> <uintptr_t> address)

    def push(self, long name):
        """Pushes a node that is not in the list. Returns "pushed", "wake" (the consumer sleeps) or "refused"."""
        cdef probe_node *item
        if name not in self.nodes:
            item = <probe_node *> calloc(1, sizeof(probe_node))
            if item is NULL:
                raise MemoryError
            item.name = name
            self.nodes[name] = <uintptr_t> item
        item = <probe_node *> <uintptr_t> self.nodes[name]
        result = list_push(&self.list, &item.link)
        return "refused" if result == REFUSED else "wake" if result == PUSHED_WAKE else "pushed"

    cdef list names(self, node *item):
        names = []
        while item is not NULL:
            names.append((<probe_node *> item).name)
            item = item.next
        return names

    def take_all(self):
        """The names of all nodes, oldest first."""
        return self.names(list_take_all(&self.list))

    def close(self):
        """As take_all; everything is refused afterwards."""
        return self.names(list_close(&self.list))

    def arm(self):
        """Whether the consumer may sleep."""
        return bool(list_arm(&self.list))

    @property
    def pending(self):
        """Whether there is something to take."""
        return bool(list_pending(&self.list))


@cython.no_gc_clear      # a collector that breaks a cycle must leave `operations` to __dealloc__
cdef class AdmissionProbe:
    """The admission of one apartment without a reactor: bind operations are called by numbers, the test gives the time (ns)."""

    cdef apartment_record *apartment
    cdef Profile profile
    cdef dict operations
    cdef uint64_t sequence

    def __cinit__(self, int max_active=64, int max_per_host=8, int urgent_slots=4, int64_t aging_ns=0):
        self.profile = Profile(())
        self.operations = {}
        self.apartment = <apartment_record *> calloc(1, sizeof(apartment_record))
        if self.apartment is NULL:
            raise MemoryError
        urlmon_count(&live.apartments, 1)
        u32_init(&self.apartment.references, 1)
        self.apartment.wakeup.read_fd = self.apartment.wakeup.write_fd = -1
        list_init(&self.apartment.mail)
        run_queue_init(&self.apartment.waiting, aging_ns)
        self.set_limits(max_active, max_per_host, urgent_slots)

    def __dealloc__(self):
        cdef transaction *t
        for address in self.operations.values():
            t = <transaction *> <uintptr_t> address
            if t.transfer is not NULL:
                admission_ended(t, 0)
            else:
                admission_leave(t, 0)
            transaction_release(t)
        if self.apartment is not NULL:
            apartment_release(self.apartment)

    cdef transaction *find(self, long name) except NULL:
        return <transaction *> <uintptr_t> self.operations[name]

    def set_limits(self, int max_active, int max_per_host, int urgent_slots, int64_t now_ns=0):
        """What `Apartment.configure` sets."""
        i32_store_relaxed(&self.apartment.max_active, max_active)
        i32_store_relaxed(&self.apartment.max_per_host, max_per_host)
        i32_store_relaxed(&self.apartment.urgent_slots, urgent_slots)
        admission_limits_changed(self.apartment, now_ns)

    def enqueue(self, long name, bytes host=b"http://a", long priority=0, int64_t now_ns=0):
        """A new operation, or a resumed one (its host and priority stay), goes to the end of the queue."""
        cdef transaction *t
        if name not in self.operations:
            t = <transaction *> calloc(1, sizeof(transaction))
            if t is NULL:
                raise MemoryError
            urlmon_count(&live.bindings, 1)
            u32_init(&t.references, 1)
            mailbox_init(&t.mail)
            stream_init(&t.stream, 0)
            reference_take(&self.apartment.references)
            t.apartment = self.apartment
            self.operations[name] = <uintptr_t> t
            t.binding = <void *> <uintptr_t> name        # nobody looks at it here
            t.waiting.priority = <signed char> clamp_priority(priority)
            t.request = request_create(self.profile, host + b"/", host, STORAGE_STREAM, None, 0, False)
        t = self.find(name)
        self.sequence += 1
        t.waiting.sequence = self.sequence
        if not admission_enqueue(t, now_ns):
            raise MemoryError

    def next(self, int64_t now_ns=0):
        """The operation that may start now, active from here on; None = nobody may."""
        cdef transaction *t = admission_next(self.apartment, now_ns)
        if t is NULL:
            return None
        t.transfer = <void *> t                          # marks it as active
        return <long> <uintptr_t> t.binding

    def leave(self, long name, int64_t now_ns=0):
        """A waiting operation is suspended: out of the queue, until `enqueue`."""
        admission_leave(self.find(name), now_ns)

    def end(self, long name, int64_t now_ns=0):
        """An operation is over, in whatever state it is."""
        cdef transaction *t = self.find(name)
        del self.operations[name]
        if t.transfer is not NULL:
            admission_ended(t, now_ns)
        else:
            admission_leave(t, now_ns)
        transaction_release(t)

    def set_priority(self, long name, long priority, int64_t now_ns=0):
        """SetPriority in any state."""
        admission_set_priority(self.find(name), clamp_priority(priority), now_ns)

    def rest(self, long name, bint resting):
        """An active operation is suspended or resumed."""
        admission_rest(self.find(name), resting)

    def set_multiplexed(self, long name, int64_t now_ns=0):
        """The host of an active operation turns out to speak HTTP/2."""
        self.find(name).host.multiplexed = True
        admission_limits_changed(self.apartment, now_ns)

    def figures(self):
        """(queued, active) as statistics() shows them, and the number of hosts known."""
        return (
            i64_load_relaxed(&self.apartment.queued_count), i64_load_relaxed(&self.apartment.active_count),
            self.apartment.host_count)


# == hammers: native threads ===========================================================================================

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


cdef int _sleeper_open(sleeper *self) except -1:
    list_init(&self.list)
    self.dice = 1
    if urlmon_wakeup_open(&self.wakeup):
        raise OSError("no descriptor left for a wake-up")
    return 0


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


def hammer_notify(int producers=4, int nodes=64, int64_t posts=50_000, int64_t close_after=-1, uint64_t seed=1, double seconds=20.0):
    """`producers` threads post `posts` times each on `nodes` nodes that they share; the caller takes, arms and sleeps.

    close_after: the caller closes the list after so many takes. Returns a dict of figures.
    """
    cdef notify_hammer *shared = <notify_hammer *> calloc(1, sizeof(notify_hammer))
    cdef notify_producer *threads = <notify_producer *> calloc(producers, sizeof(notify_producer))
    cdef int64_t total = producers * posts
    cdef int64_t seen = 0
    cdef int64_t takes = 0
    cdef int64_t doubled = 0
    cdef int64_t batches = 0
    cdef bint closed = False
    cdef node *link
    cdef int started = 0
    if shared is NULL or threads is NULL:
        raise MemoryError
    shared.nodes = <posted_node *> calloc(nodes, sizeof(posted_node))
    if shared.nodes is NULL:
        raise MemoryError
    _sleeper_open(&shared.consumer)
    shared.node_count = nodes
    shared.posts = posts
    shared.deadline_ns = _deadline(seconds)
    with nogil:
        while started < producers:
            threads[started].shared = shared
            threads[started].seed = seed * 1000 + <uint64_t> started + 1
            if urlmon_thread_start(&threads[started].thread, _notify_produce, &threads[started]):
                break
            started += 1
        while not closed and seen < total and urlmon_now_ns() < shared.deadline_ns:
            closed = 0 <= close_after <= takes
            link = list_close(&shared.consumer.list) if closed else list_take_all(&shared.consumer.list)
            batches += 1
            if link is not NULL:
                seen += _notify_take(shared, link, batches, &takes, &doubled)
            elif not closed:
                _sleeper_wait(&shared.consumer)
        for i in range(started):
            pthread_join(threads[i].thread, NULL)
    figures = {
        "posted": total, "missing": total - seen, "pushed": i64_load_relaxed(&shared.pushed), "taken": takes, "doubled": doubled,
        "refused": i64_load_relaxed(&shared.refused), "lost": shared.consumer.lost, "sleeps": shared.consumer.sleeps,
        "signals": i64_load_relaxed(&shared.consumer.signals),
    }
    urlmon_wakeup_close(&shared.consumer.wakeup)
    free(shared.nodes)
    free(shared)
    free(threads)
    return figures


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


def hammer_mailbox(int boxes=16, int statuses=3000, uint64_t seed=1, double seconds=20.0):
    """A thread posts `statuses` statuses to each of `boxes` mailboxes and ends them; the caller reads, and now and then pushes one again.

    Returns a dict of figures.
    """
    cdef mail_hammer *self = <mail_hammer *> calloc(1, sizeof(mail_hammer))
    cdef int64_t over = 0
    cdef int64_t seen = 0
    cdef int64_t wrong = 0
    cdef int64_t late = 0
    cdef bint ended
    cdef uint64_t dice = seed * 77 + 1
    cdef mailed *item
    cdef node *link
    if self is NULL:
        raise MemoryError
    self.boxes = <mailed *> calloc(boxes, sizeof(mailed))
    if self.boxes is NULL:
        raise MemoryError
    _sleeper_open(&self.consumer)
    self.box_count = boxes
    self.statuses = statuses
    self.seed = seed
    self.deadline_ns = _deadline(seconds)
    for i in range(boxes):
        mailbox_init(&self.boxes[i].box)
    if urlmon_thread_start(&self.thread, _mail_produce, self):
        raise OSError("no thread left")
    with nogil:
        while over < boxes and urlmon_now_ns() < self.deadline_ns:
            link = list_take_all(&self.consumer.list)
            if link is NULL:
                _sleeper_wait(&self.consumer)
            while link is not NULL:
                item = <mailed *> link
                link = link.next
                u32_exchange_acq_rel(&item.box.pending, 0)
                late += item.over and not (item.next_number == statuses)
                wrong += _mail_read(item, item - self.boxes)
                ended = u32_load_acquire(&item.box.ended) != 0
                wrong += _mail_read(item, item - self.boxes)
                if ended and not item.over:
                    item.over = True
                    over += 1
                    seen += item.next_number
                    wrong += item.box.outcome.code != item - self.boxes
                elif _random(&dice) % 16 == 0 and u32_exchange_acq_rel(&item.box.pending, 1) == 0:
                    _sleeper_push(&self.consumer, &item.link)       # as resume() does
        pthread_join(self.thread, NULL)
    figures = {
        "posted": statuses * boxes, "missing": statuses * boxes - seen, "wrong": wrong, "late": late, "over": over,
        "lost": self.consumer.lost, "sleeps": self.consumer.sleeps, "signals": i64_load_relaxed(&self.consumer.signals),
    }
    for i in range(boxes):
        mailbox_clear(&self.boxes[i].box)
    urlmon_wakeup_close(&self.consumer.wakeup)
    free(self.boxes)
    free(self)
    return figures


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


def hammer_stream(uint64_t total=16 << 20, uint64_t high_water=256 << 10, uint64_t largest=16 << 10, uint64_t expected=0,
                  bint eager=False, uint64_t seed=1, double seconds=20.0):
    """A thread writes `total` bytes in chunks of 1 to `largest`; the caller reads and checks them in pieces of any size.

    expected: what the writer announces as still to come, which sizes the blocks; eager: it publishes every chunk at once, not now and
    then. Returns a dict of figures; `most` is the largest number of bytes that waited unread.
    """
    cdef stream_hammer *self = <stream_hammer *> calloc(1, sizeof(stream_hammer))
    cdef block *views[VIEWS]
    cdef block *holder = NULL
    cdef char *data = NULL
    cdef uint64_t dice = seed * 99 + 1
    cdef uint64_t done = 0
    cdef uint64_t most = 0
    cdef uint64_t part
    cdef size_t size
    cdef int64_t credits = 0
    cdef int64_t wrong = 0
    cdef int i
    if self is NULL:
        raise MemoryError
    for i in range(VIEWS):
        views[i] = NULL
    stream_init(&self.stream, high_water)
    _sleeper_open(&self.reader)
    _sleeper_open(&self.writer)
    self.total = total
    self.largest = largest
    self.expected = expected
    self.eager = eager
    self.seed = seed
    self.deadline_ns = _deadline(seconds)
    if urlmon_thread_start(&self.thread, _stream_produce, self):
        raise OSError("no thread left")
    with nogil:
        while done < total and urlmon_now_ns() < self.deadline_ns:
            if list_take_all(&self.reader.list) is NULL:
                _sleeper_wait(&self.reader)
                continue
            u32_exchange_acq_rel(&self.pending, 0)
            while True:
                size = stream_peek(&self.stream, &data, &holder)
                if size == 0:
                    break
                part = u64_load_acquire(&self.stream.published) - done
                if part > most:
                    most = part
                part = _random(&dice) % size + 1 if _random(&dice) % 2 else size
                wrong += _verify(data, done, part)
                i = <int> (_random(&dice) % VIEWS)
                if views[i] is not NULL:
                    block_release(views[i])
                views[i] = holder
                block_reference(holder)
                done += part
                if stream_consume(&self.stream, part):
                    credits += 1
                    if u32_exchange_acq_rel(&self.commands, 1) == 0:
                        _sleeper_push(&self.writer, &self.command)
                _stumble(&dice, 256)
        pthread_join(self.thread, NULL)
    figures = {
        "bytes": done, "missing": total - done, "wrong": wrong, "most": most, "stalls": self.stalls, "retries": self.retries,
        "credits": credits, "failed": bool(self.failed), "lost": self.reader.lost, "stuck": self.writer.lost,
        "sleeps": self.reader.sleeps + self.writer.sleeps,
        "signals": i64_load_relaxed(&self.reader.signals) + i64_load_relaxed(&self.writer.signals),
    }
    stream_clear(&self.stream)
    for i in range(VIEWS):
        if views[i] is not NULL:
            block_release(views[i])
    urlmon_wakeup_close(&self.reader.wakeup)
    urlmon_wakeup_close(&self.writer.wakeup)
    free(self)
    return figures


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


def hammer_blocks(int holders=3, int64_t blocks=50_000, uint64_t seed=1, double seconds=20.0):
    """The caller takes `blocks` blocks of all sizes from a pool as the I/O thread does; each is held, looked at and let go by several
    of `holders` threads, the last ones after the pool was closed. Returns a dict of figures.
    """
    cdef block_holder *threads = <block_holder *> calloc(holders, sizeof(block_holder))
    cdef block_pool *pool = pool_create()
    cdef int64_t deadline_ns = _deadline(seconds)
    cdef int64_t taken = 0
    cdef int64_t reused = 0
    cdef int64_t most_kept = 0
    cdef uint64_t put
    cdef size_t kept
    cdef block *item
    cdef int i
    if threads is NULL or pool is NULL:
        raise MemoryError
    for i in range(holders):
        threads[i].seed = seed * 1000 + <uint64_t> i + 1
        threads[i].deadline_ns = deadline_ns
        if urlmon_thread_start(&threads[i].thread, _hold_blocks, &threads[i]):
            raise OSError("no thread left")
    with nogil:
        while taken < blocks and urlmon_now_ns() < deadline_ns:
            kept = pool.kept
            item = block_take(pool, <size_t> (_random(&seed) % (1 << (6 + _random(&seed) % 12))))
            if item is NULL:
                break
            reused += pool.kept != kept
            if <int64_t> pool.kept > most_kept:
                most_kept = <int64_t> pool.kept
            taken += 1
            memcpy(block_bytes(item), &taken, sizeof(taken))
            memcpy(block_bytes(item) + item.capacity - sizeof(taken), &taken, sizeof(taken))
            for i in range(holders):
                put = u64_load_relaxed(&threads[i].put)
                while put - u64_load_acquire(&threads[i].got) == LANE and urlmon_now_ns() < deadline_ns:
                    sched_yield()
                if _random(&seed) % 3 == 0 or put - u64_load_acquire(&threads[i].got) == LANE:
                    continue
                block_reference(item)
                threads[i].lane[put % LANE] = item
                threads[i].stamps[put % LANE] = <uint64_t> taken
                u64_store_release(&threads[i].put, put + 1)
            block_release(item)
        pool_close(pool)
        for i in range(holders):
            u32_store_release(&threads[i].finished, 1)
        for i in range(holders):
            pthread_join(threads[i].thread, NULL)
    figures = {
        "taken": taken, "missing": blocks - taken, "reused": reused, "most_kept": most_kept,
        "wrong": sum([threads[i].wrong for i in range(holders)]),
        "held": sum([u64_load_relaxed(&threads[i].got) for i in range(holders)]),
        "unheld": sum([u64_load_relaxed(&threads[i].put) - u64_load_relaxed(&threads[i].got) for i in range(holders)]),
    }
    free(threads)
    return figures
