"""http and https as protocol objects, for who drives a protocol directly (contract 11.2); monikers do not need it.

    p = urlmon.get_session().create_binding("https://example.org/")
    p.start(url, sink, bind_info)

It is a binding of a moniker underneath, whose calls become reports. Everything comes on the thread that started
it, from its pump; so does `sink.switch`, which the sink's owner answers with `continue_` whenever it likes.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from urlmon.bindctx import create_async_bind_ctx
from urlmon.callback import BindStatusCallback
from urlmon.constants import BINDF, BINDINFO_OPTIONS, BINDSTATUS, BINDSTRING, BINDVERB, BSCF
from urlmon.exceptions import BindError, InvalidRequestError, InvalidURLError, UnsupportedError
from urlmon.headers import find_field, parse_head
from urlmon.hresult import HRESULT, failed, to_hresult
from urlmon.identifiers import IID_IHttpNegotiate, IID_IHttpNegotiate2
from urlmon.protocol import FilterData, InternetProtocol, ProtocolBindInfo, ProtocolData, ProtocolSink
from urlmon.session import scheme_of

if TYPE_CHECKING:
    from urlmon.bindinfo import BindInfo
    from urlmon.binding import Binding
    from urlmon.storage import FormatEtc, StgMedium

_PULL = BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE | BINDF.PULLDATA
_PART = 1 << 16
_LAST = BSCF.LASTDATANOTIFICATION
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


class HttpProtocol(InternetProtocol):
    """Handler of http: and https:."""

    def __init__(self) -> None:
        self._client: _Client | None = None
        self._priority = 0
        self._terminated = False
        self._locks = 0

    def start(
        self,
        url: str,
        sink: ProtocolSink,
        bind_info: ProtocolBindInfo,
        flags: int = 0,
        reserved: FilterData | None = None,
    ) -> HRESULT | int:
        """Begins the request.

        InvalidRequestError (E_INVALIDARG) if something is missing, InvalidURLError (MK_E_SYNTAX) for another
        scheme.
        """
        if not url or sink is None or bind_info is None:
            raise InvalidRequestError(
                "URL, sink or bind info is missing", url=url or "", hresult=HRESULT.E_INVALIDARG
            )
        if scheme_of(url) not in {"http", "https"}:
            raise InvalidURLError("not an http or https URL", url=url, hresult=HRESULT.MK_E_SYNTAX)
        self._client = _Client(url, sink, bind_info, self._priority)
        return self._client.begin()

    def continue_(self, data: ProtocolData) -> HRESULT | int:
        """What was switched for is reported now."""
        return HRESULT.S_OK if self._client is None else self._client.go_on()

    def abort(self, reason: int = HRESULT.E_ABORT) -> HRESULT | int:
        """Ends the request and reports `reason`; INET_E_RESULT_DISPATCHED if a result was reported already."""
        if self._client is None or self._terminated:
            return HRESULT.S_OK
        return self._client.abort(to_hresult(reason))

    def terminate(self) -> HRESULT:
        """E_FAIL before the result. What was received can still be read if the request was locked."""
        if self._client is not None and not self._client.is_over:
            return HRESULT.E_FAIL
        self._terminated = True
        self._forget()
        return HRESULT.S_OK

    def lock_request(self) -> HRESULT:
        """What was received can be read after `terminate`."""
        self._locks += 1
        return HRESULT.S_OK

    def unlock_request(self) -> HRESULT:
        """It is not read any more."""
        self._locks -= 1
        self._forget()
        return HRESULT.S_OK

    def _forget(self) -> None:
        if self._terminated and not self._locks and self._client is not None:
            self._client.close()

    def suspend(self) -> HRESULT:
        """As `Binding.suspend`."""
        return HRESULT.E_FAIL if self._client is None else self._client.binding.suspend()

    def resume(self) -> HRESULT:
        """As `Binding.resume`."""
        return HRESULT.E_FAIL if self._client is None else self._client.binding.resume()

    def set_priority(self, priority: int) -> HRESULT:
        """IInternetPriority; counts at once."""
        self._priority = priority
        if self._client is not None and not self._client.is_over:
            self._client.binding.set_priority(priority)
        return HRESULT.S_OK

    def get_priority(self) -> int:
        """The priority as it was set, 0 before."""
        return self._priority

    def read(self, size: int) -> bytes | None:
        """At most `size` bytes; None = nothing now, b"" = the end."""
        return b"" if self._client is None else self._client.read(size)


class _Client(BindStatusCallback):
    """The callback of the binding underneath: turns its calls into reports."""

    binding: Binding

    def __init__(self, url: str, sink: ProtocolSink, bind_info: ProtocolBindInfo, priority: int) -> None:
        self._url = url
        self._sink = sink
        self._bind_info = bind_info
        self._priority = priority
        self._negotiate: Any = None
        self._info: BindInfo | None = None
        self._flags = BINDF(0)
        self._head: tuple[int, str] | None = None  # not yet reported
        self._type: str | None = None
        self._stream: Any = None
        self._arrived: tuple[BSCF, int, int] | None = None  # data to be reported when the client comes back
        self._result: tuple[HRESULT | int, str | None] | None = None
        self._switched = False
        self._told = False  # data were reported
        self._progress_max = 0
        self._spool: Any = None  # BINDF.NEEDFILE: a file that everything passes through
        self._spooled = 0  # bytes of it that were read
        self.is_over = False

    def begin(self) -> HRESULT | int:
        from urlmon.moniker import URLMoniker

        self._flags, info = self._bind_info.get_bind_info()
        fields = [("Accept", ", ".join(self._bind_info.get_bind_string(BINDSTRING.ACCEPT_MIMES)))]
        agent = info.user_agent
        with contextlib.suppress(UnsupportedError):  # the client names none
            agent = self._bind_info.get_bind_string(BINDSTRING.USER_AGENT)[0]
        if info.verb != BINDVERB.GET:
            self._ask_post_cookie()
        self._negotiate = self._sink.query_service(IID_IHttpNegotiate)
        self._info = replace(
            info,
            # A moniker with a handler registered for its scheme would come back here.
            flags=_PULL | BINDF.PREFERDEFAULTHANDLER | (self._flags & ~BINDF.NEEDFILE),
            headers=(*fields, *info.headers),
            user_agent=agent,
            max_redirects=0 if info.options & BINDINFO_OPTIONS.DISABLEAUTOREDIRECTS else info.max_redirects,
        )
        try:
            URLMoniker(self._url).bind_to_storage(create_async_bind_ctx(self))
        except BindError as error:
            return error.hresult
        return HRESULT.S_OK

    def _ask_post_cookie(self) -> None:
        with contextlib.suppress(UnsupportedError):  # nobody needs one
            self._bind_info.get_bind_string(BINDSTRING.POST_COOKIE)

    # -- from the binding ---------------------------------------------------------------------------------------------

    def get_bind_info(self) -> BindInfo:
        assert self._info is not None
        return self._info

    def get_priority(self) -> int:
        return self._priority

    def beginning_transaction(self, url: str, headers: Any) -> Any:
        ask = getattr(self._negotiate, "beginning_transaction", None)
        answer = None if ask is None else ask(url, headers)
        if not isinstance(answer, int) or not failed(answer):
            identify = getattr(self._sink.query_service(IID_IHttpNegotiate2), "get_root_security_id", None)
            if identify is not None:
                identify()
        return answer

    def on_start_binding(self, binding: Binding) -> None:
        self.binding = binding

    def on_progress(self, progress: int, progress_max: int, status: BINDSTATUS, text: str | None) -> None:
        self._progress_max = progress_max
        if status in _PASSED_ON:
            self._sink.report_progress(status, text)
        elif status == BINDSTATUS.MIMETYPEAVAILABLE:
            self._type = text

    def on_response(self, status: int, response_headers: str, request_headers: Any) -> None:
        self._head = (status, response_headers)

    def on_data_available(self, flags: BSCF, size: int, format: FormatEtc, medium: StgMedium) -> None:
        self._stream = medium.stream
        if self._flags & BINDF.NEEDFILE:
            self._fill()
        self._arrived = (flags, size, self._progress_max)
        self._switch()

    def close(self) -> None:
        """Nothing is read any more."""
        self._stream = None
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def __del__(self) -> None:
        self.close()

    def _fill(self) -> None:
        if self._spool is None:
            self._spool = tempfile.NamedTemporaryFile(prefix="urlmon-")  # noqa: SIM115 - lives as long as this
        self._spool.seek(0, 2)
        while part := self._stream.read(_PART):
            self._spool.write(part)
        self._spool.flush()

    def on_stop_binding(self, hresult: HRESULT | int, error: BindError | None) -> None:
        text = None
        location = None if self._head is None else self._location()
        if location is not None:
            hresult, text = HRESULT.INET_E_REDIRECT_FAILED, location
            self._head = self._arrived = None
        self._result = (hresult, text)
        if self._switched or location is not None:
            self._switch()  # the result follows what the client is to come back for
        else:
            self._report_result()

    def _location(self) -> str | None:
        """Where the response would lead, if it is a redirect that was not to be followed."""
        from urllib.parse import urljoin

        assert self._head is not None
        assert self._info is not None
        status, head = self._head
        if self._info.max_redirects or not 300 <= status < 400:
            return None
        target = find_field(parse_head(head.encode("iso-8859-1")), "Location")
        return None if target is None else urljoin(self._url, target)

    # -- to the client ------------------------------------------------------------------------------------------------

    def _switch(self) -> None:
        if not self._switched:
            self._switched = True
            self._sink.switch(ProtocolData(0, 0xF1000000, self))

    def go_on(self) -> HRESULT | int:
        self._switched = False
        if self.is_over:
            return HRESULT.S_OK
        if self._head is not None:
            (status, head), self._head = self._head, None
            tell = getattr(self._negotiate, "on_response", None)
            answer = HRESULT.S_OK if tell is None else to_hresult(tell(status, head, None))
            if answer != HRESULT.S_OK:
                self.abort(answer)
                return answer
            if self._type is not None:
                self._sink.report_progress(BINDSTATUS.MIMETYPEAVAILABLE, self._type)
            if self._spool is not None:
                self._sink.report_progress(BINDSTATUS.CACHEFILENAMEAVAILABLE, self._spool.name)
        if self._arrived is not None:
            (flags, size, total), self._arrived = self._arrived, None
            if self._told:
                flags = (flags & _LAST) | BSCF.INTERMEDIATEDATANOTIFICATION
            else:  # several may have come before the client comes back
                flags = _LAST | BSCF.DATAFULLYAVAILABLE if flags & _LAST else BSCF.FIRSTDATANOTIFICATION
            self._told = True
            self._sink.report_data(flags, size, total)
        if self._result is not None:
            self._report_result()
        return HRESULT.S_OK

    def _report_result(self) -> None:
        assert self._result is not None
        if not self.is_over:
            self.is_over = True
            hresult, text = self._result
            self._sink.report_result(hresult, 0, text)

    def abort(self, reason: HRESULT | int) -> HRESULT | int:
        if self.is_over:
            return HRESULT.INET_E_RESULT_DISPATCHED
        self.binding.abort()
        self._result = (reason, None)
        self._report_result()
        return HRESULT.S_OK

    def read(self, size: int) -> bytes | None:
        if self._stream is None:
            return b"" if self.is_over else None
        if self._spool is not None:
            self._spool.seek(self._spooled)
            kept: bytes = self._spool.read(size)
            self._spooled += len(kept)
            return kept or (b"" if self._result is not None else None)
        part: bytes | None = self._stream.read(size)
        return part
