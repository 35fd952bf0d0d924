"""The Python objects that stand for the core's numbers, made once and given by the package on top; see `install`.

Also what is remembered of clients' classes and of media types, so that a call costs a look-up and no more.
"""

cdef extern from "<strings.h>" nogil:
    int strncasecmp(const char *a, const char *b, size_t size)

cdef extern from "<pthread.h>":
    int pthread_atfork(void (*prepare)() noexcept nogil, void (*parent)() noexcept nogil, void (*child)() noexcept nogil)

cdef enum:
    MEDIA_TYPES_KEPT = 1024   # distinct Content-Type values whose text is made once

GIVES_BIND_INFO = HAS_BIND_INFO           # get_bind_info
GIVES_PRIORITY = HAS_PRIORITY             # get_priority

cdef dict _wanted_by_class = {}   # class -> bits of the methods that it has itself
cdef dict _media_types = {}
cdef unsigned long _generation = 0


cdef class Vocabulary:
    """The one instance is `words`."""


words = Vocabulary()


def install(*, statuses, flags, hresult, error_of, format_of, medium_of, callback_base):
    """Gives the core the Python objects for its numbers; called once, by the package on top.

    statuses: dict number -> BINDSTATUS. flags: tuple of BSCF, indexed by value. hresult: function int|None -> HRESULT.
    error_of: function (binding, HRESULT|BindError|None, cause, code, option, text) -> (HRESULT, BindError|None). format_of: function
    (mime|None, tymed) -> FormatEtc. medium_of: function (tymed, content) -> StgMedium. callback_base: the class whose
    methods do nothing; a method that a client inherits from it unchanged is not called.
    """
    words.statuses = statuses
    words.flags = flags
    words.hresult = hresult
    words.error_of = error_of
    words.format_of = format_of
    words.medium_of = medium_of
    words.callback_base = callback_base
    words.formats = {}
    words.success = hresult(0)
    words.say_no_more = hresult(1)
    words.failure = hresult(0x80004005)
    words.pending = hresult(0x8000000A)
    words.aborted = hresult(0x80004004)
    words.unexpected = hresult(0x8000FFFF)
    words.dispatched = hresult(0x800C0200)


cdef unsigned long current_generation() noexcept:
    """How many forks lie between this process and the first one that imported the core."""
    return _generation


cdef void _forked() noexcept nogil:
    # Child, as the first thing after the fork: before the interpreter, which clears the locals of the other threads, runs anything.
    global _generation
    _generation += 1


def watch_forks():
    """Every binding and apartment made before a fork is inert in its child; called once, at import."""
    pthread_atfork(NULL, NULL, _forked)


_METHODS = {
    "on_progress": WANTS_PROGRESS, "on_data_available": WANTS_DATA, "on_stop_binding": WANTS_STOP, "on_response": WANTS_RESPONSE,
    "on_start_binding": WANTS_START, "get_bind_info": HAS_BIND_INFO, "get_priority": HAS_PRIORITY,
}


cdef int wanted_of(object callback) except -1:
    """Which of the methods `callback` has, on its class or on itself; wanted_bit."""
    cdef type kind = type(callback)
    known = _wanted_by_class.get(kind)
    cdef int bits
    if known is None:
        bits = 0
        for name, bit in _METHODS.items():
            method = getattr(kind, name, None)
            if method is not None and method is not getattr(words.callback_base, name, None):
                bits |= bit
        if hasattr(kind, "__getattr__"):
            bits |= PASSES_ON
        _wanted_by_class[kind] = bits
    else:
        bits = known
    own = getattr(callback, "__dict__", None)
    if own:
        for name in own:
            bit = _METHODS.get(name)
            if bit is not None:
                bits |= bit
    if bits & PASSES_ON:
        for name in ("get_bind_info", "get_priority", "on_start_binding"):
            if not bits & <int> _METHODS[name] and getattr(callback, name, None) is not None:
                bits |= <int> _METHODS[name]
    return bits


def methods_of(callback):
    """Which methods a client's callback really has, for `ApartmentBase.prepare`. Two of the bits say how to bind: GIVES_BIND_INFO
    and GIVES_PRIORITY."""
    return wanted_of(callback)


cdef object media_type_of(bytes head):
    """The media type that a header block announces, in lower case and without parameters; None if there is none."""
    cdef const char *text = head
    cdef const char *end = text + len(head)
    cdef const char *line = text
    cdef const char *stop
    while line < end:
        if (line[0] == c"C" or line[0] == c"c") and strncasecmp(line, b"content-type:", 13) == 0:
            line += 13
            while line[0] == c" " or line[0] == c"\t":
                line += 1
            stop = line
            while stop < end and stop[0] not in (c";", c"\r", c"\n"):
                stop += 1
            raw = line[:stop - line]
            known = _media_types.get(raw)
            if known is None:
                known = raw.decode("iso-8859-1").strip().lower() or None
                if known is not None and len(_media_types) < MEDIA_TYPES_KEPT:
                    _media_types[raw] = known
            return known
        while line < end and line[0] != c"\n":
            line += 1
        line += 1
    return None


cdef object format_for(object mime, int storage):
    """The FormatEtc for a media type (None: there is none) in a medium of `storage`."""
    known = words.formats.get((mime, storage))
    if known is None:
        known = words.format_of(mime, storage)
        if len(words.formats) < MEDIA_TYPES_KEPT:
            words.formats[mime, storage] = known
    return known
