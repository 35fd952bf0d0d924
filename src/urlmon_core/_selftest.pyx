"""Doors for tests only: single structures of the core driven from Python, step by step, so that a test can compare them with a model."""

cimport cython
from libc.stdint cimport int64_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free

from urlmon_core.admission cimport (
    admission_ended, admission_enqueue, admission_leave, admission_limits_changed, admission_next, admission_rest,
    admission_set_priority,
)
from urlmon_core.atomics cimport i32_store_relaxed, i64_load_relaxed, reference_take, u32_init
from urlmon_core.bytestream cimport stream_init
from urlmon_core.counters cimport live, urlmon_count
from urlmon_core.mailbox cimport mailbox_init
from urlmon_core.notify cimport (
    PUSHED_WAKE, REFUSED, list_arm, list_close, list_init, list_pending, list_push, list_take_all, node, notification_list,
)
from urlmon_core.poller cimport URLMON_BATCH, urlmon_poller_wait, urlmon_ready
from urlmon_core.rcvlowat cimport rcvlowat_end, rcvlowat_look, rcvlowat_received
from urlmon_core.request cimport STORAGE_STREAM, Profile, request_create
from urlmon_core.runqueue cimport (
    IN_FIFO, IN_HEAP, LEVELS, PRIORITY_MIN, clamp_priority, run_entry, run_queue, run_queue_best, run_queue_effective,
    run_queue_init, run_queue_insert, run_queue_remove, run_queue_set_priority,
)
from urlmon_core.sockets cimport (
    socket_table, sockets_event, sockets_free, sockets_init, sockets_interest, sockets_rested, sockets_set_bulk,
)
from urlmon_core.threads cimport urlmon_now_ns
from urlmon_core.transaction cimport apartment_record, apartment_release, transaction, transaction_release
from urlmon_core.transfer cimport io_context, transfer


cdef struct probe_entry:
    run_entry entry           # must stay first
    long name


@cython.no_gc_clear      # a collector that breaks a cycle must leave `entries` to __dealloc__
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


@cython.no_gc_clear      # a collector that breaks a cycle must leave `nodes` to __dealloc__
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

    def enqueue(self, long name, bytes host=b"a", long priority=0, int64_t now_ns=0, bytes scheme=b"http"):
        """A new operation, or a resumed one (its host and priority stay), goes to the end of the queue."""
        cdef bytes url = scheme + b"://" + host + b"/"
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
            t.request = request_create(
                self.profile, url, len(url), host, len(host), STORAGE_STREAM, None, 0, 0, False, NULL, False)
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

    def multi(self, long name):
        """The number of the multi handle that the active operation belongs to."""
        return self.find(name).multi

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


cdef class SocketProbe:
    """The socket table with a poller of its own; what is ready, and whether libcurl would be told."""

    cdef socket_table table

    def __cinit__(self):
        if not sockets_init(&self.table):
            raise OSError("no poller")

    def __dealloc__(self):
        sockets_free(&self.table)

    def interest(self, int fd, int wanted):
        """libcurl waits for `wanted` (1: readable, 2: writable, 0: nothing)."""
        sockets_interest(&self.table, fd, wanted, 0)

    def turn(self, int timeout_ms):
        """Waits as the I/O thread does: (fd, what libcurl is told) of each that is ready."""
        cdef urlmon_ready ready[URLMON_BATCH]
        cdef int count
        cdef int i
        cdef int64_t now_ns = urlmon_now_ns()
        if self.table.rest_until_ns >= 0:
            timeout_ms = min(timeout_ms, max(0, (self.table.rest_until_ns - now_ns) // 1000000 + 1))
        with nogil:
            count = urlmon_poller_wait(&self.table.poller, ready, URLMON_BATCH, timeout_ms)
        now_ns = urlmon_now_ns()
        sockets_rested(&self.table, now_ns)
        return [(ready[i].fd, sockets_event(&self.table, ready[i].fd, ready[i].ready, now_ns)) for i in range(count)]


cdef class RcvlowatProbe:
    """A bulk transfer over the connection `fd`, whose body is announced with `length` bytes (-1: not), with a poller of its own."""

    cdef io_context context
    cdef transfer *item

    def __cinit__(self, int fd, int64_t length, bint encoded=False):
        self.item = <transfer *> calloc(1, sizeof(transfer))
        if self.item is NULL or not sockets_init(&self.context.sockets):
            raise MemoryError
        self.item.context = &self.context
        self.item.fd = fd
        self.item.content_length = length
        self.item.encoded = encoded
        sockets_interest(&self.context.sockets, fd, 1, 0)
        sockets_set_bulk(&self.context.sockets, fd, self.item)

    def __dealloc__(self):
        free(self.item)
        sockets_free(&self.context.sockets)

    def lose(self):
        """libcurl has closed the connection; its number may be another's by now."""
        sockets_set_bulk(&self.context.sockets, self.item.fd, NULL)

    @property
    def is_on(self):
        """Whether the transfer takes the option for set."""
        return bool(self.item.lowat)

    def receive(self, uint64_t size):
        """A part of the body was taken."""
        self.item.received += size
        rcvlowat_received(self.item)

    def look(self, int64_t now_ns):
        """It is time to look at the windows."""
        rcvlowat_look(self.item, now_ns)

    def end(self):
        """The transfer is over."""
        rcvlowat_end(self.item)

    def is_ready(self, int timeout_ms):
        """Whether the poller says within that time that the connection is readable."""
        cdef urlmon_ready ready[URLMON_BATCH]
        cdef int count
        with nogil:
            count = urlmon_poller_wait(&self.context.sockets.poller, ready, URLMON_BATCH, timeout_ms)
        return count > 0
