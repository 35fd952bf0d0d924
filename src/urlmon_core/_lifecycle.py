"""The ends of the core's life: interpreter exit and fork.

At exit the I/O thread is stopped and joined, with a time limit. In the child of a fork there is no I/O
thread: what the parent had is inert there, and the first bind starts another thread. Handlers run in the
child with the interpreter, after the fork; nothing is locked across it, since the child never touches what
the parent's thread was working on.
"""

from __future__ import annotations

import atexit
import os

from urlmon_core import reactor, vocabulary

EXIT_WITHIN = 2.0  # seconds; an exit that hangs is worse than a thread that is left to the system


def _at_exit() -> None:
    reactor.stop_reactor(EXIT_WITHIN, final=True)


def _in_child() -> None:
    vocabulary.next_generation()
    reactor.forget_reactor()


def install() -> None:
    """Registers the handlers; called once, at import of the package."""
    atexit.register(_at_exit)
    os.register_at_fork(after_in_child=_in_child)
