"""An I/O thread: libcurl driven by its socket interface, for all apartments of its reactor.

A turn: wait for sockets, the timer or a command; obey commands; let libcurl work on what is ready, in order of priority; end what is
done; admit what may start; hand every mailbox that has something new to its owner and wake those owners that sleep, once each. The
thread is a plain pthread with all signals blocked. It never attaches to the interpreter: nothing here touches Python. Used through
cimport only.
"""

from libc.stdint cimport int64_t

from urlmon_core.admission cimport admission_ended, admission_next
from urlmon_core.atomics cimport (
    reference_take, u32_exchange_acq_rel, u32_load_acquire, u32_store_release, u64_load_relaxed, u64_store_relaxed,
)
from urlmon_core.blocks cimport pool_close, pool_create
from urlmon_core.budget cimport budget_grant
from urlmon_core.bytestream cimport stream_publish
from urlmon_core.easyhandles cimport easies_free
from urlmon_core.filesink cimport file_disown
from urlmon_core.flow cimport flow_hold, flow_may_read, flow_tick
from urlmon_core.interruption cimport interruption_due, interruption_next
from urlmon_core.libcurl cimport (
    CURL_ERROR_SIZE, CURLE_OK, CURLE_OPERATION_TIMEDOUT, CURLE_SEND_ERROR, CURLINFO_PRIVATE, CURLMsg, CURLVERSION_NOW, curl,
    small_memory_begin, small_memory_end,
)
from urlmon_core.mailbox cimport CAUSE_CURL, CAUSE_MEMORY, CAUSE_NONE, CAUSE_SHUTDOWN
from urlmon_core.multis cimport multis_free, multis_init, multis_message, multis_ready, multis_run_timers, multis_timer
from urlmon_core.notify cimport PUSHED_WAKE, REFUSED, list_arm, list_close, list_init, list_pending, list_push, node
from urlmon_core.operations cimport (
    operation_delist, operation_end, operation_end_active, operation_enlist, operation_start_again, operations_obey_all,
)
from urlmon_core.parking cimport parking_close, parking_stop
from urlmon_core.poller cimport (
    URLMON_BATCH, URLMON_READABLE, urlmon_poller_set, urlmon_poller_wait, urlmon_ready,
)
from urlmon_core.questions cimport question_of_end
from urlmon_core.response cimport response_post
from urlmon_core.runqueue cimport LEVELS
from urlmon_core.sockets cimport (
    sockets_bulk, sockets_disown, sockets_event, sockets_free, sockets_init, sockets_rested,
)
from urlmon_core.stalls cimport stalls_due, stalls_next
from urlmon_core.threads cimport urlmon_now_ns, urlmon_thread_name
from urlmon_core.transaction cimport (
    COMMAND_OPEN, STATE_ACTIVE, STATE_DONE, STATE_SUSPENDED, apartment_record, apartment_release, set_state,
    transaction_of_command, transaction_reference, transaction_release,
)
from urlmon_core.transfer cimport mark_admission_due, transfer, transfer_interrupt, transfer_remove, transfer_retry, transfer_start
from urlmon_core.wakeup cimport urlmon_wakeup_close, urlmon_wakeup_drain, urlmon_wakeup_signal


cdef extern from "<stdio.h>" nogil:
    int snprintf(char *buffer, size_t size, const char *format, ...)

cdef enum:
    FLUSH_FROM = 1 << 20      # body bytes within a turn after which the owners get what there is, to work meanwhile
    LISTEN_FROM = 256 << 10   # body bytes within a turn after which the owners are listened to
    BUFFER_SHARED = 1 << 20   # bytes: io_context.buffer_most
    BUFFER_OWN = 512 << 10
    ROUNDS_PER_TURN = 4       # a transfer that was just admitted sends its request in the same turn


# -- handing over ----------------------------------------------------------------------------------------------------

cdef void _flush(reactor_record *self) noexcept nogil:
    """Publishes every dirty mailbox, pushes its binding to its owner, wakes the owners that sleep."""
    cdef transaction *t
    cdef apartment_record *apartment
    self.io.unflushed = 0
    while self.io.dirty is not NULL:
        t = self.io.dirty
        self.io.dirty = t.next_dirty
        t.dirty = False
        stream_publish(&t.stream)
        if t.state == STATE_DONE:
            u32_store_release(&t.mail.ended, 1)
        if u32_exchange_acq_rel(&t.mail.pending, 1) == 0:
            transaction_reference(t)
            result = list_push(&t.apartment.mail, &t.mail_node)
            if result == REFUSED:
                transaction_release(t)          # the apartment is closed; nobody is told any more
            elif result == PUSHED_WAKE and not t.apartment.wake_due:
                t.apartment.wake_due = True
                reference_take(&t.apartment.references)
                t.apartment.next_due = self.io.wake_due
                self.io.wake_due = t.apartment
        transaction_release(t)
    while self.io.wake_due is not NULL:
        apartment = self.io.wake_due
        self.io.wake_due = apartment.next_due
        apartment.wake_due = False
        urlmon_wakeup_signal(&apartment.wakeup)
        u64_store_relaxed(&self.wakeups, u64_load_relaxed(&self.wakeups) + 1)
        apartment_release(apartment)


# -- admission -------------------------------------------------------------------------------------------------------

cdef void _admit_all(reactor_record *self, int64_t now_ns) noexcept nogil:
    """Starts what may start, after a look at the commands: what an owner said before a server answered counts before what the answer
    makes room for."""
    cdef apartment_record *apartment
    cdef transaction *t
    if list_pending(&self.commands):
        operations_obey_all(self, now_ns)
    while self.io.admission_due is not NULL:
        apartment = self.io.admission_due
        self.io.admission_due = apartment.next_admission
        apartment.admission_due = False
        while True:
            t = admission_next(apartment, now_ns)
            if t is NULL:
                break
            if not transfer_start(&self.io, t):
                admission_ended(t, self.io.now_ns)        # it has been ended, with the reason; its slots are free again
                operation_delist(self, t)
        apartment_release(apartment)


# -- the loop --------------------------------------------------------------------------------------------------------

cdef void _collect_finished(reactor_record *self) noexcept nogil:
    cdef CURLMsg *message
    cdef transfer *finished
    cdef int code
    while True:
        message = multis_message(&self.io.multis)
        if message is NULL:
            return
        code = message.data.result
        curl.easy_getinfo(message.easy_handle, CURLINFO_PRIVATE, <void *> &finished)
        transfer_remove(finished)     # `message` is gone after this
        if code == CURLE_SEND_ERROR and transfer_retry(finished):
            continue
        if finished.again:
            operation_start_again(self, finished)
            continue
        if code == CURLE_OK and finished.status and not finished.responded and not finished.redirected:
            response_post(finished)         # a response without a body: it may be asked about
        if question_of_end(finished, code):
            continue
        operation_end_active(self, finished.transaction, CAUSE_NONE if code == CURLE_OK else CAUSE_CURL, code)


cdef int _patience_ms(reactor_record *self, int64_t now_ns) noexcept nogil:
    """How long the poller may wait: until libcurl's timer, rounded up so that it has really run out then."""
    cdef int64_t until_ns = multis_timer(&self.io.multis)
    cdef int64_t left
    if self.io.failed is not NULL or self.io.visited is not NULL:
        return 0
    if self.flow_ns >= 0 and (until_ns < 0 or self.flow_ns < until_ns):
        until_ns = self.flow_ns
    if until_ns < 0:
        return -1
    left = until_ns - now_ns
    if left <= 0:
        return 0
    left = (left + 999999) // 1000000
    return <int> left if left < 3600000 else 3600000


cdef inline int64_t _earlier(int64_t a_ns, int64_t b_ns) noexcept nogil:
    """The earlier of two moments, of which -1 is never."""
    return b_ns if a_ns < 0 or 0 <= b_ns < a_ns else a_ns


cdef void _end_failed(reactor_record *self) noexcept nogil:
    """Ends those that could not go on after a pause."""
    cdef transfer *item
    while self.io.failed is not NULL:
        item = self.io.failed
        transfer_remove(item)
        operation_end_active(self, item.transaction, CAUSE_CURL, item.resume_failure)


cdef void _end_stalled(reactor_record *self, int64_t now_ns) noexcept nogil:
    """Ends those that break their stall rule."""
    cdef transfer *item
    while True:
        item = stalls_due(&self.io, now_ns)
        if item is NULL:
            return
        transfer_remove(item)
        snprintf(item.error_text, CURL_ERROR_SIZE, b"too slow: less than %lld bytes per second for %.3g seconds",
                 <long long> item.transaction.request.profile.stall_speed, item.transaction.request.profile.stall_ns / 1e9)
        operation_end_active(self, item.transaction, CAUSE_CURL, CURLE_OPERATION_TIMEDOUT)


cdef void _interrupt_due(reactor_record *self, int64_t now_ns) noexcept nogil:
    """Gives up the connections of those that have been suspended for too long; they wait outside the queue until they are resumed."""
    cdef transfer *item
    cdef transaction *t
    while True:
        item = interruption_due(&self.io, now_ns)
        if item is NULL:
            return
        t = item.transaction
        transfer_remove(item)
        if not transfer_interrupt(item):
            operation_end_active(self, t, CAUSE_MEMORY, 0)
            continue
        admission_ended(t, self.io.now_ns)
        set_state(t, STATE_SUSPENDED)
        mark_admission_due(&self.io, t.apartment)


cdef inline int _level(reactor_record *self, int fd) noexcept nogil:
    """What counts for the order of serving: everything that is small goes first."""
    cdef transfer *bulk = <transfer *> sockets_bulk(&self.io.sockets, fd)
    return LEVELS if bulk is NULL else bulk.level


cdef void _by_priority(reactor_record *self, urlmon_ready *ready, int count) noexcept nogil:
    """Sorts what is ready by priority, keeping the poller's order within one. By insertion: mostly it is in order already."""
    cdef urlmon_ready item
    cdef int i
    cdef int j
    cdef int level
    if self.io.bulk is NULL:
        return
    for i in range(1, count):
        item = ready[i]
        level = _level(self, item.fd)
        j = i
        while j > 0 and _level(self, ready[j - 1].fd) < level:
            ready[j] = ready[j - 1]
            j -= 1
        ready[j] = item


cdef void _start_all(reactor_record *self, int64_t now_ns) noexcept nogil:
    """Admits who may start, and has libcurl send their requests at once."""
    cdef int _round
    for _round in range(ROUNDS_PER_TURN):
        _admit_all(self, now_ns)
        if not multis_run_timers(&self.io.multis):
            break
        _collect_finished(self)
    _admit_all(self, now_ns)


cdef void _turn(reactor_record *self) noexcept nogil:
    cdef urlmon_ready ready[URLMON_BATCH]
    cdef int64_t now_ns = urlmon_now_ns()
    cdef int patience = _patience_ms(self, now_ns)
    cdef int count
    cdef int i
    cdef int told
    cdef transfer *bulk
    if patience != 0 and not list_arm(&self.commands):
        patience = 0
    count = urlmon_poller_wait(&self.io.sockets.poller, ready, URLMON_BATCH, patience)
    u64_store_relaxed(&self.turns, u64_load_relaxed(&self.turns) + 1)
    now_ns = urlmon_now_ns()
    self.io.now_ns = now_ns
    sockets_rested(&self.io.sockets, now_ns)
    if list_pending(&self.commands):
        operations_obey_all(self, now_ns)
    if count > 1:
        _by_priority(self, ready, count)
    for i in range(count):
        if ready[i].fd == self.wakeup.read_fd:
            urlmon_wakeup_drain(&self.wakeup)
            continue
        bulk = <transfer *> sockets_bulk(&self.io.sockets, ready[i].fd)
        if bulk is not NULL and not flow_may_read(bulk) and ready[i].ready == URLMON_READABLE:
            flow_hold(bulk)
            continue
        told = sockets_event(&self.io.sockets, ready[i].fd, ready[i].ready, now_ns)
        if told:
            multis_ready(&self.io.multis, ready[i].fd, told)
            if self.io.unflushed > FLUSH_FROM:
                _flush(self)
            if self.io.unseen > LISTEN_FROM:
                self.io.unseen = 0
                if list_pending(&self.commands):
                    # A turn over many bulk transfers takes milliseconds; an urgent one does not wait for its end. Those that libcurl
                    # is done with come first: it refuses to let them go on.
                    _collect_finished(self)
                    _start_all(self, now_ns)
    _collect_finished(self)
    _end_failed(self)
    _end_stalled(self, now_ns)
    _interrupt_due(self, now_ns)
    _start_all(self, now_ns)
    budget_grant(&self.io)
    self.flow_ns = _earlier(
        _earlier(flow_tick(&self.io, now_ns), interruption_next(&self.io)),
        _earlier(stalls_next(&self.io), self.io.sockets.rest_until_ns))
    _flush(self)


cdef void _shut_down(reactor_record *self) noexcept nogil:
    """Ends everything that is live, tells the owners, gives up what the thread owns."""
    cdef node *item = list_close(&self.commands)
    cdef node *following
    cdef transaction *t
    while item is not NULL:
        following = item.next
        t = transaction_of_command(item)
        if u32_exchange_acq_rel(&t.commands, 0) & COMMAND_OPEN:
            operation_enlist(self, t)
            set_state(t, STATE_SUSPENDED)        # never queued: _end has nothing to take it out of
        transaction_release(t)
        item = following
    while self.live is not NULL:
        operation_end(self, self.live, CAUSE_SHUTDOWN)
    while self.io.admission_due is not NULL:
        self.io.admission_due.admission_due = False
        apartment = self.io.admission_due
        self.io.admission_due = apartment.next_admission
        apartment_release(apartment)
    _flush(self)
    io_thread_release(self)


cdef void io_thread_release(reactor_record *self) noexcept nogil:
    """The thread at its end, or its creator if it was never started: gives up what the thread owns."""
    easies_free(&self.io)
    multis_free(&self.io.multis)
    if self.io.pool is not NULL:
        pool_close(self.io.pool)
        self.io.pool = NULL
    sockets_free(&self.io.sockets)


cdef void io_thread_disown(reactor_record *self) noexcept nogil:
    """Child of a fork, if the thread was parked: closes the copies of its descriptors. Their originals are the parent's.

    Else a connection that the parent closes would stay open, and a partial file locked, as long as the child lives. What libcurl keeps
    for itself stays open.
    """
    cdef transaction *t = self.live
    while t is not NULL:
        if t.state == STATE_ACTIVE:
            file_disown(&(<transfer *> t.transfer).file)
        elif t.interrupted is not NULL:
            file_disown(&t.interrupted.file)
        t = t.next_active
    sockets_disown(&self.io.sockets)
    urlmon_wakeup_close(&self.wakeup)
    urlmon_wakeup_close(&self.finished)
    parking_close(&self.parking)


cdef bint io_thread_prepare(reactor_record *self) noexcept nogil:
    """Reactor's creator, before the thread starts: the multi handles, the pool, the poller. False: something could not be had."""
    self.flow_ns = -1
    self.io.tick_ns = -1
    self.io.look_ns = -1
    self.io.now_ns = urlmon_now_ns()
    list_init(&self.commands)
    if not sockets_init(&self.io.sockets):
        return False
    if urlmon_poller_set(&self.io.sockets.poller, self.wakeup.read_fd, 0, URLMON_READABLE):
        return False
    # Since 8.7 all transfers of a multi handle share one buffer; before, each easy handle, pooled ones too, has its own.
    self.io.buffer_most = BUFFER_SHARED if curl.version_info(CURLVERSION_NOW).version_num >= 0x080700 else BUFFER_OWN
    self.io.pool = pool_create()
    return multis_init(&self.io.multis, &self.io.sockets) and self.io.pool is not NULL


cdef void *io_thread_main(void *argument) noexcept nogil:
    """The body of the thread."""
    cdef reactor_record *self = <reactor_record *> argument
    cdef char name[16]                # what Linux keeps of it
    if self.number == 0:
        urlmon_thread_name(b"urlmon-io")
    else:
        snprintf(name, sizeof(name), b"urlmon-io-%d", self.number)
        urlmon_thread_name(name)
    small_memory_begin()
    while not u32_load_acquire(&self.stopping):
        parking_stop(&self.parking)
        _turn(self)
    _shut_down(self)
    small_memory_end()
    urlmon_wakeup_signal(&self.finished)
    return NULL
