# The delivering half of a binding: takes mail, decides which client call comes next, makes it. Owner only.

from libc.stdint cimport int64_t, uint64_t

from urlmon_core.body cimport Body
from urlmon_core.reactor cimport Reactor
from urlmon_core.request cimport Profile
from urlmon_core.stream cimport Stream
from urlmon_core.transaction cimport apartment_record, transaction

cdef enum call_bit:
    # The client calls that are due, in the order in which they are made (contract 3.2).
    CALL_QUESTION = 1          # what the services are asked
    CALL_PIECE = 2             # read of the stream that is the request's body
    CALL_UPLOADING = 4         # on_progress UPLOADINGDATA
    CALL_STATUS = 8            # on_progress with a status of the connection phase
    CALL_RESPONSE = 16         # on_response
    CALL_MIME = 32             # on_progress MIMETYPEAVAILABLE
    CALL_BEGIN = 64            # on_progress BEGINDOWNLOADDATA
    CALL_CACHEFILE = 128       # on_progress CACHEFILENAMEAVAILABLE
    CALL_DOWNLOADING = 256     # on_progress DOWNLOADINGDATA
    CALL_END = 512             # on_progress ENDDOWNLOADDATA
    CALL_64BIT = 1024          # on_progress 64BIT_PROGRESS
    CALL_DATA = 2048           # on_data_available
    CALL_STOP = 4096           # on_stop_binding


cdef enum:
    BSCF_64BIT_LENGTH = 64     # contract 5.5

cdef inline bint is_beyond_32_bits(uint64_t there, int64_t total) noexcept nogil:
    # Do bytes so far, or in all (negative = unknown), not fit in 32 bits?
    return (there >> 32) != 0 or (total >> 32) > 0


cdef class Delivery:
    cdef transaction *t
    cdef Reactor reactor
    cdef unsigned long owner
    cdef unsigned long generation
    cdef set registry             # of the apartment; keeps the binding alive until it has stopped
    cdef object callback
    cdef object services          # Negotiation: what the client's services say; None = it has none
    cdef str host_text            # host key of the request that was made last
    cdef Body body                # of the request, None = it has none
    cdef Profile profile          # of the request that was made last
    cdef int redirected_by        # 303, else 301 or 302, that libcurl followed since; 0 = none of them
    cdef unsigned int attempt     # how many requests there were before
    cdef bint uploading           # between BEGINUPLOADDATA and ENDUPLOADDATA
    cdef bint sent_told           # UPLOADINGDATA was told since BEGINUPLOADDATA
    cdef uint64_t sent            # bytes of the body that it told of
    cdef readonly object moniker
    cdef readonly str url         # where the bytes come from: follows redirects
    cdef readonly str original_url
    cdef readonly object path     # target of TYMED_FILE, as given
    cdef readonly int storage              # storage_kind, 0 before submit
    cdef bint keeps               # what is not read stays in the stream
    cdef object pump              # what a stream that blocks waits with, None = it does not block
    cdef int wanted
    cdef unsigned int due         # call_bit
    cdef int flags                # BSCF of the on_data_available that is due
    cdef uint64_t told            # bytes of which the client was told
    cdef bint began               # BEGINDOWNLOADDATA is behind us
    cdef bint data_told           # the first on_data_available is behind us
    cdef bint last_told           # the last on_data_available is behind us
    cdef uint64_t read_before     # bytes the client had read when on_data_available was last called
    cdef int status               # status_kind of the on_progress, or of the question, that is due
    cdef int number               # what came with the question
    cdef str status_text
    cdef bytes head               # header block of the final response
    cdef readonly int status_code  # of the final response, 0 before
    cdef bint starting            # on_start_binding is running
    cdef bint suspended
    cdef bint aborted
    cdef bint in_callback
    cdef bint dispatching         # a pump has it in hand
    cdef readonly bint stopped    # on_stop_binding was called, or nobody is left to be told
    cdef object forced            # HRESULT that on_stop_binding gets whatever the transfer ended with
    cdef object result            # HRESULT given to on_stop_binding
    cdef object error             # BindError of the end, None on success
    cdef Stream stream
    cdef object medium
    cdef public object end_hook   # function of the binding, called once when it has stopped, also when nobody is told
    cdef public object created_at  # text of the stack that began it, in development mode
    cdef object format            # FormatEtc, made with the medium

    cdef int check_owner(self) except -1
    cdef int attach(self, apartment_record *apartment, Reactor reactor, set registry, long priority) except -1
    cdef int step(self) except -1
    cdef int plan(self) except -1
    cdef int take_status(self) except -1
    cdef int plan_data(self, bint ended) except -1
    cdef unsigned int beginning(self) noexcept
    cdef bint wants_more_reading(self) noexcept
    cdef int deliver(self, unsigned int call) except -1
    cdef int call_progress(self, int status, object text) except -1
    cdef int tell_progress(self, uint64_t progress, int64_t total, int status, object text) except -1
    cdef int call_question(self) except -1
    cdef int answer_again(self, Profile profile, bytes url, bytes host_key, Body body) except -1
    cdef int call_piece(self) except -1
    cdef int call_upload(self, int status) except -1
    cdef int call_response(self) except -1
    cdef int call_data(self) except -1
    cdef int call_stop(self) except -1
    cdef int give_up(self, object hresult) except -1
    cdef int break_off(self, object hresult) except -1
    cdef int settle(self) except -1
    cdef int drain(self) except -1
    cdef void forsake(self) noexcept
    cdef void track(self) noexcept
    cdef void abandon(self) noexcept
    cdef void call_end_hook(self) noexcept
    cdef void let_stop(self) noexcept
