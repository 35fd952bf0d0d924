"""Finds the process's libcurl and fills the table of entry points, once, at import.

The libcurl that pycurl brings is the only one used: its extension module is opened by path and the names are looked up on
that handle, which searches the module's own dependencies. A generic name such as ``libcurl.so.4`` could load a second, older
library beside it. It is opened before Python imports it, where possible: whoever initialises libcurl first says what memory it uses, and
some pycurls do as they are imported.
"""

import importlib.machinery
import importlib.util
import os
import sys

from libc.string cimport memset

from urlmon_core.exceptions import LibcurlUnavailableError

cdef extern from "<dlfcn.h>" nogil:
    ctypedef struct Dl_info:
        const char *dli_fname
    void *dlopen(const char *path, int flags)
    void *dlsym(void *handle, const char *name)
    int dlclose(void *handle)
    int dladdr(const void *address, Dl_info *info)
    char *dlerror()
    int RTLD_NOW
    int RTLD_LOCAL

cdef extern from "smallmemory.h" nogil:
    void *urlmon_small_malloc(size_t size) noexcept
    void urlmon_small_free(void *memory) noexcept
    void *urlmon_small_realloc(void *memory, size_t size) noexcept
    char *urlmon_small_strdup(const char *text) noexcept
    void *urlmon_small_calloc(size_t count, size_t size) noexcept
    void urlmon_small_memory_begin() noexcept
    size_t urlmon_small_memory_held() noexcept
    void urlmon_small_memory_end() noexcept

# bits of curl_version_info_data.features that a client may want to know (libcurl: curl/curl.h, CURL_VERSION_*)
cdef dict _FEATURE_BITS = {
    "IPv6": 1 << 0, "SSL": 1 << 2, "libz": 1 << 3, "NTLM": 1 << 4, "AsynchDNS": 1 << 7, "SPNEGO": 1 << 8, "IDN": 1 << 10,
    "HTTP2": 1 << 16, "Kerberos": 1 << 18, "UnixSockets": 1 << 19, "PSL": 1 << 20, "HTTPS-proxy": 1 << 21, "brotli": 1 << 23,
    "alt-svc": 1 << 24, "HTTP3": 1 << 25, "zstd": 1 << 26, "HSTS": 1 << 28, "GSASL": 1 << 29, "threadsafe": 1 << 30,
}

cdef str _path = ""
cdef str _source = ""
cdef bint _keeps_memory = False


def _candidates():
    """The libraries to try, best first, as (where it comes from, path for dlopen)."""
    chosen = os.environ.get("URLMON_LIBCURL")
    if chosen:
        yield "URLMON_LIBCURL", chosen
    extension = importlib.util.find_spec("pycurl")
    if extension is not None and extension.submodule_search_locations:      # one module before 7.46, a package around it since
        extension = importlib.machinery.PathFinder.find_spec("pycurl._pycurl", extension.submodule_search_locations)
    if extension is not None and extension.has_location:
        yield "pycurl", extension.origin
    yield "system", "libcurl.4.dylib" if sys.platform == "darwin" else "libcurl.so.4"


cdef int _fill(void *handle, curl_entry_points *table) except -1:
    """Looks every entry point up on `handle`; raises LookupError naming the first one that is missing."""
    cdef void **slot = <void **> table
    cdef size_t count = 0
    # In the order of the struct: each field is one pointer.
    cdef const char *names[21]
    names[0] = "curl_global_init_mem"
    names[1] = "curl_version_info"
    names[2] = "curl_easy_strerror"
    names[3] = "curl_easy_init"
    names[4] = "curl_easy_cleanup"
    names[5] = "curl_easy_reset"
    names[6] = "curl_easy_pause"
    names[7] = "curl_easy_setopt"
    names[8] = "curl_easy_getinfo"
    names[9] = "curl_multi_init"
    names[10] = "curl_multi_cleanup"
    names[11] = "curl_multi_setopt"
    names[12] = "curl_multi_add_handle"
    names[13] = "curl_multi_remove_handle"
    names[14] = "curl_multi_socket_action"
    names[15] = "curl_multi_info_read"
    names[16] = "curl_url"
    names[17] = "curl_url_cleanup"
    names[18] = "curl_url_set"
    names[19] = "curl_url_get"
    names[20] = "curl_free"
    if sizeof(curl_entry_points) != 21 * sizeof(void *):
        raise SystemError("the table of libcurl entry points and its list of names differ in length")
    for count in range(21):
        slot[count] = dlsym(handle, names[count])
        if slot[count] is NULL:
            raise LookupError(f"has no {names[count].decode()}")
    return 0


cdef bint _asks_us_for_memory() noexcept:
    """Whether this was the first initialisation of libcurl, and an I/O thread keeps what libcurl frees."""
    cdef bint ours
    urlmon_small_memory_begin()
    curl.url_cleanup(curl.url())
    ours = urlmon_small_memory_held() > 0
    urlmon_small_memory_end()
    return ours


cdef int _load() except -1:
    global curl, _path, _source, _keeps_memory
    cdef void *handle
    cdef curl_entry_points table
    cdef Dl_info where
    cdef curl_version_info_data *version
    tried = []
    for source, path in _candidates():
        encoded = os.fsencode(path)
        handle = dlopen(encoded, RTLD_NOW | RTLD_LOCAL)
        if handle is NULL:
            reason = dlerror()
            tried.append(f"{source} ({path}): {reason.decode(errors='replace')}")
            continue
        memset(&table, 0, sizeof(table))
        try:
            _fill(handle, &table)
            version = table.version_info(CURLVERSION_NOW)
            if version.version_num < 0x075000:
                raise LookupError(f"is libcurl {version.version.decode()}, older than 7.80")
            # The first initialisation chooses the memory, so this should be it. Held for good: a client may call
            # pycurl.global_cleanup().
            if table.global_init_mem(
                    CURL_GLOBAL_DEFAULT, urlmon_small_malloc, urlmon_small_free, urlmon_small_realloc, urlmon_small_strdup,
                    urlmon_small_calloc) != CURLE_OK:
                raise LookupError("failed in curl_global_init")
        except LookupError as problem:
            tried.append(f"{source} ({path}) {problem}")
            dlclose(handle)
            continue
        curl = table
        tls.context_param = <void *(*)(void *) noexcept nogil> dlsym(handle, "SSL_CTX_get0_param")
        tls.param_set_flags = <int (*)(void *, unsigned long) noexcept nogil> dlsym(handle, "X509_VERIFY_PARAM_set_flags")
        _source = source
        _path = path
        if dladdr(<const void *> table.easy_init, &where) and where.dli_fname is not NULL:
            _path = os.path.realpath(os.fsdecode(where.dli_fname))
        _keeps_memory = _asks_us_for_memory()
        return 0
    raise LibcurlUnavailableError("no usable libcurl found; tried: " + "; ".join(tried))


_load()


cdef void small_memory_begin() noexcept nogil:
    urlmon_small_memory_begin()


cdef void small_memory_end() noexcept nogil:
    urlmon_small_memory_end()


def library():
    """Which libcurl is in use; any thread.

    Returns a dict: path (of the shared library), source (``URLMON_LIBCURL``, ``pycurl`` or ``system``), version, version_num (0xXXYYZZ),
    ssl_version, features (sorted names), protocols, keeps_memory (False where somebody had initialised libcurl before, as
    ``pycurl.Curl()`` does: then small transfers take a tenth more processor time, see smallmemory.h; also False in a debug build).
    """
    cdef curl_version_info_data *info = curl.version_info(CURLVERSION_NOW)
    cdef const char *const *protocol = info.protocols
    protocols = []
    while protocol[0] is not NULL:
        protocols.append(protocol[0].decode())
        protocol += 1
    return {
        "path": _path,
        "source": _source,
        "version": info.version.decode(),
        "version_num": info.version_num,
        "ssl_version": "" if info.ssl_version is NULL else info.ssl_version.decode(),
        "features": sorted(name for name, bit in _FEATURE_BITS.items() if (<unsigned int> info.features) & <unsigned int> bit),
        "protocols": protocols,
        "keeps_memory": _keeps_memory,
    }


def error_text(int code):
    """libcurl's sentence for a CURLcode (curl_easy_strerror); any thread."""
    return curl.easy_strerror(code).decode(errors="replace")
