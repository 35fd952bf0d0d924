"""One request of the http protocol: a binding of a moniker underneath, whose calls become reports, or what a cache has.

sink, bind info of the client -> HttpRequest -> URLMoniker.bind_to_storage (libcurl)
reports <- [switch, continue_] <- HttpRequest <- on_progress, on_response, on_data_available, on_stop_binding
read, seek <- the stream of that binding, or BodyFile, through which everything passes if there is to be a file
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from urlmon.bindctx import create_async_bind_ctx
from urlmon.bindinfo import BindInfo
from urlmon.body import is_stream
from urlmon.cache import Answer, Kept
from urlmon.caching import Caching, cache_of, request_fields, takes_part
from urlmon.callback import BindStatusCallback
from urlmon.constants import BINDF, BINDINFO_OPTIONS, BINDSTATUS, BINDSTRING, BINDVERB, BSCF
from urlmon.errors import error_from_errno
from urlmon.exceptions import BindError, ResourceNotFoundError, UnsupportedError
from urlmon.formats import accept_value
from urlmon.headers import find_field, parse_head
from urlmon.hresult import HRESULT, failed
from urlmon.identifiers import IID_IHttpNegotiate, IID_IHttpNegotiate2, IID_IInternetProtocol
from urlmon.profiles import parse_fields
from urlmon.protocol import ProtocolBindInfo, ProtocolSink
from urlmon.protocols.bodyfile import BodyFile
from urlmon.protocols.httpreports import HttpReports

if TYPE_CHECKING:
    from uuid import UUID

    from urlmon.binding import Binding
    from urlmon.cache import DownloadCache
    from urlmon.storage import FormatEtc, StgMedium

_PUSH = BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE
_PULL = _PUSH | BINDF.PULLDATA
_LAST = BSCF.LASTDATANOTIFICATION
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110 9.2.1
_NOT_OURS = (
    BINDF.NEEDFILE | BINDF.OFFLINEOPERATION | BINDF.FWD_BACK | BINDF.GETFROMCACHE_IF_NET_FAIL | BINDF.PULLDATA
)
_PASSED_ON = frozenset(
    {
        BINDSTATUS.FINDINGRESOURCE,
        BINDSTATUS.CONNECTING,
        BINDSTATUS.SENDINGREQUEST,
        BINDSTATUS.REDIRECTING,
        BINDSTATUS.BEGINUPLOADDATA,
        BINDSTATUS.UPLOADINGDATA,
        BINDSTATUS.ENDUPLOADDATA,
    }
)


class HttpRequest(HttpReports, BindStatusCallback):
    """The callback of the binding underneath. All of it runs on the thread that started the request."""

    binding: Binding | None = None  # None: nothing was asked of a server

    def __init__(
        self, url: str, sink: ProtocolSink, bind_info: ProtocolBindInfo, priority: int, is_sure: bool = False
    ) -> None:
        super().__init__(url, sink, is_sure)
        self._bind_info = bind_info
        self._priority = priority
        self._info = BindInfo()
        self._asked = False  # beginning_transaction
        self._given: Any = None  # what it answered, and what the cache wants
        self._own: list[tuple[str, str]] = []  # the fields in that answer, if there is a cache
        self._caching: Caching | None = None
        self._cache: DownloadCache | None = None  # of a request that changes what it may have
        self._serving: Kept | None = None  # what the cache has is to be reported when the client comes back
        self._reason: HRESULT | int | None = None  # of an abort, until that is over
        self._sends_stream = False  # it is sent when the client comes back
        self._progress_max = 0

    # -- beginning --------------------------------------------------------------------------------------------------

    def begin(self) -> HRESULT | int:
        """Sends the request, or reports what the cache has; the answer of the protocol's `start`."""
        flags, info = self._bind_info.get_bind_info()
        accepted = self._bind_info.get_bind_string(BINDSTRING.ACCEPT_MIMES)
        has_own = any(pair[0].lower() == "accept" for pair in info.headers)
        fields = [] if has_own else [("Accept", accept_value(accepted))]
        agent = info.user_agent
        with contextlib.suppress(UnsupportedError):  # the client names none
            agent = self._bind_info.get_bind_string(BINDSTRING.USER_AGENT)[0]
        if info.verb != BINDVERB.GET:
            self._ask_post_cookie()
        self._negotiate = self._sink.query_service(IID_IHttpNegotiate)
        # A bind with a cache needs a file only if its client says so; what the system adds is for handlers in general.
        self._needs_file = bool((info.flags if self._is_sure else flags) & BINDF.NEEDFILE)
        self._sends_stream = is_stream(info)
        if info.cache is not None and info.method not in _SAFE_METHODS:
            self._cache = info.cache
        cached = takes_part(info)
        self._pulls = not self._needs_file and (not cached or (info.pulls and not info.blocks))
        self._info = replace(
            info,
            # A moniker with a handler registered for its scheme would come back here.
            flags=(_PULL if self._pulls else _PUSH) | BINDF.PREFERDEFAULTHANDLER | (flags & ~_NOT_OURS),
            headers=(*fields, *info.headers),
            user_agent=agent,
            max_redirects=0 if info.options & BINDINFO_OPTIONS.DISABLEAUTOREDIRECTS else info.max_redirects,
            extra_info="",  # a moniker's to append
            cache=None,
        )
        try:
            return self._from_cache(info) if cached else self._send()
        except BindError as error:
            return HRESULT.S_OK if self._serving is not None else self._fail(error)

    def _ask_post_cookie(self) -> None:
        with contextlib.suppress(UnsupportedError):  # nobody needs one
            self._bind_info.get_bind_string(BINDSTRING.POST_COOKIE)

    def _send(self) -> HRESULT | int:
        from urlmon.moniker import URLMoniker

        URLMoniker(self._url).bind_to_storage(create_async_bind_ctx(self))
        return HRESULT.S_OK

    def _from_cache(self, info: BindInfo) -> HRESULT | int:
        """What the cache has, if it may be used; else the request, with the fields that the cache wants."""
        answer = self._begin_transaction(self._url, None)
        if isinstance(answer, int) and answer != HRESULT.S_OK:
            return self._send()  # which fails by it
        if answer is not None and not isinstance(answer, int):
            self._own = [*parse_fields(answer, self._url)]
        fields = [*request_fields(self._info), *self._own]
        self._caching = Caching(
            cache_of(info), self._url, info.flags, fields, decodes=info.decode is not False
        )
        self._given = self._caching.added_fields(self._own)
        kept = self._caching.plan.kept
        if kept is not None:
            self._report_kept(kept)
            return HRESULT.S_OK
        if self._caching.is_offline:
            raise ResourceNotFoundError("it is not in the cache", url=self._url)
        return self._send()

    # -- from the binding -------------------------------------------------------------------------------------------

    def get_bind_info(self) -> BindInfo:
        """As the client wants it, but for what is ours."""
        return self._info

    def get_priority(self) -> int:
        """The priority as it was set before the start."""
        return self._priority

    def query_service(self, service: UUID, iid: UUID) -> Any:
        """The other services are the client's; a handler of its own would be this one."""
        return None if iid == IID_IInternetProtocol else self._sink.query_service(iid)

    def beginning_transaction(self, url: str, headers: Any) -> Any:
        """The client's answer, and what the cache wants; it is asked once."""
        return self._given if self._asked else self._begin_transaction(url, headers)

    def _begin_transaction(self, url: str, headers: Any) -> Any:
        self._asked = True
        ask = getattr(self._negotiate, "beginning_transaction", None)
        self._given = None if ask is None else ask(url, headers)
        if not isinstance(self._given, int) or not failed(self._given):
            identify = getattr(self._sink.query_service(IID_IHttpNegotiate2), "get_root_security_id", None)
            if identify is not None:
                identify()
        return self._given

    def on_start_binding(self, binding: Binding) -> None:
        """Keeps the binding."""
        self.binding = binding

    def on_progress(self, progress: int, progress_max: int, status: BINDSTATUS, text: str | None) -> None:
        """Passes the connection phase on; the media type waits until the client comes back."""
        self._progress_max = progress_max
        if status in _PASSED_ON:
            self._sink.report_progress(status, text)
        elif status == BINDSTATUS.MIMETYPEAVAILABLE:
            self._type = text
        if status == BINDSTATUS.SENDINGREQUEST and self._sends_stream and self.binding is not None:
            # The client comes back for its body to be sent (contract 11.5).
            self.binding.suspend()
            self._switch()

    def on_response(self, status: int, response_headers: str, request_headers: Any) -> Any:
        """The head of the response. About an error the client is asked at once, since it may have another request."""
        self._head = (status, response_headers.encode("iso-8859-1"))
        self._head_told = False
        tell = getattr(self._negotiate, "on_response", None)
        if status < 400 or tell is None:
            return None
        self._head_told = True
        return tell(status, response_headers, request_headers)

    def on_data_available(self, flags: BSCF, size: int, format: FormatEtc, medium: StgMedium) -> Any:
        """Reports the bytes when the client comes back."""
        if self._stream is None:
            self._stream = medium.stream
        if self._is_confirmation:
            return None  # it has no body
        try:
            self._receive()
        except BindError as error:
            self.failure = error
            return error.hresult  # which ends the binding; its stop is the result
        except OSError as problem:
            self.failure = error_from_errno(problem.errno or 0, url=self._url)
            return self.failure.hresult
        self._arrived = (flags, size, self._progress_max)
        self._switch()
        return None

    @property
    def _is_confirmation(self) -> bool:
        return (
            self._caching is not None
            and self._head is not None
            and self._caching.is_conditional
            and self._caching.confirms(self._head[0], self._came_from)
        )

    @property
    def _came_from(self) -> str:
        """The URL that answered: where redirects led."""
        assert self.binding is not None
        return self.binding.url

    def _receive(self) -> None:
        if self._file is None and not self._told and self._arrived is None:
            self._choose_file()
        if self._file is not None and not self._pulls:
            self._fill()

    def _choose_file(self) -> None:
        """The first bytes are here: where do they go? The file may be one for the cache; one that must be there
        otherwise is gone with its last reader."""
        caching, binding = self._caching, self.binding
        assert binding is not None
        if caching is not None and caching.may_keep(self._came_from, binding.status_code, binding.headers):
            self._file = BodyFile(caching.cache.new_body(self._came_from))
            self._keeping = True
        elif self._needs_file:
            self._file = BodyFile(None)

    def _keep(self) -> None:
        """The body is complete: it is the cache's. What cannot be written down is used all the same."""
        assert self._caching is not None
        assert self._file is not None
        assert self.binding is not None
        answer = Answer(self.binding.status_code, self.binding.headers, self._caching.fields, self._file.path)
        with contextlib.suppress(OSError):
            self._caching.received(self._came_from, answer)
            self._file.belongs_to_somebody = True

    def on_stop_binding(self, hresult: HRESULT | int, error: BindError | None) -> None:
        """The result, if nothing is to be done in its place: reporting what is kept, or asking once more."""
        if self._reason is not None:
            self._result = (self._reason, None)
            self._report_result()
            return
        if self._result is not None:
            return  # it was aborted, and the client told
        text = None
        caching = self._caching
        if error is None and caching is not None and self._is_confirmation:
            self._confirmed(caching)
            return
        if error is not None and caching is not None and caching.falls_back(error) and not self._told:
            self._serving = caching.spare
            self._arrived = None
            self._switch()
            return
        location = None if self._head is None or error is not None else self._location()
        if location is not None:
            hresult, text = HRESULT.INET_E_REDIRECT_FAILED, location
            self._head = self._arrived = None
        elif error is None:
            self._invalidate()
        self.failure = self.failure or error
        self._result = (hresult, text)
        if self._switched or location is not None:
            self._switch()  # the result follows what the client is to come back for
        else:
            self._report_result()

    def _invalidate(self) -> None:
        """What a request changed is not kept any longer (RFC 9111 4.4)."""
        if self._cache is not None and self.binding is not None and self.binding.status_code < 400:
            self._cache.remove(self._url)

    def _confirmed(self, caching: Caching) -> None:
        assert self.binding is not None
        body = caching.cache.new_body(self._url)
        answer = Answer(self.binding.status_code, self.binding.headers, caching.fields, body)
        self._serving = caching.confirmed(answer)
        if self._serving is not None:
            self._switch()
            return
        self._head = self._stream = self._arrived = None
        caching.ask_anew()
        self._given = caching.added_fields(self._own)
        try:
            self._send()
        except BindError as problem:
            self._fail(problem)

    def _location(self) -> str | None:
        """Where the response would lead, if it is a redirect that was not to be followed."""
        assert self._head is not None
        status, head = self._head
        if self._info.max_redirects or not 300 <= status < 400:
            return None
        target = find_field(parse_head(head), "Location")
        return None if target is None else urljoin(self._url, target)

    # -- to the client ------------------------------------------------------------------------------------------------

    def go_on(self) -> HRESULT | int:
        """The client came back: what there is is reported, the body of the request is sent."""
        self._switched = False
        if self.is_over:
            return HRESULT.S_OK
        if self._sends_stream and self.binding is not None:
            self._sends_stream = False
            self._sink.report_progress(BINDSTATUS.SENDINGREQUEST, None)
            self.binding.resume()
        if self._serving is not None:
            serving, self._serving = self._serving, None
            self._report_kept(serving)
            return HRESULT.S_OK
        answer = self._report_head()
        if answer != HRESULT.S_OK:
            return answer
        self._report_arrived()
        if self._result is not None:
            self._report_result()
        return HRESULT.S_OK

    # -- from the client ----------------------------------------------------------------------------------------------

    def abort(self, reason: HRESULT | int) -> HRESULT | int:
        """Ends the request, and reports `reason` as its result.

        E_PENDING: that comes with the stop of the binding underneath, when nothing of it is left.
        """
        if self.is_over:
            return HRESULT.INET_E_RESULT_DISPATCHED
        if self._is_sure and self.binding is not None and not self.binding.stopped:
            self._reason = reason
            self.binding.abort()
            return HRESULT.E_PENDING
        self._result = (reason, None)
        if self.binding is not None:
            self.binding.abort()
        self._report_result()
        return HRESULT.S_OK
