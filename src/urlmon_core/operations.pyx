"""What becomes of an operation on the I/O thread: it is entered, commanded, answered, ended.

The owners' commands arrive here, in the order in which they were given. See operations.pxd; used through cimport only.
"""

from libc.stdint cimport int64_t

from urlmon_core.admission cimport (
    admission_ended, admission_enqueue, admission_leave, admission_limits_changed, admission_rest, admission_set_priority,
)
from urlmon_core.atomics cimport i32_load_relaxed, u32_cas_acq_rel, u32_exchange_acq_rel, u32_load_relaxed
from urlmon_core.flow cimport flow_set_level
from urlmon_core.iothread cimport reactor_record
from urlmon_core.libcurl cimport CURLE_OK, CURLPAUSE_CONT, curl
from urlmon_core.mailbox cimport CAUSE_ABORTED, CAUSE_CURL, CAUSE_MEMORY, CAUSE_NONE
from urlmon_core.notify cimport list_take_all, node
from urlmon_core.questions cimport question_drains
from urlmon_core.runqueue cimport PRIORITY_MIN, clamp_priority
from urlmon_core.transaction cimport (
    COMMAND_ABORT, COMMAND_ANSWER, COMMAND_CREDIT, COMMAND_LIMITS, COMMAND_OPEN, COMMAND_PIECE, COMMAND_PRIORITY,
    COMMAND_SUSPENSION, FATE_ENDED, FATE_OPEN, STATE_ACTIVE, STATE_DONE, STATE_NEW, STATE_SUSPENDED, set_state,
    transaction_of_command, transaction_reference, transaction_release,
)
from urlmon_core.transfer cimport (
    mark_admission_due, transaction_end, transfer, transfer_again, transfer_continue, transfer_end, transfer_go_on,
    transfer_remove, transfer_set_suspended,
)
from urlmon_core.upload cimport upload_piece_came


# -- the list of what is live ----------------------------------------------------------------------------------------

cdef void operation_enlist(reactor_record *self, transaction *t) noexcept nogil:
    transaction_reference(t)
    t.previous_active = NULL
    t.next_active = self.live
    if self.live is not NULL:
        self.live.previous_active = t
    self.live = t


cdef void operation_delist(reactor_record *self, transaction *t) noexcept nogil:
    if t.previous_active is NULL:
        self.live = t.next_active
    else:
        t.previous_active.next_active = t.next_active
    if t.next_active is not NULL:
        t.next_active.previous_active = t.previous_active
    transaction_release(t)


# -- ending ----------------------------------------------------------------------------------------------------------

cdef void operation_end_active(reactor_record *self, transaction *t, int cause, int code) noexcept nogil:
    """Ends a transfer that the multi handle no longer holds."""
    mark_admission_due(&self.io, t.apartment)
    admission_ended(t, self.io.now_ns)
    transfer_end(<transfer *> t.transfer, cause, code)
    operation_delist(self, t)


cdef void operation_end(reactor_record *self, transaction *t, int cause) noexcept nogil:
    """Ends a live operation in whatever state it is."""
    if t.state == STATE_ACTIVE:
        transfer_remove(<transfer *> t.transfer)
        operation_end_active(self, t, cause, 0)
        return
    admission_leave(t, self.io.now_ns)
    if not u32_cas_acq_rel(&t.fate, FATE_OPEN, FATE_ENDED):
        cause = CAUSE_ABORTED
    transaction_end(&self.io, t, cause, 0, 0, NULL)
    operation_delist(self, t)


# -- answers ---------------------------------------------------------------------------------------------------------

cdef void operation_start_again(reactor_record *self, transfer *item) noexcept nogil:
    """Another request in the place of the one that the multi handle no longer holds."""
    cdef transaction *t = item.transaction
    if not transfer_again(item):
        mark_admission_due(&self.io, t.apartment)
        admission_ended(t, self.io.now_ns)
        operation_delist(self, t)


cdef void _answered(reactor_record *self, transfer *item) noexcept nogil:
    """The owner has answered the question of `item`."""
    if not item.asking:
        return
    item.asking = False
    if item.transaction.answer is NULL:
        if item.over:
            operation_end_active(self, item.transaction, CAUSE_NONE if item.over_code == CURLE_OK else CAUSE_CURL, item.over_code)
        else:
            transfer_go_on(item)
    elif not item.over and question_drains(item):
        item.again = True
        item.discarding = True
        item.received = 0
        curl.easy_pause(item.easy, CURLPAUSE_CONT)
    else:
        transfer_remove(item)
        operation_start_again(self, item)


# -- commands --------------------------------------------------------------------------------------------------------

cdef void _enqueue(reactor_record *self, transaction *t, int64_t now_ns) noexcept nogil:
    self.sequence += 1
    t.waiting.sequence = self.sequence
    if not admission_enqueue(t, now_ns):
        operation_end(self, t, CAUSE_MEMORY)
        return
    mark_admission_due(&self.io, t.apartment)


cdef void _obey(reactor_record *self, transaction *t, unsigned int bits, int64_t now_ns) noexcept nogil:
    cdef bint suspended
    cdef int priority
    if bits & COMMAND_OPEN:
        t.waiting.priority = <signed char> clamp_priority(i32_load_relaxed(&t.wants_priority))
        operation_enlist(self, t)
        if u32_load_relaxed(&t.wants_suspended):
            set_state(t, STATE_SUSPENDED)
        else:
            _enqueue(self, t, now_ns)
    if bits & COMMAND_LIMITS:
        admission_limits_changed(t.apartment, now_ns)
        mark_admission_due(&self.io, t.apartment)
    if t.state in (STATE_NEW, STATE_DONE):
        return
    if bits & COMMAND_ABORT:
        operation_end(self, t, CAUSE_ABORTED)
        return
    if bits & COMMAND_PRIORITY:
        priority = clamp_priority(i32_load_relaxed(&t.wants_priority))
        if priority != t.waiting.priority:
            admission_set_priority(t, priority, now_ns)
            if t.state == STATE_ACTIVE:
                flow_set_level(<transfer *> t.transfer, priority - PRIORITY_MIN)
            else:
                mark_admission_due(&self.io, t.apartment)
    if bits & COMMAND_SUSPENSION:
        suspended = u32_load_relaxed(&t.wants_suspended) != 0
        if t.state == STATE_ACTIVE:
            transfer_set_suspended(<transfer *> t.transfer, suspended)
            admission_rest(t, suspended)
            mark_admission_due(&self.io, t.apartment)
        elif suspended and t.state != STATE_SUSPENDED:
            admission_leave(t, self.io.now_ns)
        elif not suspended and t.state == STATE_SUSPENDED:
            _enqueue(self, t, now_ns)
    if bits & COMMAND_ANSWER and t.state == STATE_ACTIVE:
        _answered(self, <transfer *> t.transfer)
    if bits & COMMAND_PIECE and t.state == STATE_ACTIVE:
        upload_piece_came(<transfer *> t.transfer)
    if bits & COMMAND_CREDIT and t.state == STATE_ACTIVE:
        transfer_continue(<transfer *> t.transfer)


cdef void operations_obey_all(reactor_record *self, int64_t now_ns) noexcept nogil:
    cdef node *item = list_take_all(&self.commands)
    cdef node *following
    cdef transaction *t
    while item is not NULL:
        following = item.next           # the node may be pushed again as soon as the word is cleared
        t = transaction_of_command(item)
        _obey(self, t, u32_exchange_acq_rel(&t.commands, 0), now_ns)
        transaction_release(t)
        item = following
