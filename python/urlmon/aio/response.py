"""`open`: a response whose body is read by awaiting, with the priority and the flow control of its binding."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from urlmon.aio.client import Client
from urlmon.aio.waiting import hang_bell
from urlmon.bindinfo import DEFAULT_BIND_INFO, BindInfo
from urlmon.errors import error_from_http

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Buffer, Self

    from urlmon.binding import Binding
    from urlmon_core import Stream


def make_info(info: BindInfo | None, options: dict[str, Any]) -> BindInfo:
    """`info`, or the default, with `options` (fields of BindInfo) in place of what it says."""
    base = DEFAULT_BIND_INFO if info is None else info
    return dataclasses.replace(base, **options) if options else base


def open(url: str, *, priority: int = 0, info: BindInfo | None = None, **options: Any) -> Response:
    """`async with open(url) as response:` the response, once its head is here.

    priority: any integer, see `urlmon.Priority`. info: how to bind; options: fields of BindInfo (`headers=`,
    `data=`, `fail_on_http_error=` …), which go before it. 4xx and 5xx are no failure unless asked for.
    Leaving the block before the end of the body, or cancelling the task, aborts the operation.
    """
    return Response(url, priority, make_info(info, options))


class Response:
    """A response that comes in. Made by `open`; for tasks of one thread, one reader at a time."""

    def __init__(self, url: str, priority: int, info: BindInfo) -> None:
        self._requested = url
        self._start_priority = priority
        self._info = info
        self._client: Client | None = None

    # -- its life ----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._client is not None:
            raise RuntimeError("a response is entered once")
        bell = hang_bell()
        client = Client(bell, self._info, self._start_priority)
        client.start(self._requested)
        self._client = client
        try:
            await bell.until(lambda: client.is_here or client.is_over)
        except BaseException:
            await client.abandon()
            raise
        if not client.is_here:
            client.check()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Aborts what is still live; idempotent."""
        if self._client is not None:
            await self._client.abandon()

    @property
    def binding(self) -> Binding:
        """The operation itself: figures, `query_info`, `abort`. RuntimeError outside of `async with`."""
        return self._entered().binding

    def _entered(self) -> Client:
        if self._client is None:
            raise RuntimeError("a response is used inside `async with`")
        return self._client

    # -- its head ----------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where the body comes from, after redirects."""
        return self.binding.url

    @property
    def status(self) -> int:
        """The status code; 0 where the protocol has none."""
        return self.binding.status_code

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The header fields, in order."""
        return self.binding.headers

    def header(self, name: str) -> str | None:
        """The first field called `name`, in any case; None if there is none."""
        return self.binding.header(name)

    def raise_for_status(self) -> None:
        """Raises the HTTPStatusError of a 4xx or 5xx."""
        if self.status >= 400:
            raise error_from_http(self.status, url=self.url)

    # -- its flow ----------------------------------------------------------------------------------------------------

    @property
    def priority(self) -> int:
        """The priority as it was set; setting it after the end of the transfer does nothing."""
        return self.binding.priority

    @priority.setter
    def priority(self, value: int) -> None:
        self.binding.set_priority(value)

    def suspend(self) -> None:
        """No further byte is asked for until `resume`; what is here can be read."""
        self.binding.suspend()

    def resume(self) -> None:
        """Goes on after `suspend`."""
        self.binding.resume()

    # -- its body ----------------------------------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> memoryview:
        view = await self.read_view()
        if not view:
            raise StopAsyncIteration
        return view

    async def _more(self) -> Stream | None:
        """The stream with a byte to read or at its end, None if there is no body at all. Raises what it failed with."""
        client = self._entered()
        await client.bell.checkpoint()
        await client.bell.until(lambda: client.is_over or bool(client.stream and client.stream.available))
        if client.stream is None or not client.stopped:
            client.check()
        return client.stream

    async def read_view(self) -> memoryview:
        """The next bytes without a copy, up to 256 KiB; an empty view at the end."""
        stream = await self._more()
        view = None if stream is None else stream.read_view()
        return memoryview(b"") if view is None else view

    async def read(self, size: int = -1) -> bytes:
        """All that comes (-1), or at least one and at most `size` bytes; b"" at the end."""
        if size == 0:
            return b""
        if size > 0:
            stream = await self._more()
            return (stream.read(size) if stream is not None else None) or b""
        parts = []
        while part := await self.read(1 << 20):
            parts.append(part)
        return b"".join(parts)

    async def readinto(self, target: Buffer) -> int:
        """Fills at least one byte of `target`; returns how many, 0 at the end."""
        stream = await self._more()
        return (stream.readinto(target) if stream is not None else None) or 0

    def __repr__(self) -> str:
        return (
            f"<Response {self._client.binding!r}>" if self._client is not None else "<Response, not entered>"
        )
