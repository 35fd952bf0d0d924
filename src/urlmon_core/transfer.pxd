# A transfer: one easy handle and what is being received through it. I/O thread only.

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint64_t

from urlmon_core.atomics cimport reference_take
from urlmon_core.blocks cimport block_pool
from urlmon_core.body cimport body_piece
from urlmon_core.filesink cimport file_sink
from urlmon_core.libcurl cimport (
    CURL, CURL_ERROR_SIZE, CURLE_BAD_FUNCTION_ARGUMENT, CURLE_OK, CURLPAUSE_ALL, CURLPAUSE_CONT, CURLPAUSE_RECV, CURLcode,
    curl, curl_slist,
)
from urlmon_core.multis cimport multi_table, multis_add, multis_remove
from urlmon_core.request cimport request_profile
from urlmon_core.sockets cimport socket_table
from urlmon_core.transaction cimport apartment_record, transaction, transaction_reference

cdef enum:
    VALIDATOR_ROOM = 120          # bytes; a longer ETag is not remembered
    DISCARD_LIMIT = 64 << 10      # bytes of an unwanted body that are read to keep its connection

cdef struct io_context:
    # What the transfers of one reactor share.
    multi_table multis
    block_pool *pool
    long buffer_most              # bytes: CURLOPT_BUFFERSIZE of those whose high-water mark allows it
    socket_table sockets
    transfer *spare               # pooled transfers with their easy handles
    int spare_count
    transaction *dirty            # mailboxes with something not yet handed over, oldest first
    transaction *last_dirty
    uint64_t unflushed            # body bytes received since the mailboxes were last handed over, but for those that nobody hears of
    uint64_t unseen               # body bytes received since the commands were last looked at
    apartment_record *wake_due    # owners to wake at the end of the turn
    apartment_record *admission_due    # apartments in which somebody may be able to start
    int64_t now_ns                # the time, as of this turn
    transfer *bulk                # those that receive much: their windows are managed
    transfer *watched             # those with a stall rule
    int64_t look_ns               # when these are looked at next, -1 = never
    transfer *resting             # suspended ones that still have their connection
    transfer *held                # those that are not read for a higher band's sake, latest first
    transfer *last_held
    transfer *visited             # those that have used up the budget of their visit, oldest first
    transfer *last_visited
    int64_t tick_ns               # when windows are looked at next
    transfer *failed              # those that failed when they were to go on after a pause: ended in this turn or the next

cdef struct transfer:
    CURL *easy
    bint in_multi                 # a multi handle holds it
    io_context *context
    transaction *transaction      # NULL while spare
    request_profile *profile      # what the easy handle is set up for; holds a reference
    transfer *next_spare
    long buffer_size              # CURLOPT_BUFFERSIZE as set
    bint waits                    # CURLOPT_PIPEWAIT as set
    bint direct                   # CURLOPT_PROXY and CURLOPT_NOPROXY are set to nothing
    bint fresh                    # CURLOPT_FRESH_CONNECT as set
    bint keeps_names              # CURLOPT_DNS_CACHE_TIMEOUT is set to for ever
    unsigned int told_resolved    # bit i: multi handle i has been told what the profile says is resolved
    file_sink file
    # the response that is being received
    char *head                    # its header block, malloc
    size_t head_size
    size_t head_capacity
    int status
    int64_t content_length        # -1 = not announced
    bint head_ended               # its empty line has come
    bint has_location
    bint encoded                  # Content-Encoding: the length announced is not the length delivered
    bint connected                # over a connection of its own making, not one used before
    bint sending                  # the request was told of, since it was last redirected or connected
    bint redirected               # a redirect was received and is not yet announced
    bint responded                # the final response's head was posted
    bint discarding               # its body is not wanted (HTTP error, or another request follows)
    uint64_t received             # body bytes
    # its question to the owner, see questions.pyx
    bint asking                   # it waits for the answer
    bint again                    # the answer was another request, which follows when the body has been drained
    bint over                     # libcurl is done with it
    CURLcode over_code            # with this result
    bint ending                   # transfer_end is at work: there is nothing left to ask
    # its request's body, see upload.pyx
    int body_fd                   # of BODY_FILE, -1 = not open
    int64_t body_position         # bytes sent of it
    bint body_begun               # BEGINUPLOADDATA was told
    bint body_done                # ENDUPLOADDATA was told
    bint starving                 # paused until the owner has read on
    body_piece *piece             # that is being sent
    body_piece *next_piece        # that has come
    size_t piece_used
    bint piece_asked              # the owner has been asked for one that has not come yet
    unsigned int attempt          # how many requests there were before
    int64_t header_bytes          # of all heads and trailers so far
    bint refused_address          # an address of the host was not allowed
    char refusal[64]              # the last one of those
    # why it is not read at the moment
    bint suspended                # IBinding::Suspend
    bint held                     # a higher band is receiving: in context.held
    bint refused                  # held by refusing libcurl's chunk, not by leaving the socket alone
    bint visited                  # has used up the budget of its visit: in context.visited
    transfer *next_visited
    transfer *previous_visited
    int64_t visit_ns              # the turn of its last visit, see budget.pyx
    uint64_t visit_bytes          # received in it
    int64_t full_ns               # when a visit last used up its whole budget, 0 = never
    int64_t full_since_ns         # since when one has done so every second
    CURLcode resume_failure       # what curl_easy_pause said when it was to go on; not CURLE_OK: in context.failed
    transfer *next_failed
    # the stall rule, see stalls.pyx
    bint watched                  # in context.watched
    transfer *next_watched
    transfer *previous_watched
    int64_t mark_ns               # when the rule was last kept
    uint64_t mark_bytes           # what had moved by then
    transfer *next_resting
    transfer *previous_resting
    int64_t resting_until_ns      # when its connection is given up
    # what it takes to go on later
    bint resuming                 # asked for the rest of a body; the response must be exactly that
    int64_t resume_length         # announced length of the whole body, -1 = unknown
    curl_slist condition          # If-Range, in front of the profile's header lines
    char etag[VALIDATOR_ROOM]     # of the final response, "" = none or weak
    char modified[VALIDATOR_ROOM]
    char content_range[VALIDATOR_ROOM]
    # its part in sharing the link, see flow.pyx and windows.pyx
    int level                     # priority + 15
    bint counted                  # in its apartment's bands
    bint is_bulk                  # in context.bulk
    bint multiplexed              # shares its connection with others
    bint lowat                    # SO_RCVLOWAT is set, see rcvlowat.pyx
    int64_t lowat_ns              # when its rate was last looked at
    uint64_t lowat_received       # received by then
    int fd                        # its connection's socket, -1 = not known or shared
    transfer *next_bulk
    transfer *previous_bulk
    transfer *next_held
    transfer *previous_held
    int64_t promised              # bytes that it may still be read while a higher band receives: its band has paid for them
    uint64_t peer                 # whom it receives from, see windows.pyx; 0 = unknown
    int64_t own_rtt_us            # the connection's smallest round trip
    int64_t base_rtt_us           # the smallest of all that received from that peer when it began, or began since
    int segment                   # bytes of the largest segment that may come
    int64_t period_ns             # when the running measurement began
    uint64_t period_bytes         # received by then
    int64_t rate                  # bytes per second, the largest of late
    int growth                    # measurements in a row in which the rate did not grow any more
    int window                    # bytes: TCP_WINDOW_CLAMP that it is to have, 0 = the system's own
    bint lent                     # it has a smaller one, of as much as it was promised
    bint measured                 # received at its own pace during the whole measurement of its band
    uint64_t band_bytes           # received by the beginning of that
    int part                      # per mille of its part in the standing queue that it is granted
    # why a callback of ours refused
    int failure                   # end_cause
    int failure_code
    char error_text[CURL_ERROR_SIZE]


cdef inline void transfer_pause(transfer *self) noexcept nogil:
    # Suspends it in libcurl, which refuses that as long as there is no connection: response.on_prerequest makes up for it.
    if not self.over:
        curl.easy_pause(self.easy, CURLPAUSE_RECV if self.transaction.request.body is NULL else CURLPAUSE_ALL)


cdef inline void transfer_unpause(transfer *self) noexcept nogil:
    # libcurl may deliver a refused chunk from inside the call. The call alone says that it could not be decoded, or was refused: the
    # transfer itself would go on, and succeed with a hole in its body.
    cdef CURLcode code = curl.easy_pause(self.easy, CURLPAUSE_CONT)
    if code == CURLE_BAD_FUNCTION_ARGUMENT:
        return      # it has no connection: it waits for one, or is done and its result waits to be collected
    if code != CURLE_OK and self.resume_failure == CURLE_OK:
        self.resume_failure = code
        self.next_failed = self.context.failed
        self.context.failed = self


cdef inline bint transfer_may_go_on(transfer *self) noexcept nogil:
    # Is no reason left not to have libcurl receive?
    return (not self.transaction.stream.waiting and not self.suspended and not self.refused and not self.visited and not self.asking
            and not self.over)


cdef inline void transfer_go_on(transfer *self) noexcept nogil:
    # Lets libcurl receive again, if there is no other reason left not to.
    if transfer_may_go_on(self):
        transfer_unpause(self)


cdef inline bint transfer_add(transfer *self) noexcept nogil:
    # Gives it to its multi handle. False: out of memory.
    self.in_multi = multis_add(&self.context.multis, self.transaction.multi, self.easy, self.context.now_ns)
    return self.in_multi


cdef inline void transfer_remove(transfer *self) noexcept nogil:
    # The multi handle does not hold it afterwards; it may have let go of it long ago.
    if self.in_multi:
        self.in_multi = False
        multis_remove(&self.context.multis, self.transaction.multi, self.easy)


cdef inline void mark_dirty(io_context *context, transaction *t) noexcept nogil:
    # The mailbox of `t` is handed over at the end of the turn; the list holds a reference.
    if not t.dirty:
        t.dirty = True
        transaction_reference(t)
        t.next_dirty = NULL
        if context.dirty is NULL:
            context.dirty = t
        else:
            context.last_dirty.next_dirty = t
        context.last_dirty = t


cdef inline void mark_admission_due(io_context *context, apartment_record *apartment) noexcept nogil:
    # Somebody of `apartment` may be able to start: looked at before the turn ends; the list holds a reference.
    if not apartment.admission_due:
        apartment.admission_due = True
        reference_take(&apartment.references)
        apartment.next_admission = context.admission_due
        context.admission_due = apartment


cdef bint transfer_start(io_context *context, transaction *t) noexcept nogil
cdef void transfer_set_suspended(transfer *self, bint suspended) noexcept nogil
cdef void transfer_continue(transfer *self) noexcept nogil
cdef bint transfer_again(transfer *self) noexcept nogil
cdef bint transfer_retry(transfer *self) noexcept nogil
cdef bint transfer_interrupt(transfer *self) noexcept nogil
cdef void transfer_end(transfer *self, int cause, CURLcode code) noexcept nogil
cdef void transaction_end(io_context *context, transaction *t, int cause, int code, int option, const char *text) noexcept nogil
