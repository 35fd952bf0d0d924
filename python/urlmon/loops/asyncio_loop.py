"""asyncio: its selector loops, uvloop, and what else is an AbstractEventLoop.

Exceptions of callbacks go to the loop's exception handler, KeyboardInterrupt and SystemExit leave the loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from urlmon.loops.attachment import Attachment

if TYPE_CHECKING:
    from urlmon.apartment import Apartment

LIVE_SECONDS = 0.002  # between two looks of a loop that cannot watch a descriptor, while something is live
IDLE_SECONDS = 0.02  # the same while nothing is


def find() -> asyncio.AbstractEventLoop | None:
    """The loop that runs in this thread."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def attach(apartment: Apartment, loop: Any) -> Attachment | None:
    """The attachment if `loop` is one of asyncio's."""
    if not isinstance(loop, asyncio.AbstractEventLoop):
        return None
    try:
        return ReaderAttachment(apartment, loop)
    except NotImplementedError:  # add_reader is optional
        return TimerAttachment(apartment, loop)


class AsyncioAttachment(Attachment):
    """What the two ways have in common."""

    def serves_running_loop(self) -> bool:
        return self.is_open and find() is self.loop


class ReaderAttachment(AsyncioAttachment):
    """A reader of the loop."""

    def _start(self) -> None:
        self.loop.add_reader(self.descriptor, self.turn)

    def _stop(self) -> None:
        if not self.loop.is_closed():
            self.loop.remove_reader(self.descriptor)


class TimerAttachment(AsyncioAttachment):
    """For a loop that cannot watch a descriptor: a timer of the loop looks, and no thread is needed.

    It looks 500 times a second while something is live, else 50 times. What other threads post comes at once,
    by `call_soon_threadsafe`.
    """

    def _start(self) -> None:
        self._timer = self.loop.call_soon(self._look)

    def _stop(self) -> None:
        self._timer.cancel()

    def posted(self) -> None:
        """Any thread."""
        if self.is_open and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.turn)

    def _look(self) -> None:
        idle = False
        try:
            idle = self.turn()
        finally:
            if self.is_open:
                pause = 0.0 if not idle else LIVE_SECONDS if self.apartment.live_bindings else IDLE_SECONDS
                self._timer = self.loop.call_later(pause, self._look)
