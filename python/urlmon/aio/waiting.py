"""How a task waits for what callbacks tell, in asyncio and in trio."""

from __future__ import annotations

import asyncio
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from urlmon.loops import attach

UNYIELDING_SECONDS = 0.001  # how long a task of asyncio reads what is there before others have their turn


class Bell(ABC):
    """Wakes the tasks that wait for it. For tasks and callbacks of one thread."""

    @abstractmethod
    def ring(self) -> None:
        """Wakes everybody."""

    @abstractmethod
    async def wait(self) -> None:
        """Until the next ring."""

    @abstractmethod
    async def checkpoint(self) -> None:
        """Lets others have their turn, if it is time."""

    @abstractmethod
    async def until_shielded(self, condition: Callable[[], bool]) -> None:
        """Until `condition` holds, whoever cancels the task meanwhile; the cancellation comes afterwards."""

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until `condition` holds, which a ring may have made true."""
        while not condition():
            await self.wait()


class AsyncioBell(Bell):
    """Futures of the running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiters: list[asyncio.Future[None]] = []
        self._yielded = time.perf_counter()

    def ring(self) -> None:
        for waiter in self._waiters:
            if not waiter.done() and not self._loop.is_closed():
                waiter.set_result(None)

    async def wait(self) -> None:
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            self._waiters.remove(waiter)
            self._yielded = time.perf_counter()

    async def checkpoint(self) -> None:
        if time.perf_counter() - self._yielded >= UNYIELDING_SECONDS:
            await asyncio.sleep(0)
            self._yielded = time.perf_counter()

    async def until_shielded(self, condition: Callable[[], bool]) -> None:
        cancelled = None
        while not condition():
            try:
                await self.wait()
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled


class TrioBell(Bell):
    """A parking lot of trio."""

    def __init__(self) -> None:
        import trio

        self._trio = trio
        self._lot = trio.lowlevel.ParkingLot()

    def ring(self) -> None:
        self._lot.unpark_all()

    async def wait(self) -> None:
        await self._lot.park()

    async def checkpoint(self) -> None:
        await self._trio.lowlevel.checkpoint()

    async def until_shielded(self, condition: Callable[[], bool]) -> None:
        with self._trio.CancelScope(shield=True):
            await self.until(condition)


def hang_bell() -> Bell:
    """A bell for tasks of the running loop, to which the apartment of this thread is attached.

    RuntimeError outside of a task.
    """
    bell = TrioBell() if _in_trio() else AsyncioBell()
    attach().add_bell(bell)
    return bell


def _in_trio() -> bool:
    """Whether a task of trio runs; code of the host loop of its guest mode is none."""
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True
