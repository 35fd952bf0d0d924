# The quick way for ordinary URLs. Any thread with the interpreter.

cdef enum:
    KEY_ROOM = 300

cdef struct plain_parts:
    const char *url               # as the wire gets it: the text of the object that was split
    Py_ssize_t size
    char key[KEY_ROOM]            # scheme, host and port: what connections are counted by
    Py_ssize_t key_size
    bint secure                   # https

cdef bint split_plain(str url, plain_parts *parts) noexcept
