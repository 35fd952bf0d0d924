# The one declaration file of libcurl: its types, the numbers the core uses, and the table of entry points that
# libcurl.pyx fills at import. No header of libcurl is needed to build; its ABI (SONAME 4) keeps these numbers for good.
#
# Everything in the table is called on the I/O thread only.

from libc.stdint cimport int64_t

ctypedef void CURL
ctypedef void CURLM
ctypedef void CURLU
ctypedef int CURLcode
ctypedef int CURLMcode
ctypedef int64_t curl_off_t
ctypedef int curl_socket_t

cdef struct curl_slist:
    char *data
    curl_slist *next

cdef struct curl_sockaddr_head:
    # The fields of struct curl_sockaddr before the address itself.
    int family
    int socktype
    int protocol
    unsigned int addrlen

cdef union curl_message_data:
    void *whatever
    CURLcode result

cdef struct CURLMsg:
    int msg
    CURL *easy_handle
    curl_message_data data

cdef enum:
    CURLE_OK = 0
    CURLE_COULDNT_CONNECT = 7
    CURLE_PARTIAL_FILE = 18
    CURLE_HTTP_RETURNED_ERROR = 22
    CURLE_OPERATION_TIMEDOUT = 28
    CURLE_SEND_ERROR = 55
    CURLE_WRITE_ERROR = 23
    CURLE_OUT_OF_MEMORY = 27
    CURLE_ABORTED_BY_CALLBACK = 42
    CURLE_BAD_FUNCTION_ARGUMENT = 43
    CURLE_UNKNOWN_OPTION = 48
    CURLE_PEER_FAILED_VERIFICATION = 60
    CURLM_OK = 0
    CURLMSG_DONE = 1
    CURL_ERROR_SIZE = 256

    CURL_WRITEFUNC_PAUSE = 0x10000001
    CURL_WRITEFUNC_ERROR = 0xFFFFFFFF
    CURL_READFUNC_ABORT = 0x10000000
    CURL_READFUNC_PAUSE = 0x10000001
    CURL_SEEKFUNC_OK = 0
    CURL_SEEKFUNC_CANTSEEK = 2
    CURL_PREREQFUNC_OK = 0
    CURL_PREREQFUNC_ABORT = 1
    CURL_SOCKET_BAD = -1
    CURL_SOCKET_TIMEOUT = -1
    CURLPAUSE_RECV = 1
    CURLPAUSE_ALL = 5
    CURLPAUSE_CONT = 0

    CURL_CSELECT_IN = 1
    CURL_CSELECT_OUT = 2
    CURL_CSELECT_ERR = 4
    CURL_POLL_NONE = 0
    CURL_POLL_IN = 1
    CURL_POLL_OUT = 2
    CURL_POLL_INOUT = 3
    CURL_POLL_REMOVE = 4

    # easy options: 0 = long, 10000 = pointer, 20000 = function, 30000 = curl_off_t, 40000 = blob
    CURLOPTTYPE_OBJECTPOINT = 10000
    CURLOPTTYPE_FUNCTIONPOINT = 20000
    CURLOPTTYPE_OFF_T = 30000
    CURLOPTTYPE_BLOB = 40000
    CURLOPT_WRITEDATA = 10001
    CURLOPT_URL = 10002
    CURLOPT_READDATA = 10009
    CURLOPT_ERRORBUFFER = 10010
    CURLOPT_WRITEFUNCTION = 20011
    CURLOPT_HEADERDATA = 10029
    CURLOPT_READFUNCTION = 20012
    CURLOPT_SEEKFUNCTION = 20167
    CURLOPT_SEEKDATA = 10168
    CURLOPT_POSTFIELDSIZE_LARGE = 30120
    CURLOPT_NOPROGRESS = 43
    CURLOPT_NOBODY = 44
    CURLOPT_FOLLOWLOCATION = 52
    CURLOPT_HEADERFUNCTION = 20079
    CURLOPT_FRESH_CONNECT = 74
    CURLOPT_HTTP_VERSION = 84
    CURLOPT_DNS_CACHE_TIMEOUT = 92
    CURLOPT_BUFFERSIZE = 98
    CURLOPT_NOSIGNAL = 99
    CURLOPT_RANGE = 10007
    CURLOPT_PROXY = 10004
    CURLOPT_PRE_PROXY = 10262
    CURLOPT_NOPROXY = 10177
    CURLOPT_HTTPHEADER = 10023
    CURLOPT_SHARE = 10100
    CURLOPT_RESOLVE = 10203
    CURLOPT_SSL_CTX_FUNCTION = 20108
    CURLOPT_PRIVATE = 10103
    CURLOPT_SOCKOPTFUNCTION = 20148
    CURLOPT_SOCKOPTDATA = 10149
    CURLOPT_OPENSOCKETFUNCTION = 20163
    CURLOPT_OPENSOCKETDATA = 10164
    CURLOPT_CLOSESOCKETFUNCTION = 20208
    CURLOPT_CLOSESOCKETDATA = 10209
    CURLOPT_PIPEWAIT = 237
    CURLOPT_SUPPRESS_CONNECT_HEADERS = 265
    CURLOPT_RESOLVER_START_FUNCTION = 20272
    CURLOPT_RESOLVER_START_DATA = 10273
    CURLOPT_PREREQFUNCTION = 20312
    CURLOPT_PREREQDATA = 10313

    CURL_HTTP_VERSION_2TLS = 4

    CURLMOPT_SOCKETFUNCTION = 20001
    CURLMOPT_SOCKETDATA = 10002
    CURLMOPT_PIPELINING = 3
    CURLMOPT_TIMERFUNCTION = 20004
    CURLMOPT_TIMERDATA = 10005
    CURLMOPT_MAXCONNECTS = 6
    CURLMOPT_MAX_CONCURRENT_STREAMS = 16
    CURLMOPT_QUICK_EXIT = 21
    CURLPIPE_MULTIPLEX = 2

    CURLINFO_EFFECTIVE_URL = 0x100001
    CURLINFO_RESPONSE_CODE = 0x200002
    CURLINFO_PRIVATE = 0x100015
    CURLINFO_SSL_VERIFYRESULT = 0x20000D
    CURLINFO_HTTP_CONNECTCODE = 0x200016
    CURLINFO_REDIRECT_COUNT = 0x200014
    CURLINFO_CONTENT_LENGTH_DOWNLOAD_T = 0x60000F
    CURLINFO_PRIMARY_IP = 0x100020
    CURLINFO_HTTP_VERSION = 0x20002E
    CURLINFO_ACTIVESOCKET = 0x50002C
    CURLINFO_SIZE_UPLOAD_T = 0x600007
    CURLINFO_SIZE_DOWNLOAD_T = 0x600008

    CURLUPART_URL = 0
    CURLU_NON_SUPPORT_SCHEME = 8
    CURLU_URLENCODE = 128

    CURL_GLOBAL_DEFAULT = 3
    CURLVERSION_NOW = 11

cdef struct curl_version_info_data:
    # The first fields of struct curl_version_info_data; older and newer libraries share them.
    int age
    const char *version
    unsigned int version_num
    const char *host
    int features
    const char *ssl_version
    long ssl_version_num
    const char *libz_version
    const char *const *protocols

cdef struct curl_entry_points:
    CURLcode (*global_init_mem)(
        long, void *(*)(size_t) noexcept nogil, void (*)(void *) noexcept nogil, void *(*)(void *, size_t) noexcept nogil,
        char *(*)(const char *) noexcept nogil, void *(*)(size_t, size_t) noexcept nogil) noexcept nogil
    curl_version_info_data *(*version_info)(int) noexcept nogil
    const char *(*easy_strerror)(CURLcode) noexcept nogil
    CURL *(*easy_init)() noexcept nogil
    void (*easy_cleanup)(CURL *) noexcept nogil
    void (*easy_reset)(CURL *) noexcept nogil
    CURLcode (*easy_pause)(CURL *, int) noexcept nogil
    # Variadic as in the header: some ABIs (arm64 macOS) pass variadic arguments in another place than fixed ones.
    CURLcode (*easy_setopt)(CURL *, int, ...) noexcept nogil
    CURLcode (*easy_getinfo)(CURL *, int, ...) noexcept nogil
    CURLM *(*multi_init)() noexcept nogil
    CURLMcode (*multi_cleanup)(CURLM *) noexcept nogil
    CURLMcode (*multi_setopt)(CURLM *, int, ...) noexcept nogil
    CURLMcode (*multi_add_handle)(CURLM *, CURL *) noexcept nogil
    CURLMcode (*multi_remove_handle)(CURLM *, CURL *) noexcept nogil
    CURLMcode (*multi_socket_action)(CURLM *, curl_socket_t, int, int *) noexcept nogil
    CURLMsg *(*multi_info_read)(CURLM *, int *) noexcept nogil
    CURLU *(*url)() noexcept nogil
    void (*url_cleanup)(CURLU *) noexcept nogil
    int (*url_set)(CURLU *, int, const char *, unsigned int) noexcept nogil
    int (*url_get)(CURLU *, int, char **, unsigned int) noexcept nogil
    void (*free)(void *) noexcept nogil

cdef curl_entry_points curl

# An I/O thread, as it begins and at its end: libcurl's small memory, see smallmemory.h.
cdef void small_memory_begin() noexcept nogil
cdef void small_memory_end() noexcept nogil

cdef struct tls_entry_points:
    # Of the TLS library that libcurl uses; NULL where it is not OpenSSL or its like.
    void *(*context_param)(void *context) noexcept nogil                       # SSL_CTX_get0_param
    int (*param_set_flags)(void *param, unsigned long flags) noexcept nogil    # X509_VERIFY_PARAM_set_flags

cdef tls_entry_points tls
