"""Questions to the owner: credentials, redirects, certificates, another request after an error. Used through cimport only.

The I/O thread cannot ask Python. So the transfer waits, in its place and with its slots, the question goes to the owner as mail, and
its answer comes back as a command: go on (the response is delivered, or the failure is the end), or once more with another
request (`transaction.answer`). While it waits, libcurl is paused at the first byte of the body, or is done with it already (`over`).
Which questions there are is the request's business: where nobody is to be asked, nothing waits.
"""

from urlmon_core.interruption cimport interruption_due_at
from urlmon_core.libcurl cimport (
    CURLE_OK, CURLE_PEER_FAILED_VERIFICATION, CURLINFO_HTTP_CONNECTCODE, CURLINFO_SSL_VERIFYRESULT, curl,
)
from urlmon_core.mailbox cimport CAUSE_MEMORY, CAUSE_NONE, STATUS_ASK_CERTIFICATE, STATUS_ASK_TUNNEL, mailbox_post
from urlmon_core.request cimport ASK_CERTIFICATE, ASK_CREDENTIALS, ASK_REDIRECT, ASK_STATUS
from urlmon_core.transfer cimport DISCARD_LIMIT, mark_dirty

cdef extern from "<string.h>" nogil:
    char *strdup(const char *text)
    size_t strlen(const char *text)


cdef bint question_of_response(transfer *self) noexcept nogil:
    """Is the owner asked about the final response that has come?"""
    cdef unsigned int asks = self.transaction.request.asks
    if self.ending or self.status < 400:
        return False
    return (asks & ASK_STATUS) != 0 or ((asks & ASK_CREDENTIALS) != 0 and self.status in (401, 407))


cdef bint question_of_redirect(transfer *self) noexcept nogil:
    """Is the owner asked about the redirect that has come?"""
    return (self.transaction.request.asks & ASK_REDIRECT) != 0 and not self.ending and not self.resuming


cdef bint question_put(transfer *self, int kind, int number, char *text, size_t length) noexcept nogil:
    """Posts the question and has the transfer wait; `text` is taken over. False: out of memory, and the transfer is to fail."""
    if not mailbox_post(&self.transaction.mail, kind, number, text, length):
        self.failure = CAUSE_MEMORY
        return False
    self.asking = True
    interruption_due_at(self, 0)        # it has no place to go on from
    mark_dirty(self.context, self.transaction)
    return True


cdef bint question_of_end(transfer *self, CURLcode code) noexcept nogil:
    """libcurl is done with the transfer, which the multi handle no longer holds. True: not over, a question is open, or now put."""
    cdef unsigned int asks = self.transaction.request.asks
    cdef long number = 0
    cdef char *text
    if self.asking:
        self.over = True
        self.over_code = code
        return True
    if code == CURLE_OK or self.status or self.redirected or self.resuming:
        return False
    if asks & ASK_CERTIFICATE and code == CURLE_PEER_FAILED_VERIFICATION:
        curl.easy_getinfo(self.easy, CURLINFO_SSL_VERIFYRESULT, <void *> &number)
        text = strdup(self.error_text)
        if text is NULL or not question_put(self, STATUS_ASK_CERTIFICATE, <int> number, text, strlen(text)):
            return False
    elif (asks & ASK_CREDENTIALS and self.failure == CAUSE_NONE
            and curl.easy_getinfo(self.easy, CURLINFO_HTTP_CONNECTCODE, <void *> &number) == CURLE_OK and number == 407):
        if not question_put(self, STATUS_ASK_TUNNEL, 407, NULL, 0):
            return False
    else:
        return False
    self.over = True
    self.over_code = code
    return True


cdef bint question_drains(transfer *self) noexcept nogil:
    """The answer is another request: is the rest of this response small enough to be read, so that its connection is kept?"""
    return not self.multiplexed and not self.suspended and 0 <= self.content_length <= DISCARD_LIMIT
