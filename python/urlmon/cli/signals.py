"""Stop signals as notes that a loop reads."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

__all__ = ["Interrupted", "StopSignals"]

SECOND_SIGNAL_SECONDS = 1.0
"""A signal this long after the first ends the process at once: the way out if the clean stop hangs."""


class Interrupted(Exception):
    """A stop signal that came while the loop was in a call that has to be left for it."""


class StopSignals:
    """SIGINT, SIGTERM and SIGHUP as a note that the loop reads, instead of an exception anywhere.

    Signals that are ignored on entry stay ignored (nohup, background jobs). Does nothing outside the main
    thread.
    """

    def __init__(self) -> None:
        self.signum = 0
        self.wake: Callable[[], object] | None = None
        """Called with the first signal, to end a wait that a signal does not end. In a signal handler."""
        self._first_at = 0.0
        self._raise = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(signum) is not signal.SIG_IGN:
                    self._before[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)  # type: ignore[arg-type]

    @property
    def exit_code(self) -> int:
        """As a shell reports it: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.signum

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Raises `Interrupted` for a signal that comes inside, or came before: for what may wait for ever."""
        self._raise = True
        try:
            # After the flag: a signal between a look at `signum` and the flag would be noted, and not heard.
            if self.signum:
                raise Interrupted
            yield
        finally:
            self._raise = False

    def _note(self, signum: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self.signum:
            if now - self._first_at >= SECOND_SIGNAL_SECONDS:
                signal.signal(signum, signal.SIG_DFL)
                os.kill(os.getpid(), signum)
            return
        self.signum, self._first_at = signum, now
        if self.wake is not None:
            self.wake()
        if self._raise:
            raise Interrupted
