# The Python objects that stand for the core's numbers, and what is remembered of clients' classes. Any thread with the interpreter.

cdef enum wanted_bit:
    # The methods that a client's callback really has when it is bound; the others are not called at all.
    WANTS_PROGRESS = 1
    WANTS_DATA = 2
    WANTS_STOP = 4
    WANTS_RESPONSE = 8
    WANTS_START = 16
    HAS_BIND_INFO = 32
    HAS_PRIORITY = 64
    PASSES_ON = 128           # it has __getattr__: what says how to bind may be found through that
    OFFERS = 256              # it may have services, or be or bring a handler

cdef extern from *:
    """
    #define urlmon_new(kind, nothing) ((PyTypeObject *) (kind))->tp_new((PyTypeObject *) (kind), (nothing), NULL)
    """
    object urlmon_new(object kind, object nothing)      # kind.__new__(kind), without looking that up

cdef class Vocabulary:
    cdef dict statuses            # number -> BINDSTATUS
    cdef tuple flags              # BSCF, by value
    cdef dict formats             # (media type|None, storage) -> FormatEtc, those that were made already
    cdef object hresult           # function int|None -> HRESULT
    cdef object error_of
    cdef object format_of
    cdef object medium            # class StgMedium
    cdef dict tymeds              # number -> TYMED
    cdef object callback_base
    cdef frozenset service_names
    cdef object protocol
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
cdef object format_for(object mime, int storage)
cdef object medium_for(int storage, object content)
cdef unsigned long current_generation() noexcept
