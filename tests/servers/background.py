"""A server in a daemon thread of this process with an event loop of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import errno
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from tests.servers.wire import Connection

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

START_TIMEOUT = 10.0

_running_lock = threading.Lock()
_running: list[BackgroundServer] = []


def running_servers() -> list[BackgroundServer]:
    """The servers of this process that are up now, oldest first."""
    with _running_lock:
        return list(_running)


def has_ipv6() -> bool:
    """Whether ::1 can be bound here."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.bind(("::1", 0))
        return True
    return False


class BackgroundServer(ABC):
    """Context manager: `start` returns when the ports listen, `stop` when the thread is gone.

    Coroutines and connections live in the server's loop; public methods are for all other threads.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.loop = asyncio.new_event_loop()
        self.has_ipv6 = has_ipv6()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._listeners: list[asyncio.Server] = []
        self._connections: set[Connection] = set()
        self.upstream_descriptors: set[int] = set()
        self._opened = 0

    @abstractmethod
    async def open_ports(self) -> None:
        """Start listening (in the loop)."""

    @abstractmethod
    async def serve(self, connection: Connection) -> None:
        """Serve one connection until it ends (in the loop; cancelled when the client goes away)."""

    @property
    def connections_opened(self) -> int:
        """Connections since the start or the last `reset`; over TLS they count after the handshake."""
        return self._opened

    @property
    def connections_open(self) -> int:
        """Connections open now."""
        return self.call(lambda: len(self._connections))

    def start(self) -> None:
        """Start the thread and wait until the ports listen."""
        self._thread.start()
        with _running_lock:
            _running.append(self)
        try:
            self.run(self.open_ports())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Close the ports, drop all connections, end the thread."""
        with _running_lock:
            if self not in _running:
                return
            _running.remove(self)
        self.run(self._shut_down())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(START_TIMEOUT)
        if self._thread.is_alive():
            raise RuntimeError(f"the thread of {self.name} does not end")

    def reset(self) -> None:
        """Drop all connections and count from zero: a test does not see what the one before it left open."""
        self.run(self._drop_connections())
        self._opened = 0

    def held_descriptors(self) -> set[int]:
        """The socket descriptors of this server: listeners, connections, their upstream sockets."""

        def collect() -> set[int]:
            sockets = [held for listener in self._listeners for held in listener.sockets]
            numbers = {held.fileno() for held in sockets} | self.upstream_descriptors
            numbers.update(connection.descriptor for connection in self._connections)
            return numbers - {-1}

        return self.call(collect)

    def run(self, work: Coroutine[Any, Any, T], timeout: float = START_TIMEOUT) -> T:
        """Run the coroutine `work` in the loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout)

    def call(self, function: Callable[[], T], timeout: float = START_TIMEOUT) -> T:
        """Call `function` in the loop and return its result."""
        future: concurrent.futures.Future[T] = concurrent.futures.Future()

        def invoke() -> None:
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)

        self.loop.call_soon_threadsafe(invoke)
        return future.result(timeout)

    async def listen(self, context: ssl.SSLContext | None = None) -> int:
        """Listen on 127.0.0.1 and, where there is IPv6, on the same port of ::1. Returns the port."""
        for _ in range(20):
            first = await self._listen_on("127.0.0.1", 0, context)
            port: int = first.sockets[0].getsockname()[1]
            try:
                second = [await self._listen_on("::1", port, context)] if self.has_ipv6 else []
            except OSError as error:
                first.close()
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            self._listeners += [first, *second]
            return port
        raise RuntimeError("no port that is free for both IPv4 and IPv6")

    async def _listen_on(self, host: str, port: int, context: ssl.SSLContext | None) -> asyncio.Server:
        return await self.loop.create_server(
            lambda: Connection(self, tls=context is not None), host, port, ssl=context, backlog=1024
        )

    def connection_opened(self, connection: Connection) -> int:
        """Register `connection`; returns its number. Called by the connection, in the loop."""
        self._connections.add(connection)
        self._opened += 1
        return self._opened - 1

    def connection_closed(self, connection: Connection) -> None:
        """Forget `connection`. Called by the connection, in the loop."""
        self._connections.discard(connection)

    async def _drop_connections(self) -> None:
        dropped = list(self._connections)
        for connection in dropped:
            connection.abort()
        if dropped:
            await asyncio.wait([connection.task for connection in dropped])

    async def _shut_down(self) -> None:
        for listener in self._listeners:
            listener.close()
        await self._drop_connections()

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
