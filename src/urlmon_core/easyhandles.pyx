"""The pool of easy handles, and what is set on them.

A handle remembers its profile: the following transfer with the same one sets its URL and nothing else. I/O thread only, used through
cimport only.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free

from urlmon_core.atomics cimport reference_take
from urlmon_core.counters cimport urlmon_assert
from urlmon_core.libcurl cimport (
    CURL, CURLE_OK, CURLOPT_BUFFERSIZE, CURLOPT_CLOSESOCKETDATA, CURLOPT_CLOSESOCKETFUNCTION, CURLOPT_DNS_CACHE_TIMEOUT,
    CURLOPT_ERRORBUFFER, CURLOPT_FRESH_CONNECT, CURLOPT_HEADERDATA, CURLOPT_HEADERFUNCTION, CURLOPT_HTTP_VERSION,
    CURLOPT_NOPROGRESS, CURLOPT_NOPROXY, CURLOPT_NOSIGNAL, CURLOPT_OPENSOCKETDATA, CURLOPT_OPENSOCKETFUNCTION, CURLOPT_PIPEWAIT,
    CURLOPT_POSTFIELDSIZE_LARGE, CURLOPT_PREREQDATA, CURLOPT_PREREQFUNCTION, CURLOPT_PRIVATE, CURLOPT_PROXY, CURLOPT_READDATA,
    CURLOPT_READFUNCTION, CURLOPT_RESOLVE, CURLOPT_RESOLVER_START_DATA, CURLOPT_RESOLVER_START_FUNCTION, CURLOPT_SEEKDATA,
    CURLOPT_SEEKFUNCTION, CURLOPT_SSL_CTX_FUNCTION, CURLOPT_SUPPRESS_CONNECT_HEADERS, CURLOPT_WRITEDATA, CURLOPT_WRITEFUNCTION,
    CURL_HTTP_VERSION_2TLS, curl, curl_off_t, tls,
)
from urlmon_core.mailbox cimport CAUSE_OPTION
from urlmon_core.request cimport OPTION_LIST, OPTION_LONG, OPTION_OFFSET, STORAGE_STREAM, curl_option, profile_release
from urlmon_core.response cimport on_body, on_close_socket, on_header, on_open_socket, on_prerequest, on_resolver_start
from urlmon_core.upload cimport on_read, on_seek

cdef enum:
    SPARE_LIMIT = 256               # pooled easy handles of a reactor
    BUFFER_OTHERS = 512 << 10       # bytes: the same for files and memory
    BUFFER_LEAST = 16 << 10


cdef void _set_base_options(transfer *self) noexcept nogil:
    """What every transfer has; libraries too old for one of these go without it."""
    cdef CURL *easy = self.easy
    curl.easy_setopt(easy, CURLOPT_NOSIGNAL, <long> 1)
    curl.easy_setopt(easy, CURLOPT_NOPROGRESS, <long> 1)
    curl.easy_setopt(easy, CURLOPT_PRIVATE, <void *> self)
    curl.easy_setopt(easy, CURLOPT_ERRORBUFFER, <void *> self.error_text)
    curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, <void *> on_body)
    curl.easy_setopt(easy, CURLOPT_WRITEDATA, <void *> self)
    curl.easy_setopt(easy, CURLOPT_HEADERFUNCTION, <void *> on_header)
    curl.easy_setopt(easy, CURLOPT_HEADERDATA, <void *> self)
    curl.easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, <long> 1)
    curl.easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, <void *> on_resolver_start)
    curl.easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, <void *> self)
    curl.easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, <void *> on_open_socket)
    curl.easy_setopt(easy, CURLOPT_OPENSOCKETDATA, <void *> self)
    # A connection keeps these two beyond the transfer that opened it, so they point to what lives as long.
    curl.easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, <void *> on_close_socket)
    curl.easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, <void *> self.context)
    curl.easy_setopt(easy, CURLOPT_PREREQFUNCTION, <void *> on_prerequest)
    curl.easy_setopt(easy, CURLOPT_PREREQDATA, <void *> self)
    curl.easy_setopt(easy, CURLOPT_HTTP_VERSION, <long> CURL_HTTP_VERSION_2TLS)


cdef int _on_tls_context(CURL *easy, void *context, void *userp) noexcept nogil:
    """Certificates are verified as ever, but for their periods of validity (X509_V_FLAG_NO_CHECK_TIME)."""
    if tls.context_param is not NULL and tls.param_set_flags is not NULL:
        tls.param_set_flags(tls.context_param(context), 0x200000)
    return CURLE_OK


cdef CURLcode _set_option(CURL *easy, curl_option *option) noexcept nogil:
    if option.kind == OPTION_LONG:
        return curl.easy_setopt(easy, option.number, <long> option.integer)
    if option.kind == OPTION_OFFSET:
        return curl.easy_setopt(easy, option.number, <curl_off_t> option.integer)
    if option.kind == OPTION_LIST:
        return curl.easy_setopt(easy, option.number, <void *> option.list)
    return curl.easy_setopt(easy, option.number, <void *> option.text)


cdef void _unset(transfer *self) noexcept nogil:
    """Nothing is set on the handle afterwards."""
    curl.easy_reset(self.easy)      # before the release: the handle points into the profile
    profile_release(self.profile)
    self.profile = NULL
    self.buffer_size = 0
    self.waits = False
    self.direct = False
    self.fresh = False
    self.keeps_names = False
    self.told_resolved = 0


cdef CURLcode easy_set_profile(transfer *self, request_profile *profile, int *failed_option) noexcept nogil:
    cdef CURLcode code
    cdef int i
    if self.profile == profile:
        return CURLE_OK
    if self.profile is not NULL:
        _unset(self)
    _set_base_options(self)
    reference_take(&profile.references)
    self.profile = profile
    if profile.ignores_dates:
        curl.easy_setopt(self.easy, CURLOPT_SSL_CTX_FUNCTION, <void *> _on_tls_context)
    for i in range(profile.option_count):
        code = _set_option(self.easy, &profile.options[i])
        if code != CURLE_OK:
            failed_option[0] = profile.options[i].number
            return code
    return CURLE_OK


cdef transfer *easy_take(io_context *context) noexcept nogil:
    cdef transfer *self = context.spare
    if self is not NULL:
        context.spare = self.next_spare
        context.spare_count -= 1
        return self
    self = <transfer *> calloc(1, sizeof(transfer))
    if self is NULL:
        return NULL
    self.easy = curl.easy_init()
    if self.easy is NULL:
        free(self)
        return NULL
    self.context = context
    return self


cdef void _free_transfer(transfer *self) noexcept nogil:
    curl.easy_cleanup(self.easy)
    if self.profile is not NULL:
        profile_release(self.profile)
    free(self.head)
    free(self.condition.data)
    free(self)


cdef void easy_give_back(transfer *self) noexcept nogil:
    """Puts a transfer that is over back into the pool."""
    cdef io_context *context = self.context
    urlmon_assert(not self.in_multi)
    # A handle whose options did not all fit must not be taken for one that is set up for the profile.
    if context.spare_count >= SPARE_LIMIT or self.failure == CAUSE_OPTION:
        _free_transfer(self)
        return
    if self.resuming:
        # It has a range and a condition set, which no profile knows of.
        _unset(self)
        free(self.condition.data)
        self.condition.data = NULL
    self.next_spare = context.spare
    context.spare = self
    context.spare_count += 1


cdef void easy_suit(transfer *self, request_record *request) noexcept nogil:
    """Sets what depends on the request and not on its profile, where it differs from the last one."""
    # A file takes all that libcurl reads in one go, ten buffers at most, before a higher band gets its turn.
    cdef long buffer_size = self.context.buffer_most if request.storage == STORAGE_STREAM else BUFFER_OTHERS
    cdef const char *proxies = NULL
    cdef bint waits
    # libcurl may hold back one buffer of a paused transfer, so the buffer counts towards the high-water mark.
    if request.storage == STORAGE_STREAM and request.high_water < 2 * <uint64_t> buffer_size:
        buffer_size = <long> (request.high_water // 2)
        if buffer_size < BUFFER_LEAST:
            buffer_size = BUFFER_LEAST
    if buffer_size != self.buffer_size:
        curl.easy_setopt(self.easy, CURLOPT_BUFFERSIZE, buffer_size)
        self.buffer_size = buffer_size
    # Over TLS a second transfer waits for the first connection, which may turn out to multiplex. Over plain HTTP that is known
    # only from the first response, and one slow answer would stop everybody.
    waits = request.url[4] == c"s" or request.url[4] == c"S"
    if self.fresh:
        curl.easy_setopt(self.easy, CURLOPT_FRESH_CONNECT, <long> 0)
        self.fresh = False
    if self.keeps_names:
        curl.easy_setopt(self.easy, CURLOPT_DNS_CACHE_TIMEOUT, request.profile.names_age)
        self.keeps_names = False
    if request.profile.resolved is not NULL and not self.told_resolved & (1u << self.transaction.multi):
        # libcurl tells the multi handle of the next transfer, and none after it.
        curl.easy_setopt(self.easy, CURLOPT_RESOLVE, <void *> request.profile.resolved)
        self.told_resolved |= 1u << self.transaction.multi
    if request.body is not NULL:
        curl.easy_setopt(self.easy, CURLOPT_READFUNCTION, <void *> on_read)
        curl.easy_setopt(self.easy, CURLOPT_READDATA, <void *> self)
        curl.easy_setopt(self.easy, CURLOPT_SEEKFUNCTION, <void *> on_seek)
        curl.easy_setopt(self.easy, CURLOPT_SEEKDATA, <void *> self)
        curl.easy_setopt(self.easy, CURLOPT_POSTFIELDSIZE_LARGE, <curl_off_t> request.body.size)
    if request.direct != self.direct:
        if request.direct:
            proxies = b""     # none, and libcurl does not ask the environment either
        curl.easy_setopt(self.easy, CURLOPT_PROXY, proxies)
        curl.easy_setopt(self.easy, CURLOPT_NOPROXY, proxies)
        self.direct = request.direct
    if waits != self.waits:
        curl.easy_setopt(self.easy, CURLOPT_PIPEWAIT, <long> waits)
        self.waits = waits


cdef void easies_free(io_context *context) noexcept nogil:
    """Reactor's end: cleans the pooled handles up."""
    cdef transfer *self
    while context.spare is not NULL:
        self = context.spare
        context.spare = self.next_spare
        _free_transfer(self)
    context.spare_count = 0
