"""Pluggable protocols: what a handler of a scheme is, and what it is given (contract section 11).

A handler is an object with the methods of `InternetProtocol`, made anew for each operation by the factory that
`urlmon.register_name_space` was given. It is called on the thread that started the bind, and on no other. It
may work on as many threads as it likes: its *sink* may be called from any of them, returns at once, and has
the client told on the proper thread. A handler that has to be called there itself asks for it with
`sink.switch`, which comes back as `continue_`.

Where the contract has an HRESULT, a method may return one, or None for S_OK; and it may raise a BindError
instead of returning a failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from urlmon.exceptions import UnsupportedError
from urlmon.hresult import HRESULT

if TYPE_CHECKING:
    from uuid import UUID

    from urlmon.bindinfo import BindInfo
    from urlmon.constants import BINDF, BINDSTATUS, BINDSTRING, BSCF


class ProtocolData(NamedTuple):
    """PROTOCOLDATA (contract 11.2): what a handler gives to `sink.switch` and gets back in `continue_`.

    flags: PI.FORCE_ASYNC has the switch queued although it comes from the proper thread already. state and data
    are the handler's own, and are not looked at.
    """

    flags: int = 0
    state: int = 0
    data: Any = None


class FilterData(NamedTuple):
    """PROTOCOLFILTERDATA (contract 11.3): what a MIME filter is started with.

    `protocol` is where it reads what it filters.
    """

    protocol: InternetProtocol
    sink: ProtocolSink | None = None
    flags: int = 0


class ProtocolSink(Protocol):
    """IInternetProtocolSink: what a handler reports to. Any thread; nothing blocks.

    Each method returns S_OK, or E_FAIL where nothing is reported any more: after an abort, after the result.
    """

    def switch(self, data: ProtocolData) -> HRESULT:
        """Has `continue_(data)` called on the thread that started the bind (contract 11.5)."""
        ...

    def report_progress(self, status: BINDSTATUS, text: str | None = None) -> HRESULT:
        """A status of contract 5.6. BEGIN-, DOWNLOADING- and ENDDOWNLOADDATA are not the handler's to report:
        they follow from `report_data`."""
        ...

    def report_data(self, flags: BSCF, progress: int, progress_max: int = 0) -> HRESULT:
        """Bytes can be read: `progress` in all so far, of `progress_max` (0 = unknown)."""
        ...

    def report_result(self, hresult: int, error: int = 0, text: str | None = None) -> HRESULT:
        """The operation is over; the last call. `error` is a system error number.

        `text` says what was wrong, or is where a redirect (INET_E_REDIRECT_FAILED) leads.
        """
        ...

    def query_service(self, iid: UUID) -> Any:
        """A service of the client (contract 7.6), None if it has none; the thread that started the bind only.

        IID_IHttpNegotiate is always there: `beginning_transaction(url, headers)`, `on_response(status,
        response_headers, request_headers)`.
        """
        ...


class ProtocolBindInfo(Protocol):
    """IInternetBindInfo: how the client wants to bind. The thread that started the bind only."""

    def get_bind_info(self) -> tuple[BINDF, BindInfo]:
        """The flags, with those that the system adds (FROMURLMON, NEEDFILE), and everything else."""
        ...

    def get_bind_string(self, kind: BINDSTRING | int) -> list[str]:
        """Strings of the client: ACCEPT_MIMES, USER_AGENT, URL.

        Raises UnsupportedError: E_NOINTERFACE for USER_AGENT where the client names none, E_NOTIMPL for others.
        """
        ...

    def query_service(self, iid: UUID) -> Any:
        """As `ProtocolSink.query_service`."""
        ...


class InternetProtocol:
    """IInternetProtocol (contract 11.2): base of handlers of a scheme.

    `start` and `read` are what a handler has to have. One that wants to hear of priorities has
    `set_priority(priority)` too: called before `start`, and whenever the client changes it. One that knows more of a
    failed result than its HRESULT may have `failure`, the BindError that the client gets, or None. One that speaks http
    may have `raw_headers` and `raw_request_headers`, the header blocks of response and request (bytes).
    """

    @property
    def seekable(self) -> bool:
        """`seek` works, and what was reported stays readable however late it is read, so nothing is read ahead."""
        return False

    def start(
        self,
        url: str,
        sink: ProtocolSink,
        bind_info: ProtocolBindInfo,
        flags: int = 0,
        reserved: FilterData | None = None,
    ) -> int | None:
        """Begins; `flags` are PI.

        S_OK, or E_PENDING (which is no failure) if it goes on by itself; INET_E_... if it cannot.

        INET_E_USE_DEFAULT_PROTOCOLHANDLER leaves the URL to the handler that would have been asked otherwise. For
        a MIME filter `url` is the media type, and `reserved` says where to read.
        """
        return HRESULT.E_NOTIMPL

    def continue_(self, data: ProtocolData) -> int | None:
        """The answer to `sink.switch(data)`; a failure ends the operation with it."""
        return None

    def abort(self, reason: int) -> int | None:
        """Stop; then report `reason` as the result.

        E_PENDING: that is going to be reported later. If it was not reported by then otherwise, it is taken as
        reported.
        """
        return None

    def terminate(self) -> int | None:
        """Free everything that is not needed to read what was reported. The last call, but for `read` and
        `unlock_request` of a locked one."""
        return None

    def suspend(self) -> int | None:
        """Pause, if that is possible: whatever is reported waits until the client resumes."""
        return HRESULT.E_NOTIMPL

    def resume(self) -> int | None:
        """Go on after `suspend`."""
        return HRESULT.E_NOTIMPL

    def read(self, size: int) -> bytes | None:
        """At most `size` bytes; b"" at the end, None if there are none now (E_PENDING) but are going to be.

        Everything that `report_data` announced must be there. Raises a BindError (INET_E_DATA_NOT_AVAILABLE,
        INET_E_DOWNLOAD_FAILURE) if it cannot be had.
        """
        return b""

    def seek(self, offset: int, origin: int = 0) -> int:
        """The new position; raises a BindError (E_FAIL, E_NOTIMPL) where there is none."""
        raise UnsupportedError("this protocol cannot seek", url="", hresult=HRESULT.E_NOTIMPL)

    def lock_request(self) -> int | None:
        """`read` has to work after `terminate`, until `unlock_request`."""
        return None

    def unlock_request(self) -> int | None:
        """Nothing will be read any more."""
        return None


class InternetProtocolInfo:
    """IInternetProtocolInfo (contract 10.1): what the URL functions ask the handler of a scheme.

    Offered by the factory, or by what it makes. A method that has no answer raises NotImplementedError or returns
    None (INET_E_DEFAULT_ACTION), and the built-in rules apply.
    """

    def parse_url(self, url: str, action: int, flags: int = 0) -> str | None:
        """CoInternetParseUrl for one of its URLs; action: PARSEACTION."""
        return None

    def combine_url(self, base: str, relative: str, flags: int = 0) -> str | None:
        """CoInternetCombineUrl for a base of its scheme."""
        return None

    def compare_url(self, first: str, second: str, flags: int = 0) -> bool | None:
        """CoInternetCompareUrl: whether the two are equal."""
        return None

    def query_info(self, url: str, option: int, flags: int = 0) -> Any:
        """CoInternetQueryInfo; option: QUERYOPTION."""
        return None
