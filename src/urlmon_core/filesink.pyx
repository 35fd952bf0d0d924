"""The file sink. Nothing is ever seen at the target name but a complete body.

The partial file is locked (flock) while it is written: two downloads of one target, in one process or in two, cannot mix their
bytes, and a `.part` file that nobody locks is a leftover and is begun anew. Used through cimport only.
"""

from libc.errno cimport EAGAIN, EINTR, EISDIR, ENOMEM, errno
from libc.stdio cimport rename
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, strlen

from urlmon_core.blocks cimport block_bytes, block_release, block_take
from urlmon_core.copybytes cimport urlmon_copy

cdef extern from "<sys/stat.h>" nogil:
    cdef struct stat_record "stat":
        unsigned long st_dev
        unsigned long st_ino
        unsigned int st_mode
        long st_size
    int stat(const char *path, stat_record *record)
    int lstat(const char *path, stat_record *record)
    int fstat(int fd, stat_record *record)
    bint S_ISDIR(unsigned int mode)
    bint S_ISREG(unsigned int mode)

cdef extern from "<fcntl.h>" nogil:
    int open(const char *path, int flags, ...)
    int O_RDWR
    int O_CREAT
    int O_CLOEXEC
    int O_NOFOLLOW
    int O_NOCTTY
    int O_NONBLOCK

cdef extern from "<sys/file.h>" nogil:
    int flock(int fd, int operation)
    int LOCK_EX
    int LOCK_NB

cdef extern from "<unistd.h>" nogil:
    ssize_t write(int fd, const void *data, size_t size)
    int close(int fd)
    int dup(int fd)
    int ftruncate(int fd, long size)
    int unlink(const char *path)
    long lseek(int fd, long offset, int whence)
    int SEEK_SET

cdef extern from "<sys/uio.h>" nogil:
    cdef struct iovec:
        void *iov_base
        size_t iov_len
    ssize_t writev(int fd, const iovec *parts, int count)

cdef enum:
    WRITE_AT_ONCE = 16 << 10        # bytes: a chunk that is large enough for a write of its own; libcurl's are no larger


cdef void file_init(file_sink *sink) noexcept nogil:
    sink.fd = -1
    sink.target = NULL
    sink.part = NULL
    sink.staging = NULL
    sink.staged = 0


cdef int file_open(file_sink *sink, const char *target) noexcept nogil:
    """Opens and locks the partial file of `target`. Returns 0, an errno value or FILE_LOCKED."""
    cdef size_t size = strlen(target)
    cdef stat_record here
    cdef stat_record there
    cdef int fd
    cdef int failure
    sink.target = <char *> malloc(2 * size + 7)
    if sink.target is NULL:
        return ENOMEM
    memcpy(sink.target, target, size + 1)
    sink.part = sink.target + size + 1
    memcpy(sink.part, target, size)
    memcpy(sink.part + size, <const char *> b".part", 6)
    if stat(target, &here) == 0 and S_ISDIR(here.st_mode):
        return EISDIR
    while True:
        # O_NONBLOCK: opening a planted FIFO must not stop the thread; regular files ignore it.
        fd = open(sink.part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0o666)
        if fd < 0:
            if errno == EINTR:
                continue
            return errno
        if flock(fd, LOCK_EX | LOCK_NB) < 0:
            failure = errno
            close(fd)
            return FILE_LOCKED if failure == EAGAIN else failure
        # Between open and flock the former owner may have renamed or removed the file: then this is not the one at the name.
        if fstat(fd, &here) < 0:
            failure = errno
            close(fd)
            return failure
        if lstat(sink.part, &there) == 0 and there.st_ino == here.st_ino and there.st_dev == here.st_dev:
            break
        close(fd)
    if not S_ISREG(here.st_mode):
        close(fd)
        return EISDIR
    if here.st_size and ftruncate(fd, 0) < 0:
        failure = errno
        close(fd)
        return failure
    sink.fd = fd
    return 0


cdef int _write_all(file_sink *sink, const char *data, size_t size) noexcept nogil:
    """Writes what is staged, and `size` bytes after it."""
    cdef iovec parts[2]
    cdef ssize_t done
    cdef int first = 0 if sink.staged else 1
    parts[0].iov_base = block_bytes(sink.staging) if sink.staged else NULL
    parts[0].iov_len = sink.staged
    parts[1].iov_base = <void *> data
    parts[1].iov_len = size
    sink.staged = 0
    while parts[0].iov_len or parts[1].iov_len:
        if first:
            done = write(sink.fd, parts[1].iov_base, parts[1].iov_len)      # mostly; costs less than a writev of one part
        else:
            done = writev(sink.fd, parts, 2)
        if done < 0:
            if errno == EINTR:
                continue
            return errno
        while first < 2 and <size_t> done >= parts[first].iov_len:
            done -= parts[first].iov_len
            parts[first].iov_len = 0
            first += 1
        if first < 2:
            parts[first].iov_base = (<char *> parts[first].iov_base) + done
            parts[first].iov_len -= done
    return 0


cdef int file_write(file_sink *sink, block_pool *pool, const char *data, size_t size, size_t expected) noexcept nogil:
    """Takes `size` bytes; `expected` = bytes that will probably come in all. Returns 0 or an errno value.

    Small chunks, as they come over TLS (16 KiB at most), are gathered into larger writes; copying a larger one costs more than writing it.
    """
    cdef int failure
    cdef size_t part
    if size >= WRITE_AT_ONCE or (sink.staged == 0 and size >= expected):
        return _write_all(sink, data, size)
    while size:
        if sink.staging is NULL:
            sink.staging = block_take(pool, expected if expected > size else size)
            if sink.staging is NULL:
                return ENOMEM
        part = sink.staging.capacity - sink.staged
        if part > size:
            part = size
        urlmon_copy(block_bytes(sink.staging) + sink.staged, data, part)
        sink.staged += <unsigned int> part
        data += part
        size -= part
        if sink.staged == sink.staging.capacity:
            failure = _write_all(sink, NULL, 0)
            if failure:
                return failure
    return 0


cdef int file_restart(file_sink *sink) noexcept nogil:
    """Begins again with an empty file. Returns 0 or an errno value."""
    sink.staged = 0
    if ftruncate(sink.fd, 0) < 0 or lseek(sink.fd, 0, SEEK_SET) < 0:
        return errno
    return 0


cdef void file_disown(file_sink *sink) noexcept nogil:
    """Child of a fork: closes the copy of the descriptor. The file stays, and stays locked, for the parent."""
    if sink.fd >= 0:
        close(sink.fd)
        sink.fd = -1


cdef void _close(file_sink *sink) noexcept nogil:
    if sink.staging is not NULL:
        block_release(sink.staging)
    free(sink.target)
    if sink.fd >= 0:
        close(sink.fd)
    file_init(sink)


cdef int file_commit(file_sink *sink) noexcept nogil:
    """Gives the complete file its name. Returns 0 or an errno value; then nothing was left and an old target is as it was."""
    cdef int failure = _write_all(sink, NULL, 0)
    cdef int copy
    if failure == 0:
        # Some file systems (NFS) report a full disk only when a descriptor is closed. Closing a duplicate asks them without
        # giving up the lock.
        copy = dup(sink.fd)
        if copy < 0 or close(copy) < 0:
            failure = errno
    if failure == 0 and rename(sink.part, sink.target) < 0:
        failure = errno
    if failure:
        file_discard(sink)
    else:
        _close(sink)
    return failure


cdef void file_discard(file_sink *sink) noexcept nogil:
    """Removes the partial file, if there is one."""
    if sink.fd >= 0:
        unlink(sink.part)
    _close(sink)
