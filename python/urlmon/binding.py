"""The client's handle of a running bind operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from urlmon.constants import HTTP_QUERY
from urlmon.exceptions import BindError
from urlmon.headers import asks_for_request, find_field, parse_head, query
from urlmon.hresult import HRESULT
from urlmon.redaction import redact_url
from urlmon_core import BindingBase

if TYPE_CHECKING:
    from concurrent.futures import Future

    from typing_extensions import Self

    from urlmon.moniker import URLMoniker


class Binding(BindingBase):
    """IBinding (contract section 4): abort, suspend, resume and prioritise one operation, and ask about it.

    Handed to `on_start_binding`. All of it is for the thread that started the bind (WrongThreadError
    elsewhere); the figures `bytes_received` and `bytes_total` may be read from any thread.
    """

    __slots__ = ("__weakref__",)

    if TYPE_CHECKING:  # the core knows numbers and objects; `_setup` has it return these

        @property
        def moniker(self) -> URLMoniker: ...
        def begin(self) -> HRESULT | int: ...
        def refuse(self, reason: int | BaseException) -> BindError: ...
        def abort(self) -> HRESULT: ...
        def suspend(self) -> HRESULT: ...
        def resume(self) -> HRESULT: ...
        def set_priority(self, priority: int) -> HRESULT: ...
        def end_state(self) -> tuple[HRESULT | int | None, BindError | None]: ...

    @property
    def priority(self) -> int:
        """The priority, as it was set; any integer, -15..15 counts.

        Setting it after the end raises BindError (E_FAIL).
        """
        return self.get_priority()

    @priority.setter
    def priority(self, value: int) -> None:
        if self.set_priority(value) != HRESULT.S_OK:
            raise BindError("the operation has ended", url=self.url, hresult=HRESULT.E_FAIL)

    def future(self) -> Future[Any]:
        """The end of the operation as a `concurrent.futures.Future`, for other threads.

        Its result is the path of the file, the whole body as a memoryview (HGLOBAL), or None for a stream, whose
        bytes the callback had. Its exception is the BindError of the end; AbortedError where the apartment was
        closed, or its thread ended, before. `Future.cancel`, from any thread, aborts the operation, as soon as
        its thread pumps. The future comes after `on_stop_binding`.
        """
        from urlmon.futures import future_of

        return future_of(self)

    def close(self) -> None:
        """Aborts the operation if it is live; `on_stop_binding` follows. Idempotent."""
        self.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def get_bind_result(self) -> tuple[HRESULT | int, BindError | None]:
        """(HRESULT given to `on_stop_binding`, its error); (S_OK, None) before the end (contract 4.1)."""
        hresult, error = self.end_state()
        return (HRESULT.S_OK if hresult is None else hresult), error

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Header fields of the final response, in order; empty before it."""
        return parse_head(self.raw_headers)

    def header(self, name: str) -> str | None:
        """The first field called `name` (in any case) of the final response, None if there is none."""
        return find_field(self.headers, name)

    def query_info(self, what: HTTP_QUERY | int, name: str | None = None, index: int = 0) -> object:
        """IWinInetHttpInfo::QueryInfo (contract 8.8): one attribute of the response, by HTTP_QUERY.

        Of the request with FLAG_REQUEST_HEADERS, and REQUEST_METHOD: as urlmon asks for it, without what libcurl adds
        while it sends it (credentials that were asked for, cookies, the range of a resumption).

        With HTTP_QUERY.FLAG_NUMBER an int, with FLAG_SYSTEMTIME a datetime, else text. HTTP_QUERY.CUSTOM
        takes the field's `name`; `index` counts repeated fields. None where the response has no such field;
        STATUS_CODE is 0 before the response.
        """
        asked = HTTP_QUERY(what)
        head = self.raw_request_headers if asks_for_request(asked) else self.raw_headers
        return query(asked, head, name, index)

    @property
    def raw_request_headers(self) -> bytes:
        """The header block of the last request, as far as urlmon makes it; b"" before it was handed over."""
        from urlmon.profiles import request_head

        return request_head(self.request_options, self.url, self.method_given_up_by)

    def __repr__(self) -> str:
        total = self.bytes_total
        of = f" of {total}" if total >= 0 else ""
        figures = f"{self.bytes_received}{of} bytes, priority {self.peek_priority()}"
        return f"<Binding {redact_url(self.url)} {self.state}, {figures}>"
