"""What handlers have in common that have everything at once, in memory."""

from __future__ import annotations

from urlmon.constants import BINDSTATUS, BSCF, QUERYOPTION
from urlmon.exceptions import BindError
from urlmon.hresult import HRESULT
from urlmon.protocol import FilterData, InternetProtocol, InternetProtocolInfo, ProtocolBindInfo, ProtocolSink


class MemoryProtocol(InternetProtocol, InternetProtocolInfo):
    """Base of handlers that know all there is when they start: a media type, and the bytes.

    The URL functions ask them too (contract 10.1); what they say is that nothing of theirs is fetched.
    """

    def __init__(self) -> None:
        self._content = memoryview(b"")
        self._started = False
        self.failure: BindError | None = None  # what `find` raised, for the client (see InternetProtocol)

    def find(self, url: str) -> tuple[str, bytes]:
        """The media type of `url`, and its bytes; raises a BindError if there is no such thing."""
        raise NotImplementedError

    def start(
        self,
        url: str,
        sink: ProtocolSink,
        bind_info: ProtocolBindInfo,
        flags: int = 0,
        reserved: FilterData | None = None,
    ) -> HRESULT | int:
        """Reports everything at once."""
        bind_info.get_bind_info()
        try:
            media_type, content = self.find(url)
        except BindError as error:
            self.failure = error.with_traceback(None)
            sink.report_result(error.hresult)
            return error.hresult
        self._content = memoryview(content)
        self._started = True
        sink.report_progress(BINDSTATUS.VERIFIEDMIMETYPEAVAILABLE, media_type)
        size = len(content)
        sink.report_data(
            BSCF.FIRSTDATANOTIFICATION | BSCF.LASTDATANOTIFICATION | BSCF.DATAFULLYAVAILABLE, size, size
        )
        sink.report_result(HRESULT.S_OK)
        return HRESULT.S_OK

    def compare_url(self, first: str, second: str, flags: int = 0) -> bool | None:
        """Leaves it to the built-in rules."""
        raise NotImplementedError

    def query_info(self, url: str, option: int, flags: int = 0) -> int:
        """USES_NETWORK: 0. Raises BindError (E_FAIL) for everything else."""
        if option != QUERYOPTION.USES_NETWORK:
            raise BindError("nothing is known of that", url=url, hresult=HRESULT.E_FAIL)
        return 0

    def read(self, size: int) -> bytes:
        """The next bytes, b"" at the end."""
        if not self._started:
            raise BindError("the protocol was not started", url="", hresult=HRESULT.E_FAIL)
        part = bytes(self._content[:size])
        self._content = self._content[size:]
        return part
