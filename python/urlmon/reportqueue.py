"""The reports of a protocol handler on their way to the thread of its client (contract 11.5).

With PI.APARTMENTTHREADED whatever is reported reaches the client's sink on the thread that started this object:
at once if it is reported there, otherwise from that thread's pump, always in the order of the reports; what is
reported from within `read`, `continue_` or `abort` of the handler waits until that call has returned. Without
the flag, reports are passed on at once, on whatever thread they come.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from urlmon.hresult import HRESULT
from urlmon_core import ApartmentClosedError

if TYPE_CHECKING:
    from urlmon.apartment import Apartment


class ReportQueue:
    """Base of what is reported to: a subclass has `_perform(kind, arguments)`, which passes one report on."""

    def __init__(self) -> None:
        self._apartment: Apartment | None = None
        self._deliver: Callable[[], object] | None = None  # None: run_tasks
        self._wake: Callable[[], object] | None = None  # None: _post
        self._posted = False
        self._tasks: deque[tuple[str, Any]] = deque()
        self._busy = 0  # calls of the handler in progress from within which nothing is delivered
        self._judging = 0  # without an apartment: the thread that reads to judge the type; its reports wait

    def _perform(self, kind: str, arguments: Any) -> None:
        raise NotImplementedError

    def deliver_through(
        self, apartment: Apartment, deliver: Callable[[], object], wake: Callable[[], object]
    ) -> None:
        """For a binding of a moniker: `deliver` runs what is queued, on the proper thread, now; `wake` (any thread)
        has that thread run it soon."""
        self._apartment = apartment
        self._deliver = deliver
        self._wake = wake

    def deliver_alone(self) -> None:
        """The binding of the moniker has stopped: nobody is told any more, but the handler may have more to say."""
        self._deliver = self._wake = None

    @contextmanager
    def _inside(self) -> Iterator[None]:
        """A call of the handler from within which nothing is delivered."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def _around(self) -> AbstractContextManager[None]:
        """The same, with an apartment; without one, reports go straight through."""
        return nullcontext() if self._apartment is None else self._inside()

    def _submit(self, kind: str, arguments: Any, queue: bool = False) -> HRESULT:
        if self._apartment is None:
            if self._judging == threading.get_ident():
                self._tasks.append((kind, arguments))
            else:
                self._perform(kind, arguments)
            return HRESULT.S_OK
        first = not self._tasks
        self._tasks.append((kind, arguments))
        if first and not queue and self._apartment.is_owner and not self._busy:
            answer = (self._deliver or self.run_tasks)()
            return answer if isinstance(answer, HRESULT) else HRESULT.S_OK
        (self._wake or self._post)()
        return HRESULT.S_OK

    def _post(self) -> None:
        """Any thread. Has the pump of the apartment run what is queued; a closed one never will."""
        if not self._posted and self._apartment is not None:
            self._posted = True
            with suppress(ApartmentClosedError):
                self._apartment.post(self._run_posted)

    def _run_posted(self) -> None:
        self._posted = False
        self.run_tasks()

    def run_tasks(self) -> None:
        """The proper thread. Performs everything that was reported."""
        while self.run_task():
            pass

    def run_task(self) -> bool:
        """The proper thread. Performs the oldest report; False if there is none."""
        if not self._tasks or self._busy:
            return False
        kind, arguments = self._tasks.popleft()
        self._perform(kind, arguments)
        return True
