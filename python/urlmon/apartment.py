"""The apartment of a thread: its queue, its pump, its limits."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from urlmon_core import ApartmentBase, current_apartment

if TYPE_CHECKING:
    from typing_extensions import Self

    from urlmon.binding import Binding
    from urlmon.loops.attachment import Attachment


FRAMES = 12  # of the stack that is kept for each binding in development mode


class Apartment(ApartmentBase):
    """A thread and the bindings that it started; `Apartment.current()` is the calling thread's.

    Everything but `post` is for the thread itself (WrongThreadError elsewhere).
    """

    __slots__ = ()

    if TYPE_CHECKING:  # the core makes bindings of the class that bind_to_storage names

        @property
        def live_bindings(self) -> list[Binding]: ...

    @classmethod
    def current(cls) -> Apartment:
        """The calling thread's apartment, made on first use; it is closed when the thread ends."""
        return current_apartment(cls)

    if sys.flags.dev_mode:  # python -X dev

        def prepare(self, *arguments: Any) -> Any:
            """A new binding that knows where it was begun, for the warning if it is never ended."""
            binding = super().prepare(*arguments)
            stack = "".join(traceback.format_stack(sys._getframe(1), limit=FRAMES))
            binding.created_at = f", begun at (most recent call last):\n{stack}"
            return binding

    def configure(
        self,
        *,
        max_active: int | None = None,
        max_per_host: int | None = None,
        urgent_slots: int | None = None,
        high_water: int | None = None,
        suspend_keep: float | None = None,
    ) -> None:
        """Changes limits; what is not named stays.

        max_active: transfers of this thread at once (64). max_per_host: of these to one host (8; 100 where it
        speaks HTTP/2 or 3). urgent_slots: transfers above normal priority that may run beyond both (4).
        high_water: bytes of a stream that may wait unread before its transfer pauses (2 MiB); counts for
        streams begun afterwards. suspend_keep: seconds that a suspended transfer keeps its connection (30).
        ValueError for a number out of range.
        """
        active, per_host, urgent, water, keep = self.limits()
        active = active if max_active is None else max_active
        per_host = per_host if max_per_host is None else max_per_host
        urgent = urgent if urgent_slots is None else urgent_slots
        water = water if high_water is None else high_water
        keep = keep if suspend_keep is None else suspend_keep
        if not (1 <= active < 1 << 20 and 1 <= per_host < 1 << 20 and 0 <= urgent < 1 << 20):
            raise ValueError("max_active and max_per_host are 1 to 1,048,575, urgent_slots 0 to 1,048,575")
        if not 1 << 14 <= water < 1 << 62:
            raise ValueError("high_water is 16 KiB or more")
        if not 0 <= keep < 1e6:
            raise ValueError("suspend_keep is a number of seconds, 0 or more")
        self.set_limits(active, per_host, urgent, water, keep)

    def post(self, function: Callable[[], object]) -> None:
        """Any thread. Has `function()` called by the pump, or the event loop, of this apartment's thread.

        ApartmentClosedError if it is closed, or its thread has ended.
        """
        super().post(function)
        attachment = self.attachment
        if attachment is not None:
            attachment.posted()

    def close(self) -> None:
        """Aborts what is live without telling anybody, and refuses everything from now on; idempotent.

        A thread that closes its apartment and binds again gets a new one. WrongThreadError on another thread.
        """
        attachment: Attachment | None = self.attachment
        if attachment is not None and self.is_owner and not self.is_closed:
            attachment.close()
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Apartment with {len(self.live_bindings)} live bindings>"


def pump(timeout: float | None = None, limit: int | None = None) -> int:
    """`Apartment.pump` of the calling thread: delivers what has arrived, returns how many calls that were."""
    return Apartment.current().pump(timeout, limit)


def run() -> None:
    """`Apartment.run` of the calling thread: pumps until none of its bindings is live."""
    Apartment.current().run()
