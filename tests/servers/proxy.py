"""A small recording HTTP/1.1 proxy: CONNECT tunnels and forwarding, to loopback only."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import urllib.parse
from collections.abc import AsyncIterator

from tests.servers.background import BackgroundServer
from tests.servers.exchange import Request
from tests.servers.recording import RecordedRequest, RequestLog
from tests.servers.wire import Connection

PIECE = 1 << 16
HOP_BY_HOP = ("proxy-connection", "proxy-authorization", "connection", "keep-alive")


class ProxyServer(BackgroundServer):
    """Context manager. `requests` holds what clients asked of the proxy (not what went through a tunnel).

    With `credentials` (user, password) it answers 407 unless they are given. While `refuse` is set to a
    status code, every request gets that answer. Each client connection carries one request.
    """

    def __init__(self, credentials: tuple[str, str] | None = None) -> None:
        super().__init__("test-proxy")
        self.requests = RequestLog()
        self.credentials = credentials
        self.refuse: int | None = None
        self.port = 0
        self._order = 0

    @property
    def url(self) -> str:
        """The proxy's URL, without credentials."""
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        """Between tests: drop connections, forget records and refusal."""
        super().reset()
        self._order = 0
        self.requests.clear()
        self.refuse = None

    async def open_ports(self) -> None:
        self.port = await self.listen()

    async def serve(self, connection: Connection) -> None:
        request = Request.parse((await connection.read_until(b"\r\n\r\n"))[:-2])
        record = RecordedRequest(
            order=self._order,
            connection=connection.number,
            tls=connection.tls,
            method=request.method,
            target=request.target,
            path=request.path,
            headers=list(request.headers),
        )
        self._order += 1
        self.requests.add(record)
        outcome = "disconnected"
        try:
            await self._answer(connection, request)
            outcome = "done"
        except OSError:
            outcome = "failed"
            await _refuse(connection, 502)
        finally:
            self.requests.update(record, outcome=outcome)

    async def _answer(self, connection: Connection, request: Request) -> None:
        if self.refuse is not None:
            await _refuse(connection, self.refuse)
        elif not self._allowed(request):
            await _refuse(connection, 407, 'Proxy-Authenticate: Basic realm="proxy"\r\n')
        elif request.method == "CONNECT":
            host, _, port = request.target.rpartition(":")
            await self._tunnel(connection, host.strip("[]"), int(port))
        else:
            await self._forward(connection, request)

    def _allowed(self, request: Request) -> bool:
        if self.credentials is None:
            return True
        expected = base64.b64encode(":".join(self.credentials).encode()).decode()
        return request.header("Proxy-Authorization") == f"Basic {expected}"

    async def _tunnel(self, connection: Connection, host: str, port: int) -> None:
        async with self.upstream(host, port) as (reader, writer):
            await connection.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            upward = asyncio.create_task(_copy_up(connection, writer))
            try:
                await _copy_down(reader, connection)
            finally:
                upward.cancel()

    async def _forward(self, connection: Connection, request: Request) -> None:
        target = urllib.parse.urlsplit(request.target)
        if target.scheme != "http" or target.hostname is None:
            await _refuse(connection, 400)
            return
        path = target.path or "/"
        lines = [
            f"{request.method} {path}{'?' + target.query if target.query else ''} HTTP/1.1",
            "Connection: close",
        ]
        lines += [f"{name}: {value}" for name, value in request.headers if name.lower() not in HOP_BY_HOP]
        lines.append("Via: 1.1 test-proxy")
        async with self.upstream(target.hostname, target.port or 80) as (reader, writer):
            writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
            upward = asyncio.create_task(_copy_up(connection, writer))
            try:
                await _copy_down(reader, connection)
            finally:
                upward.cancel()

    @contextlib.asynccontextmanager
    async def upstream(
        self, host: str, port: int
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        address = (
            "127.0.0.1" if host == "localhost" else host
        )  # looking a name up would start a thread that stays
        if not _is_loopback(address):
            raise ConnectionRefusedError(f"{host} is not on loopback")
        reader, writer = await asyncio.open_connection(address, port)
        descriptor = writer.get_extra_info("socket").fileno()
        self.upstream_descriptors.add(descriptor)
        try:
            yield reader, writer
        finally:
            writer.close()
            try:
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            finally:  # its client may go away meanwhile, which cancels the task
                self.upstream_descriptors.discard(descriptor)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _copy_up(connection: Connection, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while True:
            writer.write(await connection.read_some())
            await writer.drain()


async def _copy_down(reader: asyncio.StreamReader, connection: Connection) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(PIECE):
            await connection.write(data)


async def _refuse(connection: Connection, status: int, fields: str = "") -> None:
    answer = f"HTTP/1.1 {status} Refused\r\n{fields}Content-Length: 0\r\nConnection: close\r\n\r\n"
    await connection.write(answer.encode("latin-1"))
