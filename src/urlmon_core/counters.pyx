"""Counters of live core objects (debug builds)."""

from libc.string cimport memset

from urlmon_core.atomics cimport i64_load_relaxed

memset(&live, 0, sizeof(live))


def live_counts():
    """How many objects of the core are alive, by kind; any thread.

    Returns a dict of counts with the keys apartments, bindings, blocks, transfers, sockets and profiles in a debug build
    (``URLMON_DEBUG=1``), an empty dict in a release build, which does not count.
    """
    if not URLMON_IS_DEBUG:
        return {}
    return {
        "apartments": i64_load_relaxed(&live.apartments),
        "bindings": i64_load_relaxed(&live.bindings),
        "blocks": i64_load_relaxed(&live.blocks),
        "transfers": i64_load_relaxed(&live.transfers),
        "sockets": i64_load_relaxed(&live.sockets),
        "profiles": i64_load_relaxed(&live.profiles),
    }
