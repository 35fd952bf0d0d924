"""One accepted connection: buffered reading, writing that waits for the kernel, and the reset.

The handler is a task that is cancelled as soon as the client goes away, so a script may simply wait for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import struct
import sys
import termios
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from tests.servers.background import BackgroundServer

READ_AHEAD = 1 << 20
HEAD_LIMIT = 1 << 20
SO_NWRITE = 0x1024  # macOS: bytes not yet acknowledged; the socket module has no name for it


class Connection(asyncio.Protocol):
    """Server loop only."""

    def __init__(self, server: BackgroundServer, tls: bool) -> None:
        self.server = server
        self.tls = tls
        self.number = -1
        self.descriptor = -1
        self.lost = False
        self.task: asyncio.Task[None]
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._reading_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.descriptor = self.socket.fileno()
        # The lowest limits, so that write() returns when the kernel has everything. The TLS transport pauses
        # at "high" already, not beyond it: with 0 it would never resume.
        self._transport.set_write_buffer_limits(high=1 if self.tls else 0, low=0)
        self.number = self.server.connection_opened(self)
        self.task = self.server.loop.create_task(self._handle())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._readable.set()
        if len(self._buffer) > READ_AHEAD and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self.server.connection_closed(self)
        self.task.cancel()

    async def _handle(self) -> None:
        try:
            await self.server.serve(self)
        except asyncio.CancelledError:
            if not self.lost:
                raise
        finally:
            self._transport.close()

    @property
    def socket(self) -> socket.socket:
        """The socket below the transport."""
        return cast(socket.socket, self._transport.get_extra_info("socket"))

    async def read_some(self) -> bytes:
        """What has arrived, at least one byte. The end of the connection cancels the task instead."""
        while not self._buffer:
            self._readable.clear()
            await self._readable.wait()
        return self._take(len(self._buffer))

    async def read_exactly(self, count: int) -> bytes:
        """The next `count` bytes."""
        pieces = []
        while count:
            await self._more(1)
            piece = self._take(min(count, len(self._buffer)))
            count -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    async def read_until(self, mark: bytes, limit: int = HEAD_LIMIT) -> bytes:
        """The bytes up to and with `mark`; ValueError if it does not come within `limit` bytes."""
        while (position := self._buffer.find(mark)) < 0:
            if len(self._buffer) > limit:
                raise ValueError(f"no {mark!r} within {limit} bytes")
            await self._more(len(self._buffer) + 1)
        return self._take(position + len(mark))

    async def write(self, data: bytes) -> None:
        """Hand `data` to the kernel, waiting for room."""
        if self._transport.is_closing():
            await asyncio.Event().wait()  # the client is gone, and this task about to be cancelled
        self._transport.write(data)
        await self._writable.wait()
        await asyncio.sleep(0)  # a client that always has room must not keep the others waiting

    async def flushed(self) -> None:
        """Wait until the client's kernel has every byte: a reset after that takes none of them back."""
        await self._writable.wait()
        while self._unacknowledged():
            await asyncio.sleep(0.001)  # no event tells of an empty send queue

    def reset(self) -> None:
        """End the connection with a TCP reset, if it has not ended already."""
        if self._transport.is_closing():
            return
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def abort(self) -> None:
        """Close at once, without a TLS farewell."""
        self._transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the client goes away (its task is cancelled then)."""
        while True:
            await self.read_some()

    async def _more(self, count: int) -> None:
        while len(self._buffer) < count:
            self._readable.clear()
            await self._readable.wait()

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        if self._reading_paused and len(self._buffer) < READ_AHEAD:
            self._reading_paused = False
            self._transport.resume_reading()
        return data

    def _unacknowledged(self) -> int:
        if sys.platform == "darwin":
            return self.socket.getsockopt(socket.SOL_SOCKET, SO_NWRITE)
        with contextlib.suppress(OSError):
            packed = fcntl.ioctl(self.descriptor, termios.TIOCOUTQ, b"\0" * 4)
            return cast(int, struct.unpack("i", packed)[0])
        return 0
