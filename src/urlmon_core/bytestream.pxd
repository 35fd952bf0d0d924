# The byte stream of a binding: single producer (I/O thread), single consumer (owner), in refcounted blocks.
#
# Every block is filled to its capacity before the next one is begun, so one published byte count says everything: which bytes
# are there, and that the links between the blocks holding them are written. Back-pressure: the producer refuses bytes beyond
# the high-water mark and says so in `stalled`; the consumer that reads below the low-water mark takes the flag back and asks the
# I/O thread to go on. Each side stores its own word first and then loads the other's (seq_cst), so one of them always notices.
# Whoever takes the flag back answers for it: a producer that stopped leaves it alone until it is asked, since libcurl still delivers
# what it has of a buffer, and would find room, after it was told to stop.
#
# Pull (BINDF_PULLDATA): the low-water mark is 0, and it is not reading that takes the flag back but asking for more than there is.
#
# A stream that keeps has no high-water mark: the consumer holds on to what it has read, and may go back to any of it.

from libc.stdint cimport uint32_t, uint64_t

from urlmon_core.atomics cimport (
    atomic_u32, atomic_u64, u32_exchange_seq, u32_init, u32_load_relaxed, u32_load_seq, u32_store_seq, u64_load_acquire,
    u64_load_relaxed, u64_load_seq, u64_store_relaxed, u64_store_release, u64_store_seq,
)
from urlmon_core.blocks cimport block, block_bytes, block_pool, block_release, block_take
from urlmon_core.copybytes cimport urlmon_copy_body

cdef struct byte_stream:
    atomic_u64 published      # bytes written and handed over; producer writes
    atomic_u64 consumed       # bytes read; consumer writes
    atomic_u32 stalled        # 1 = the producer waits for room
    uint64_t high_water       # bytes; fixed before the first byte, as `pull`
    bint pull                 # only a client that has read everything and asks for more has the producer go on
    bint keeps                # what was read stays; fixed before the first byte
    # producer only
    block *tail
    uint32_t tail_used
    uint64_t written          # bytes written, published or not
    bint waiting              # it has stopped; the flag is up, or the consumer has it and will ask
    # consumer only, but `head` is set by the producer before it publishes the first byte
    block *head
    uint32_t head_read
    block *first              # of a stream that keeps, as soon as it was read from: the block of the first byte


cdef inline void stream_init(byte_stream *stream, uint64_t high_water) noexcept nogil:
    stream.high_water = high_water
    stream.pull = False
    stream.keeps = False
    stream.tail = NULL
    stream.tail_used = 0
    stream.written = 0
    stream.waiting = False
    stream.head = NULL
    stream.head_read = 0
    stream.first = NULL
    u64_store_relaxed(&stream.published, 0)
    u64_store_relaxed(&stream.consumed, 0)
    u32_init(&stream.stalled, 0)


cdef inline uint64_t stream_low_water(byte_stream *stream) noexcept nogil:
    return 0 if stream.pull else stream.high_water // 2


cdef inline bint stream_has_room(byte_stream *stream, size_t size) noexcept nogil:
    # Producer: may `size` more bytes be written? If not, it stops and is `waiting`: the stream is marked stalled, and the consumer will
    # ask to go on. One chunk is always taken, else a high-water mark below the chunk size would stop everything.
    if stream.written + size - u64_load_relaxed(&stream.consumed) <= stream.high_water:
        return True
    if stream.written == u64_load_relaxed(&stream.consumed):
        return True
    if stream.waiting:
        return False
    u32_store_seq(&stream.stalled, 1)
    # The consumer may have read everything between the two lines above; then it saw no flag and will not call again.
    if stream.written - u64_load_seq(&stream.consumed) <= stream_low_water(stream) and u32_exchange_seq(&stream.stalled, 0) == 1:
        return True
    stream.waiting = True
    return False


cdef inline bint stream_go_on(byte_stream *stream) noexcept nogil:
    # Producer: the consumer has asked. False: for a stop that is over.
    if not stream.waiting:
        return False
    stream.waiting = False
    return True


cdef inline bint stream_write(byte_stream *stream, block_pool *pool, const char *data, size_t size, size_t expected) noexcept nogil:
    # Producer: copies `size` bytes; `expected` = bytes that will probably come in all, these included (sizes the block).
    # False: out of memory; the stream is unusable then. Nothing is visible to the consumer before stream_publish.
    cdef size_t part
    cdef block *fresh
    while size:
        if stream.tail is NULL or stream.tail_used == stream.tail.capacity:
            fresh = block_take(pool, expected if expected > size else size)
            if fresh is NULL:
                return False
            if stream.tail is NULL:
                stream.head = fresh
            else:
                stream.tail.next = fresh
            stream.tail = fresh
            stream.tail_used = 0
        part = stream.tail.capacity - stream.tail_used
        if part > size:
            part = size
        urlmon_copy_body(block_bytes(stream.tail) + stream.tail_used, data, part, expected)
        stream.tail_used += <uint32_t> part
        stream.written += part
        data += part
        size -= part
        expected = expected - part if expected > part else 0
    return True


cdef inline void stream_publish(byte_stream *stream) noexcept nogil:
    # Producer: hands everything written over to the consumer.
    u64_store_release(&stream.published, stream.written)


cdef inline uint64_t stream_available(byte_stream *stream) noexcept nogil:
    # Consumer: bytes that can be read now.
    return u64_load_acquire(&stream.published) - u64_load_relaxed(&stream.consumed)


cdef inline size_t stream_peek(byte_stream *stream, char **data, block **holder) noexcept nogil:
    # Consumer: the next contiguous bytes, without consuming them. 0 = nothing there now.
    cdef uint64_t available = stream_available(stream)
    cdef block *passed
    cdef size_t size
    if available == 0:
        return 0
    if stream.head_read == stream.head.capacity:
        passed = stream.head
        stream.head = passed.next
        stream.head_read = 0
        if not stream.keeps:
            block_release(passed)
        elif stream.first is NULL:
            stream.first = passed
    size = stream.head.capacity - stream.head_read
    if size > available:
        size = <size_t> available
    data[0] = block_bytes(stream.head) + stream.head_read
    holder[0] = stream.head
    return size


cdef inline bint stream_consume(byte_stream *stream, size_t size) noexcept nogil:
    # Consumer: the next `size` bytes (at most what stream_peek gave) are read. True: the producer waits and there is room
    # again; the caller has to send the I/O thread the command to go on, exactly once.
    cdef uint64_t consumed = u64_load_relaxed(&stream.consumed) + size
    stream.head_read += <uint32_t> size
    u64_store_seq(&stream.consumed, consumed)
    return (not stream.pull and u32_load_seq(&stream.stalled) != 0
            and u64_load_relaxed(&stream.published) - consumed <= stream_low_water(stream)
            and u32_exchange_seq(&stream.stalled, 0) == 1)


cdef inline bint stream_asked_for_more(byte_stream *stream) noexcept nogil:
    # Consumer: it has read everything and wants more. True: as stream_consume.
    return u32_load_seq(&stream.stalled) != 0 and u32_exchange_seq(&stream.stalled, 0) == 1


cdef inline void stream_move(byte_stream *stream, uint64_t position) noexcept nogil:
    # Consumer of a stream that keeps: reading goes on at `position`, which is at most what was published.
    cdef uint64_t left = position
    if u64_load_acquire(&stream.published) == 0:
        return
    if stream.first is not NULL:
        stream.head = stream.first
    while left > stream.head.capacity:
        left -= stream.head.capacity
        if stream.first is NULL:
            stream.first = stream.head
        stream.head = stream.head.next
    stream.head_read = <uint32_t> left
    u64_store_relaxed(&stream.consumed, position)


cdef inline void stream_clear(byte_stream *stream) noexcept nogil:
    # Last holder: gives all blocks back.
    cdef block *item = stream.head if stream.first is NULL else stream.first
    cdef block *following
    while item is not NULL:
        following = item.next
        block_release(item)
        item = following
    stream.head = NULL
    stream.first = NULL
    stream.tail = NULL
