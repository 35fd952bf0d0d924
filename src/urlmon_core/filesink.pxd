# TYMED_FILE: the I/O thread writes the body to `<target>.part` and renames it on success. I/O thread only.

from urlmon_core.blocks cimport block, block_pool

cdef enum:
    FILE_LOCKED = -1          # in place of an errno: somebody else is writing the same target

cdef struct file_sink:
    int fd                    # -1 = not open
    char *target              # both in one allocation of the sink's own
    char *part
    block *staging            # bytes not yet written
    unsigned int staged

cdef void file_init(file_sink *sink) noexcept nogil
cdef int file_open(file_sink *sink, const char *target) noexcept nogil
cdef int file_write(file_sink *sink, block_pool *pool, const char *data, size_t size, size_t expected) noexcept nogil
cdef int file_restart(file_sink *sink) noexcept nogil
cdef int file_commit(file_sink *sink) noexcept nogil
cdef void file_discard(file_sink *sink) noexcept nogil
cdef void file_disown(file_sink *sink) noexcept nogil
