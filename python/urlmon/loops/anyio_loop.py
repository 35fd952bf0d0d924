"""anyio: a task of a task group that waits for the descriptor, above asyncio or trio.

Without a task group the loop below is the one to attach to. Exceptions of callbacks leave through the group.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from urlmon.loops import asyncio_loop, trio_loop
from urlmon.loops.attachment import Attachment

if TYPE_CHECKING:
    from urlmon.apartment import Apartment


def attach(apartment: Apartment, loop: Any) -> Attachment | None:
    """The attachment if `loop` is a task group of anyio."""
    anyio = sys.modules.get("anyio")
    if anyio is None or not isinstance(loop, anyio.abc.TaskGroup):
        return None
    return TaskGroupAttachment(apartment, loop)


def _running() -> Any:
    """What runs below anyio in this thread: the token of a trio run, or an asyncio loop."""
    token = trio_loop.find() if "trio" in sys.modules else None
    return asyncio_loop.find() if token is None else token


class TaskGroupAttachment(Attachment):
    """A task."""

    def _start(self) -> None:
        import anyio

        self._run = _running()
        self._scope = anyio.CancelScope()
        self.loop.start_soon(self._serve, name="urlmon")

    def _stop(self) -> None:
        if _running() is self._run:
            self._scope.cancel()
        elif isinstance(self._run, asyncio.AbstractEventLoop) and not self._run.is_closed():
            self._run.call_soon_threadsafe(self._scope.cancel)

    def serves_running_loop(self) -> bool:
        # Its task closes it at its end, but a loop that was closed under its tasks never gets there.
        return self.is_open and _running() is self._run

    async def _serve(self) -> None:
        import anyio

        try:
            with self._scope:
                while True:
                    await anyio.wait_readable(self.descriptor)
                    self.turn()
        finally:
            self.close()
