"""anyio: a task of a task group that waits for the descriptor, above asyncio or trio.

Without a task group the loop below is the one to attach to. Exceptions of callbacks leave through the group.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from urlmon.loops.attachment import Attachment

if TYPE_CHECKING:
    from urlmon.apartment import Apartment


def attach(apartment: Apartment, loop: Any) -> Attachment | None:
    """The attachment if `loop` is a task group of anyio."""
    anyio = sys.modules.get("anyio")
    if anyio is None or not isinstance(loop, anyio.abc.TaskGroup):
        return None
    return TaskGroupAttachment(apartment, loop)


class TaskGroupAttachment(Attachment):
    """A task."""

    def _start(self) -> None:
        import anyio

        self._scope = anyio.CancelScope()
        self.loop.start_soon(self._serve, name="urlmon")

    def _stop(self) -> None:
        self._scope.cancel()

    def serves_running_loop(self) -> bool:
        return self.is_open  # its task closes it at its end

    async def _serve(self) -> None:
        import anyio

        try:
            with self._scope:
                while True:
                    await anyio.wait_readable(self.descriptor)
                    self.turn()
        finally:
            self.close()
