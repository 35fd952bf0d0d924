"""The quick way for ordinary URLs: http or https, an ASCII host in lower case, nothing that has to be encoded.

A downloader binds millions of them; anything else takes the careful way (urlmon.urls). Any thread with the interpreter.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.string cimport memcpy, strncmp

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    void *PyUnicode_1BYTE_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

cdef enum:
    LONGEST_HOST = KEY_ROOM - 30      # with the scheme before it; a port follows

cdef char _sendable[256]      # may stand in a path or query as it is
cdef char _host[256]          # may stand in a host name in lower case


cdef void _fill_tables():
    cdef int c
    for c in range(256):
        _sendable[c] = 0x21 <= c <= 0x7E and chr(c) not in '"<>\\^`{|}#'
        _host[c] = chr(c) in "abcdefghijklmnopqrstuvwxyz0123456789-."


_fill_tables()


cdef bint split_plain(str url, plain_parts *parts) noexcept:
    """Whether `url` is an ordinary one; then `parts` is filled, and good as long as `url` lives."""
    cdef Py_ssize_t size = 0
    cdef const char *text
    cdef Py_ssize_t start
    cdef Py_ssize_t i
    cdef Py_ssize_t host_end
    cdef Py_ssize_t end
    cdef int port = 0
    if url is None or not PyUnicode_IS_COMPACT_ASCII(url):
        return False
    text = <const char *> PyUnicode_1BYTE_DATA(url)
    size = PyUnicode_GET_LENGTH(url)
    if size > 7 and strncmp(text, b"http://", 7) == 0:
        start = 7
    elif size > 8 and strncmp(text, b"https://", 8) == 0:
        start = 8
    else:
        return False
    i = start
    while i < size and _host[<unsigned char> text[i]]:
        i += 1
    host_end = i
    if host_end == start or host_end > LONGEST_HOST:
        return False
    if i < size and text[i] == c":":
        i += 1
        if i + 1 < size and text[i] == c"0" and c"0" <= text[i + 1] <= c"9":
            return False      # leading zeros: another spelling of the same port
        while i < size and c"0" <= text[i] <= c"9" and port < 100000:
            port = port * 10 + (text[i] - c"0")
            i += 1
        if i == host_end + 1 or port > 65535:
            return False
    end = i
    if i < size and text[i] != c"/" and text[i] != c"?":
        return False
    while i < size:
        if not _sendable[<unsigned char> text[i]]:
            return False
        i += 1
    memcpy(parts.key, text, end)
    if end == host_end:
        i = 3 if start == 7 else 4
        memcpy(parts.key + end, <const char *> b":80" if start == 7 else <const char *> b":443", i)
        end += i
    parts.url = text
    parts.size = size
    parts.key_size = end
    parts.secure = start == 8
    return True


def plain_url(str url):
    """(URL, host key, scheme) for the wire, the first two as bytes; None if the URL needs a closer look.

    The host key is scheme, host and port, what connections are counted by.
    """
    cdef plain_parts parts
    if not split_plain(url, &parts):
        return None
    return (PyBytes_FromStringAndSize(parts.url, parts.size), PyBytes_FromStringAndSize(parts.key, parts.key_size),
            "https" if parts.secure else "http")
