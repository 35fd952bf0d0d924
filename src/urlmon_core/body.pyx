"""Bodies of requests: from Python values to what the I/O thread reads. See body.pxd.

The I/O thread never touches Python: bytes are copied, a file is opened and read by the I/O thread, and a stream is read on its owner's
thread, a piece at a time, when the I/O thread asks for one. Everything here runs on the owner's thread; freeing may happen on any.
"""

import io

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from urlmon_core.atomics cimport reference_drop, u32_init

cdef enum:
    PIECE_MOST = 256 << 10      # bytes that a stream is asked for at once


cdef void body_release(request_body *body) noexcept nogil:
    """Any thread. Drops one reference."""
    if reference_drop(&body.references):
        free(body.content)
        free(body)


cdef class Body:
    """The body of a request; made by body_of_bytes, body_of_file or body_of_stream."""

    def __dealloc__(self):
        if self.body is not NULL:
            body_release(self.body)

    @property
    def size(self):
        """Bytes, -1 = not known before the end."""
        return self.body.size

    def rewind(self):
        """Owner. Has the body begin anew; False: it is a stream that cannot be read twice."""
        if self.stream is None:
            return True
        if self.start is None:
            return False
        self.stream.seek(self.start)
        return True

    cdef body_piece *next_piece(self, unsigned int attempt) except NULL:
        """Owner. Reads the stream once, and so calls the client's code."""
        cdef body_piece *piece
        cdef bytes read
        part = self.stream.read(PIECE_MOST)
        if part is None:
            raise BlockingIOError("the stream of a request body has to wait for its bytes, not to answer that it has none yet")
        if not isinstance(part, (bytes, bytearray, memoryview)):
            raise TypeError(f"the stream of a request body gives bytes, not {type(part).__name__}")
        read = bytes(part)
        piece = <body_piece *> malloc(sizeof(body_piece) + len(read))
        if piece is NULL:
            raise MemoryError
        piece.attempt = attempt
        piece.size = len(read)
        memcpy(piece.bytes, <const char *> read, len(read))
        return piece


cdef Body _body(int kind, int64_t size, bytes content):
    cdef Body body = Body.__new__(Body)
    body.body = <request_body *> calloc(1, sizeof(request_body))
    if body.body is NULL:
        raise MemoryError
    u32_init(&body.body.references, 1)
    body.body.kind = kind
    body.body.size = size
    body.body.content = <char *> malloc(len(content) + 1)
    if body.body.content is NULL:
        raise MemoryError
    memcpy(body.body.content, <const char *> content, len(content) + 1)
    return body


def body_of_bytes(bytes content):
    """A body of these bytes."""
    return _body(BODY_BYTES, len(content), content)


def body_of_file(bytes path, int64_t size):
    """The content of the file `path`, of `size` bytes: another size when it is read ends the operation."""
    return _body(BODY_FILE, size, path)


def body_of_stream(stream):
    """What the binary file `stream` gives from where it stands. Its size is announced if it can be found by seeking; it can be sent
    again if it can be rewound."""
    cdef Body body
    start, size = None, -1
    seekable = getattr(stream, "seekable", None)
    if seekable is not None and seekable():
        start = stream.tell()
        size = max(0, stream.seek(0, io.SEEK_END) - start)
        stream.seek(start)
    body = _body(BODY_STREAM, size, b"")
    body.stream = stream
    body.start = start
    return body
