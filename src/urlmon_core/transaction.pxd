# The transaction: the one record of a bind operation that both threads see (contract 1.1). Reference counted.
#
# Ownership: `request` is fixed before the first command. `mail` and `stream` have one side each, see there. The fields under
# "I/O thread" and "owner" are touched by that thread alone. The command word and the wishes are how the owner talks to the I/O
# thread: a bit is set, and the transaction is pushed on the reactor's list when the word was zero; nothing is allocated.

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free

from urlmon_core.atomics cimport (
    atomic_i32, atomic_i64, atomic_u32, atomic_u64, reference_drop, reference_take, u32_exchange_acq_rel, u32_store_relaxed,
)
from urlmon_core.body cimport body_piece
from urlmon_core.bytestream cimport byte_stream, stream_clear
from urlmon_core.counters cimport live, urlmon_assert, urlmon_count
from urlmon_core.filesink cimport file_sink
from urlmon_core.mailbox cimport mailbox, mailbox_clear
from urlmon_core.multis cimport MULTIS
from urlmon_core.notify cimport PUSHED_WAKE, REFUSED, list_push, node, notification_list
from urlmon_core.request cimport request_free, request_record
from urlmon_core.runqueue cimport LEVELS, NOT_QUEUED, run_entry, run_queue
from urlmon_core.wakeup cimport urlmon_wakeup, urlmon_wakeup_close, urlmon_wakeup_signal

cdef enum command_bit:
    COMMAND_OPEN = 1
    COMMAND_ABORT = 2
    COMMAND_SUSPENSION = 4    # look at wants_suspended
    COMMAND_PRIORITY = 8      # look at wants_priority
    COMMAND_CREDIT = 16       # the byte stream has room again
    COMMAND_ANSWER = 64       # to the open question: `answer`, or go on if it is NULL
    COMMAND_PIECE = 128       # of the request's body: `piece`
    COMMAND_LIMITS = 32       # the limits of its apartment were changed (sent through any of its transactions)

cdef enum fate_value:
    # Who ended the operation: decided by one compare-and-exchange, so that an abort the client was told of as accepted
    # can never be followed by a success, nor by a file at the target name.
    FATE_OPEN = 0
    FATE_ABORTED = 1          # by the owner
    FATE_ENDED = 2            # by the I/O thread

cdef enum transaction_state:
    STATE_NEW = 0             # never handed over
    STATE_QUEUED = 1          # waits in the admission queue of its apartment
    STATE_PARKED = 2          # waits in the queue of its host, which is full
    STATE_SUSPENDED = 3       # waits outside any queue until it is resumed
    STATE_ACTIVE = 4          # has a transfer
    STATE_DONE = 5

cdef struct host_entry:
    # Admission's record of one host (scheme, host, port and proxy) of one apartment. I/O thread only.
    host_entry *next          # hash chain
    uint32_t hash
    int active                # transfers running
    int in_multi[MULTIS]      # of these, in each multi handle
    int members               # transfers running or waiting; the entry goes with the last one
    bint multiplexed          # answered over HTTP/2 or HTTP/3 before
    run_queue *parked         # those that were passed over because the host was full; made on first use
    char *key                 # behind the struct

cdef struct interrupted_transfer:
    # What a transfer leaves behind that was suspended for so long that its connection was given up. I/O thread only.
    file_sink file
    bint responded            # the owner has the head of the response
    uint64_t received         # body bytes
    int64_t content_length
    char *validator           # strong ETag, or Last-Modified; NULL = the server gave none, or its coding forbids ranges

cdef struct memory_buffer:
    # TYMED_HGLOBAL: filled by the I/O thread, handed over with the end record
    char *bytes
    size_t size
    size_t capacity

cdef struct band_windows:
    # What the receive windows of one band of an apartment go by, see windows.pyx. I/O thread only.
    int64_t looked_ns         # the tick in which what follows was looked at
    int flows                 # bulk transfers that receive at their own pace
    int measured              # those of them that did so during the whole measurement
    int64_t measured_bytes    # what these received
    bint due                  # a measurement is complete
    int64_t since_ns          # when the running one began, 0 = there is none
    uint64_t since_bytes      # apartment.level_bytes at that time
    int64_t rate              # bytes per second of the whole band, as last measured, 0 = not yet
    bint lost                 # that has fallen below the peak
    int64_t peak              # the best rate of late

cdef struct apartment_record:
    # The part of an apartment that the I/O thread sees. Reference counted: the Apartment and each of its transactions.
    atomic_u32 references
    notification_list mail            # bindings with mail, and `post`
    urlmon_wakeup wakeup
    node post                         # in `mail` when callables were posted to the owner
    atomic_u32 post_pending
    # limits, written by the owner at any time
    atomic_i32 max_active
    atomic_i32 max_per_host
    atomic_i32 urgent_slots
    atomic_i32 suspend_keep_ms        # how long a suspended transfer keeps its connection
    # shown by statistics(), written by the I/O thread
    atomic_i64 queued_count
    atomic_i64 active_count
    atomic_u64 level_bytes[LEVELS]    # body bytes received, by priority + 15
    # I/O thread only
    bint wake_due                     # pushed to since the last wake-up, and the owner sleeps
    apartment_record *next_due
    run_queue waiting
    run_queue urgents                 # everything above normal that waits, parked or not
    int active
    int urgent_active
    host_entry **hosts                # hash table, see admission.pyx
    size_t host_slots
    size_t host_count
    bint admission_due
    apartment_record *next_admission
    uint32_t bands                    # bit i: transfers of priority i - 15 are running, see flow.pyx
    int band_members[LEVELS]
    int64_t band_heard_ns[LEVELS]     # when the band last received a byte, or a transfer was admitted to it
    int64_t band_credit[LEVELS]       # bytes that may be read of a band below the highest one
    band_windows windows[LEVELS]
    # owner only
    run_queue ready                   # bindings that have something to deliver
    uint64_t ready_sequence

cdef struct transaction:
    node mail_node                    # must stay first, and command_node second: see transaction_of_command
    node command_node
    atomic_u32 references
    atomic_u32 commands               # command_bit
    atomic_u32 fate                   # fate_value
    atomic_u32 wants_suspended
    atomic_i32 wants_priority
    atomic_u32 wants_piece            # by the I/O thread, of a body that is a stream; taken by the owner
    apartment_record *apartment
    request_record *request
    request_record *answer            # the next request: written by the owner before COMMAND_ANSWER, taken by the I/O thread
    body_piece *piece                 # written by the owner once for each wish, before COMMAND_PIECE; taken by the I/O thread
    mailbox mail
    byte_stream stream
    memory_buffer memory
    atomic_u32 shown_state            # the state below, for repr and statistics
    # I/O thread only
    int state                         # transaction_state, changed through set_state
    bint urgent                       # holds an urgent slot
    bint resting                      # suspended while active: its slot is free for others, its connection is not
    interrupted_transfer *interrupted  # STATE_SUSPENDED or waiting again: where to go on
    bint dirty                        # in the reactor's list of mailboxes to flush
    run_entry waiting                 # in apartment.waiting or host.parked
    run_entry urgency                 # in apartment.urgents
    host_entry *host
    unsigned char multi               # number of the multi handle of its transfer while STATE_ACTIVE
    void *transfer                    # transfer * while STATE_ACTIVE
    transaction *next_dirty
    transaction *next_active          # the reactor's list of everything between OPEN and the end
    transaction *previous_active
    # owner only
    bint armed                        # pull: the client has read everything there was and asked for more
    void *binding                     # borrowed PyObject of the Binding; NULL when nobody is to be told any more
    run_entry ready                   # in the apartment's dispatch queue


cdef inline transaction *transaction_of_mail(node *item) noexcept nogil:
    return <transaction *> item


cdef inline transaction *transaction_of_command(node *item) noexcept nogil:
    return <transaction *> ((<char *> item) - sizeof(node))


cdef inline transaction *transaction_of_waiting(run_entry *entry) noexcept nogil:
    return <transaction *> ((<char *> entry) - <size_t> &(<transaction *> NULL).waiting)


cdef inline transaction *transaction_of_urgency(run_entry *entry) noexcept nogil:
    return <transaction *> ((<char *> entry) - <size_t> &(<transaction *> NULL).urgency)


cdef inline transaction *transaction_of_ready(run_entry *entry) noexcept nogil:
    return <transaction *> ((<char *> entry) - <size_t> &(<transaction *> NULL).ready)


cdef inline void set_state(transaction *t, int state) noexcept nogil:
    # I/O thread only.
    t.state = state
    u32_store_relaxed(&t.shown_state, state)


cdef inline void apartment_release(apartment_record *apartment) noexcept nogil:
    # Any thread.
    if reference_drop(&apartment.references):
        urlmon_wakeup_close(&apartment.wakeup)
        free(apartment.hosts)
        free(apartment)
        urlmon_count(&live.apartments, -1)


cdef inline void transaction_reference(transaction *t) noexcept nogil:
    # Any thread that holds one.
    reference_take(&t.references)


cdef inline void transaction_release(transaction *t) noexcept nogil:
    # Any thread.
    if reference_drop(&t.references):
        urlmon_assert(t.ready.where == NOT_QUEUED and t.waiting.where == NOT_QUEUED and t.urgency.where == NOT_QUEUED)
        mailbox_clear(&t.mail)
        stream_clear(&t.stream)
        free(t.memory.bytes)
        if t.request is not NULL:
            request_free(t.request)      # NULL: refused before it was handed over
        if t.answer is not NULL:
            request_free(t.answer)
        free(t.piece)
        apartment_release(t.apartment)
        free(t)
        urlmon_count(&live.bindings, -1)


cdef inline void transaction_push_to_self(transaction *t) noexcept nogil:
    # Owner as producer: puts its own binding on its own apartment's notification list.
    cdef int pushed
    if u32_exchange_acq_rel(&t.mail.pending, 1) == 0:
        transaction_reference(t)
        pushed = list_push(&t.apartment.mail, &t.mail_node)
        if pushed == REFUSED:
            transaction_release(t)
        elif pushed == PUSHED_WAKE:
            urlmon_wakeup_signal(&t.apartment.wakeup)
