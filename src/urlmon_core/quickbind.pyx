"""The straight way of an ordinary bind: from a moniker and a context to the command that hands the operation over.

Ordinary is: a plain URL of http or https that nobody has registered a handler for, a context with nothing but a callback, a callback
without services, a BindInfo for which the careful way has found before that it asks for nothing special (QuickProfiles). Whatever is
not, is left to the careful way, `URLMoniker.bind_to_storage`, which does all of this and more, in the same order. A downloader binds
millions of the ordinary ones.
"""

cimport cython

from urlmon_core.apartment cimport ApartmentBase, clipped_priority, latest_apartment
from urlmon_core.binding cimport BindingBase
from urlmon_core.plainurl cimport plain_parts, split_plain
from urlmon_core.request cimport STORAGE_FILE, STORAGE_MEMORY, STORAGE_STREAM, Profile
from urlmon_core.vocabulary cimport HAS_BIND_INFO, HAS_PRIORITY, OFFERS, wanted_of, words

cdef extern from "Python.h":
    object PyOS_FSPath(object path)
    bytes PyUnicode_EncodeFSDefault(object text)
    object PyUnicode_FromObject(object text)
    bint PyObject_GC_IsTracked(object item)
    void PyObject_GC_UnTrack(void *item)

cdef extern from *:
    """
    #define urlmon_adds_nothing(item, base) \
        (Py_TYPE(item)->tp_dictoffset == 0 && Py_TYPE(item)->tp_basicsize == ((PyTypeObject *) (base))->tp_basicsize)
    """
    bint urlmon_adds_nothing(object item, object base)      # are its fields those of the class `base`?

cdef object _binding_class = None     # None: there is no quick way
cdef object _info_class = None
cdef object _storage_class = None
cdef object _usual_info = None
cdef dict _handled = None             # by scheme: who is registered for it
cdef object _no_answer = None         # E_NOTIMPL
cdef object _refused = None
cdef object _failed = None
cdef unsigned long _session = 1


def use_quick_bind(*, binding, info, storages, handled, no_answer, refused, failed):
    """Opens the quick way; called once, by the package on top.

    binding: class of the bindings. info: the BindInfo of a client that gives none, of whose class the others are. storages: the
    class TYMED. handled: dict of the schemes that have handlers, as it is at any time. no_answer: E_NOTIMPL. refused: function (binding,
    HRESULT of on_start_binding) that raises if it is a refusal. failed: function (binding, exception, url) that tells the stop of an
    operation that could not be handed over.
    """
    global _binding_class, _info_class, _usual_info, _storage_class, _handled, _no_answer, _refused, _failed
    _binding_class = binding
    _info_class = type(info)
    _usual_info = info
    _storage_class = storages
    _handled = handled
    _no_answer = no_answer
    _refused = refused
    _failed = failed


def forget_quick_profiles():
    """Any thread. What all requests of the process have in common has changed: every profile is found out anew."""
    global _session
    _session += 1


@cython.no_gc
cdef class MonikerBase:
    """The fields of a moniker; none of them leads back to it. TypeError for a URL that is no text."""

    def __init__(self, url, int flags=0, uri=None):
        self.url = <str> PyUnicode_FromObject(url)
        self._flags = flags
        self._uri = uri
        # Of a class written in Python the garbage collector looks at every instance, and there may be a million of these.
        if PyObject_GC_IsTracked(self) and urlmon_adds_nothing(self, MonikerBase):
            PyObject_GC_UnTrack(<void *> self)


cdef class ContextBase:
    """The fields of a bind context. Most contexts carry one callback through one bind: its holder and the tables are made when
    somebody asks for them."""


cdef class QuickProfiles:
    """The profiles of a BindInfo that asks for nothing special, by storage."""

    def __reduce__(self):
        return QuickProfiles, ()      # a copy begins anew

    def keep(self, int storage, Profile profile):
        """What the careful way has found to be all that counts for binds with this BindInfo to `storage`."""
        if self.session != _session:
            self.of_memory = self.of_file = self.of_stream = None
            self.session = _session
        if storage == STORAGE_STREAM:
            self.of_stream = profile
        elif storage == STORAGE_FILE:
            self.of_file = profile
        else:
            self.of_memory = profile


cdef Profile _profile_of(object info, int storage):
    cdef QuickProfiles profiles = <QuickProfiles?> info.quick
    if profiles.session != _session:
        return None
    return profiles.of_stream if storage == STORAGE_STREAM else profiles.of_file if storage == STORAGE_FILE else profiles.of_memory


cdef str _target(object path):
    """The path of a target that is absolute as it stands; None for one that needs a closer look."""
    cdef object given = PyOS_FSPath(path)
    cdef str text
    if type(given) is not str:
        return None
    text = given
    if not text.startswith("/") or text.endswith("/") or "//" in text or "/." in text or "\0" in text:
        return None
    return text


def bind_quickly(MonikerBase moniker not None, context, storage, path):
    """Binds if the bind is an ordinary one, asynchronously: True. Else nothing was done but perhaps to ask the client how to bind: None, or
    a tuple with its answer.

    Raises what `bind_to_storage` raises.
    """
    cdef ContextBase given
    cdef ApartmentBase apartment
    cdef BindingBase binding
    cdef Profile profile
    cdef plain_parts parts
    cdef str target = None
    cdef int wanted
    cdef int kind
    cdef long priority = 0
    if _binding_class is None or not isinstance(context, ContextBase) or type(storage) is not _storage_class:
        return None
    given = <ContextBase> context
    kind = storage
    callback = given._callback
    if callback is None or given._parameters is not None or not split_plain(moniker.url, &parts):
        return None
    if _handled and ("https" if parts.secure else "http") in _handled:
        return None
    if kind == STORAGE_FILE:
        if path is None:
            return None
        target = _target(path)
        if target is None:
            return None
    elif kind != STORAGE_STREAM and kind != STORAGE_MEMORY:
        return None
    wanted = wanted_of(callback)
    if wanted & OFFERS or (wanted & HAS_PRIORITY and parts.secure):       # which is said to the server
        return None
    apartment = latest_apartment()
    if apartment is None:
        return None
    info = _usual_info
    if wanted & HAS_BIND_INFO:
        info = callback.get_bind_info()
        if type(info) is not _info_class:
            return (info,)
    profile = _profile_of(info, kind)
    if profile is None:
        return (info,) if wanted & HAS_BIND_INFO else None
    if wanted & HAS_PRIORITY:
        answer = callback.get_priority()
        if answer is not None and answer != _no_answer:
            priority = clipped_priority(answer)
    binding = apartment.make_binding(_binding_class, callback, wanted, moniker, moniker.url, target, priority)
    answer = binding.begin()
    if answer is not words.success:
        _refused(binding, answer)
    try:
        binding.submit_plain(
            profile, &parts, kind, None if target is None else PyUnicode_EncodeFSDefault(target), apartment.high_water)
    except BaseException as problem:
        _failed(binding, problem, moniker.url)
        raise
    return True
