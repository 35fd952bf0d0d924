"""What libcurl receives becomes mail: statuses, the head of the final response, the bytes of its body.

libcurl's callbacks of one transfer. They run inside calls of curl_multi_socket_action and curl_easy_pause, on the I/O thread, without
Python. Used through cimport only.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, strlen

from urlmon_core.addresses cimport (
    AF_INET, AF_INET6, address_of, address_parse, address_permitted, sockaddr_in, sockaddr_in6,
)
from urlmon_core.admission cimport admission_limits_changed
from urlmon_core.atomics cimport i64_store_relaxed, u64_store_relaxed
from urlmon_core.budget cimport budget_spend
from urlmon_core.bytestream cimport stream_has_room, stream_write
from urlmon_core.copybytes cimport urlmon_copy_body
from urlmon_core.filesink cimport file_write
from urlmon_core.flow cimport flow_hold, flow_may_read, flow_received
from urlmon_core.interruption cimport interruption_accepts
from urlmon_core.libcurl cimport (
    CURL_PREREQFUNC_ABORT, CURL_PREREQFUNC_OK, CURL_SOCKET_BAD, CURL_WRITEFUNC_ERROR, CURL_WRITEFUNC_PAUSE, CURLE_OK,
    CURLINFO_EFFECTIVE_URL, CURLINFO_SIZE_DOWNLOAD_T, CURLOPT_DNS_CACHE_TIMEOUT, CURLPAUSE_RECV, curl,
)
from urlmon_core.mailbox cimport (
    CAUSE_ADDRESS, CAUSE_HTTP, CAUSE_LIMIT, CAUSE_MEMORY, CAUSE_STORAGE, LIMIT_BODY, LIMIT_HEAD, LIMIT_RATIO, STATUS_ASK_REDIRECT,
    STATUS_ASK_RESPONSE, STATUS_CONNECTING, STATUS_FINDINGRESOURCE, STATUS_REDIRECTING, STATUS_RESPONSE, STATUS_SENDINGREQUEST,
    mailbox_post,
)
from urlmon_core.multis cimport multis_names_due
from urlmon_core.questions cimport question_of_redirect, question_of_response, question_put
from urlmon_core.request cimport STORAGE_FILE, STORAGE_STREAM, request_profile
from urlmon_core.sockets cimport sockets_close, sockets_open
from urlmon_core.transaction cimport memory_buffer, transaction
from urlmon_core.upload cimport upload_closed
from urlmon_core.transfer cimport DISCARD_LIMIT, VALIDATOR_ROOM, io_context, mark_admission_due, mark_dirty, transfer_pause

cdef extern from "<string.h>" nogil:
    char *strdup(const char *text)
    char *strchr(const char *text, int character)

cdef extern from "<strings.h>" nogil:
    int strncasecmp(const char *a, const char *b, size_t size)

cdef extern from "<stdio.h>" nogil:
    int snprintf(char *buffer, size_t size, const char *format, ...)

cdef extern from "<arpa/inet.h>" nogil:
    const char *inet_ntop(int family, const void *address, char *text, unsigned int size)
    unsigned short ntohs(unsigned short number)

cdef enum:
    RATIO_FROM = 1 << 20            # decoded bytes below which no ratio is looked at
    MEMORY_FIRST = 64 << 10         # bytes: first size of a memory buffer when no length is announced
    MEMORY_TRUSTED = 64 << 20       # bytes: an announced length beyond it is not believed before the bytes come


# -- telling the owner -----------------------------------------------------------------------------------------------

cdef bint _post(transfer *self, int kind, int number, char *text, size_t length) noexcept nogil:
    """Posts a status; `text` is taken over. False: out of memory, and the transfer is to fail.

    Nothing of the connection phase after a long suspension: the client is in the data phase already. Nor where nobody wants to hear
    of it, but for redirects: the owner keeps the URL.
    """
    if kind != STATUS_RESPONSE and (self.resuming or (kind != STATUS_REDIRECTING and not self.transaction.request.tells)):
        free(text)
        return True
    if not mailbox_post(&self.transaction.mail, kind, number, text, length):
        self.failure = CAUSE_MEMORY
        return False
    mark_dirty(self.context, self.transaction)
    return True


cdef bint _post_copy(transfer *self, int kind, int number, const char *text) noexcept nogil:
    cdef char *copy = strdup(text)
    if copy is NULL:
        self.failure = CAUSE_MEMORY
        return False
    return _post(self, kind, number, copy, strlen(copy))


cdef bint _announce_redirect(transfer *self) noexcept nogil:
    """The first thing that is told after a redirect was received, as soon as libcurl has begun to follow it."""
    cdef char *url = NULL
    cdef int status = self.status
    if not self.redirected:
        return True
    self.redirected = False
    self.sending = False
    self.head_size = 0
    self.status = 0
    if curl.easy_getinfo(self.easy, CURLINFO_EFFECTIVE_URL, &url) != CURLE_OK or url is NULL:
        return True
    return _post_copy(self, STATUS_REDIRECTING, status, url)


cdef void _spare_names(transfer *self) noexcept nogil:
    """The name of this transfer has been looked up, with its age. At its end libcurl is to look at no other, but now and then."""
    if not self.keeps_names and not multis_names_due(&self.context.multis, self.transaction.multi, self.context.now_ns):
        self.keeps_names = True
        curl.easy_setopt(self.easy, CURLOPT_DNS_CACHE_TIMEOUT, <long> -1)


cdef bint response_post(transfer *self) noexcept nogil:
    """The head that was received last belongs to the final response."""
    cdef char *head = self.head
    cdef size_t size = self.head_size
    if self.responded or head is NULL or size == 0:
        return True
    self.responded = True
    _spare_names(self)
    upload_closed(self)
    if self.resuming:
        return interruption_accepts(self)       # its owner has the head of the first response
    self.head = NULL
    self.head_size = 0
    self.head_capacity = 0
    i64_store_relaxed(&self.transaction.mail.total, -1 if self.encoded else self.content_length)
    if size > 5 and (head[5] == c"2" or head[5] == c"3") and self.transaction.host is not NULL:
        self.multiplexed = True                       # "HTTP/2 200"
        if not self.transaction.host.multiplexed:
            # From one connection's worth of room to a hundred streams.
            self.transaction.host.multiplexed = True
            admission_limits_changed(self.transaction.apartment, self.context.now_ns)
            mark_admission_due(self.context, self.transaction.apartment)
    if self.transaction.request.profile.fails_on_status and self.status >= 400:
        self.discarding = True
        self.failure = CAUSE_HTTP
        self.failure_code = self.status
    if question_of_response(self):
        return question_put(self, STATUS_ASK_RESPONSE, self.status, head, size)
    return _post(self, STATUS_RESPONSE, self.status, head, size)


# -- libcurl's callbacks ---------------------------------------------------------------------------------------------

cdef int on_resolver_start(void *resolver, void *reserved, void *userp) noexcept nogil:
    cdef transfer *self = <transfer *> userp
    cdef char *url = NULL
    cdef char *host
    cdef char *copy
    cdef size_t size = 0
    if not _announce_redirect(self):
        return 1
    if curl.easy_getinfo(self.easy, CURLINFO_EFFECTIVE_URL, &url) != CURLE_OK or url is NULL:
        return 0
    host = strchr(url, c":")
    host = url if host is NULL or host[1] != c"/" or host[2] != c"/" else host + 3
    while host[size] and host[size] != c"/" and host[size] != c"?" and host[size] != c"#":
        size += 1
        if host[size - 1] == c"@":        # user info is nobody's business
            host += size
            size = 0
    if host[0] == c"[":
        host += 1
        size = 0
        while host[size] and host[size] != c"]":
            size += 1
    else:
        while size and host[size - 1] >= c"0" and host[size - 1] <= c"9":
            size -= 1
        if size and host[size - 1] == c":":
            size -= 1
        else:
            while host[size] and host[size] != c"/" and host[size] != c"?" and host[size] != c"#":
                size += 1
    copy = <char *> malloc(size + 1)
    if copy is NULL:
        self.failure = CAUSE_MEMORY
        return 1
    memcpy(copy, host, size)
    copy[size] = 0
    return 0 if _post(self, STATUS_FINDINGRESOURCE, 0, copy, size) else 1


cdef curl_socket_t on_open_socket(void *userp, int purpose, curl_sockaddr_head *address) noexcept nogil:
    cdef transfer *self = <transfer *> userp
    cdef const char *raw = (<const char *> address) + sizeof(curl_sockaddr_head)
    cdef request_profile *profile = self.transaction.request.profile
    cdef unsigned char there[16]
    cdef char where[64]
    cdef char text[80]
    where[0] = 0
    if not _announce_redirect(self):
        return CURL_SOCKET_BAD
    self.sending = False
    if address.family == AF_INET:
        inet_ntop(AF_INET, &(<const sockaddr_in *> raw).sin_addr, where, sizeof(where))
        snprintf(text, sizeof(text), b"%s:%d", where, <int> ntohs((<const sockaddr_in *> raw).sin_port))
    elif address.family == AF_INET6:
        inet_ntop(AF_INET6, &(<const sockaddr_in6 *> raw).sin6_addr, where, sizeof(where))
        snprintf(text, sizeof(text), b"[%s]:%d", where, <int> ntohs((<const sockaddr_in6 *> raw).sin6_port))
    if profile.rule_count and not (
            address_of(address.family, raw, there) and address_permitted(there, profile.rules, profile.rule_count)):
        self.refused_address = True       # another address of the host may do
        snprintf(self.refusal, sizeof(self.refusal), b"%s", where)
        return CURL_SOCKET_BAD
    self.refused_address = False
    self.connected = True
    if where[0] and not _post_copy(self, STATUS_CONNECTING, 0, text):
        return CURL_SOCKET_BAD
    return sockets_open(&self.context.sockets, address.family, address.socktype, address.protocol)


cdef int on_close_socket(void *userp, curl_socket_t fd) noexcept nogil:
    sockets_close(&(<io_context *> userp).sockets, fd)
    return 0


cdef int on_prerequest(void *userp, char *remote, char *local, int remote_port, int local_port) noexcept nogil:
    cdef transfer *self = <transfer *> userp
    cdef request_profile *profile = self.transaction.request.profile
    cdef unsigned char there[16]
    if not _announce_redirect(self):
        return CURL_PREREQFUNC_ABORT
    # A connection that another request has opened may be used, which no socket callback sees.
    if profile.rule_count and not (
            remote is not NULL and address_parse(remote, there) and address_permitted(there, profile.rules, profile.rule_count)):
        self.failure = CAUSE_ADDRESS
        if remote is not NULL:
            snprintf(self.refusal, sizeof(self.refusal), b"%s", remote)
        return CURL_PREREQFUNC_ABORT
    if self.suspended:
        transfer_pause(self)
    if not self.sending:         # else it is sent again, because the connection had died
        self.sending = True
        if not _post(self, STATUS_SENDINGREQUEST, 0, NULL, 0):
            return CURL_PREREQFUNC_ABORT
    return CURL_PREREQFUNC_OK


cdef inline bint _is_field(const char *line, size_t size, const char *name, size_t name_size) noexcept nogil:
    return size > name_size and line[name_size] == c":" and strncasecmp(line, name, name_size) == 0


cdef void _note_field(transfer *self, const char *line, size_t size) noexcept nogil:
    """Remembers the few fields that the I/O thread itself has to know of."""
    cdef size_t i
    cdef int64_t length = 0
    cdef bint digits = False
    if _is_field(line, size, b"content-length", 14):
        i = 15
        while i < size and (line[i] == c" " or line[i] == c"\t"):
            i += 1
        while i < size and c"0" <= line[i] <= c"9" and length < (<int64_t> 1 << 58):
            length = length * 10 + (line[i] - c"0")
            digits = True
            i += 1
        self.content_length = length if digits else -1
    elif _is_field(line, size, b"content-encoding", 16):
        self.encoded = True
    elif _is_field(line, size, b"location", 8):
        self.has_location = True
    elif _is_field(line, size, b"etag", 4):
        _keep(self.etag, line + 5, size - 5)
    elif _is_field(line, size, b"last-modified", 13):
        _keep(self.modified, line + 14, size - 14)
    elif _is_field(line, size, b"content-range", 13):
        _keep(self.content_range, line + 14, size - 14)


cdef void _keep(char *room, const char *value, size_t size) noexcept nogil:
    """Copies a field value without the white space around it; one that is too long is not kept."""
    while size and (value[0] == c" " or value[0] == c"\t"):
        value += 1
        size -= 1
    while size and (value[size - 1] == c" " or value[size - 1] == c"\r" or value[size - 1] == c"\n"):
        size -= 1
    if size >= VALIDATOR_ROOM:
        size = 0
    memcpy(room, value, size)
    room[size] = 0


cdef bint _ask_about_redirect(transfer *self) noexcept nogil:
    """Its body is of no use, whatever the answer is."""
    cdef char *head = self.head
    cdef size_t size = self.head_size
    self.head = NULL
    self.head_size = 0
    self.head_capacity = 0
    self.responded = True
    self.discarding = True
    return question_put(self, STATUS_ASK_REDIRECT, self.status, head, size)


cdef bint _head_ended(transfer *self) noexcept nogil:
    """The empty line after a header block: is it the final response's?"""
    cdef request_profile *profile = self.transaction.request.profile
    if 100 <= self.status < 200 and self.status != 101:
        return True
    if (profile.follows and self.has_location
            and (self.status in (301, 302, 303, 307, 308) or self.status == 300)):
        self.redirected = True
        return True
    if self.has_location and 300 <= self.status <= 308 and self.status not in (304, 305, 306) and question_of_redirect(self):
        return _ask_about_redirect(self)
    if profile.may_retry_auth and self.status in (401, 407):
        return True         # posted with the first body byte, or at the end, unless libcurl asks again
    return response_post(self)


cdef size_t on_header(char *line, size_t unit, size_t count, void *userp) noexcept nogil:
    cdef transfer *self = <transfer *> userp
    cdef size_t size = unit * count
    cdef size_t capacity
    cdef char *grown
    cdef size_t i
    cdef request_profile *profile = self.transaction.request.profile
    self.header_bytes += size
    if profile.max_header_bytes and self.header_bytes > profile.max_header_bytes:
        self.failure = CAUSE_LIMIT
        self.failure_code = LIMIT_HEAD
        return CURL_WRITEFUNC_ERROR
    if self.responded:
        return size         # trailers
    if (line[0] == c"H" or line[0] == c"h") and size > 5 and strncasecmp(line, b"HTTP/", 5) == 0:
        self.head_size = 0
        self.head_ended = False
        self.status = 0
        self.content_length = -1
        self.has_location = False
        self.encoded = False
        self.etag[0] = 0
        self.modified[0] = 0
        self.content_range[0] = 0
        i = 5
        while i < size and line[i] != c" ":
            i += 1
        while i < size and line[i] == c" ":
            i += 1
        while i < size and c"0" <= line[i] <= c"9" and self.status < 1000:
            self.status = self.status * 10 + (line[i] - c"0")
            i += 1
    if self.head_size + size + 1 > self.head_capacity:
        capacity = self.head_capacity * 2 if self.head_capacity else 512
        while capacity < self.head_size + size + 1:
            capacity *= 2
        grown = <char *> realloc(self.head, capacity)
        if grown is NULL:
            self.failure = CAUSE_MEMORY
            return CURL_WRITEFUNC_ERROR
        self.head = grown
        self.head_capacity = capacity
    memcpy(self.head + self.head_size, line, size)
    self.head_size += size
    self.head[self.head_size] = 0
    # A mere carriage return is no empty line: the connection closed there.
    if size <= 2 and line[size - 1] == c"\n" and (size == 1 or line[0] == c"\r"):
        self.head_ended = True
        if not _head_ended(self):
            return CURL_WRITEFUNC_ERROR
    elif line[0] in (c"C", c"c", c"E", c"e", c"L", c"l"):
        _note_field(self, line, size)
    return size


cdef bint _memory_append(transfer *self, const char *data, size_t size) noexcept nogil:
    cdef memory_buffer *memory = &self.transaction.memory
    cdef size_t capacity = memory.capacity
    cdef char *grown
    if memory.size + size > capacity:
        if capacity == 0:
            capacity = MEMORY_FIRST
            if not self.encoded and 0 <= self.content_length <= MEMORY_TRUSTED:
                capacity = <size_t> self.content_length
        else:
            capacity *= 2
        if capacity < memory.size + size:
            capacity = memory.size + size
        grown = <char *> realloc(memory.bytes, capacity)
        if grown is NULL:
            return False
        memory.bytes = grown
        memory.capacity = capacity
    urlmon_copy_body(memory.bytes + memory.size, data, size, capacity)
    memory.size += size
    return True


cdef size_t on_body(char *data, size_t unit, size_t count, void *userp) noexcept nogil:
    cdef transfer *self = <transfer *> userp
    cdef transaction *t = self.transaction
    cdef size_t size = unit * count
    cdef request_profile *profile = t.request.profile
    cdef size_t expected
    cdef int64_t encoded = 0
    cdef bint announced
    cdef int failure
    if self.resume_failure != CURLE_OK or (not self.responded and not response_post(self)):
        return CURL_WRITEFUNC_ERROR
    if self.discarding:
        self.received += size
        return CURL_WRITEFUNC_ERROR if self.received > DISCARD_LIMIT else size
    if self.asking:
        return CURL_WRITEFUNC_PAUSE
    if profile.max_bytes and <int64_t> (self.received + size) > profile.max_bytes:
        self.failure = CAUSE_LIMIT
        self.failure_code = LIMIT_BODY
        return CURL_WRITEFUNC_ERROR
    if profile.max_ratio and self.encoded and self.received + size > RATIO_FROM:
        if curl.easy_getinfo(self.easy, CURLINFO_SIZE_DOWNLOAD_T, <void *> &encoded) == CURLE_OK and encoded >= 0:
            if <int64_t> (self.received + size) // profile.max_ratio > encoded:
                self.failure = CAUSE_LIMIT
                self.failure_code = LIMIT_RATIO
                return CURL_WRITEFUNC_ERROR
    # What is likely still to come sizes the buffers: the rest of an announced length, else as much again as came already.
    announced = not self.encoded and self.content_length > <int64_t> self.received
    if announced:
        expected = <size_t> (self.content_length - <int64_t> self.received)
    else:
        expected = <size_t> self.received
    if self.multiplexed and not flow_may_read(self):
        self.refused = True
        flow_hold(self)
        return CURL_WRITEFUNC_PAUSE
    if t.request.storage == STORAGE_STREAM:
        if not stream_has_room(&t.stream, size):
            mark_dirty(self.context, t)
            return CURL_WRITEFUNC_PAUSE
        if not stream_write(&t.stream, self.context.pool, data, size, expected):
            self.failure = CAUSE_MEMORY
            return CURL_WRITEFUNC_ERROR
        if ((not announced or expected > size + <size_t> self.buffer_size) and not t.stream.waiting
                and not stream_has_room(&t.stream, self.buffer_size)):
            # The next chunk would be refused, and libcurl keeps a refused one in a buffer that it allocates each time. What it has
            # of this one still comes.
            curl.easy_pause(self.easy, CURLPAUSE_RECV)
    elif t.request.storage == STORAGE_FILE:
        failure = file_write(&self.file, self.context.pool, data, size, expected)
        if failure:
            self.failure = CAUSE_STORAGE
            self.failure_code = failure
            return CURL_WRITEFUNC_ERROR
    elif not _memory_append(self, data, size):
        self.failure = CAUSE_MEMORY
        return CURL_WRITEFUNC_ERROR
    self.received += size
    u64_store_relaxed(&t.mail.received, self.received)
    flow_received(self, size)
    budget_spend(self, size)
    if not t.request.quiet:
        mark_dirty(self.context, t)
    return size
