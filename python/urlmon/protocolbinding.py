"""BindProtocol: one operation of a protocol handler, whichever it is (contract 10.2, 11.4, 11.5).

It finds the handler, starts it with a sink of its own, and passes on what the handler reports: the media type
only when it is sure (the first bytes are looked at before), through a MIME filter where one is registered, and
over redirects to a new handler. It is an InternetProtocol itself, so it can be driven directly, and a binding
of a moniker drives it like anybody else.

    handler -- sink --> [queue] -- _perform --> client's sink
    client -- read, continue_, abort, ... --> handler, or the filter in front of it

When and where reports reach the client's sink is for reportqueue.py to say.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from os import SEEK_CUR
from typing import TYPE_CHECKING, Any
from uuid import UUID

from urlmon.apartment import Apartment
from urlmon.constants import BINDINFO_OPTIONS, BINDSTATUS, BSCF
from urlmon.exceptions import AbortedError, BindError, InvalidRequestError
from urlmon.hresult import HRESULT, failed, to_hresult
from urlmon.identifiers import IID_IBindCallbackRedirect, IID_IInternetProtocol
from urlmon.mimesniff import find_mime_from_data
from urlmon.protocol import FilterData, InternetProtocol, ProtocolBindInfo, ProtocolData, ProtocolSink
from urlmon.protocol_constants import PI
from urlmon.protocolsinks import FilteredSource, FilterSink, HandlerBindInfo, HandlerSink
from urlmon.reportqueue import ReportQueue
from urlmon.session import InternetSession, get_session

if TYPE_CHECKING:
    from urlmon.session import Registration

_WINDOW = 2048  # bytes that are collected at most before the media type is judged (contract 11.4, step 9)
_ENOUGH = 256  # bytes that the judgement needs, if there are as many
_LAST = BSCF.LASTDATANOTIFICATION
_WHOLE = BSCF.FIRSTDATANOTIFICATION | BSCF.LASTDATANOTIFICATION | BSCF.DATAFULLYAVAILABLE
_MAX_REDIRECTS = 30


def registry_form(clsid: UUID) -> str:
    """A class id as BINDSTATUS texts have it."""
    return f"{{{str(clsid).upper()}}}"


def answer_of(method: Callable[..., Any], *arguments: Any) -> HRESULT | int:
    """What `method` answers, as an HRESULT; a BindError that it raises is a failure too."""
    try:
        return to_hresult(method(*arguments))
    except BindError as error:
        return error.hresult


class ProtocolBinding(ReportQueue, InternetProtocol):
    """What `InternetSession.create_binding` returns; see the head of this file.

    Its methods are for one thread at a time, that of its client; the sink it gives to the handler is for any.
    """

    def __init__(self, url: str, session: InternetSession | None = None) -> None:
        super().__init__()
        self.url = url
        self.session = session or get_session()
        self.clsid: UUID | None = None  # of the handler
        self.handler: InternetProtocol | None = None
        self._filter: Any = None
        self._sink: ProtocolSink | None = None  # the client's, None after terminate
        self._bind_info: ProtocolBindInfo | None = None
        self._priority = 0
        self._flags = PI(0)
        self._locks = 0
        self._starting = False
        self._started = False
        self._aborted = False
        self._terminated = False  # the handler's terminate was called
        self._result_out = False  # the handler has reported its result
        self._ended = False  # the client's sink has the result
        self._redirects = 0
        self._asked = False  # the client, for a handler of its own
        self._collected = bytearray()  # read from the handler, not yet by the client
        self._mime: str | None = None  # waits to be judged
        self._direct = False  # the handler said DIRECTBIND
        self._verifies = False
        self._end_read = False  # the end was met while judging, and told
        self._last_report = (BSCF(0), 0, 0)

    # -- how it is driven -------------------------------------------------------------------------------------------

    @property
    def is_started(self) -> bool:
        """A handler was found and asked to start."""
        return self._started

    @property
    def is_result_out(self) -> bool:
        """The handler has reported its result."""
        return self._result_out

    def reported(self, kind: str, arguments: Any) -> HRESULT:
        """Any thread. The handler called its sink."""
        if kind == "result":
            if self._result_out or self._sink is None:
                return HRESULT.E_FAIL
            self._result_out = True
        elif self._aborted:
            return HRESULT.E_FAIL
        return self._submit(kind, arguments)

    def reported_switch(self, data: ProtocolData) -> HRESULT:
        """Any thread. The handler called `switch`."""
        if self._apartment is None and self._sink is not None:
            return self._sink.switch(data)  # the client's to bring back
        return self._submit("switch", data, queue=bool(data.flags & PI.FORCE_ASYNC))

    def _perform(self, kind: str, arguments: Any) -> None:
        if kind == "switch":
            self._do_continue(arguments)
        elif kind == "progress":
            target = self._filter.report_progress if self._filter is not None else self.pass_progress
            target(*arguments)
        elif kind == "data":
            target = self._filter.report_data if self._filter is not None else self._judge
            target(*arguments)
        elif self._filter is not None:
            self._filter.report_result(*arguments)
        else:
            self.pass_result(*arguments)

    def _do_continue(self, data: ProtocolData) -> None:
        answer = self.continue_(data)
        if failed(to_hresult(answer)) and answer != HRESULT.E_PENDING:
            self.end_with(to_hresult(answer))

    def end_with(self, hresult: HRESULT | int, text: str | None = None) -> None:
        """The proper thread. Ends the operation for the handler, if it has not done so itself."""
        if not self._result_out:
            self._result_out = True
            self._tasks.append(("result", (hresult, 0, text)))

    # -- what reaches the client ------------------------------------------------------------------------------------

    def pass_progress(self, status: BINDSTATUS, text: str | None = None) -> None:
        """A status on its way to the client."""
        if self._sink is None:
            return
        if status == BINDSTATUS.BEGINDOWNLOADDATA:
            # Not a handler's to report; what it has the system do is to repeat the last notification.
            self._sink.report_data(*self._last_report)
        elif status == BINDSTATUS.DIRECTBIND:
            self._direct = True
            self._sink.report_progress(status, text)
        elif self._direct and status in {BINDSTATUS.MIMETYPEAVAILABLE, BINDSTATUS.VERIFIEDMIMETYPEAVAILABLE}:
            pass  # its client talks to the handler itself, and knows the type
        elif status == BINDSTATUS.VERIFIEDMIMETYPEAVAILABLE:
            self._mime = None
            self._announce(text)
        elif status == BINDSTATUS.MIMETYPEAVAILABLE and self._verifies:
            self._mime = text
        else:
            self._sink.report_progress(status, text)

    def _announce(self, media_type: str | None) -> None:
        """The media type is certain: a filter that is registered for it comes in between now."""
        registration = self.session.find_mime_filter(media_type) if media_type else None
        if registration is not None and self._filter is None and not self._flags & PI.NOMIMEHANDLER:
            self._begin_filter(registration, media_type or "")
        if self._sink is not None:
            self._sink.report_progress(BINDSTATUS.MIMETYPEAVAILABLE, media_type)

    def _begin_filter(self, registration: Registration, media_type: str) -> None:
        assert self._sink is not None
        assert self._bind_info is not None
        made = registration.factory()
        answer = answer_of(
            made.start,
            media_type,
            FilterSink(self),
            HandlerBindInfo(self, self._bind_info),
            PI.FILTER_MODE | PI.FORCE_ASYNC,
            FilterData(FilteredSource(self)),
        )
        if failed(answer) and answer != HRESULT.E_PENDING:
            self.end_with(answer)
            return
        self._filter = made
        text = registry_form(registration.clsid) if registration.clsid.int else None
        self._sink.report_progress(BINDSTATUS.LOADINGMIMEHANDLER, text)

    def _judge(self, flags: BSCF, progress: int, progress_max: int = 0) -> None:
        """Data were reported: passed on, unless the first bytes have to be looked at first."""
        self._last_report = (flags, progress, progress_max)
        if self._mime is None:
            if not self._end_read:
                self.pass_data(flags, progress, progress_max)
            return
        over = self._collect()
        if len(self._collected) < _ENOUGH and not over and not flags & _LAST:
            return
        if over:
            self._end_read = True
            flags = _WHOLE
        declared, self._mime = self._mime, None
        self._announce(find_mime_from_data(self.url, bytes(self._collected), declared))
        target = self.pass_data if self._filter is None else self._filter.report_data
        target(flags, progress, progress_max)
        if self._apartment is None:
            self.run_tasks()

    def _collect(self) -> bool:
        """Reads until there is enough to judge by, or nothing more just now. True: that is all there is."""
        self._judging = threading.get_ident()
        try:
            with self._inside():
                while len(self._collected) < _ENOUGH:
                    part = self._read_handler(_WINDOW - len(self._collected))
                    if not part:
                        return part is not None
                    self._collected += part
        finally:
            self._judging = 0
        return False

    def pass_data(self, flags: BSCF, progress: int, progress_max: int = 0) -> None:
        """A notification on its way to the client."""
        if self._sink is not None:
            self._sink.report_data(flags, progress, progress_max)

    def pass_result(self, hresult: HRESULT | int, error: int = 0, text: str | None = None) -> None:
        """The result on its way to the client, unless it says where to go instead."""
        if self._sink is None or self._ended:
            return
        if hresult == HRESULT.INET_E_REDIRECT_FAILED and text and not self._aborted and self._follow(text):
            return
        self._ended = True
        self._sink.report_result(hresult, error, text)

    def _follow(self, url: str) -> bool:
        """A redirect: the old handler is done with, one for `url` is started. False: it is not to be followed."""
        assert self._sink is not None
        assert self._bind_info is not None
        _, info = self._bind_info.get_bind_info()
        if self._redirects >= min(info.max_redirects, _MAX_REDIRECTS):
            return False
        if info.options & BINDINFO_OPTIONS.DISABLEAUTOREDIRECTS:
            asked = self._sink.query_service(IID_IBindCallbackRedirect)
            if asked is not None and asked.redirect(url):
                return False
        self._redirects += 1
        self._sink.report_progress(BINDSTATUS.REDIRECTING, url)
        self._terminate_handler()
        self.handler = None
        self._terminated = self._result_out = False
        self._collected.clear()
        self._asked = False
        self.url = url
        answer = self._start_handler(False)
        if failed(answer) and answer != HRESULT.E_PENDING and not self._result_out:
            self._result_out = self._ended = True
            self._sink.report_result(answer, 0, None)
        return True

    # -- IInternetProtocol, for the client --------------------------------------------------------------------------

    def start(
        self,
        url: str,
        sink: ProtocolSink,
        bind_info: ProtocolBindInfo,
        flags: int = 0,
        reserved: FilterData | None = None,
    ) -> HRESULT | int:
        """Finds the handler and starts it; `flags` are PI: MIMEVERIFICATION has the type looked at, APARTMENTTHREADED
        see above.

        InvalidRequestError (E_INVALIDARG) if something is missing. Returns MK_E_SYNTAX where nobody handles the
        scheme, else what the handler's start answers.
        """
        if not url or sink is None or bind_info is None:
            raise InvalidRequestError(
                "a protocol is started with a URL, a sink and a bind info",
                url=url or "",
                hresult=HRESULT.E_INVALIDARG,
            )
        self.url = url
        self._sink = sink
        self._bind_info = bind_info
        self._flags = PI(flags)
        if flags & PI.APARTMENTTHREADED and self._apartment is None:
            self._apartment = Apartment.current()
        return self._start_handler(True)

    def use_handler(self, handler: InternetProtocol | None) -> None:
        """The handler that the client brings along, or that it brings none: it was asked already."""
        self.handler = handler
        self._asked = True

    def _start_handler(self, priority: bool) -> HRESULT | int:
        assert self._sink is not None
        assert self._bind_info is not None
        self._verifies = bool(self._flags & PI.MIMEVERIFICATION)
        self._direct = False
        answer: HRESULT | int = HRESULT.MK_E_SYNTAX
        for handler, clsid in self._candidates(bool(self._flags & PI.PREFERDEFAULTHANDLER)):
            self.handler = handler
            self.clsid = clsid
            if clsid is not None:
                self._sink.report_progress(BINDSTATUS.PROTOCOLCLASSID, registry_form(clsid))
            if priority and hasattr(handler, "set_priority"):
                handler.set_priority(self._priority)
            self._starting = self._started = True
            try:
                answer = answer_of(
                    handler.start,
                    self.url,
                    HandlerSink(self),
                    HandlerBindInfo(self, self._bind_info),
                    PI(0),
                    None,
                )
            finally:
                self._starting = False
            if answer != HRESULT.INET_E_USE_DEFAULT_PROTOCOLHANDLER:
                return answer
            self.handler = None
        return answer

    def _candidates(self, default_first: bool) -> Iterator[tuple[InternetProtocol, UUID | None]]:
        """Who may handle the URL, in the order in which they are asked (contract 11.4, step 1)."""
        assert self._sink is not None
        if self.handler is not None:
            yield self.handler, None
        elif not default_first and not self._asked:
            brought = self._sink.query_service(IID_IInternetProtocol)
            if brought is not None:
                yield brought, None
        for registration in self.session.find_handlers(self.url, default_first):
            yield registration.factory(), registration.clsid

    def handler_call(self, name: str, *arguments: Any) -> HRESULT | int:
        """Calls a method of the handler; S_OK if there is none."""
        method = getattr(self.handler, name, None)
        return HRESULT.S_OK if method is None else answer_of(method, *arguments)

    @property
    def _front(self) -> Any:
        return self.handler if self._filter is None else self._filter

    def continue_(self, data: ProtocolData) -> HRESULT | int:
        """Brings a switch back to the handler; what it reports meanwhile follows when it has returned."""
        with self._around():
            return answer_of(self._front.continue_, ProtocolData(*data)) if self._front else HRESULT.S_OK

    def abort(self, reason: int = HRESULT.E_ABORT) -> HRESULT | int:
        """Ends the operation; the result follows from the handler. Again, or before the start: S_OK, nothing more."""
        if self._aborted or not self._started or self._front is None:
            return HRESULT.S_OK
        if self._result_out:
            return HRESULT.INET_E_RESULT_DISPATCHED
        self._aborted = True
        try:
            with self._around():
                answer = answer_of(self._front.abort, reason)
        except BaseException:
            self.end_with(to_hresult(reason))
            raise
        if not self._result_out and answer != HRESULT.E_PENDING:
            self.end_with(to_hresult(reason))
            if self._apartment is None:
                self.run_tasks()
        return HRESULT.S_OK if answer in {HRESULT.E_NOTIMPL, HRESULT.E_PENDING} else answer

    def terminate(self) -> HRESULT:
        """Lets the handler free everything; E_FAIL inside its `start`."""
        if self._starting:
            return HRESULT.E_FAIL
        self.finish()
        return HRESULT.S_OK

    def finish(self) -> None:
        """As `terminate`, for the binding of a moniker, also from within the handler's start. Nobody is told any
        more; reading goes on while it is locked."""
        self._sink = self._bind_info = self._deliver = self._wake = None
        self._terminate_handler()

    def _terminate_handler(self) -> None:
        if not self._terminated and self._front is not None:
            self._terminated = True
            self._front.terminate()

    def suspend(self) -> HRESULT | int:
        """Has the handler pause, if it can."""
        return self.handler_call("suspend")

    def resume(self) -> HRESULT | int:
        """Has the handler go on."""
        return self.handler_call("resume")

    def set_priority(self, priority: int) -> HRESULT:
        """IInternetPriority: kept, and given to a handler that wants to know, before its start and afterwards."""
        self._priority = priority
        if self._started and hasattr(self.handler, "set_priority"):
            self.handler_call("set_priority", priority)
        return HRESULT.S_OK

    def get_priority(self) -> int:
        """The priority as it was set, 0 before."""
        return self._priority

    def read(self, size: int) -> bytes | None:
        """At most `size` bytes: those that were collected to judge the type first. AbortedError (E_ABORT) after
        `terminate` of a binding that nobody locked."""
        if self._sink is None and self._started and not self._locks:
            raise AbortedError("the protocol was terminated", url=self.url, hresult=HRESULT.E_ABORT)
        if self._filter is not None:
            with self._around():
                part: bytes | None = self._filter.read(size)
                return part
        return self.read_source(size)

    def read_source(self, size: int) -> bytes | None:
        """What the client reads where there is no filter, and the filter where there is one."""
        collected = self._collected
        if collected and size > 0:
            part = bytes(collected[:size])
            del collected[:size]
            more = self._read_handler(size - len(part)) if len(part) < size else None
            return part + more if more else part
        return self._read_handler(size)

    def _read_handler(self, size: int) -> bytes | None:
        if self.handler is None:
            return b""
        with self._around():
            return self.handler.read(size)

    @property
    def seekable(self) -> bool:
        """As the handler says; what a filter made of it is not sought in."""
        return self._filter is None and getattr(self.handler, "seekable", False) is True

    def seek(self, offset: int, origin: int = 0) -> int:
        """As the handler can; what was collected to judge the type does not count as read."""
        if self._front is None:
            return super().seek(offset, origin)
        if origin == SEEK_CUR:
            offset -= len(self._collected)
        position: int = self._front.seek(offset, origin)
        self._collected.clear()
        return position

    def lock_request(self) -> HRESULT | int:
        """Reading goes on after `terminate`."""
        self._locks += 1
        return HRESULT.S_OK if self._front is None else answer_of(self._front.lock_request)

    def unlock_request(self) -> HRESULT | int:
        """Nothing is read any more."""
        self._locks -= 1
        return HRESULT.S_OK if self._front is None else answer_of(self._front.unlock_request)

    def query_service(self, iid: UUID) -> Any:
        """A service of the client; None if it has none, or after the end."""
        return None if self._sink is None else self._sink.query_service(iid)
