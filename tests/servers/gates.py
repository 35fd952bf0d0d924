"""Gates: points where a scripted request waits until the test lets it go on. They replace sleeps in tests."""

from __future__ import annotations

import asyncio
import threading


class Gate:
    """Closed until `open`. The test opens it and counts who waits; scripts wait in the server's loop."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        self.name = name
        self.released = threading.Event()
        self._loop = loop
        self._passable = asyncio.Event()
        self._changed = threading.Condition()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many requests wait here now. Any thread."""
        with self._changed:
            return self._waiting

    def wait_waiting(self, count: int = 1, timeout: float = 5.0) -> None:
        """Return when `count` requests wait here; TimeoutError after `timeout` seconds. Any thread."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting >= count, timeout):
                raise TimeoutError(f"gate {self.name!r}: {self._waiting} waiting, {count} wanted")

    def open(self) -> None:
        """Let everybody through, now and later. Any thread."""
        self.released.set()
        self._loop.call_soon_threadsafe(self._passable.set)

    async def passed(self) -> None:
        """Wait until the gate is open. Server loop only."""
        self._count(+1)
        try:
            await self._passable.wait()
        finally:
            self._count(-1)

    def _count(self, step: int) -> None:
        with self._changed:
            self._waiting += step
            self._changed.notify_all()


class Gates:
    """The gates of one server by name. A name used for the first time is a closed gate."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._gates: dict[str, Gate] = {}

    def get(self, name: str) -> Gate:
        """The gate `name`, made if it is new. Any thread."""
        with self._lock:
            return self._gates.setdefault(name, Gate(name, self._loop))

    def close(self, name: str) -> Gate:
        """The gate `name`, closed: a new one if it had been opened. Any thread."""
        with self._lock:
            gate = self._gates.get(name)
            if gate is None or gate.released.is_set():
                gate = self._gates[name] = Gate(name, self._loop)
            return gate

    def open_all(self) -> None:
        """Open every gate and forget them, so that the names start closed again. Any thread."""
        with self._lock:
            gates, self._gates = list(self._gates.values()), {}
        for gate in gates:
            gate.open()
