"""trio: a task that waits for the descriptor, in a nursery of the program, or beside its main task.

Exceptions of callbacks leave through the nursery. Without one, the task is a system task, and trio turns them
into a TrioInternalError that ends the run.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from urlmon.loops.attachment import Attachment

if TYPE_CHECKING:
    from urlmon.apartment import Apartment


def find() -> Any:
    """The token of the run of this thread."""
    import trio

    try:
        return trio.lowlevel.current_trio_token()
    except RuntimeError:
        return None


def attach(apartment: Apartment, loop: Any) -> Attachment | None:
    """The attachment if `loop` is a nursery, or the token of the current run."""
    trio = sys.modules.get("trio")
    if trio is None or not isinstance(loop, (trio.Nursery, trio.lowlevel.TrioToken)):
        return None
    return TrioAttachment(apartment, loop)


class TrioAttachment(Attachment):
    """A task."""

    def _start(self) -> None:
        import trio

        self._run = find()
        self._scope = trio.CancelScope()
        if isinstance(self.loop, trio.Nursery):
            self.loop.start_soon(self._serve, name="urlmon")
        else:
            trio.lowlevel.spawn_system_task(self._serve, name="urlmon")

    def _stop(self) -> None:
        if find() is self._run:
            self._scope.cancel()

    def serves_running_loop(self) -> bool:
        return self.is_open and find() is self._run

    async def _serve(self) -> None:
        import trio

        try:
            with self._scope:
                while True:
                    await trio.lowlevel.wait_readable(self.descriptor)
                    self.turn()
        finally:
            self.close()
