"""The Python objects that stand for the core's numbers, made once and given by the package on top; see `install`.

Also what is remembered of clients' classes and of media types, so that a call costs a look-up and no more.
"""

from libc.string cimport memchr, memcmp

from urlmon_core.request cimport STORAGE_FILE, STORAGE_STREAM

cdef extern from "<strings.h>" nogil:
    int strncasecmp(const char *a, const char *b, size_t size)

cdef extern from "<pthread.h>":
    int pthread_atfork(void (*prepare)() noexcept nogil, void (*parent)() noexcept nogil, void (*child)() noexcept nogil)

cdef extern from *:
    """
    /* Changes whenever the type, or one that it inherits from, is changed; no two types have the same one. 0: none at the moment. */
    static inline unsigned int urlmon_type_version(PyObject *kind)
    {
        PyTypeObject *type = (PyTypeObject *) kind;
    #if PY_VERSION_HEX < 0x030B0000
        if (!PyType_HasFeature(type, Py_TPFLAGS_VALID_VERSION_TAG))
            return 0;
    #endif
        return (unsigned int) type->tp_version_tag;
    }

    static int urlmon_visit_own(PyObject *item, void *kind)
    {
        return item != (PyObject *) kind && (Py_TYPE(item)->tp_call != NULL || PyDict_Check(item));
    }

    /* Whether something callable may be among the attributes of the instance itself. Asking for its __dict__ would have the
     * interpreter make one, which costs more than all else that is looked at; what it refers to it tells as it tells
     * gc.get_referents. A dictionary may be the one that was made. */
    static inline int urlmon_may_have_own(PyObject *object)
    {
        PyTypeObject *kind = Py_TYPE(object);
        if (kind->tp_dictoffset == 0)
            return 0;
        return kind->tp_traverse == NULL || kind->tp_traverse(object, urlmon_visit_own, kind);
    }
    """
    unsigned int urlmon_type_version(object kind) noexcept
    bint urlmon_may_have_own(object instance) noexcept

cdef enum:
    MEDIA_TYPES_KEPT = 1024   # distinct Content-Type values whose text is made once
    CLASSES_KEPT = 256        # classes whose methods are remembered, at most

GIVES_BIND_INFO = HAS_BIND_INFO           # get_bind_info
GIVES_PRIORITY = HAS_PRIORITY             # get_priority
OFFERS_SERVICES = OFFERS

cdef struct remembered_class:
    unsigned int version      # of the class, see urlmon_type_version; 0 = nobody's place
    int bits                  # of the methods that it has itself

cdef remembered_class _classes[CLASSES_KEPT]    # by version; one that is changed has another version, and is looked at anew
cdef dict _media_types = {}
cdef bytes _latest_type = b""     # the Content-Type value that was looked up last, and its text
cdef object _latest_text = None
cdef object _latest_mime = None           # the same for the FormatEtc that was looked up last
cdef int _latest_storage = 0
cdef object _latest_format = None
cdef unsigned long _generation = 0


cdef class Vocabulary:
    """The one instance is `words`."""


words = Vocabulary()


def install(*, statuses, flags, hresult, error_of, format_of, medium, tymeds, callback_base, service_names, protocol):
    """Gives the core the Python objects for its numbers; called once, by the package on top.

    statuses: dict number -> BINDSTATUS. flags: tuple of BSCF, indexed by value. hresult: function int|None -> HRESULT.
    error_of: function (binding, HRESULT|BindError|None, cause, code, option, text) -> (HRESULT, BindError|None). format_of: function
    (mime|None, tymed) -> FormatEtc. medium: the class StgMedium. tymeds: dict number -> TYMED. callback_base: the class whose
    methods do nothing; a method that a client inherits from it unchanged is not called. service_names: what a client has that offers
    services. protocol: the class of those that are handlers.
    """
    words.statuses = statuses
    words.flags = flags
    words.hresult = hresult
    words.error_of = error_of
    words.format_of = format_of
    words.medium = medium
    words.tymeds = tymeds
    words.callback_base = callback_base
    words.service_names = service_names
    words.protocol = protocol
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


cdef int _bits_of(type kind) except -1:
    """What instances of `kind` have by their class; wanted_bit."""
    cdef int bits = 0
    for name, bit in _METHODS.items():
        method = getattr(kind, name, None)
        if method is not None and method is not getattr(words.callback_base, name, None):
            bits |= bit
    if hasattr(kind, "__getattr__"):
        bits |= PASSES_ON | OFFERS
    if issubclass(kind, words.protocol):
        bits |= OFFERS
    for name in words.service_names:
        if hasattr(kind, name):
            bits |= OFFERS
    return bits


cdef int wanted_of(object callback) except -1:
    """Which of the methods `callback` has, on its class or on itself; wanted_bit."""
    cdef type kind = type(callback)
    cdef unsigned int version = urlmon_type_version(kind)
    cdef remembered_class *known = &_classes[version % CLASSES_KEPT]
    cdef int bits
    if version != 0 and known.version == version:
        bits = known.bits
    else:
        bits = _bits_of(kind)
        if version != 0 and version == urlmon_type_version(kind):
            known.version = version
            known.bits = bits
    own = getattr(callback, "__dict__", None) if urlmon_may_have_own(callback) else None
    if own:
        for name in own:
            bit = _METHODS.get(name)
            if bit is not None:
                bits |= bit
            if name in words.service_names:
                bits |= OFFERS
    if bits & PASSES_ON:
        for name in ("get_bind_info", "get_priority", "on_start_binding"):
            if not bits & <int> _METHODS[name] and getattr(callback, name, None) is not None:
                bits |= <int> _METHODS[name]
    return bits


def methods_of(callback):
    """Which methods a client's callback really has, for `ApartmentBase.prepare`. Three of the bits say how to bind: GIVES_BIND_INFO,
    GIVES_PRIORITY, and OFFERS_SERVICES: it may have services, or be or bring a handler."""
    return wanted_of(callback)


cdef object media_type_of(bytes head):
    """The media type that a header block announces, in lower case and without parameters; None if there is none."""
    global _latest_type, _latest_text
    cdef const char *text = head
    cdef const char *end = text + len(head)
    cdef const char *line = text
    cdef const char *stop
    cdef bytes raw
    while line < end:
        if (line[0] == c"C" or line[0] == c"c") and strncasecmp(line, b"content-type:", 13) == 0:
            line += 13
            while line[0] == c" " or line[0] == c"\t":
                line += 1
            stop = line
            while stop < end and stop[0] not in (c";", c"\r", c"\n"):
                stop += 1
            if stop - line == len(_latest_type) and memcmp(line, <const char *> _latest_type, stop - line) == 0:
                return _latest_text
            raw = line[:stop - line]
            known = _media_types.get(raw)
            if known is None:
                known = raw.decode("iso-8859-1").strip().lower() or None
                if known is not None and len(_media_types) < MEDIA_TYPES_KEPT:
                    _media_types[raw] = known
            _latest_type, _latest_text = raw, known
            return known
        line = <const char *> memchr(line, c"\n", end - line)
        if line is NULL:
            return None
        line += 1
    return None


cdef object format_for(object mime, int storage):
    """The FormatEtc for a media type (None: there is none) in a medium of `storage`."""
    global _latest_mime, _latest_storage, _latest_format
    if mime is _latest_mime and storage == _latest_storage:
        return _latest_format
    known = words.formats.get((mime, storage))
    if known is None:
        known = words.format_of(mime, storage)
        if len(words.formats) < MEDIA_TYPES_KEPT:
            words.formats[mime, storage] = known
    _latest_mime, _latest_storage, _latest_format = mime, storage, known
    return known


cdef object medium_for(int storage, object content):
    """The StgMedium that holds `content`: a stream, a path, or what a view of the memory can be made of."""
    medium = urlmon_new(words.medium, ())
    medium.tymed = words.tymeds[storage]
    if storage == STORAGE_STREAM:
        medium.stream = content
    elif storage == STORAGE_FILE:
        medium.path = content
    else:
        medium.data = memoryview(b"" if content is None else content)
    return medium
