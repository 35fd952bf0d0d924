"""Plain loops around `selectors` or `select`: the descriptor is registered, the program calls `turn`.

With a selector, `key.data` is the function to call. With poll, epoll and kqueue, call `turn` of the attachment
for events of its `fileno`. Exceptions of callbacks leave through `turn`.
"""

from __future__ import annotations

import select
import selectors
from typing import TYPE_CHECKING, Any

from urlmon.loops.attachment import Attachment

if TYPE_CHECKING:
    from urlmon.apartment import Apartment

_POLL_TYPES = tuple(
    type(getattr(select, name)()) if name == "poll" else getattr(select, name)
    for name in ("poll", "epoll")
    if hasattr(select, name)
)
_KQUEUE_TYPES = (select.kqueue,) if hasattr(select, "kqueue") else ()


def attach(apartment: Apartment, loop: Any) -> Attachment | None:
    """The attachment if `loop` is a selector or one of the objects of `select`."""
    if isinstance(loop, selectors.BaseSelector):
        return SelectorAttachment(apartment, loop)
    if isinstance(loop, _POLL_TYPES):
        return PollAttachment(apartment, loop)
    if isinstance(loop, _KQUEUE_TYPES):
        return KqueueAttachment(apartment, loop)
    return None


class SelectorAttachment(Attachment):
    """A key of the selector, with `turn` as its data."""

    def _start(self) -> None:
        self.loop.register(self.descriptor, selectors.EVENT_READ, self.turn)

    def _stop(self) -> None:
        if self.loop.get_map() is not None:  # None: closed
            self.loop.unregister(self.descriptor)


class PollAttachment(Attachment):
    """A descriptor of a poll or epoll object."""

    def _start(self) -> None:
        self.loop.register(self.descriptor, 1)  # POLLIN and EPOLLIN

    def _stop(self) -> None:
        if not getattr(self.loop, "closed", False):
            self.loop.unregister(self.descriptor)


class KqueueAttachment(Attachment):
    """A read filter of a kqueue object."""

    def _start(self) -> None:
        self._change(select.KQ_EV_ADD)  # type: ignore[attr-defined,unused-ignore]

    def _stop(self) -> None:
        if not self.loop.closed:
            self._change(select.KQ_EV_DELETE)  # type: ignore[attr-defined,unused-ignore]

    def _change(self, flags: int) -> None:
        event = select.kevent(self.descriptor, select.KQ_FILTER_READ, flags)  # type: ignore[attr-defined,unused-ignore]
        self.loop.control([event], 0)
