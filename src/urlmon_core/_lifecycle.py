"""The ends of the core's life: interpreter exit and fork.

At exit the apartment of the main thread is closed, and the I/O threads are stopped and joined, with a time limit. In
the child of a fork there is no I/O thread: what the parent had is inert there, and the first bind starts another
thread. While a thread forks, the I/O thread stands still between two turns, so that the child inherits no lock of it
(parking.pxd).
"""

from __future__ import annotations

import atexit
import os

from urlmon_core import apartment, reactor, vocabulary

EXIT_WITHIN = 2.0  # seconds; an exit that hangs is worse than a thread that is left to the system


def _at_exit() -> None:
    apartment.end_process()
    reactor.stop_reactor(EXIT_WITHIN, final=True)


def install() -> None:
    """Registers the handlers; called once, at import of the package."""
    atexit.register(_at_exit)
    vocabulary.watch_forks()
    os.register_at_fork(
        before=reactor.park_reactor,
        after_in_parent=reactor.unpark_reactor,
        after_in_child=reactor.forget_reactor,
    )
