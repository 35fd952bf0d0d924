"""Profiles and requests: from Python values to the plain C that the I/O thread reads. See request.pxd.

Everything here runs on the owner's thread, before the command that hands a request over. Freeing may happen on any thread.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from urlmon_core.addresses cimport address_rule
from urlmon_core.atomics cimport reference_drop, reference_take, u32_init
from urlmon_core.body cimport body_release, request_body
from urlmon_core.counters cimport live, urlmon_count
from urlmon_core.libcurl cimport (
    CURLOPTTYPE_BLOB, CURLOPTTYPE_FUNCTIONPOINT, CURLOPTTYPE_OBJECTPOINT, CURLOPTTYPE_OFF_T, CURLOPT_CLOSESOCKETDATA,
    CURLOPT_DNS_CACHE_TIMEOUT, CURLOPT_ERRORBUFFER, CURLOPT_HEADERDATA, CURLOPT_NOPROGRESS, CURLOPT_NOPROXY, CURLOPT_NOSIGNAL,
    CURLOPT_OPENSOCKETDATA, CURLOPT_PRE_PROXY, CURLOPT_PREREQDATA, CURLOPT_PRIVATE, CURLOPT_PROXY, CURLOPT_READDATA, CURLOPT_RESOLVE,
    CURLOPT_RESOLVER_START_DATA, CURLOPT_SEEKDATA, CURLOPT_SHARE, CURLOPT_SOCKOPTDATA, CURLOPT_URL, CURLOPT_WRITEDATA,
)

cdef enum:
    NAMES_AGE = 60            # seconds: libcurl's own

cdef extern from "environment.h":
    bint urlmon_environment_names_proxy() noexcept

# Options that the core sets itself, or whose argument is a pointer to something that only the core may own. The last five
# are CURLOPT_STDERR, CURLOPT_HTTPPOST, CURLOPT_MIMEPOST, CURLOPT_STREAM_DEPENDS and CURLOPT_CURLU.
_RESERVED = frozenset({
    CURLOPT_WRITEDATA, CURLOPT_URL, CURLOPT_READDATA, CURLOPT_ERRORBUFFER, CURLOPT_HEADERDATA, CURLOPT_NOPROGRESS, CURLOPT_NOSIGNAL,
    CURLOPT_SHARE, CURLOPT_PRIVATE, CURLOPT_SOCKOPTDATA, CURLOPT_OPENSOCKETDATA, CURLOPT_CLOSESOCKETDATA,
    CURLOPT_RESOLVER_START_DATA, CURLOPT_PREREQDATA, CURLOPT_SEEKDATA, 10037, 10024, 10269, 10240, 10282,
})


cdef void _free_list(curl_slist *item) noexcept nogil:
    cdef curl_slist *following
    while item is not NULL:
        following = item.next
        free(item.data)
        free(item)
        item = following


cdef void profile_release(request_profile *profile) noexcept nogil:
    """Any thread. Drops one reference."""
    cdef int i
    if not reference_drop(&profile.references):
        return
    for i in range(profile.option_count):
        free(profile.options[i].text)
        _free_list(profile.options[i].list)
    free(profile.rules)
    free(profile)
    urlmon_count(&live.profiles, -1)


cdef void request_free(request_record *request) noexcept nogil:
    """Any thread, last holder."""
    profile_release(request.profile)
    if request.body is not NULL:
        body_release(request.body)
    free(request)


cdef char *_copy(bytes text) except NULL:
    cdef Py_ssize_t size = len(text)
    cdef char *copy = <char *> malloc(size + 1)
    if copy is NULL:
        raise MemoryError
    memcpy(copy, <const char *> text, size + 1)
    return copy


cdef bytes _encoded(int number, object value):
    cdef bytes text = value.encode() if isinstance(value, str) else bytes(value)
    if b"\0" in text:
        raise ValueError(f"option {number}: a NUL character cannot be passed to libcurl")
    return text


cdef int _fill_option(curl_option *option, int number, object value) except -1:
    cdef curl_slist **end = &option.list
    if number in _RESERVED:
        raise ValueError(f"option {number} is set by urlmon itself and cannot be overridden")
    if CURLOPTTYPE_FUNCTIONPOINT <= number < CURLOPTTYPE_OFF_T or number >= CURLOPTTYPE_BLOB:
        raise ValueError(f"option {number} takes a function or a blob, which urlmon does not pass through")
    option.number = number
    if number >= CURLOPTTYPE_OFF_T:
        option.kind = OPTION_OFFSET
        option.integer = value
    elif number < CURLOPTTYPE_OBJECTPOINT:
        option.kind = OPTION_LONG
        option.integer = value
    elif isinstance(value, (str, bytes, bytearray, memoryview)):
        option.kind = OPTION_STRING
        # POSTFIELDS is the one string that may hold NUL bytes; its length is an option of its own.
        option.text = _copy(bytes(value) if number == 10015 and not isinstance(value, str) else _encoded(number, value))
    elif isinstance(value, (list, tuple)):
        option.kind = OPTION_LIST
        for line in value:
            end[0] = <curl_slist *> calloc(1, sizeof(curl_slist))
            if end[0] is NULL:
                raise MemoryError
            end[0].data = _copy(_encoded(number, line))
            end = &end[0].next
    else:
        raise TypeError(f"option {number} takes text or a list of lines, not {type(value).__name__}")
    return 0


cdef class Profile:
    """A compiled set of libcurl options shared by many requests; immutable, usable from any thread.

    options: sequence of (CURLOPT number, value); int for numeric options, str/bytes for strings, a list of str for lists.
    follows: libcurl follows redirects. fails_on_status: HTTP 4xx/5xx end the binding with an error. may_retry_auth:
    credentials are set, so a 401/407 is not reported before libcurl has answered it. ignores_dates: certificates
    are verified without their periods of validity (where the TLS library is OpenSSL or its like). max_bytes: largest body, 0 = no limit.
    max_header_bytes: of all heads together, 0 = what libcurl allows. max_ratio: of decoded to encoded bytes, 0 = no limit. addresses: rules
    (network as 16 bytes, bits, whether it is allowed), see addresses.pxd.
    stall_speed, stall_time: below so many bytes per second for so many seconds ends the transfer, 0 = never.

    Raises ValueError for an option that cannot be passed through, TypeError or OverflowError for a value that does not fit it.
    """

    def __cinit__(self, options, *, bint follows=True, bint fails_on_status=False, bint may_retry_auth=False,
                  bint ignores_dates=False, int64_t max_bytes=0, int64_t max_header_bytes=0, int64_t max_ratio=0, addresses=(),
                  int64_t stall_speed=0, double stall_time=0):
        cdef int count = len(options)
        cdef int i
        self.options = tuple(options)
        self.profile = <request_profile *> calloc(1, sizeof(request_profile) + count * sizeof(curl_option))
        if self.profile is NULL:
            raise MemoryError
        urlmon_count(&live.profiles, 1)
        u32_init(&self.profile.references, 1)
        self.profile.follows = follows
        self.profile.fails_on_status = fails_on_status
        self.profile.may_retry_auth = may_retry_auth
        self.profile.ignores_dates = ignores_dates
        self.profile.max_bytes = max_bytes
        self.profile.max_header_bytes = max_header_bytes
        self.profile.max_ratio = max_ratio
        self.profile.stall_speed = stall_speed
        self.profile.stall_ns = <int64_t> (min(stall_time, 1e9) * 1e9) if stall_speed > 0 else 0
        self.profile.option_count = count
        self.profile.names_age = NAMES_AGE
        for i in range(count):
            number, value = self.options[i]
            _fill_option(&self.profile.options[i], number, value)
            if number in (CURLOPT_PROXY, CURLOPT_PRE_PROXY, CURLOPT_NOPROXY):
                self.profile.names_proxy = True
            elif number == CURLOPT_DNS_CACHE_TIMEOUT:
                self.profile.names_age = value
            elif number == CURLOPT_RESOLVE:
                self.profile.resolved = self.profile.options[i].list
        self.fill_rules(addresses)

    cdef int fill_rules(self, addresses) except -1:
        cdef int count = len(addresses)
        cdef address_rule *rule
        cdef int i
        if count == 0:
            return 0
        self.profile.rules = <address_rule *> calloc(count, sizeof(address_rule))
        if self.profile.rules is NULL:
            raise MemoryError
        for i in range(count):
            network, bits, allows = addresses[i]
            if len(network) != 16 or not 0 <= bits <= 128:
                raise ValueError("a rule is a network of 16 bytes, 0 to 128 bits of it, and whether it is allowed")
            rule = &self.profile.rules[i]
            memcpy(rule.network, <const char *> (<bytes> network), 16)
            rule.bits = bits
            rule.allows = allows
            self.profile.rule_count = i + 1
        return 0

    def __dealloc__(self):
        if self.profile is not NULL:
            profile_release(self.profile)


cdef request_record *request_create(
        Profile profile, const char *url, size_t url_size, const char *host_key, size_t key_size, int storage, bytes path,
        uint64_t high_water, unsigned int asks, bint quiet, request_body *body, bint tells) except NULL:
    """Owner. Builds a request in one piece; it holds a reference on the profile. url and host_key need not end with a zero."""
    cdef size_t path_size = 0 if path is None else len(path) + 1
    cdef request_record *request = <request_record *> malloc(sizeof(request_record) + url_size + 1 + key_size + 1 + path_size)
    cdef char *text
    cdef uint32_t digest = 2166136261
    cdef size_t i
    if request is NULL:
        raise MemoryError
    text = (<char *> request) + sizeof(request_record)
    reference_take(&profile.profile.references)
    request.profile = profile.profile
    request.storage = storage
    request.high_water = high_water
    request.asks = asks
    request.direct = not profile.profile.names_proxy and not urlmon_environment_names_proxy()
    request.quiet = quiet
    request.tells = tells
    request.body = body
    if body is not NULL:
        reference_take(&body.references)
    request.url = text
    memcpy(text, url, url_size)
    text[url_size] = 0
    text += url_size + 1
    request.host_key = text
    memcpy(text, host_key, key_size)
    text[key_size] = 0
    for i in range(key_size):     # FNV-1a
        digest = (digest ^ <unsigned char> text[i]) * 16777619
    request.host_hash = digest
    text += key_size + 1
    request.path = NULL
    if path is not None:
        request.path = text
        memcpy(text, <const char *> path, path_size)
    return request
