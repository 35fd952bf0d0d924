"""A bind of a moniker that a protocol handler serves (contract 11.4), from the search for the handler to the stop.

handler -> ProtocolBinding (protocolbinding.py: queue, media type, filter, redirects)
        -> HandlerBinding as its client's sink: reports become events
        -> HandlerBindingBase (core): events become the client calls that are due, and Delivery makes them
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any
from uuid import UUID

from urlmon import services
from urlmon.binding import Binding
from urlmon.constants import BINDF, BINDSTATUS, BSCF, HTTP_QUERY, TYMED
from urlmon.errors import error_from_hresult
from urlmon.exceptions import BindError, DataNotAvailableError
from urlmon.handlerbindinfo import BindInfoOfClient, NegotiateOfClient
from urlmon.headers import query
from urlmon.hresult import HRESULT, failed, to_hresult
from urlmon.identifiers import IID_IHttpNegotiate, IID_IHttpNegotiate2, IID_IInternetProtocol
from urlmon.protocol import InternetProtocol, ProtocolData
from urlmon.protocol_constants import PI
from urlmon.protocolbinding import ProtocolBinding
from urlmon.protocolstorage import PartFile, PartMemory
from urlmon.protocolstream import ProtocolStream, RequestLock
from urlmon.session import get_session, scheme_of
from urlmon_core import (
    EVENT_DATA,
    EVENT_MIME,
    EVENT_PROGRESS,
    EVENT_RESULT,
    EVENT_STATUS,
    HandlerBindingBase,
)

if TYPE_CHECKING:
    from urlmon.apartment import Apartment
    from urlmon.bindinfo import BindInfo

_PART = 1 << 16
_LAST = BSCF.LASTDATANOTIFICATION
_WHOLE = BSCF.FIRSTDATANOTIFICATION | BSCF.LASTDATANOTIFICATION | BSCF.DATAFULLYAVAILABLE

# Schemes whose handlers need no file although the client pulls (contract 5.2, NEEDFILE).
_BUILT_IN = frozenset({"about", "data", "file", "ftp", "http", "https", "mk", "res"})

# Statuses that handlers report to the system, not to its client (contract 5.6).
_NOT_FORWARDED = frozenset(
    {
        BINDSTATUS.BEGINDOWNLOADDATA,
        BINDSTATUS.DOWNLOADINGDATA,
        BINDSTATUS.ENDDOWNLOADDATA,
        BINDSTATUS.PROTOCOLCLASSID,
        BINDSTATUS.DIRECTBIND,
        BINDSTATUS.ACCEPTRANGES,
    }
)


class HandlerBinding(HandlerBindingBase, Binding):
    """IBinding of an operation that a protocol handler serves; for its client a `Binding` like any other."""

    __slots__ = (
        "_apartment",
        "_blocks",
        "_client",
        "_events",
        "_handler_file",
        "_high_water",
        "_keeps",
        "_lock",
        "_mime",
        "_raised",
        "_result_seen",
        "_starting",
        "_storage",
        "_stream",
        "_tymed",
        "protocol_class_id",
        "transaction",
    )

    if TYPE_CHECKING:  # as `_setup` has the core return it

        def abort(self) -> HRESULT: ...

    def prepare_handler(self, apartment: Apartment, client: Any, tymed: TYMED) -> None:
        """What `__init__` would do, if the core called it."""
        self.transaction = ProtocolBinding(self.url)
        self.protocol_class_id: str | None = None  # of the handler, in registry form
        self._apartment = apartment
        self._client = client
        self._events: deque[tuple[Any, ...]] = deque()
        self._tymed = tymed
        self._mime: str | None = None
        self._handler_file: str | None = None  # named by the handler with CACHEFILENAMEAVAILABLE
        self._storage: PartFile | PartMemory | None = None  # TYMED_FILE with a target, TYMED_HGLOBAL
        self._stream: ProtocolStream | None = None
        self._lock: RequestLock | None = None
        self._result_seen = False
        self._high_water = 0  # bytes that are read ahead of the client
        self._blocks = False  # its stream waits for a byte
        self._keeps = False  # the stream is read after the end
        self._starting = False
        self._raised: BaseException | None = None  # by the client, in a call from within the handler's start

    # -- beginning --------------------------------------------------------------------------------------------------

    def run_handler(
        self,
        brought: InternetProtocol | None,
        info: BindInfo,
        high_water: int,
        keeps: bool,
        accepted: tuple[str, ...],
    ) -> ProtocolStream | None:
        """Starts the handler: `brought` by the client, else the one that is registered.

        high_water: bytes that are read ahead of the client, 0 = what it reads. keeps: its stream is read after
        the end. accepted: media types, in order of preference. Returns the stream if the client was told of data
        meanwhile, else None. Raises what the handler fails with, or what the client raised meanwhile, in both
        cases after the stop.
        """
        self._high_water = high_water
        self._keeps = keeps
        self._blocks = info.blocks and not keeps
        self.enlist(int(self._tymed), keeps)
        transaction = self.transaction
        transaction.deliver_through(self._apartment, self._deliver, self.wake)
        transaction.set_priority(self.peek_priority())
        transaction.use_handler(brought)
        flags = PI.APARTMENTTHREADED | PI.MIMEVERIFICATION
        if info.flags & BINDF.PREFERDEFAULTHANDLER:
            flags |= PI.PREFERDEFAULTHANDLER
        self._starting = True
        try:
            if self._tymed == TYMED.HGLOBAL:
                self._storage = PartMemory()
            elif self._tymed == TYMED.FILE and self.path is not None:
                self._storage = PartFile(self.path, self.url)
            seen = BindInfoOfClient(self, info, self._flags_for(info), accepted)
            answer = transaction.start(info.target(self.url), self, seen, flags)
        except BindError as problem:
            raise self._refuse_started(problem) from None
        except BaseException:
            self._refuse_started(HRESULT.E_UNEXPECTED)
            raise
        finally:
            self._starting = False
        stream, told = self._stream, self.has_told_data
        if self.stopped:
            self._let_go()
        if self._raised is not None:
            raised, self._raised = self._raised, None
            raise raised
        if failed(answer) and answer != HRESULT.E_PENDING:
            raise self._refuse_started(to_hresult(answer))
        _, error = self.end_state()
        if error is not None:
            raise error
        return stream if told else None

    def _flags_for(self, info: BindInfo) -> BINDF:
        """The client's flags; NEEDFILE is the system's to add (contract 5.2)."""
        pulls = BINDF.ASYNCSTORAGE | BINDF.PULLDATA
        if scheme_of(self.url) in _BUILT_IN and self._tymed == TYMED.ISTREAM and info.flags & pulls == pulls:
            return info.flags
        return info.flags | BINDF.NEEDFILE

    def _refuse_started(self, reason: HRESULT | int | BindError) -> BindError:
        """The handler could not be started; the client is told, unless it was already."""
        if self.stopped:
            _, error = self.end_state()
            if error is None:
                error = reason if isinstance(reason, BindError) else error_from_hresult(reason, url=self.url)
        else:
            error = self.refuse(reason)
        self.transaction.finish()
        return error

    def _deliver(self) -> HRESULT:
        """The handler reported something on the proper thread: the client is told at once.

        From within the handler's start, the client's exception waits until that is over; else it is the sink's
        caller's.
        """
        try:
            self.deliver_now()
        except BaseException as problem:
            if not self._starting or self._raised is not None:
                raise
            self._raised = problem
            return HRESULT.E_UNEXPECTED
        return HRESULT.S_OK

    # -- the client's sink of the transaction -----------------------------------------------------------------------

    def switch(self, data: ProtocolData) -> HRESULT:
        """E_FAIL: only the sink that the handler was given can switch threads (contract 11.2)."""
        return HRESULT.E_FAIL

    def report_progress(self, status: BINDSTATUS, text: str | None = None) -> HRESULT:
        """From the transaction: a status."""
        if status == BINDSTATUS.MIMETYPEAVAILABLE:
            self._mime = text
            self._take_head()
            self._events.append((EVENT_MIME,))
        elif status == BINDSTATUS.CACHEFILENAMEAVAILABLE:
            self._handler_file = text
            if self._stream is not None:
                self._stream.file_name = text
            if self.path is None and text is not None:
                self.use_path(text)
        elif status == BINDSTATUS.PROTOCOLCLASSID:
            self.protocol_class_id = text
        elif status not in _NOT_FORWARDED:
            self._events.append((EVENT_STATUS, int(status), text))
        return HRESULT.S_OK

    @property
    def raw_request_headers(self) -> bytes:
        """As `Binding.raw_request_headers`, of a handler that speaks http; else b""."""
        head = getattr(self.transaction.handler, "raw_request_headers", b"")
        return head if isinstance(head, bytes) else b""

    def _take_head(self) -> None:
        """What `query_info` goes by, where the handler speaks http."""
        if self.status_code:
            return
        head = getattr(self.transaction.handler, "raw_headers", b"")
        if isinstance(head, bytes) and head:
            status = query(HTTP_QUERY.STATUS_CODE | HTTP_QUERY.FLAG_NUMBER, head, None, 0)
            self.use_head(head, status if isinstance(status, int) else 0)

    def report_data(self, flags: BSCF, progress: int, progress_max: int = 0) -> HRESULT:
        """From the transaction: bytes can be read."""
        if self.stopped:
            self._drop()
        else:
            self._take_head()
            self._events.append((EVENT_DATA, flags, progress, progress_max))
        return HRESULT.S_OK

    def report_result(self, hresult: int, error: int = 0, text: str | None = None) -> HRESULT:
        """From the transaction: the handler is done."""
        self._result_seen = True
        if self.stopped:
            self.transaction.finish()
        else:
            self._take_head()
            self._events.append((EVENT_RESULT, hresult, error, text))
        return HRESULT.S_OK

    def query_service(self, iid: UUID) -> Any:
        """A service of the client; IHttpNegotiate and IHttpNegotiate2 are always there."""
        if iid in {IID_IHttpNegotiate, IID_IHttpNegotiate2}:
            return NegotiateOfClient(self._client)
        return services.find_service(self._client, iid)

    # -- events for the core ----------------------------------------------------------------------------------------

    def next_event(self) -> tuple[Any, ...] | None:
        """The oldest thing that the client is to be told, None if there is nothing."""
        while True:
            while self._events:
                kind, *reported = self._events.popleft()
                if kind == EVENT_DATA:
                    event = self._data_event(*reported)
                elif kind == EVENT_RESULT:
                    event = self._result_event(*reported)
                else:
                    event = (kind, *reported)
                if event is not None:
                    return event
            if not self.transaction.run_task():
                return None

    def _data_event(self, flags: BSCF, progress: int, total: int) -> tuple[Any, ...] | None:
        """Takes the bytes that the client does not read itself."""
        if self.is_aborted:
            return None
        if self.has_told_last:
            self._drop()
            return None
        self._lock_request()
        try:
            if self._storage is not None:
                progress = self._store(self._storage)
                if not flags & _LAST:
                    return EVENT_PROGRESS, flags, progress, total
                self._storage.commit()
            elif self._tymed == TYMED.FILE:
                if self._handler_file is None:
                    raise DataNotAvailableError("the protocol gives no file", url=self.url)
                if not self.transaction.seekable:
                    self._drop()  # the client reads the file, and the handler waits for nobody
            elif self.transaction.seekable:
                if self._keeps:
                    self.stream_for_client()  # the bytes stay where they are, as long as there is a stream
            elif self._high_water and (self.takes_data or self._keeps):
                self.stream_for_client().fill(self._high_water)
        except BindError as error:
            self.transaction.abort(error.hresult)
            return EVENT_RESULT, error
        return EVENT_DATA, flags, progress, total

    def _result_event(self, hresult: int, error: int, text: str | None) -> tuple[Any, ...]:
        if failed(hresult):
            failure = getattr(self.transaction.handler, "failure", None)
            if isinstance(failure, BindError) and failure.hresult == hresult:
                return EVENT_RESULT, failure
            detail = text or ""
            if error:
                detail = f"{detail} (system error {error})".strip()
            return EVENT_RESULT, error_from_hresult(hresult, url=self.url, detail=detail)
        if self._storage is None or self.is_aborted or self.has_told_last:
            return EVENT_RESULT, None if hresult == HRESULT.S_OK else hresult
        # Files and memory are told of when they are complete, also where the handler announced no end.
        try:
            received = self._store(self._storage)
            self._storage.commit()
        except BindError as problem:
            return EVENT_RESULT, problem
        return EVENT_DATA, _WHOLE, received, received

    def _drop(self) -> None:
        while self.transaction.read(_PART):
            pass

    def _store(self, storage: PartFile | PartMemory) -> int:
        """Moves what the handler has into `storage`; returns how many bytes are there by now."""
        while part := self.transaction.read(_PART):
            storage.write(part)
        return storage.size

    def medium_content(self) -> Any:
        """What the medium of `on_data_available` holds."""
        if self._tymed == TYMED.HGLOBAL:
            return self.memory_for_client()
        return self.stream_for_client() if self._tymed == TYMED.ISTREAM else self.path

    def _lock_request(self) -> None:
        """What was announced stays readable for as long as the stream, or this binding, is held."""
        if self._lock is None:
            self._lock = RequestLock(self.transaction, self._apartment)
        if self._stream is not None:
            self._stream.request_lock = self._lock

    def drain_handler(self) -> None:
        """The client takes no data: what came is dropped, so that the handler goes on."""
        self._drop()

    def result_is_out(self) -> bool:
        """The handler has reported its result; an abort comes too late."""
        return self.transaction.is_result_out

    def abort_handler(self, reason: HRESULT | int) -> None:
        """The operation is over for its client; the handler answers with its result."""
        self.transaction.abort(reason)

    def after_stop(self) -> None:
        """`on_stop_binding` is behind us. The handler may have more to say, which nobody is told any more."""
        _, error = self.end_state()
        if self._stream is not None:
            self._stream.fail(error)
        if self._storage is not None:
            self._storage.discard()
        self._events.clear()
        transaction = self.transaction
        transaction.deliver_alone()
        if self._result_seen:
            transaction.finish()
        else:
            transaction.run_tasks()
        if not self._starting:
            self._let_go()

    def _let_go(self) -> None:
        self._lock = None
        if not self._keeps:
            self._stream = None

    def abandoned(self) -> None:
        """The apartment closes; nobody is told of anything."""
        try:
            self.transaction.abort(HRESULT.E_ABORT)
        finally:
            self.transaction.finish()
            if self._storage is not None:
                self._storage.discard()
            if self._stream is not None:
                self._stream.fail(None)
            self._let_go()

    # -- for the client ---------------------------------------------------------------------------------------------

    def suspend(self) -> HRESULT:
        """As `Binding.suspend`; the handler is asked to pause too."""
        answer = super().suspend()
        if answer == HRESULT.S_OK:
            self.transaction.suspend()
        return answer

    def resume(self) -> HRESULT:
        """As `Binding.resume`; the handler is asked to go on too."""
        answer = super().resume()
        if answer == HRESULT.S_OK:
            self.transaction.resume()
        return answer

    def set_priority(self, priority: int) -> HRESULT:
        """As `Binding.set_priority`; a handler that wants to know is told."""
        answer = super().set_priority(priority)
        if answer == HRESULT.S_OK:
            self.transaction.set_priority(self.peek_priority())
        return answer

    @property
    def mime_type(self) -> str | None:
        """The media type that was found, None if there is none or not yet."""
        return self._mime

    @property
    def state(self) -> str:
        """As `Binding.state`: starting, connecting, receiving, suspended, ended or stopped."""
        if self.stopped:
            return "stopped"
        if self.transaction.is_result_out:
            return "ended"
        if self.is_suspended:
            return "suspended"
        if not self.transaction.is_started:
            return "starting"
        return "receiving" if self.bytes_received else "connecting"

    def stream_for_client(self) -> ProtocolStream:  # type: ignore[override]
        """The stream of the operation, the same one until the operation has stopped (of a synchronous one: always)."""
        if self._stream is None:
            self._stream = ProtocolStream(
                self.transaction, self._apartment, self.abort, self._blocks, self._keeps
            )
            self._stream.request_lock = self._lock
            self._stream.file_name = self._handler_file
        return self._stream

    def memory_for_client(self) -> bytes:  # type: ignore[override]
        """The body of a successful TYMED_HGLOBAL operation."""
        return b"" if self._storage is None else self._storage.content


def find_handler(client: Any, url: str, flags: BINDF) -> tuple[bool, InternetProtocol | None]:
    """Whether a handler serves `url`, and not libcurl; and the handler, if the client brings it along."""
    brought: InternetProtocol | None = services.find_service(client, IID_IInternetProtocol)
    if brought is not None:
        return True, brought
    return get_session().serves(url, bool(flags & BINDF.PREFERDEFAULTHANDLER)), None
