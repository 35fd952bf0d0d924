# The Python objects that stand for the core's numbers, and what is remembered of clients' classes. Any thread with the interpreter.

cdef enum wanted_bit:
    # The methods that a client's callback class really has; the others are not called at all.
    WANTS_PROGRESS = 1
    WANTS_DATA = 2
    WANTS_STOP = 4
    WANTS_RESPONSE = 8

cdef class Vocabulary:
    cdef dict statuses            # number -> BINDSTATUS
    cdef tuple flags              # BSCF, by value
    cdef object hresult           # function int|None -> HRESULT
    cdef object error_of
    cdef object format_of
    cdef object medium_of
    cdef object callback_base
    cdef object success           # HRESULTs that the core itself answers with
    cdef object say_no_more
    cdef object failure
    cdef object pending
    cdef object aborted
    cdef object unexpected
    cdef object dispatched

cdef Vocabulary words
cdef int wanted_of(object callback) except -1
cdef object media_type_of(bytes head)
cdef unsigned long current_generation() noexcept
