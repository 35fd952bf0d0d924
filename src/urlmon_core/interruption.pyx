"""A suspended transfer keeps its connection for a while only. See interruption.pxd; used through cimport only.

What it leaves behind is where it was and how the server named that version of the resource: a strong ETag, else Last-Modified
(RFC 9110 13.1.5). Resumed, it asks for the rest with Range and If-Range and takes nothing but exactly that: a 206 that begins at the
byte asked for, of a body of the same length, not encoded. Any other answer begins anew, if the client has not been given
bytes that it could not take back, else the operation fails.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free

from urlmon_core.filesink cimport file_discard, file_init, file_restart
from urlmon_core.libcurl cimport CURLOPT_HTTPHEADER, CURLOPT_RANGE, curl
from urlmon_core.mailbox cimport CAUSE_MEMORY, CAUSE_RESUME, CAUSE_STORAGE
from urlmon_core.request cimport STORAGE_FILE, STORAGE_STREAM, request_profile
from urlmon_core.transaction cimport interrupted_transfer
from urlmon_core.transfer cimport VALIDATOR_ROOM

cdef extern from "<string.h>" nogil:
    char *strdup(const char *text)

cdef extern from "<strings.h>" nogil:
    int strncasecmp(const char *a, const char *b, size_t size)

cdef extern from "<stdio.h>" nogil:
    int snprintf(char *buffer, size_t size, const char *format, ...)


# -- when ------------------------------------------------------------------------------------------------------------

cdef void interruption_due_at(transfer *self, int64_t when_ns) noexcept nogil:
    """The connection is to be given up at `when_ns`; 0 = not at all (resumed, or over)."""
    if self.resting_until_ns:
        if self.previous_resting is NULL:
            self.context.resting = self.next_resting
        else:
            self.previous_resting.next_resting = self.next_resting
        if self.next_resting is not NULL:
            self.next_resting.previous_resting = self.previous_resting
    self.resting_until_ns = when_ns
    if when_ns:
        self.previous_resting = NULL
        self.next_resting = self.context.resting
        if self.context.resting is not NULL:
            self.context.resting.previous_resting = self
        self.context.resting = self


cdef transfer *interruption_due(io_context *context, int64_t now_ns) noexcept nogil:
    """One whose time has come, NULL = none."""
    cdef transfer *item = context.resting
    while item is not NULL and item.resting_until_ns > now_ns:
        item = item.next_resting
    return item


cdef int64_t interruption_next(io_context *context) noexcept nogil:
    """When the next one's time comes, -1 = never."""
    cdef transfer *item = context.resting
    cdef int64_t next_ns = -1
    while item is not NULL:
        if next_ns < 0 or item.resting_until_ns < next_ns:
            next_ns = item.resting_until_ns
        item = item.next_resting
    return next_ns


# -- leaving off -----------------------------------------------------------------------------------------------------

cdef bint interruption_record(transfer *self) noexcept nogil:
    """Remembers where the transfer was. False: out of memory."""
    cdef transaction *t = self.transaction
    cdef interrupted_transfer *record = <interrupted_transfer *> calloc(1, sizeof(interrupted_transfer))
    cdef const char *validator = NULL
    if record is NULL:
        return False
    record.responded = self.responded
    record.received = self.received
    record.content_length = self.content_length
    if self.responded and not self.encoded:
        if self.etag[0] == c'"':
            validator = self.etag           # "W/..." names no version of the bytes
        elif self.modified[0]:
            validator = self.modified
    if validator is not NULL:
        record.validator = strdup(validator)
        if record.validator is NULL:
            free(record)
            return False
    record.file = self.file
    file_init(&self.file)
    t.interrupted = record
    return True


cdef void interruption_free(transaction *t) noexcept nogil:
    """The operation ends without going on: nothing is left of it."""
    file_discard(&t.interrupted.file)
    free(t.interrupted.validator)
    free(t.interrupted)
    t.interrupted = NULL


# -- going on --------------------------------------------------------------------------------------------------------

cdef bint _restart(transfer *self) noexcept nogil:
    """Begins anew, if nothing has to be taken back from the client. False: not possible, `failure` says why."""
    cdef transaction *t = self.transaction
    cdef int failure
    if t.request.storage == STORAGE_STREAM and t.stream.written:
        self.failure = CAUSE_RESUME
        return False
    if t.request.storage == STORAGE_FILE:
        failure = file_restart(&self.file)
        if failure:
            self.failure = CAUSE_STORAGE
            self.failure_code = failure
            return False
    t.memory.size = 0
    self.received = 0
    return True


cdef bint interruption_apply(transfer *self) noexcept nogil:
    """Sets the easy handle up to go on where the operation was. False: not possible, `failure` says why."""
    cdef transaction *t = self.transaction
    cdef interrupted_transfer *record = t.interrupted
    cdef request_profile *profile = t.request.profile
    cdef char text[VALIDATOR_ROOM + 16]
    cdef char *validator = record.validator
    cdef bint possible = True
    cdef int i
    self.file = record.file
    self.received = record.received
    self.resume_length = record.content_length
    self.resuming = record.responded
    t.interrupted = NULL
    free(record)
    if self.received:
        if validator is NULL:
            possible = _restart(self)
        else:
            snprintf(text, sizeof(text), b"If-Range: %s", validator)
            self.condition.data = strdup(text)
            if self.condition.data is NULL:
                self.failure = CAUSE_MEMORY
                possible = False
            else:
                self.condition.next = NULL
                for i in range(profile.option_count):
                    if profile.options[i].number == CURLOPT_HTTPHEADER:
                        self.condition.next = profile.options[i].list
                curl.easy_setopt(self.easy, CURLOPT_HTTPHEADER, <void *> &self.condition)
                snprintf(text, sizeof(text), b"%llu-", <unsigned long long> self.received)
                curl.easy_setopt(self.easy, CURLOPT_RANGE, <void *> text)
    free(validator)
    return possible


cdef bint _is_the_rest(transfer *self) noexcept nogil:
    """Is this the 206 that was asked for (RFC 9110 14.4)?"""
    cdef const char *text = self.content_range
    cdef uint64_t first = 0
    cdef uint64_t total = 0
    if self.status != 206 or self.encoded or strncasecmp(text, b"bytes ", 6) != 0:
        return False
    text += 6
    if not c"0" <= text[0] <= c"9":
        return False
    while c"0" <= text[0] <= c"9" and first < (<uint64_t> 1 << 58):
        first = first * 10 + (text[0] - c"0")
        text += 1
    while text[0] and text[0] != c"/":
        text += 1
    if first != self.received or text[0] != c"/":
        return False
    text += 1
    if text[0] == c"*":
        return True
    while c"0" <= text[0] <= c"9" and total < (<uint64_t> 1 << 58):
        total = total * 10 + (text[0] - c"0")
        text += 1
    return self.resume_length < 0 or total == <uint64_t> self.resume_length


cdef bint interruption_accepts(transfer *self) noexcept nogil:
    """Looks at the final response of a resumed transfer. False: it cannot be used, `failure` says why."""
    if self.received == 0:
        if 200 <= self.status < 300:
            return True
        self.failure = CAUSE_RESUME
        return False
    if _is_the_rest(self):
        self.content_length = self.resume_length
        return True
    if self.status == 200:
        return _restart(self)
    self.failure = CAUSE_RESUME
    return False
