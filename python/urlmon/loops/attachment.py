"""What all adapters have in common: the apartment, one bounded turn of work, and an end."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

    from urlmon.aio.waiting import Bell
    from urlmon.apartment import Apartment

TURN_SECONDS = 0.001  # what one turn of a loop spends on callbacks, plus the rest of the last one


class Attachment(ABC):
    """An apartment in an event loop, made by `urlmon.attach`. For its thread only.

    The loop watches the descriptor of the apartment and calls `turn` when it is readable. It is so as long as
    there is something to deliver (level-triggered).
    """

    def __init__(self, apartment: Apartment, loop: Any) -> None:
        self.apartment = apartment
        self.loop = loop
        self.descriptor = apartment.fileno()
        self.is_open = True
        self._bells: weakref.WeakSet[Bell] = weakref.WeakSet()
        self._start()
        apartment.attachment = self
        apartment.arm()

    @abstractmethod
    def _start(self) -> None:
        """Has the loop watch the descriptor."""

    @abstractmethod
    def _stop(self) -> None:
        """Undoes `_start`; the loop may be closed already."""

    def fileno(self) -> int:
        """The descriptor that is watched."""
        return self.descriptor

    def turn(self, *_: object) -> bool:
        """Delivers for about a millisecond. False: there is more, and the descriptor is still readable.

        Arguments are ignored, so that it will do as a callback of any loop.
        """
        if self.is_open and self.apartment.is_closed:
            self.close()
        return not self.is_open or self.apartment.turn(TURN_SECONDS)

    def posted(self) -> None:  # noqa: B027 - most loops need not be told
        """Any thread. Something was posted to the apartment; the descriptor says so too."""

    def serves_running_loop(self) -> bool:
        """Whether it is of the asynchronous library that runs in this thread now."""
        return False

    def add_bell(self, bell: Bell) -> None:
        """Has `bell` ring when the attachment closes, for tasks that would wait for ever."""
        self._bells.add(bell)

    def close(self) -> None:
        """Leaves the loop; idempotent. What is live stays so, for `pump` or another attachment."""
        if not self.is_open:
            return
        self.is_open = False
        if self.apartment.attachment is self:
            self.apartment.attachment = None
        self._stop()
        for bell in list(self._bells):
            bell.ring()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'open' if self.is_open else 'closed'}>"
