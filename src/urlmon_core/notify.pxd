# The notification list: an intrusive lock-free list with many producers and one consumer, and its armed wake-up.
#
# Used twice: for bindings with mail (producer: I/O thread and posters, consumer: owner) and for bindings with commands
# (producers: owners, consumer: I/O thread). A node is in a list at most once; whoever owns the node sees to that with a flag of
# its own (mailbox.pending, transaction.commands). Nothing is allocated.
#
# The head is one word: EMPTY (consumer awake), ARMED (empty, and the consumer is about to sleep or sleeps), CLOSED (nobody
# will ever take anything again), or the newest node. Since a producer changes the same word in one step, it knows for certain
# whether the consumer has to be woken, and a busy consumer costs no system call.

from libc.stdint cimport uintptr_t

from urlmon_core.atomics cimport (
    atomic_word, word_cas_acq_rel, word_cas_release, word_exchange_acq_rel, word_init, word_load_relaxed,
)

cdef enum:
    LIST_EMPTY = 0
    LIST_ARMED = 1
    LIST_CLOSED = 2

cdef enum push_result:
    PUSHED
    PUSHED_WAKE      # the consumer sleeps: the caller owes it one wake-up
    REFUSED          # the list is closed; the node was not touched

cdef struct node:
    node *next

cdef struct notification_list:
    atomic_word head


cdef inline void list_init(notification_list *list) noexcept nogil:
    word_init(&list.head, LIST_EMPTY)


cdef inline push_result list_push(notification_list *list, node *item) noexcept nogil:
    # Any thread.
    cdef uintptr_t head = word_load_relaxed(&list.head)
    while True:
        if head == LIST_CLOSED:
            return REFUSED
        item.next = <node *> head if head > LIST_CLOSED else NULL
        if word_cas_release(&list.head, &head, <uintptr_t> item):
            return PUSHED_WAKE if head == LIST_ARMED else PUSHED


cdef inline bint list_pending(notification_list *list) noexcept nogil:
    # Consumer only: is there something to take? One load, cheap enough between any two callbacks.
    return word_load_relaxed(&list.head) > LIST_CLOSED


cdef inline node *list_reversed(uintptr_t head) noexcept nogil:
    cdef node *newest = <node *> head
    cdef node *older = NULL
    cdef node *following
    while newest is not NULL:
        following = newest.next
        newest.next = older
        older = newest
        newest = following
    return older


cdef inline node *list_take_all(notification_list *list) noexcept nogil:
    # Consumer only: everything that was pushed, oldest first; the consumer counts as awake afterwards.
    cdef uintptr_t head = word_exchange_acq_rel(&list.head, LIST_EMPTY)
    return list_reversed(head) if head > LIST_CLOSED else NULL


cdef inline bint list_arm(notification_list *list) noexcept nogil:
    # Consumer only: declares itself asleep. False = do not sleep, there is something to take (or the list is closed).
    cdef uintptr_t expected = LIST_EMPTY
    while not word_cas_acq_rel(&list.head, &expected, LIST_ARMED):
        if expected != LIST_EMPTY:
            return expected == LIST_ARMED
    return True


cdef inline node *list_close(notification_list *list) noexcept nogil:
    # Consumer only, once: takes what is there and refuses everything from now on.
    cdef uintptr_t head = word_exchange_acq_rel(&list.head, LIST_CLOSED)
    return list_reversed(head) if head > LIST_CLOSED else NULL
