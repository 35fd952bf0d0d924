"""One request and the means to answer it, well or badly: what a script gets."""

from __future__ import annotations

import asyncio
import hashlib
import http
import urllib.parse
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.recording import KEPT_BODY, RecordedRequest

if TYPE_CHECKING:
    from tests.servers.scripted import ScriptedServer
    from tests.servers.wire import Connection

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """A parsed request head. Header names keep their case; text is Latin-1."""

    method: str
    target: str
    version: str
    headers: Sequence[tuple[str, str]]

    @classmethod
    def parse(cls, head: bytes) -> Request:
        """From the bytes up to the empty line. ValueError if that is no HTTP/1 head."""
        first, *rest = head.decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        headers = []
        for line in filter(None, rest):
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError(f"bad header line {line!r}")
            headers.append((name, value.strip()))
        return cls(method, target, version, headers)

    @property
    def path(self) -> str:
        """The decoded path, without the query."""
        return urllib.parse.unquote(urllib.parse.urlsplit(self.target).path)

    @property
    def query(self) -> list[tuple[str, str]]:
        """The decoded query parameters in order."""
        return urllib.parse.parse_qsl(urllib.parse.urlsplit(self.target).query, keep_blank_values=True)

    def text(self, name: str, default: str = "") -> str:
        """The query parameter `name`."""
        return next((value for key, value in self.query if key == name), default)

    def number(self, name: str, default: int = 0) -> int:
        """The query parameter `name` as a whole number."""
        return int(self.text(name, str(default)))

    def seconds(self, name: str, default: float) -> float:
        """The query parameter `name` as a number of seconds."""
        return float(self.text(name, str(default)))

    def header(self, name: str) -> str | None:
        """The first header `name` (any case), or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants the connection to stay open."""
        return self.version == "HTTP/1.1" and "close" not in (self.header("Connection") or "").lower()


class Exchange:
    """A request and its answer. Coroutines of the server's loop only.

    `close` may be set by a script: the connection is then closed after the answer.
    """

    def __init__(
        self, server: ScriptedServer, connection: Connection, request: Request, record: RecordedRequest
    ) -> None:
        self.server = server
        self.connection = connection
        self.request = request
        self.record = record
        self.close = not request.keep_alive
        self._body_read = False

    async def read_body(self) -> None:
        """Read the request body (once) into the record, answering `Expect: 100-continue` first."""
        if self._body_read:
            return
        self._body_read = True
        if (self.request.header("Expect") or "").lower() == "100-continue":
            await self.connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        digest = hashlib.sha256()
        kept = bytearray()
        length = 0
        async for piece in self._body_pieces():
            digest.update(piece)
            length += len(piece)
            kept += piece[: KEPT_BODY - len(kept)]
        self.server.requests.update(
            self.record, body_length=length, body_sha256=digest.hexdigest(), body=bytes(kept)
        )

    async def _body_pieces(self) -> AsyncIterator[bytes]:
        if (self.request.header("Transfer-Encoding") or "").lower() == "chunked":
            while size := int((await self.connection.read_until(b"\r\n")).split(b";")[0], 16):
                yield await self.connection.read_exactly(size)
                await self.connection.read_exactly(2)
            while await self.connection.read_until(b"\r\n") != b"\r\n":
                pass
            return
        left = int(self.request.header("Content-Length") or 0)
        while left:
            piece = await self.connection.read_exactly(min(left, 1 << 16))
            left -= len(piece)
            yield piece

    @property
    def body_unread(self) -> bool:
        """Whether the script left a body unread: the connection cannot be used again then."""
        has_body = (self.request.header("Content-Length") or "0") != "0" or self.request.header(
            "Transfer-Encoding"
        )
        return bool(has_body) and not self._body_read

    async def head(
        self, status: int = 200, headers: Headers = (), reason: str | None = None, version: str = "HTTP/1.1"
    ) -> None:
        """Send a whole head: `headers`, then those the query asks for with `header=Name:Value`."""
        if reason is None:
            try:
                reason = http.HTTPStatus(status).phrase
            except ValueError:
                reason = "Scripted"
        asked = [value.partition(":")[::2] for key, value in self.request.query if key == "header"]
        closing = [("Connection", "close")] if self.close and status >= 200 else []
        wanted = [*headers, *asked, *closing] if status >= 200 else headers
        lines = [f"{version} {status} {reason}", *(f"{name}: {value}" for name, value in wanted)]
        await self.raw("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")

    async def raw(self, data: bytes) -> None:
        """Send `data` as it is, not counted as body."""
        await self.connection.write(data)

    async def send(self, data: bytes) -> None:
        """Send `data` as body bytes. The record counts them first: a client never has more than it says."""
        self.record.bytes_sent += len(data)
        await self.connection.write(data)

    async def send_all(self, pieces: Iterable[bytes]) -> None:
        """Send `pieces` one after the other."""
        for piece in pieces:
            await self.send(piece)

    async def chunk(self, data: bytes) -> None:
        """Send `data` as one chunk of a chunked body."""
        self.record.bytes_sent += len(data)
        await self.connection.write(b"%x\r\n%s\r\n" % (len(data), data))

    async def end_chunks(self, trailers: Headers = ()) -> None:
        """Send the last chunk and the trailers."""
        fields = "".join(f"{name}: {value}\r\n" for name, value in trailers)
        await self.raw(b"0\r\n" + fields.encode("latin-1") + b"\r\n")

    async def reply(self, status: int = 200, headers: Headers = (), body: bytes = b"") -> None:
        """A whole answer with Content-Length; without the body for HEAD, without either for 204 and 304."""
        if status in (204, 304):
            await self.head(status, headers)
            return
        await self.head(status, [*headers, ("Content-Length", str(len(body)))])
        if self.request.method != "HEAD":
            await self.send(body)

    async def passed(self, gate: str) -> None:
        """Wait until the test releases `gate`; what was sent before has reached the client's kernel."""
        await self.connection.flushed()
        await self.server.gates.get(gate).passed()

    async def hang(self) -> None:
        """Wait until the client goes away."""
        await self.connection.wait_closed()

    async def reset(self) -> None:
        """End with a TCP reset once the client's kernel has what was sent; does not return."""
        await self.connection.flushed()
        self.server.requests.update(self.record, outcome="reset")
        self.connection.reset()
        await asyncio.Event().wait()

    async def pause(self, seconds: float) -> None:
        """Let `seconds` go by, for scripts whose subject is time."""
        await asyncio.sleep(seconds)
