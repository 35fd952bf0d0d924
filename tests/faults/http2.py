"""HTTP/2 answers of a script, one task for each stream of a connection."""

from __future__ import annotations

import asyncio
import contextlib

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from tests.faults.http1 import PATIENCE
from tests.faults.scripts import Script, script_of
from tests.servers.wire import Connection

Fields = list[tuple[str, str]]


class Http2Connection:
    """Serves one connection until a fault, or the client, ends it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=False, validate_outbound_headers=False, header_encoding="utf-8"
            )
        )
        self.room = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self.over = asyncio.Event()

    async def serve(self) -> None:
        self.h2.initiate_connection()
        await self.flush()
        reader = asyncio.ensure_future(self._read())
        ender = asyncio.ensure_future(self.over.wait())
        try:
            await asyncio.wait({reader, ender}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reader, ender, *self.tasks):
                task.cancel()
            await asyncio.gather(reader, ender, *self.tasks, return_exceptions=True)

    async def flush(self) -> None:
        if data := self.h2.data_to_send():
            await self.connection.write(data)

    async def _read(self) -> None:
        while True:
            data = await self.connection.read_some()
            try:
                events = self.h2.receive_data(data)
            except h2.exceptions.ProtocolError:
                await self.flush()
                return
            for event in events:
                if isinstance(event, h2.events.RequestReceived):
                    path = next(value for name, value in event.headers if name == ":path")
                    script = script_of(int(str(path).split("/")[2]))
                    task = asyncio.ensure_future(self._stream(event.stream_id, script))
                    self.tasks.add(task)
                    task.add_done_callback(self.tasks.discard)
            self.room.set()
            await self.flush()

    async def _stream(self, stream: int, script: Script) -> None:
        # A stream that its client has reset, or a connection that another stream has ended, is no fault of ours.
        with contextlib.suppress(h2.exceptions.ProtocolError, KeyError):
            await self._answer(stream, script)
            await self.flush()

    async def _answer(self, stream: int, script: Script) -> None:
        fault, dice, body = script.fault, script.dice("http2"), script.body
        length = len(body)
        if fault == "h2-less-than-length":
            length += dice.randrange(1, 100_000)
        elif fault == "h2-more-than-length":
            length = max(0, length - dice.randrange(1, 1000))
        head: Fields = [(":status", "200"), ("content-type", "application/octet-stream")]
        if not script.chunked or "length" in fault:
            head.append(("content-length", str(length)))
        if fault == "h2-huge-headers":
            head += [(f"x-{i}", "x" * 1000) for i in range(dice.choice((20, 90, 400)))]
        if fault == "h2-refused":
            self.h2.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
            return
        if fault == "h2-early-hints":
            for _ in range(dice.randrange(1, 40)):
                self.h2.send_headers(stream, [(":status", "103"), ("link", "</x>; rel=preload")])
        self.h2.send_headers(stream, head)
        await self.flush()
        cut = dice.randrange(len(body)) if len(body) else 0
        if fault in (
            "h2-rst",
            "h2-rst-no-error",
            "h2-reset",
            "h2-close",
            "h2-stall",
            "h2-garbage",
            "h2-goaway",
        ):
            await self._data(stream, body[:cut])
            await self._break(stream, fault, script)
            if fault != "h2-goaway":
                return
            body = body[cut:]
        elif fault == "h2-settings-flood":
            for number in range(dice.randrange(10, 300)):
                self.h2.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 100 + number % 2})
        elif fault == "h2-ping-flood":
            for _ in range(dice.randrange(10, 500)):
                self.h2.ping(dice.randbytes(8))
        elif fault == "h2-empty-frames":
            for _ in range(dice.randrange(10, 300)):
                self.h2.send_data(stream, b"", pad_length=dice.choice((None, 0, 200)))
        await self._data(stream, body, slowly=fault == "h2-drip")
        self.h2.end_stream(stream)

    async def _break(self, stream: int, fault: str, script: Script) -> None:
        dice = script.dice("break")
        if fault == "h2-rst":
            self.h2.reset_stream(stream, dice.choice(list(h2.errors.ErrorCodes)[1:]))
        elif fault == "h2-rst-no-error":
            self.h2.reset_stream(stream, h2.errors.ErrorCodes.NO_ERROR)
        elif fault == "h2-reset":
            self.connection.reset()
        elif fault == "h2-close":
            self.over.set()
        elif fault == "h2-stall":
            await asyncio.sleep(PATIENCE)
        elif fault == "h2-garbage":
            await self.connection.write(dice.randbytes(dice.randrange(9, 2000)))
            self.over.set()
        else:
            # By hand: the library would not send anything after it. It names all streams, or all but the last.
            last = stream if dice.random() < 0.7 else max(0, stream - 2)
            payload = last.to_bytes(4, "big") + dice.choice((0, 0, 2, 11)).to_bytes(4, "big")
            await self.connection.write(len(payload).to_bytes(3, "big") + b"\x07\x00" + bytes(4) + payload)

    async def _data(self, stream: int, data: bytes, *, slowly: bool = False) -> None:
        start = 0
        while start < len(data):
            window = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if window <= 0:
                self.room.clear()
                await self.room.wait()
                continue
            piece = data[start : start + (min(window, 1000) if slowly and start < 20_000 else window)]
            self.h2.send_data(stream, piece)
            start += len(piece)
            await self.flush()
            if slowly and start < 20_000:
                await asyncio.sleep(0.002)
