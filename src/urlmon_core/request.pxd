# What the I/O thread needs to know to make a request: plain C, written by the owner before the command, never changed after.
#
# A *profile* is everything that many requests share: a list of libcurl options in the order in which they are to be set,
# with the strings and lists they point to. A pooled easy handle remembers its profile, so a following transfer with the same
# one sets its URL and nothing else. A *request* is one URL with its profile and its storage.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from urlmon_core.addresses cimport address_rule
from urlmon_core.atomics cimport atomic_u32
from urlmon_core.body cimport request_body
from urlmon_core.libcurl cimport curl_slist

cdef enum option_kind:
    OPTION_LONG
    OPTION_OFFSET
    OPTION_STRING         # malloc, `length` bytes and a terminating zero
    OPTION_LIST           # malloc'ed chain

cdef enum storage_kind:
    # numbers of TYMED (contract 6.1)
    STORAGE_MEMORY = 1
    STORAGE_FILE = 2
    STORAGE_STREAM = 4

cdef enum ask_bit:
    # What the owner is asked about before the transfer goes on, see questions.pyx.
    ASK_STATUS = 1        # every final response of 400 or more
    ASK_CREDENTIALS = 2   # 401 and 407
    ASK_REDIRECT = 4      # a redirect, which libcurl then must not follow by itself
    ASK_CERTIFICATE = 8   # a certificate that does not pass

cdef struct curl_option:
    int number
    int kind
    int64_t integer
    char *text
    curl_slist *list

cdef struct request_profile:
    atomic_u32 references
    int option_count
    bint follows              # redirects are followed by libcurl
    curl_slist *resolved      # CURLOPT_RESOLVE, of one of the options; NULL = none
    long names_age            # CURLOPT_DNS_CACHE_TIMEOUT: seconds for which a resolved name is used again, -1 = for ever
    bint fails_on_status      # HTTP 4xx and 5xx end the binding, their bodies are not delivered
    bint ignores_dates        # of certificates
    bint names_proxy          # or that there is none: the environment is not asked
    bint may_retry_auth       # credentials are set: a 401 or 407 may not be the final response
    int64_t stall_ns          # below stall_speed for so long ends the transfer, 0 = never
    int64_t stall_speed       # bytes per second
    int64_t max_bytes         # body limit, 0 = none
    int64_t max_header_bytes  # limit of all heads and trailers of a transfer together, 0 = libcurl's own only
    int64_t max_ratio         # limit of decoded to encoded bytes of a body, 0 = none
    address_rule *rules       # malloc; where it may connect to, see addresses.pxd
    int rule_count
    curl_option options[1]    # option_count of them

cdef struct request_record:
    request_profile *profile
    int storage               # storage_kind
    uint64_t high_water       # bytes of the stream that may wait unread
    unsigned int asks         # ask_bit
    request_body *body        # NULL = none; holds a reference
    bint tells                # somebody wants to hear of the connection phase, and of the sending of the body
    bint direct               # neither the profile nor the environment names a proxy
    bint quiet                # nobody wants to hear of progress: say nothing before the end (not for streams)
    uint32_t host_hash
    char *url                 # these three point behind the struct, zero-terminated
    char *host_key            # scheme, host, port and proxy: what connections are counted by
    char *path                # target of STORAGE_FILE, else NULL


cdef void profile_release(request_profile *profile) noexcept nogil
cdef void request_free(request_record *request) noexcept nogil

cdef class Profile:
    cdef request_profile *profile
    cdef readonly tuple options

    cdef int fill_rules(self, addresses) except -1

cdef request_record *request_create(
    Profile profile, const char *url, size_t url_size, const char *host_key, size_t key_size, int storage, bytes path,
    uint64_t high_water, unsigned int asks, bint quiet, request_body *body, bint tells) except NULL
