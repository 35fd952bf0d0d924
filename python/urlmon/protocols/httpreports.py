"""What the http protocol tells its client of one request, and what the client reads of it (contract 11.2, 11.4).

httprequest.py has what is told: a binding underneath, or a response that a cache has. Everything comes on one thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from urlmon.constants import BINDSTATUS, BSCF
from urlmon.exceptions import BindError, ResourceNotFoundError, UnsupportedError
from urlmon.headers import head_of
from urlmon.hresult import HRESULT, to_hresult
from urlmon.protocol import ProtocolData, ProtocolSink
from urlmon.protocol_constants import PI
from urlmon.protocols.bodyfile import BodyFile, copy_what_is_there

if TYPE_CHECKING:
    from urlmon.cache import Kept

_LAST = BSCF.LASTDATANOTIFICATION


class HttpReports:
    """Base of HttpRequest, which has `abort` and `_keep`."""

    def __init__(self, url: str, sink: ProtocolSink, is_sure: bool) -> None:
        self._url = url
        self._sink = sink
        self._is_sure = is_sure
        self._negotiate: Any = None
        self._needs_file = False
        self._pulls = True
        self._head: tuple[int, bytes] | None = None
        self._head_told = False
        self._type: str | None = None
        self._stream: Any = None
        self._file: BodyFile | None = None
        self._keeping = False  # the file is going to be the cache's
        self._whole = False  # everything is in the file
        self._arrived: tuple[BSCF, int, int] | None = None  # data to be reported when the client comes back
        self._result: tuple[HRESULT | int, str | None] | None = None
        self._switched = False
        self._told = False  # data were reported
        self.failure: BindError | None = None
        self.is_over = False

    def abort(self, reason: HRESULT | int) -> HRESULT | int:
        """Ends the request."""
        raise NotImplementedError

    def _keep(self) -> None:
        """The body in the file is complete, and the cache's."""
        raise NotImplementedError

    # -- reports ------------------------------------------------------------------------------------------------------

    def _switch(self) -> None:
        if not self._switched:
            self._switched = True
            # Not at once: the client may read, and wait for bytes, while the binding underneath is in a callback.
            self._sink.switch(ProtocolData(PI.FORCE_ASYNC, 0xF1000000, self))

    def _report_arrived(self) -> None:
        """The data that came since, in one notification."""
        if self._arrived is not None:
            (flags, size, total), self._arrived = self._arrived, None
            if self._told:
                flags = (flags & _LAST) | BSCF.INTERMEDIATEDATANOTIFICATION
            else:  # several may have come before the client comes back
                flags = _LAST | BSCF.DATAFULLYAVAILABLE if flags & _LAST else BSCF.FIRSTDATANOTIFICATION
            self._told = True
            self._sink.report_data(flags, size, total)

    def _report_head(self) -> HRESULT | int:
        """The response, its type and its file, once; what the client says of it."""
        if self._head is None or self._told:
            return HRESULT.S_OK
        status, head = self._head
        if not self._head_told:
            self._head_told = True
            tell = getattr(self._negotiate, "on_response", None)
            said = None if tell is None else tell(status, head.decode("iso-8859-1"), None)
            answer = to_hresult(said) if said is None or isinstance(said, int) else HRESULT.S_OK
            if answer != HRESULT.S_OK:
                self.abort(answer)
                return answer
        kind, self._type = self._type, None
        if kind is not None:
            sure = self._is_sure
            self._sink.report_progress(
                BINDSTATUS.VERIFIEDMIMETYPEAVAILABLE if sure else BINDSTATUS.MIMETYPEAVAILABLE, kind
            )
            if self._file is not None and self._needs_file:
                self._sink.report_progress(BINDSTATUS.CACHEFILENAMEAVAILABLE, str(self._file.path))
        return HRESULT.S_OK

    def _report_kept(self, kept: Kept) -> None:
        """The response is what the cache has: everything at once (contract 3.5 D). Who drives the protocol directly
        gets the result from the read that meets the end."""
        try:
            self._file = BodyFile.of(kept.path)
        except OSError as problem:  # taken away just now
            self._fail(
                ResourceNotFoundError("it is not in the cache any more", url=self._url, detail=str(problem))
            )
            return
        self._head = (kept.status, head_of(kept.status, kept.fields))
        self._head_told = False
        self._type = (kept.field("content-type") or "").partition(";")[0].strip().lower() or None
        self._sink.report_progress(BINDSTATUS.USINGCACHEDCOPY, None)
        if self._report_head() != HRESULT.S_OK:
            return
        self._told = self._whole = True
        self._result = (HRESULT.S_OK, None)
        size = self._file.size
        self._sink.report_data(_LAST | BSCF.DATAFULLYAVAILABLE, size, size if self._is_sure else 0)
        if self._is_sure or not size:
            self._report_result()

    def _fail(self, error: BindError) -> HRESULT | int:
        """Reports `error`, unless the binding's stop did."""
        if self._result is None:
            self.failure = error
            self._result = (error.hresult, None)
            self._report_result()
        return error.hresult

    def _report_result(self) -> None:
        assert self._result is not None
        if not self.is_over:
            self.is_over = True
            hresult, text = self._result
            self._sink.report_result(hresult, 0, text)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _fill(self, most: int | None = None) -> None:
        """Moves what came into the file; all of it in there is the cache's from then on."""
        assert self._file is not None
        if not self._whole:
            self._whole = copy_what_is_there(self._stream, self._file, most)
            if self._whole and self._keeping:
                self._keep()

    def read(self, size: int) -> bytes | None:
        """At most `size` bytes; None = nothing now, b"" = the end."""
        if self._file is not None:
            return self._read_file(self._file, size)
        if self._stream is None:
            return b"" if self.is_over else None
        part: bytes | None = self._stream.read(size)
        return part

    def _read_file(self, file: BodyFile, size: int) -> bytes | None:
        part = file.read(size)
        if not part and size and self._pulls and self._stream is not None:
            self._fill(self._stream.available or 1)
            part = file.read(size)
        ended = self._whole or (self._result is not None and not self._pulls)
        if ended and file.position == file.size and self.is_all_told:
            self._report_result()
        return part or (b"" if ended or not size else None)

    @property
    def is_all_told(self) -> bool:
        """There is nothing left to report but the result."""
        return self.is_over or (self._told and self._result is not None and not self._switched)

    def nobody_reads(self) -> None:
        """What was reported is not going to be read any more."""
        if self.is_all_told:
            self._report_result()

    @property
    def is_in_file(self) -> bool:
        """The bytes that were reported stay, and can be sought in."""
        return self._file is not None

    def seek(self, offset: int, origin: int = 0) -> int:
        """As `BodyFile.seek`; UnsupportedError (E_NOTIMPL) if there is no file."""
        if self._file is None:
            raise UnsupportedError("there is no file to seek in", url=self._url, hresult=HRESULT.E_NOTIMPL)
        return self._file.seek(offset, origin)

    @property
    def raw_headers(self) -> bytes:
        """The header block of the response that is reported."""
        return b"" if self._head is None else self._head[1]

    def close(self) -> None:
        """Nothing is read any more."""
        self._stream = None
        if self._file is not None:
            self._file.close()
            self._file = None
