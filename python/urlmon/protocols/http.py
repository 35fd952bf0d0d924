"""http and https as protocol objects (contract 11.2), for who drives a protocol directly, and for binds with a cache.

    p = urlmon.get_session().create_binding("https://example.org/")
    p.start(url, sink, bind_info)

Everything comes on the thread that started it, from its pump; so does `sink.switch`, which the sink's owner answers
with `continue_` whenever it likes. What a cache has is reported from within `start`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from urlmon.exceptions import InvalidRequestError, InvalidURLError
from urlmon.hresult import HRESULT, to_hresult
from urlmon.protocol import FilterData, InternetProtocol, ProtocolBindInfo, ProtocolData, ProtocolSink
from urlmon.protocols.httprequest import HttpRequest
from urlmon.session import scheme_of

if TYPE_CHECKING:
    from urlmon.exceptions import BindError


class HttpProtocol(InternetProtocol):
    """Handler of http: and https:."""

    def __init__(self, is_sure: bool = False) -> None:
        """is_sure: the media type that the server says is told as it is, and nobody is to look at the bytes."""
        self._is_sure = is_sure
        self._request: HttpRequest | None = None
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
        self._request = HttpRequest(url, sink, bind_info, self._priority, self._is_sure)
        return self._request.begin()

    def continue_(self, data: ProtocolData) -> HRESULT | int:
        """What was switched for is reported now."""
        return HRESULT.S_OK if self._request is None else self._request.go_on()

    def abort(self, reason: int = HRESULT.E_ABORT) -> HRESULT | int:
        """Ends the request and reports `reason`; INET_E_RESULT_DISPATCHED if a result was reported already."""
        if self._request is None or self._terminated:
            return HRESULT.S_OK
        return self._request.abort(to_hresult(reason))

    def terminate(self) -> HRESULT:
        """E_FAIL before the result. What was received can still be read if the request was locked."""
        if self._request is not None and not self._request.is_all_told:
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
        if not self._locks and self._request is not None:
            self._request.nobody_reads()
        self._forget()
        return HRESULT.S_OK

    def _forget(self) -> None:
        if self._terminated and not self._locks and self._request is not None:
            self._request.close()

    def suspend(self) -> HRESULT:
        """As `Binding.suspend`."""
        binding = None if self._request is None else self._request.binding
        return HRESULT.E_FAIL if binding is None else binding.suspend()

    def resume(self) -> HRESULT:
        """As `Binding.resume`."""
        binding = None if self._request is None else self._request.binding
        return HRESULT.E_FAIL if binding is None else binding.resume()

    def set_priority(self, priority: int) -> HRESULT:
        """IInternetPriority; counts at once."""
        self._priority = priority
        if self._request is not None and self._request.binding is not None:
            self._request.binding.set_priority(priority)  # E_FAIL after its end, which is of no interest
        return HRESULT.S_OK

    def get_priority(self) -> int:
        """The priority as it was set, 0 before."""
        return self._priority

    def read(self, size: int) -> bytes | None:
        """At most `size` bytes; None = nothing now, b"" = the end."""
        return b"" if self._request is None else self._request.read(size)

    @property
    def seekable(self) -> bool:
        """Whether the bytes are in a file: of the cache, or one that BINDF.NEEDFILE demands."""
        return self._request is not None and self._request.is_in_file

    def seek(self, offset: int, origin: int = 0) -> int:
        """As in any file, as far as the bytes have come; raises UnsupportedError (E_NOTIMPL) where there is none."""
        return super().seek(offset, origin) if self._request is None else self._request.seek(offset, origin)

    @property
    def raw_headers(self) -> bytes:
        """The header block of the response, b"" before it."""
        return b"" if self._request is None else self._request.raw_headers

    @property
    def raw_request_headers(self) -> bytes:
        """The header block of the request, b"" if there was none."""
        binding = None if self._request is None else self._request.binding
        return b"" if binding is None else binding.raw_request_headers

    @property
    def failure(self) -> BindError | None:
        """What the request failed with, None if it did not."""
        return None if self._request is None else self._request.failure
