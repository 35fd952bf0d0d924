"""One transfer from its admission to its end: started, suspended, resumed, ended. See transfer.pxd; used through cimport only."""

from libc.stdint cimport int64_t
from libc.stdlib cimport free
from libc.string cimport memset

from urlmon_core.atomics cimport i32_load_relaxed, i64_store_relaxed, u32_cas_acq_rel, u64_store_relaxed
from urlmon_core.budget cimport budget_leave
from urlmon_core.bytestream cimport stream_go_on
from urlmon_core.counters cimport live, urlmon_assert, urlmon_count
from urlmon_core.easyhandles cimport easy_give_back, easy_set_profile, easy_suit, easy_take
from urlmon_core.filesink cimport FILE_LOCKED, file_commit, file_discard, file_init, file_open
from urlmon_core.flow cimport flow_admitted, flow_before_reading, flow_ended, flow_set_running
from urlmon_core.interruption cimport interruption_apply, interruption_due_at, interruption_free, interruption_record
from urlmon_core.libcurl cimport (
    CURL_ERROR_SIZE, CURLE_OK, CURLE_OUT_OF_MEMORY, CURLE_PARTIAL_FILE, CURLE_WRITE_ERROR, CURLOPT_FRESH_CONNECT, CURLOPT_URL,
    curl,
)
from urlmon_core.mailbox cimport (
    CAUSE_ABORTED, CAUSE_ADDRESS, CAUSE_BODY, CAUSE_CURL, CAUSE_LOCKED, CAUSE_MEMORY, CAUSE_NONE, CAUSE_OPTION, CAUSE_STORAGE,
)
from urlmon_core.request cimport STORAGE_FILE, request_free
from urlmon_core.response cimport response_post
from urlmon_core.stalls cimport stalls_begin, stalls_end
from urlmon_core.transaction cimport FATE_ENDED, FATE_OPEN, STATE_DONE, memory_buffer, set_state
from urlmon_core.upload cimport upload_begin, upload_end, upload_init, upload_rewind

cdef extern from "<string.h>" nogil:
    char *strdup(const char *text)

cdef extern from "<stdio.h>" nogil:
    int snprintf(char *buffer, size_t size, const char *format, ...)


# -- the beginning ---------------------------------------------------------------------------------------------------

cdef void _forget_response(transfer *self) noexcept nogil:
    """Nothing was received yet."""
    self.head_size = 0
    self.head_ended = False
    self.status = 0
    self.content_length = -1
    self.has_location = False
    self.encoded = False
    self.redirected = False
    self.sending = False
    self.connected = False
    self.responded = False
    self.discarding = False
    self.received = 0
    self.header_bytes = 0
    self.refused_address = False
    self.refusal[0] = 0
    self.asking = False
    self.again = False
    self.over = False
    self.etag[0] = 0
    self.modified[0] = 0
    self.content_range[0] = 0
    self.failure = CAUSE_NONE
    self.failure_code = 0
    self.error_text[0] = 0


cdef bint transfer_start(io_context *context, transaction *t) noexcept nogil:
    """Starts the admitted `t`. False: it could not be started, and has been ended with the reason."""
    cdef transfer *self = easy_take(context)
    cdef int failed_option = 0
    cdef CURLcode code
    cdef int failure
    if self is NULL:
        transaction_end(context, t, CAUSE_MEMORY, 0, 0, NULL)
        return False
    urlmon_count(&live.transfers, 1)
    self.transaction = t
    t.transfer = self
    _forget_response(self)
    stream_go_on(&t.stream)       # it may have stopped over a connection that was given up since
    self.suspended = False
    self.visited = False
    self.visit_ns = 0
    self.full_ns = 0
    self.resume_failure = CURLE_OK
    self.resuming = False
    self.ending = False
    self.resting_until_ns = 0
    upload_init(self)
    file_init(&self.file)
    flow_admitted(self, context.now_ns)
    stalls_begin(self)
    code = easy_set_profile(self, t.request.profile, &failed_option)
    if code != CURLE_OK:
        self.failure = CAUSE_OPTION
        transfer_end(self, failed_option, code)
        return False
    easy_suit(self, t.request)
    code = curl.easy_setopt(self.easy, CURLOPT_URL, <void *> t.request.url)
    if code != CURLE_OK:
        transfer_end(self, CAUSE_CURL, code)
        return False
    failure = upload_begin(self)
    if failure:
        self.failure = CAUSE_BODY
        self.failure_code = failure
        transfer_end(self, CAUSE_CURL, CURLE_WRITE_ERROR)
        return False
    if t.interrupted is not NULL:
        if not interruption_apply(self):
            transfer_end(self, CAUSE_CURL, CURLE_WRITE_ERROR)
            return False
    elif t.request.storage == STORAGE_FILE:
        failure = file_open(&self.file, t.request.path)
        if failure:
            self.failure = CAUSE_LOCKED if failure == FILE_LOCKED else CAUSE_STORAGE
            self.failure_code = failure
            transfer_end(self, CAUSE_CURL, CURLE_WRITE_ERROR)
            return False
    if not transfer_add(self):
        self.failure = CAUSE_MEMORY
        transfer_end(self, CAUSE_CURL, CURLE_WRITE_ERROR)
        return False
    return True


# -- while it runs ---------------------------------------------------------------------------------------------------

cdef void transfer_continue(transfer *self) noexcept nogil:
    """The byte stream has room again. libcurl delivers the refused chunk from inside this call."""
    if stream_go_on(&self.transaction.stream):
        flow_before_reading(self)
        transfer_go_on(self)


cdef void transfer_set_suspended(transfer *self, bint suspended) noexcept nogil:
    if self.suspended == suspended:
        return
    self.suspended = suspended
    flow_set_running(self, not suspended)
    if suspended:
        # What waits for an answer has no place to go on from, and what has a body must not be sent twice unasked.
        if not self.asking and self.transaction.request.body is NULL:
            interruption_due_at(
                self, self.context.now_ns + <int64_t> i32_load_relaxed(&self.transaction.apartment.suspend_keep_ms) * 1000000)
        transfer_pause(self)
        return
    interruption_due_at(self, 0)
    if self.is_bulk:
        flow_before_reading(self)
    transfer_go_on(self)


cdef bint transfer_again(transfer *self) noexcept nogil:
    """Makes the owner's answer the request, in the place and with the slots of the one before. The multi handle does not hold the
    transfer. False: it could not be started, and has been ended with the reason."""
    cdef transaction *t = self.transaction
    cdef int failed_option = 0
    cdef CURLcode code
    request_free(t.request)
    t.request = t.answer
    t.answer = NULL
    budget_leave(self)
    upload_end(self, False)
    self.attempt += 1
    _leave_failed(self)
    _forget_response(self)
    i64_store_relaxed(&t.mail.total, -1)
    u64_store_relaxed(&t.mail.received, 0)
    self.mark_ns = self.context.now_ns
    self.mark_bytes = 0
    self.multiplexed = False
    code = easy_set_profile(self, t.request.profile, &failed_option)
    if code != CURLE_OK:
        self.failure = CAUSE_OPTION
        transfer_end(self, failed_option, code)
        return False
    easy_suit(self, t.request)
    code = curl.easy_setopt(self.easy, CURLOPT_URL, <void *> t.request.url)
    self.failure_code = upload_begin(self)
    if self.failure_code:
        self.failure = CAUSE_BODY
        code = CURLE_WRITE_ERROR
    if code == CURLE_OK and not transfer_add(self):
        code = CURLE_OUT_OF_MEMORY
    if code != CURLE_OK:
        transfer_end(self, CAUSE_CURL, code)
        return False
    return True


cdef bint transfer_retry(transfer *self) noexcept nogil:
    """Tries once more, over a new connection, what libcurl gave up after it had tried several dead ones. False: not a case for it.

    libcurl takes an idle connection that it has looked at within the last second without looking again, and gives up after five: a
    server that closes its idle connections would fail requests that were never sent. What failed on a new connection is not tried
    again: the server may have acted on it. The multi handle does not hold the transfer.
    """
    if self.fresh or self.connected or self.status or self.received or self.responded or self.failure != CAUSE_NONE:
        return False
    if not upload_rewind(self):
        return False
    curl.easy_setopt(self.easy, CURLOPT_FRESH_CONNECT, <long> 1)
    self.fresh = True
    self.error_text[0] = 0
    return transfer_add(self)


cdef void _leave_failed(transfer *self) noexcept nogil:
    """It is over: out of `context.failed`, which is nearly always empty."""
    cdef transfer **place = &self.context.failed
    if self.resume_failure == CURLE_OK:
        return
    while place[0] is not self:
        place = &place[0].next_failed
    place[0] = self.next_failed
    self.resume_failure = CURLE_OK


cdef bint transfer_interrupt(transfer *self) noexcept nogil:
    """Gives up the connection of a suspended transfer, which the multi handle no longer holds; its operation waits on.

    False: out of memory, nothing was done.
    """
    cdef transaction *t = self.transaction
    if not interruption_record(self):
        return False
    _leave_failed(self)
    flow_ended(self)
    budget_leave(self)
    stalls_end(self)
    interruption_due_at(self, 0)
    t.transfer = NULL
    self.transaction = NULL
    urlmon_count(&live.transfers, -1)
    easy_give_back(self)
    return True


# -- the end ---------------------------------------------------------------------------------------------------------

cdef void transaction_end(io_context *context, transaction *t, int cause, int code, int option, const char *text) noexcept nogil:
    """Writes the end record: the last thing that is ever told of `t`."""
    urlmon_assert(t.state != STATE_DONE)
    set_state(t, STATE_DONE)
    if t.interrupted is not NULL:
        interruption_free(t)
    t.mail.outcome.cause = cause
    t.mail.outcome.code = code
    t.mail.outcome.option = option
    t.mail.outcome.text = NULL if text is NULL or text[0] == 0 else strdup(text)
    if cause != CAUSE_NONE:
        free(t.memory.bytes)
        memset(&t.memory, 0, sizeof(memory_buffer))
    mark_dirty(context, t)


cdef void transfer_end(transfer *self, int cause, CURLcode code) noexcept nogil:
    """Ends an active transfer, which the multi handle no longer holds, and gives the easy handle back.

    cause: CAUSE_NONE or CAUSE_CURL as libcurl reports, or why the core itself ends it. After a refused option, `cause` is the
    option's number.
    """
    cdef transaction *t = self.transaction
    cdef io_context *context = self.context
    cdef int option = 0
    cdef int detail = code
    flow_ended(self)
    budget_leave(self)
    stalls_end(self)
    interruption_due_at(self, 0)
    upload_end(self, True)
    self.ending = True
    if cause == CAUSE_NONE and self.resume_failure != CURLE_OK:
        cause = CAUSE_CURL
        detail = self.resume_failure
    elif cause == CAUSE_NONE and self.status and not self.head_ended:
        # For libcurl a connection that closes within the head has given a complete response without a body.
        cause = CAUSE_CURL
        detail = CURLE_PARTIAL_FILE
        snprintf(self.error_text, CURL_ERROR_SIZE, b"the connection closed within the head of the response")
    _leave_failed(self)
    if self.failure == CAUSE_OPTION:
        option = cause
        cause = CAUSE_OPTION
    else:
        if self.status and not self.responded and not self.redirected:
            response_post(self)
        if self.refused_address and cause == CAUSE_CURL and self.failure == CAUSE_NONE:
            self.failure = CAUSE_ADDRESS
        if self.failure == CAUSE_ADDRESS:
            snprintf(self.error_text, CURL_ERROR_SIZE, b"%s", self.refusal)
        if self.failure != CAUSE_NONE and (cause == CAUSE_CURL or cause == CAUSE_NONE):
            cause = self.failure
            detail = self.failure_code
    # From here on an abort by the owner comes too late, or it came before and wins.
    if not u32_cas_acq_rel(&t.fate, FATE_OPEN, FATE_ENDED):
        cause = CAUSE_ABORTED
    if t.request.storage == STORAGE_FILE:
        if cause == CAUSE_NONE:
            detail = file_commit(&self.file)
            if detail:
                cause = CAUSE_STORAGE
        else:
            file_discard(&self.file)
    transaction_end(context, t, cause, detail, option, self.error_text)
    self.transaction.transfer = NULL
    self.transaction = NULL
    urlmon_count(&live.transfers, -1)
    easy_give_back(self)
