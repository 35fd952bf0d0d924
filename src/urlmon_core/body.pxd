# The body of a request, as the I/O thread sees it: plain C, immutable, reference counted, shared by any number of requests.

from libc.stddef cimport size_t
from libc.stdint cimport int64_t

from urlmon_core.atomics cimport atomic_u32

cdef enum body_kind:
    BODY_BYTES = 1        # content: the bytes
    BODY_FILE = 2         # content: path of the file, zero-terminated
    BODY_STREAM = 3       # the owner hands over piece by piece, see upload.pyx

cdef struct request_body:
    atomic_u32 references
    int kind              # body_kind
    int64_t size          # bytes; -1 = not known before its end
    char *content

cdef struct body_piece:
    # Bytes of a stream on their way from the owner to the I/O thread.
    unsigned int attempt  # of the request that they are for
    size_t size           # 0 = the end
    char bytes[1]         # `size` of them


cdef void body_release(request_body *body) noexcept nogil

cdef class Body:
    cdef request_body *body
    cdef readonly object stream       # what is read, None if it is no stream
    cdef object start                 # where in the stream the body begins, None = it cannot be sent twice
    cdef body_piece *next_piece(self, unsigned int attempt) except NULL
