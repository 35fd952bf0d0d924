"""The bind status callback behind an awaited operation: takes notes and wakes the task, no more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from urlmon.bindctx import create_async_bind_ctx
from urlmon.callback import BindStatusCallback
from urlmon.constants import TYMED
from urlmon.creation import create_url_moniker

if TYPE_CHECKING:
    from urlmon.aio.waiting import Bell
    from urlmon.bindinfo import BindInfo
    from urlmon.binding import Binding
    from urlmon.constants import BSCF
    from urlmon.exceptions import BindError
    from urlmon.hresult import HRESULT
    from urlmon.storage import FormatEtc, StgMedium
    from urlmon_core import Stream


class Client(BindStatusCallback):
    """One operation. It lives until it has stopped, whoever waits for it."""

    binding: Binding

    def __init__(self, bell: Bell, info: BindInfo, priority: int) -> None:
        self.bell = bell
        self.info = info
        self.priority = priority
        self.responded = False
        self.stream: Stream | None = None
        self.stopped = False
        self.error: BindError | None = None

    def start(
        self, url: str, storage: TYMED = TYMED.ISTREAM, path: str | os.PathLike[str] | None = None
    ) -> None:
        """Binds `url`; a BindError if it cannot even be started."""
        context = create_async_bind_ctx(self)
        create_url_moniker(url).bind_to_storage(context, storage, path)

    @property
    def is_here(self) -> bool:
        """There is something to hand over: the head, unless it is a failure, or a body without a head."""
        status = self.binding.status_code
        return self.stream is not None or (
            self.responded and not (status >= 400 and self.info.fail_on_http_error)
        )

    @property
    def is_over(self) -> bool:
        """Nothing follows: it has stopped, or its apartment was closed."""
        return self.stopped or self.binding.stopped

    def check(self) -> None:
        """Raises what the operation failed with."""
        if self.error is not None:
            raise self.error
        if self.is_over and not self.stopped:
            from urlmon.exceptions import AbortedError

            raise AbortedError("its apartment was closed", url=self.binding.url)

    async def abandon(self) -> None:
        """Aborts what is not over, and waits until its slot, its connection and its partial file are given up."""
        if not self.is_over:
            self.binding.abort()
            await self.bell.until_shielded(lambda: self.is_over)

    # -- what the library calls ------------------------------------------------------------------------------------

    def get_bind_info(self) -> BindInfo:
        return self.info

    def get_priority(self) -> int:
        return self.priority

    def on_start_binding(self, binding: Binding) -> None:
        self.binding = binding

    def on_response(self, status: int, response_headers: str, request_headers: object) -> None:
        """The head of the final response."""
        self.responded = True
        self.bell.ring()

    def on_data_available(self, flags: BSCF, size: int, format: FormatEtc, medium: StgMedium) -> None:
        """Read by the task, later: what it does not read stays, and pauses the transfer."""
        if medium.tymed == TYMED.ISTREAM:
            self.stream = medium.stream
            self.bell.ring()

    def on_stop_binding(self, hresult: HRESULT, error: BindError | None) -> None:
        self.stopped = True
        self.error = error
        self.bell.ring()
