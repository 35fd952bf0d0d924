# The only file that names memory orders. C11 atomics, used through pointers to fields of plain structs.
#
# Names say the order: `acquire`/`release` for a hand-over in one direction, `acq_rel` where one step does both, `relaxed`
# for counters that order nothing, `seq` for the two places where a store must be seen before a following load of
# another word (the pause flag of a byte stream, the stop of the I/O thread during a fork).

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t, uintptr_t

cdef extern from "<stdatomic.h>" nogil:
    ctypedef struct atomic_word "atomic_uintptr_t":
        pass
    ctypedef struct atomic_u32 "atomic_uint_least32_t":
        pass
    ctypedef struct atomic_i32 "atomic_int_least32_t":
        pass
    ctypedef struct atomic_u64 "atomic_uint_least64_t":
        pass
    ctypedef struct atomic_i64 "atomic_int_least64_t":
        pass

    enum: memory_order_relaxed
    enum: memory_order_acquire
    enum: memory_order_release
    enum: memory_order_acq_rel
    enum: memory_order_seq_cst

    uintptr_t _word_load "atomic_load_explicit"(atomic_word *, int)
    void _word_store "atomic_store_explicit"(atomic_word *, uintptr_t, int)
    uintptr_t _word_exchange "atomic_exchange_explicit"(atomic_word *, uintptr_t, int)
    bint _word_cas "atomic_compare_exchange_weak_explicit"(atomic_word *, uintptr_t *, uintptr_t, int, int)
    uint32_t _u32_load "atomic_load_explicit"(atomic_u32 *, int)
    void _u32_store "atomic_store_explicit"(atomic_u32 *, uint32_t, int)
    uint32_t _u32_exchange "atomic_exchange_explicit"(atomic_u32 *, uint32_t, int)
    uint32_t _u32_add "atomic_fetch_add_explicit"(atomic_u32 *, uint32_t, int)
    uint32_t _u32_sub "atomic_fetch_sub_explicit"(atomic_u32 *, uint32_t, int)
    uint32_t _u32_or "atomic_fetch_or_explicit"(atomic_u32 *, uint32_t, int)
    bint _u32_cas "atomic_compare_exchange_strong_explicit"(atomic_u32 *, uint32_t *, uint32_t, int, int)
    int32_t _i32_load "atomic_load_explicit"(atomic_i32 *, int)
    void _i32_store "atomic_store_explicit"(atomic_i32 *, int32_t, int)
    uint64_t _u64_load "atomic_load_explicit"(atomic_u64 *, int)
    void _u64_store "atomic_store_explicit"(atomic_u64 *, uint64_t, int)
    int64_t _i64_load "atomic_load_explicit"(atomic_i64 *, int)
    void _i64_store "atomic_store_explicit"(atomic_i64 *, int64_t, int)
    int64_t _i64_add "atomic_fetch_add_explicit"(atomic_i64 *, int64_t, int)

# -- a word that holds a pointer or a small tag: heads of lists ------------------------------------------------------

cdef inline void word_init(atomic_word *p, uintptr_t value) noexcept nogil:
    _word_store(p, value, memory_order_relaxed)

cdef inline uintptr_t word_load_relaxed(atomic_word *p) noexcept nogil:
    return _word_load(p, memory_order_relaxed)

cdef inline uintptr_t word_load_acquire(atomic_word *p) noexcept nogil:
    return _word_load(p, memory_order_acquire)

cdef inline void word_store_release(atomic_word *p, uintptr_t value) noexcept nogil:
    _word_store(p, value, memory_order_release)

cdef inline uintptr_t word_exchange_acq_rel(atomic_word *p, uintptr_t value) noexcept nogil:
    return _word_exchange(p, value, memory_order_acq_rel)

cdef inline bint word_cas_release(atomic_word *p, uintptr_t *expected, uintptr_t value) noexcept nogil:
    # Publishes what was written before; the old value is only linked to, never followed by the publisher.
    return _word_cas(p, expected, value, memory_order_release, memory_order_relaxed)

cdef inline bint word_cas_acq_rel(atomic_word *p, uintptr_t *expected, uintptr_t value) noexcept nogil:
    return _word_cas(p, expected, value, memory_order_acq_rel, memory_order_relaxed)

# -- flags and reference counts --------------------------------------------------------------------------------------

cdef inline void u32_init(atomic_u32 *p, uint32_t value) noexcept nogil:
    _u32_store(p, value, memory_order_relaxed)

cdef inline uint32_t u32_load_relaxed(atomic_u32 *p) noexcept nogil:
    return _u32_load(p, memory_order_relaxed)

cdef inline uint32_t u32_load_acquire(atomic_u32 *p) noexcept nogil:
    return _u32_load(p, memory_order_acquire)

cdef inline uint32_t u32_load_seq(atomic_u32 *p) noexcept nogil:
    return _u32_load(p, memory_order_seq_cst)

cdef inline void u32_store_relaxed(atomic_u32 *p, uint32_t value) noexcept nogil:
    _u32_store(p, value, memory_order_relaxed)

cdef inline void u32_store_release(atomic_u32 *p, uint32_t value) noexcept nogil:
    _u32_store(p, value, memory_order_release)

cdef inline void u32_store_seq(atomic_u32 *p, uint32_t value) noexcept nogil:
    _u32_store(p, value, memory_order_seq_cst)

cdef inline uint32_t u32_exchange_acq_rel(atomic_u32 *p, uint32_t value) noexcept nogil:
    return _u32_exchange(p, value, memory_order_acq_rel)

cdef inline uint32_t u32_exchange_seq(atomic_u32 *p, uint32_t value) noexcept nogil:
    return _u32_exchange(p, value, memory_order_seq_cst)

cdef inline uint32_t u32_or_acq_rel(atomic_u32 *p, uint32_t bits) noexcept nogil:
    return _u32_or(p, bits, memory_order_acq_rel)

cdef inline void u32_add_seq(atomic_u32 *p, uint32_t value) noexcept nogil:
    _u32_add(p, value, memory_order_seq_cst)

cdef inline void u32_sub_seq(atomic_u32 *p, uint32_t value) noexcept nogil:
    _u32_sub(p, value, memory_order_seq_cst)

cdef inline bint u32_cas_acq_rel(atomic_u32 *p, uint32_t expected, uint32_t value) noexcept nogil:
    return _u32_cas(p, &expected, value, memory_order_acq_rel, memory_order_acquire)

cdef inline void reference_take(atomic_u32 *count) noexcept nogil:
    # A new reference is made from an existing one, so nothing needs ordering.
    _u32_add(count, 1, memory_order_relaxed)

cdef inline bint reference_drop(atomic_u32 *count) noexcept nogil:
    # True for the last one: everything any holder did happened before that, so the caller may free.
    return _u32_sub(count, 1, memory_order_acq_rel) == 1

# -- numbers that only grow, or are only shown -----------------------------------------------------------------------

cdef inline int32_t i32_load_relaxed(atomic_i32 *p) noexcept nogil:
    return _i32_load(p, memory_order_relaxed)

cdef inline void i32_store_relaxed(atomic_i32 *p, int32_t value) noexcept nogil:
    _i32_store(p, value, memory_order_relaxed)

cdef inline uint64_t u64_load_relaxed(atomic_u64 *p) noexcept nogil:
    return _u64_load(p, memory_order_relaxed)

cdef inline uint64_t u64_load_acquire(atomic_u64 *p) noexcept nogil:
    return _u64_load(p, memory_order_acquire)

cdef inline uint64_t u64_load_seq(atomic_u64 *p) noexcept nogil:
    return _u64_load(p, memory_order_seq_cst)

cdef inline void u64_store_relaxed(atomic_u64 *p, uint64_t value) noexcept nogil:
    _u64_store(p, value, memory_order_relaxed)

cdef inline void u64_store_release(atomic_u64 *p, uint64_t value) noexcept nogil:
    _u64_store(p, value, memory_order_release)

cdef inline void u64_store_seq(atomic_u64 *p, uint64_t value) noexcept nogil:
    _u64_store(p, value, memory_order_seq_cst)

cdef inline int64_t i64_load_relaxed(atomic_i64 *p) noexcept nogil:
    return _i64_load(p, memory_order_relaxed)

cdef inline void i64_store_relaxed(atomic_i64 *p, int64_t value) noexcept nogil:
    _i64_store(p, value, memory_order_relaxed)

cdef inline int64_t i64_add_relaxed(atomic_i64 *p, int64_t value) noexcept nogil:
    return _i64_add(p, value, memory_order_relaxed)
