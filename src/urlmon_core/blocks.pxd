# Blocks of the byte stream and the pool they come from.
#
# The I/O thread takes blocks, any thread may drop the last reference (a memoryview can outlive everything). A dropped block goes
# on the pool's `returned` stack; the I/O thread takes that stack whole when its own free lists are empty, so there is no pop by
# many and no ABA. A block in use holds a reference on its pool, which may thus outlive its reactor.

from libc.stdint cimport uint32_t, uintptr_t
from libc.stdlib cimport free, malloc

from urlmon_core.atomics cimport (
    atomic_u32, atomic_word, reference_drop, reference_take, u32_init, u32_load_relaxed, u32_store_relaxed, word_cas_release,
    word_exchange_acq_rel, word_init, word_load_relaxed,
)
from urlmon_core.counters cimport live, urlmon_count

cdef enum:
    BLOCK_CLASSES = 4
    POOL_KEEPS = 8 << 20      # bytes of free blocks that a pool keeps for reuse

cdef struct block:
    block *next               # stream: the newer block, written before the bytes in it are published; pool: link
    atomic_u32 references
    unsigned char size_class
    uint32_t capacity         # bytes
    block_pool *pool
    # the bytes follow

cdef struct block_pool:
    atomic_word returned      # any thread pushes, the I/O thread takes all
    atomic_u32 references     # the reactor and every block in use
    atomic_u32 closed         # the reactor is gone: nobody will take `returned` again
    block *free[BLOCK_CLASSES]    # I/O thread only, as is `kept`
    size_t kept


cdef inline char *block_bytes(block *item) noexcept nogil:
    return (<char *> item) + sizeof(block)


cdef inline uint32_t block_capacity(int size_class) noexcept nogil:
    # 4, 16, 64 and 256 KiB in all, header included
    return (<uint32_t> 4096 << (2 * size_class)) - <uint32_t> sizeof(block)


cdef inline block_pool *pool_create() noexcept nogil:
    cdef block_pool *pool = <block_pool *> malloc(sizeof(block_pool))
    cdef int i
    if pool is not NULL:
        word_init(&pool.returned, 0)
        u32_init(&pool.references, 1)
        u32_init(&pool.closed, 0)
        pool.kept = 0
        for i in range(BLOCK_CLASSES):
            pool.free[i] = NULL
    return pool


cdef inline void pool_collect(block_pool *pool) noexcept nogil:
    # I/O thread only: sorts what came back into the free lists, the latest on top: it may still be in a cache.
    cdef block *item = <block *> word_exchange_acq_rel(&pool.returned, 0)
    cdef block *following
    cdef block *oldest = NULL
    while item is not NULL:
        following = item.next
        item.next = oldest
        oldest = item
        item = following
    item = oldest
    while item is not NULL:
        following = item.next
        if pool.kept + item.capacity > POOL_KEEPS:
            free(item)
        else:
            item.next = pool.free[item.size_class]
            pool.free[item.size_class] = item
            pool.kept += item.capacity
        item = following


cdef inline void pool_release(block_pool *pool) noexcept nogil:
    # Any thread.
    cdef block *item
    cdef block *following
    if reference_drop(&pool.references):
        item = <block *> word_exchange_acq_rel(&pool.returned, 0)
        while item is not NULL:
            following = item.next
            free(item)
            item = following
        free(pool)


cdef inline void pool_close(block_pool *pool) noexcept nogil:
    # I/O thread, at its end.
    cdef block *item
    cdef int i
    u32_store_relaxed(&pool.closed, 1)
    pool_collect(pool)
    for i in range(BLOCK_CLASSES):
        while pool.free[i] is not NULL:
            item = pool.free[i]
            pool.free[i] = item.next
            free(item)
    pool.kept = 0
    pool_release(pool)


cdef inline block *block_take(block_pool *pool, size_t wanted) noexcept nogil:
    # I/O thread only: a block for about `wanted` bytes with one reference; NULL when memory is out.
    cdef int size_class = 0
    cdef block *item
    while size_class < BLOCK_CLASSES - 1 and block_capacity(size_class) < wanted:
        size_class += 1
    if pool.free[size_class] is NULL:
        pool_collect(pool)
    item = pool.free[size_class]
    if item is not NULL:
        pool.free[size_class] = item.next
        pool.kept -= item.capacity
    else:
        item = <block *> malloc(sizeof(block) + block_capacity(size_class))
        if item is NULL:
            return NULL
        item.size_class = <unsigned char> size_class
        item.capacity = block_capacity(size_class)
        item.pool = pool
    reference_take(&pool.references)
    item.next = NULL
    u32_init(&item.references, 1)
    urlmon_count(&live.blocks, 1)
    return item


cdef inline void block_reference(block *item) noexcept nogil:
    # Any thread that holds one.
    reference_take(&item.references)


cdef inline void block_release(block *item) noexcept nogil:
    # Any thread.
    cdef block_pool *pool
    cdef uintptr_t head
    if not reference_drop(&item.references):
        return
    urlmon_count(&live.blocks, -1)
    pool = item.pool
    if u32_load_relaxed(&pool.closed):
        free(item)
    else:
        head = word_load_relaxed(&pool.returned)
        while True:
            item.next = <block *> head
            if word_cas_release(&pool.returned, &head, <uintptr_t> item):
                break
    pool_release(pool)
