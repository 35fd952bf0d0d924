# What libcurl receives becomes mail: the callbacks of a transfer. I/O thread only.

from libc.stddef cimport size_t

from urlmon_core.libcurl cimport curl_sockaddr_head, curl_socket_t
from urlmon_core.transfer cimport transfer

cdef bint response_post(transfer *self) noexcept nogil
cdef int on_resolver_start(void *resolver, void *reserved, void *userp) noexcept nogil
cdef curl_socket_t on_open_socket(void *userp, int purpose, curl_sockaddr_head *address) noexcept nogil
cdef int on_close_socket(void *userp, curl_socket_t fd) noexcept nogil
cdef int on_prerequest(void *userp, char *remote, char *local, int remote_port, int local_port) noexcept nogil
cdef size_t on_header(char *line, size_t unit, size_t count, void *userp) noexcept nogil
cdef size_t on_body(char *data, size_t unit, size_t count, void *userp) noexcept nogil
