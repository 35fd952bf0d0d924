"""What holds for the whole process: how many I/O threads serve its apartments."""

from __future__ import annotations

import operator

from urlmon_core import set_reactor_count

MOST_REACTORS = 256


def configure(*, reactors: int | None = None) -> None:
    """Any thread. Changes what holds for the whole process; what is not named stays.

    reactors: I/O threads (1), each with libcurl multi handles of its own. An apartment belongs to the one that
    had the fewest when it made its first bind, and stays there until it is closed; so this counts for threads
    that have not bound yet, at best call it before the first bind. A reactor starts with its first apartment.
    More than one is for several threads that together have more to decrypt than one core can; a thread alone
    gains nothing. Limits and priorities are each apartment's, whichever reactor it belongs to; connections, TLS
    sessions and resolved names are kept by each reactor for itself. The child of a fork keeps the number.
    ValueError for a number that is not 1 to 256.
    """
    if reactors is not None:
        count = operator.index(reactors)
        if not 1 <= count <= MOST_REACTORS:
            raise ValueError(f"reactors is 1 to {MOST_REACTORS}, not {count}")
        set_reactor_count(count)
