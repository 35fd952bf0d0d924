"""The body of a request goes out: libcurl's read callback, and where its bytes come from. Used through cimport only.

Bytes are in the request's body, a file is opened here when the transfer starts. A stream belongs to the owner: it is asked for the next
piece as soon as one is begun to be sent, so one is being sent and one is on its way, and no more is read ahead. Without a
piece libcurl is paused. Pieces say for which attempt they were read, because the owner may have begun anew meanwhile.
"""

from libc.errno cimport EINTR, ESTALE, errno
from libc.stdint cimport int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from urlmon_core.atomics cimport u32_store_release, u64_store_relaxed
from urlmon_core.body cimport BODY_BYTES, BODY_FILE, body_piece, request_body
from urlmon_core.libcurl cimport (
    CURL_READFUNC_ABORT, CURL_READFUNC_PAUSE, CURL_SEEKFUNC_CANTSEEK, CURL_SEEKFUNC_OK,
)
from urlmon_core.mailbox cimport CAUSE_BODY, CAUSE_MEMORY, STATUS_BEGINUPLOADDATA, STATUS_ENDUPLOADDATA, mailbox_post
from urlmon_core.transfer cimport mark_dirty, transfer_unpause

cdef extern from "<sys/stat.h>" nogil:
    cdef struct stat_record "stat":
        unsigned int st_mode
        long st_size
    int fstat(int fd, stat_record *record)
    bint S_ISREG(unsigned int mode)

cdef extern from "<fcntl.h>" nogil:
    int open(const char *path, int flags, ...)
    int O_RDONLY
    int O_CLOEXEC
    int O_NOCTTY
    int O_NONBLOCK

cdef extern from "<unistd.h>" nogil:
    int close(int fd)
    ssize_t pread(int fd, void *target, size_t size, long offset)


cdef void upload_init(transfer *self) noexcept nogil:
    """A transfer begins."""
    self.body_fd = -1
    self.body_position = 0
    self.body_begun = False
    self.body_done = False
    self.starving = False
    self.piece = NULL
    self.next_piece = NULL
    self.piece_used = 0
    self.piece_asked = False
    self.attempt = 0


cdef int upload_begin(transfer *self) noexcept nogil:
    """Opens what is to be sent. Returns 0 or an errno value."""
    cdef request_body *body = self.transaction.request.body
    cdef stat_record record
    cdef int failure
    if body is NULL or body.kind != BODY_FILE or self.body_fd >= 0:
        return 0
    # Not to wait for the other end of what is no file.
    self.body_fd = open(body.content, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
    if self.body_fd < 0:
        return errno
    failure = errno if fstat(self.body_fd, &record) else 0
    if failure == 0 and (not S_ISREG(record.st_mode) or record.st_size != body.size):
        failure = ESTALE        # not what it was when it was bound
    return failure


cdef bint upload_rewind(transfer *self) noexcept nogil:
    """The same request is made once more. False: a stream cannot, its owner would have to."""
    cdef request_body *body = self.transaction.request.body
    if body is NULL:
        return True
    self.body_position = 0
    self.body_begun = False
    self.body_done = False
    return body.kind in (BODY_BYTES, BODY_FILE)


cdef void upload_end(transfer *self, bint over) noexcept nogil:
    """The transfer is over, or another request takes the place of this one, for which a piece may have come already."""
    if over:
        free(self.next_piece)
        self.next_piece = NULL
    if self.body_fd >= 0:
        close(self.body_fd)
        self.body_fd = -1
    free(self.piece)
    self.piece = NULL
    self.piece_used = 0
    self.starving = False
    self.body_position = 0
    self.body_begun = False
    self.body_done = False


cdef bint _tell(transfer *self, int kind) noexcept nogil:
    if not self.transaction.request.tells:
        return True
    if not mailbox_post(&self.transaction.mail, kind, 0, NULL, 0):
        self.failure = CAUSE_MEMORY
        return False
    mark_dirty(self.context, self.transaction)
    return True


cdef void upload_closed(transfer *self) noexcept nogil:
    """Everything was sent, or the server answers without having waited for it."""
    if self.body_begun and not self.body_done:
        self.body_done = True
        _tell(self, STATUS_ENDUPLOADDATA)


cdef void _ask_for_piece(transfer *self) noexcept nogil:
    if not self.piece_asked:
        self.piece_asked = True
        u32_store_release(&self.transaction.wants_piece, 1)
        mark_dirty(self.context, self.transaction)


cdef void upload_piece_came(transfer *self) noexcept nogil:
    """The owner has handed a piece over. Nothing looks at `transaction.piece` but this, after its command."""
    if self.transaction.piece is NULL:
        return
    self.next_piece = self.transaction.piece
    self.transaction.piece = NULL
    self.piece_asked = False
    if self.starving:
        self.starving = False
        if not self.suspended and not self.over:
            transfer_unpause(self)


cdef size_t _read_stream(transfer *self, char *target, size_t size) noexcept nogil:
    """Bytes of the stream; 0 = its end, CURL_READFUNC_PAUSE = the owner has to read on first."""
    cdef body_piece *piece = self.piece
    if piece is not NULL and self.piece_used == piece.size and piece.size:
        free(piece)
        piece = NULL
    if piece is NULL:
        piece = self.next_piece
        self.next_piece = NULL
        if piece is not NULL and piece.attempt != self.attempt:
            free(piece)         # of the request before
            piece = NULL
        self.piece = piece
        self.piece_used = 0
        if piece is NULL or piece.size:
            _ask_for_piece(self)
        if piece is NULL:
            self.starving = True
            return CURL_READFUNC_PAUSE
    if size > piece.size - self.piece_used:
        size = piece.size - self.piece_used
    memcpy(target, piece.bytes + self.piece_used, size)
    self.piece_used += size
    return size


cdef size_t _read_file(transfer *self, char *target, size_t size) noexcept nogil:
    cdef ssize_t got = -1
    while got < 0:
        got = pread(self.body_fd, target, size, <long> self.body_position)
        if got < 0 and errno != EINTR:
            self.failure = CAUSE_BODY
            self.failure_code = errno
            return CURL_READFUNC_ABORT
    if got == 0:
        self.failure = CAUSE_BODY           # shorter than it was
        self.failure_code = ESTALE
        return CURL_READFUNC_ABORT
    return <size_t> got


cdef size_t on_read(char *target, size_t unit, size_t count, void *userp) noexcept nogil:
    """libcurl's read callback."""
    cdef transfer *self = <transfer *> userp
    cdef request_body *body = self.transaction.request.body
    cdef size_t size = unit * count
    if body is NULL:
        return 0
    if not self.body_begun:
        self.body_begun = True
        u64_store_relaxed(&self.transaction.mail.sent, 0)
        if not _tell(self, STATUS_BEGINUPLOADDATA):
            return CURL_READFUNC_ABORT
    if body.size >= 0 and <int64_t> size > body.size - self.body_position:
        size = <size_t> (body.size - self.body_position)
    if size:
        if body.kind == BODY_BYTES:
            memcpy(target, body.content + self.body_position, size)
        elif body.kind == BODY_FILE:
            size = _read_file(self, target, size)
        else:
            size = _read_stream(self, target, size)
        if size == CURL_READFUNC_PAUSE or size == CURL_READFUNC_ABORT:
            return size
        self.body_position += <int64_t> size
        u64_store_relaxed(&self.transaction.mail.sent, <unsigned long long> self.body_position)
        if self.transaction.request.tells:
            mark_dirty(self.context, self.transaction)
    if size == 0 or self.body_position == body.size:
        upload_closed(self)
    return size


cdef int on_seek(void *userp, long long offset, int origin) noexcept nogil:
    """libcurl sends the body once more: after a redirect, or with the credentials that were wanted."""
    cdef transfer *self = <transfer *> userp
    if origin != 0 or not upload_rewind(self):
        return CURL_SEEKFUNC_CANTSEEK
    self.body_position = offset
    return CURL_SEEKFUNC_OK
