# The mailbox of a binding: what the I/O thread has to tell its owner. Single producer, single consumer.
#
# Statuses are few and keep their order: a queue of chunks whose first one is part of the mailbox, so an ordinary transfer
# allocates nothing; a long redirect chain takes another chunk for every eight. Progress is two numbers that are overwritten.
# Bytes are in the byte stream. The end is one record, written once. The mailbox says nothing about *when* to look: that is
# `pending` and the notification list. The consumer clears `pending` before it reads, the producer sets it after it wrote,
# so whatever is written later pushes the binding again.

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from urlmon_core.atomics cimport (
    atomic_i64, atomic_u32, atomic_u64, i64_store_relaxed, u32_init, u32_load_acquire, u32_store_release, u64_store_relaxed,
)

cdef enum:
    STATUS_CHUNK = 8

cdef enum status_kind:
    # numbers of BINDSTATUS (contract 5.6) where there is one
    STATUS_FINDINGRESOURCE = 1     # text: host name
    STATUS_CONNECTING = 2          # text: address
    STATUS_REDIRECTING = 3         # text: new URL, number: status code of the redirect
    STATUS_SENDINGREQUEST = 11     # no text
    STATUS_BEGINUPLOADDATA = 17    # no text, as the next two; what was sent is in `sent`
    STATUS_UPLOADINGDATA = 18      # never posted: the owner looks at `sent`
    STATUS_ENDUPLOADDATA = 19
    STATUS_RESPONSE = 1000         # text: header block of the final response, number: status code
    # questions, see questions.pyx: the transfer waits for COMMAND_ANSWER
    STATUS_ASK_RESPONSE = 1001     # as STATUS_RESPONSE, of an error that another request may mend
    STATUS_ASK_REDIRECT = 1002     # text: header block of a redirect that libcurl does not follow, number: status code
    STATUS_ASK_CERTIFICATE = 1003  # text: libcurl's words, number: the TLS library's result of the verification
    STATUS_ASK_TUNNEL = 1004       # number: 407, with which a proxy refused a tunnel

cdef enum end_cause:
    CAUSE_NONE = 0        # success
    CAUSE_CURL = 1        # outcome.code is a CURLcode
    CAUSE_HTTP = 2        # outcome.code is the HTTP status that was not accepted
    CAUSE_STORAGE = 3     # outcome.code is the errno of the file
    CAUSE_ABORTED = 4     # by the owner
    CAUSE_SHUTDOWN = 5    # the reactor stopped
    CAUSE_MEMORY = 6      # out of memory
    CAUSE_OPTION = 7      # libcurl refused option outcome.option with CURLcode outcome.code
    CAUSE_LOCKED = 8      # another download is writing the same target
    CAUSE_LIMIT = 9       # more than the request allows of what outcome.code says, limit_kind
    CAUSE_RESUME = 10     # after a long suspension the server did not give the rest of the same body
    CAUSE_BODY = 11       # outcome.code is the errno of the file that is the request's body
    CAUSE_ADDRESS = 12    # the request does not allow the addresses of the host

cdef enum limit_kind:
    LIMIT_BODY = 0
    LIMIT_HEAD = 1
    LIMIT_RATIO = 2

cdef struct status_entry:
    int kind
    int number
    char *text                # malloc; the consumer takes it over
    size_t length

cdef struct status_chunk:
    status_entry entries[STATUS_CHUNK]
    status_chunk *next

cdef struct outcome_record:
    int cause                 # end_cause
    int code
    int option
    char *text                # malloc or NULL: libcurl's own words

cdef struct mailbox:
    atomic_u32 pending        # 1 = the binding is in the notification list, or about to be
    atomic_u32 posted         # statuses written
    atomic_u32 ended          # 1 = `outcome` is there and nothing follows
    atomic_u64 received       # body bytes so far, for storage that is not a stream
    atomic_i64 total          # announced body size, -1 = unknown
    atomic_u64 sent           # request body bytes so far
    outcome_record outcome
    status_chunk first
    # producer only
    status_chunk *writing
    uint32_t written
    # consumer only
    status_chunk *reading
    uint32_t taken


cdef inline void mailbox_init(mailbox *box) noexcept nogil:
    memset(box, 0, sizeof(mailbox))
    i64_store_relaxed(&box.total, -1)
    box.writing = &box.first
    box.reading = &box.first


cdef inline bint mailbox_post(mailbox *box, int kind, int number, char *text, size_t length) noexcept nogil:
    # Producer: appends a status and takes `text` over. False: out of memory (text is freed).
    cdef uint32_t slot = box.written % STATUS_CHUNK
    cdef status_chunk *fresh
    if slot == 0 and box.written:
        fresh = <status_chunk *> malloc(sizeof(status_chunk))
        if fresh is NULL:
            free(text)
            return False
        fresh.next = NULL
        box.writing.next = fresh
        box.writing = fresh
    box.writing.entries[slot].kind = kind
    box.writing.entries[slot].number = number
    box.writing.entries[slot].text = text
    box.writing.entries[slot].length = length
    box.written += 1
    u32_store_release(&box.posted, box.written)
    return True


cdef inline bint mailbox_take(mailbox *box, status_entry *entry) noexcept nogil:
    # Consumer: the oldest status not yet taken; its text then belongs to the caller. False: none.
    cdef uint32_t slot
    cdef status_chunk *done
    if box.taken == u32_load_acquire(&box.posted):
        return False
    slot = box.taken % STATUS_CHUNK
    if slot == 0 and box.taken:
        done = box.reading
        box.reading = done.next
        if done != &box.first:
            free(done)
    entry[0] = box.reading.entries[slot]
    box.taken += 1
    return True


cdef inline void mailbox_clear(mailbox *box) noexcept nogil:
    # Last holder: frees what nobody took.
    cdef status_entry entry
    while mailbox_take(box, &entry):
        free(entry.text)
    if box.reading != &box.first:
        free(box.reading)
    free(box.outcome.text)
