# Which addresses a request may connect to: networks that are allowed or denied, looked at on the I/O thread, without Python.
#
# Everything is an IPv6 address of 16 bytes here: an IPv4 one is the mapped one (::ffff:a.b.c.d), so a rule for IPv4 also holds for what is
# written as a mapped address. A denial wins; if there is any permission, only what has one is permitted.

from libc.string cimport memcmp, memcpy, memset

cdef extern from "<arpa/inet.h>" nogil:
    ctypedef unsigned short in_port_t
    cdef struct in_addr_record "in_addr":
        pass
    cdef struct sockaddr_in:
        in_port_t sin_port
        in_addr_record sin_addr
    cdef struct in6_addr_record "in6_addr":
        pass
    cdef struct sockaddr_in6:
        in_port_t sin6_port
        in6_addr_record sin6_addr
    int AF_INET
    int AF_INET6
    int inet_pton(int family, const char *text, void *address)

cdef struct address_rule:
    unsigned char network[16]
    int bits                  # of the network, 0 to 128
    bint allows


cdef inline bint address_in(const unsigned char *address, const address_rule *rule) noexcept nogil:
    cdef int whole = rule.bits // 8
    cdef int rest = rule.bits % 8
    if memcmp(address, rule.network, whole) != 0:
        return False
    return rest == 0 or (address[whole] ^ rule.network[whole]) >> (8 - rest) == 0


cdef inline bint address_permitted(const unsigned char *address, const address_rule *rules, int count) noexcept nogil:
    # Any thread; the rules are never changed. address: 16 bytes.
    cdef bint permitted = True
    cdef bint any_permission = False
    cdef int i
    for i in range(count):
        if rules[i].allows:
            if not any_permission:
                any_permission = True
                permitted = False
            if address_in(address, &rules[i]):
                permitted = True
    for i in range(count):
        if not rules[i].allows and address_in(address, &rules[i]):
            return False
    return permitted


cdef inline bint address_of(int family, const void *raw, unsigned char *address) noexcept nogil:
    # The 16 bytes of a struct sockaddr_in or sockaddr_in6. False: it is of another family.
    if family == AF_INET6:
        memcpy(address, &(<const sockaddr_in6 *> raw).sin6_addr, 16)
        return True
    if family != AF_INET:
        return False
    memset(address, 0, 10)
    memset(address + 10, 0xFF, 2)
    memcpy(address + 12, &(<const sockaddr_in *> raw).sin_addr, 4)
    return True


cdef inline bint address_parse(const char *text, unsigned char *address) noexcept nogil:
    # The 16 bytes of an address in letters, without zone or brackets. False: it is none.
    if inet_pton(AF_INET6, text, address) == 1:
        return True
    memset(address, 0, 10)
    memset(address + 10, 0xFF, 2)
    return inet_pton(AF_INET, text, address + 12) == 1
