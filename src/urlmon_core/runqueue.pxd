# RunQueue: who is next. One type, used for admission (owned by the I/O thread) and for dispatch (owned by the apartment's
# thread). Single owner, no I/O, no allocation, no clock inside: the caller passes the time.
#
# There is one queue per *base* priority (-15..15), each in order of arrival: a FIFO list for entries that come in order, which is
# nearly all of them, and a leftist heap for those that come back or change level later. So the head of a base level is its oldest
# entry and, with aging, also its most urgent one; the next entry overall is the best of at most 31 heads. Aging therefore
# moves nothing and needs no timer. Insert at the end O(1), anything else O(log n) of the out-of-order entries of a level.

from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef enum:
    PRIORITY_MIN = -15
    PRIORITY_MAX = 15
    PRIORITY_HIGHEST = 2      # aging lifts no entry above it
    LEVELS = 31

cdef struct run_entry:
    run_entry *next           # FIFO: towards the newer one; heap: right child
    run_entry *previous       # FIFO: towards the older one; heap: parent
    run_entry *left           # heap only
    uint64_t sequence         # order of arrival
    int64_t since_ns          # when it began to wait
    int rank                  # heap only: length of the shortest way down
    signed char priority      # base priority, clamped
    unsigned char where       # run_place

cdef enum run_place:
    NOT_QUEUED = 0
    IN_FIFO = 1
    IN_HEAP = 2

cdef struct run_level:
    run_entry *first
    run_entry *last
    run_entry *heap

cdef struct run_queue:
    uint32_t occupied         # bit i: level of priority i - 15 holds entries
    size_t count
    int64_t aging_ns          # waiting time that is worth one level; 0 = no aging
    run_level levels[LEVELS]


cdef inline int clamp_priority(long priority) noexcept nogil:
    if priority < PRIORITY_MIN:
        return PRIORITY_MIN
    if priority > PRIORITY_MAX:
        return PRIORITY_MAX
    return <int> priority


cdef void run_queue_init(run_queue *queue, int64_t aging_ns) noexcept nogil
cdef void run_queue_insert(run_queue *queue, run_entry *entry) noexcept nogil
cdef void run_queue_remove(run_queue *queue, run_entry *entry) noexcept nogil
cdef void run_queue_set_priority(run_queue *queue, run_entry *entry, int priority) noexcept nogil
cdef int run_queue_effective(run_queue *queue, run_entry *entry, int64_t now_ns) noexcept nogil
cdef run_entry *run_queue_best(run_queue *queue, int64_t now_ns, int at_least) noexcept nogil
