"""What every test must leave as it found it: descriptors, threads, live objects of the core, the network.

A `Census` is taken when a test starts and compared when it is over. Growth is an error. Things that end a
moment later (a thread, a transfer in the I/O thread) get time until `SETTLE_WITHIN`; a clean test does not
wait at all.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import ipaddress
import os
import re
import socket
import stat
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.servers.background import running_servers

SETTLE_WITHIN = 5.0
FOLDER = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
F_GETPATH = 50  # macOS fcntl: the path of an open file

# Counters of urlmon_core.live_counts() that must not have grown when a test is over. "sockets" may:
# connections stay open for the next transfer. A leaked apartment shows as the descriptor it is woken through.
MUST_END = ("bindings", "blocks", "transfers")

ENVIRONMENT = (
    *(
        name
        for stem in ("http", "https", "ftp", "all", "no")
        for name in (f"{stem}_proxy", f"{stem}_proxy".upper())
    ),
    *("NETRC", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"),
    "PYTHONUNBUFFERED",  # child processes buffer what they print, as they do for users
)

LiveCounts = Callable[[], Mapping[str, int]]


class PublicNetworkError(RuntimeError):
    """A test tried to connect to something that is not on loopback."""


def core_present() -> bool:
    """Whether the compiled core is installed. Broken is not absent: its import then fails the tests."""
    spec = importlib.util.find_spec("urlmon_core")
    return spec is not None and spec.origin is not None


def core_live_counts() -> LiveCounts:
    """`urlmon_core.live_counts`, or zeros while the core is absent. A release build gives an empty dict."""
    if not core_present():
        return lambda: dict.fromkeys((*MUST_END, "sockets"), 0)
    counts: LiveCounts = importlib.import_module("urlmon_core").live_counts
    return counts


_reactor_descriptors: Counter[str] = Counter()


def warm_up(url: str) -> None:
    """Start what lives until the process ends (this apartment), and see what a running I/O thread holds open.

    `url` must refuse the connection: the binding fails at once and leaves nothing behind.
    """
    if not core_present():
        return
    urlmon = importlib.import_module("urlmon")
    context = urlmon.create_async_bind_ctx(urlmon.BindStatusCallback())
    urlmon.create_url_moniker(url).bind_to_storage(context)
    urlmon.run()
    counts = core_live_counts()()
    running = Counter(open_descriptors().values())
    running["socket"] -= counts["sockets"] if counts else running["socket"]
    forget_connections()
    _reactor_descriptors.clear()
    _reactor_descriptors.update(running - Counter(open_descriptors().values()))


def forget_connections() -> None:
    """Stops the I/O thread, and with it closes its idle connections; the next bind starts another.

    libcurl takes a connection that it used within the last second without looking whether it is still alive: a
    test that follows a reset of the servers would see the statuses of a retry.
    """
    if core_present():
        importlib.import_module("urlmon_core").stop_reactor()


def reactor_descriptors() -> Counter[str]:
    """What a running I/O thread holds open besides its sockets, as `warm_up` found it: the poller, its wake-up
    descriptors, and those of libcurl, of which each version has another number."""
    if not core_present() or not importlib.import_module("urlmon_core").reactor_statistics():
        return Counter()
    return _reactor_descriptors.copy()


def pump_once() -> None:
    """Delivers what waits for this thread."""
    if core_present():
        importlib.import_module("urlmon").pump(0)


def abandon_bindings() -> None:
    """Closes this thread's apartment, which ends its live bindings without telling anybody; the next one is new."""
    if core_present():
        importlib.import_module("urlmon").Apartment.current().close()


def apartment_live_bindings() -> int:
    """Live bindings of the apartment of this thread."""
    if not core_present():
        return 0
    statistics: Mapping[str, int] = importlib.import_module("urlmon").Apartment.current().statistics()
    return statistics["bindings"]


def apartment_limits() -> tuple[float, ...]:
    """What the apartment of this thread is configured to."""
    if not core_present():
        return ()
    limits: tuple[float, ...] = importlib.import_module("urlmon").Apartment.current().limits()
    return limits


def open_descriptors() -> dict[int, str]:
    """What each open descriptor is: the path of a file, "socket", "pipe", "anon_inode:[eventfd]", …

    Numbers of inodes are left out, so that two sockets have the same name.
    """
    found = {}
    for name in os.listdir(FOLDER):
        try:
            found[int(name)] = _describe(int(name))
        except OSError:
            continue  # closed since: the descriptor of the listing itself, or another thread's
    return found


def _describe(number: int) -> str:
    if sys.platform == "linux":
        target = os.readlink(f"{FOLDER}/{number}")
        return re.sub(r"^(socket|pipe):\[\d+\]$", r"\1", target)
    import fcntl

    mode = os.fstat(number).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return fcntl.fcntl(number, F_GETPATH, b"\0" * 1024).rstrip(b"\0").decode(errors="surrogateescape")
    kinds = ((stat.S_ISSOCK, "socket"), (stat.S_ISFIFO, "pipe"), (stat.S_ISCHR, "character device"))
    return next((kind for test, kind in kinds if test(mode)), "kernel object")


@dataclass(frozen=True)
class Census:
    """What is open and alive at one moment.

    `descriptors` counts by kind. Left out are the sockets of servers in this process, whose clients may keep
    their connections, and as many sockets as the core says it holds (debug build).
    """

    descriptors: Counter[str]
    threads: frozenset[threading.Thread]
    counts: Mapping[str, int]
    apartment: int = 0
    limits: tuple[float, ...] = ()

    @property
    def unclean(self) -> bool:
        """Whether something is alive now that must not be when a test is over."""
        return any(self.counts[name] for name in MUST_END if self.counts)

    @classmethod
    def take(
        cls, live_counts: LiveCounts | None = None, apartment: Callable[[], int] | None = None
    ) -> Census:
        """Now. The arguments replace the core in tests of the guard itself."""
        held: set[int] = set().union(*(server.held_descriptors() for server in running_servers()))
        descriptors = Counter(kind for number, kind in open_descriptors().items() if number not in held)
        descriptors.subtract(reactor_descriptors())
        counts = dict((live_counts or core_live_counts())())
        if counts:
            descriptors["socket"] -= counts["sockets"]
        else:
            del descriptors[
                "socket"
            ]  # a release build does not count: its sockets cannot be told from others
        live = (apartment or apartment_live_bindings)()
        limits = () if apartment else apartment_limits()
        return cls(descriptors, frozenset(threading.enumerate()), counts, live, limits)


def growth(before: Census, after: Census) -> list[str]:
    """What `after` has more than `before`, one line each; empty if all is well."""
    problems = []
    for kind, count in sorted(after.descriptors.items()):
        if (more := count - before.descriptors[kind]) > 0:
            problems.append(f"{more} more open descriptor(s): {kind}")
    problems += [f"thread still runs: {thread!r}" for thread in after.threads - before.threads]
    for name in MUST_END if after.counts else ():
        if (more := after.counts[name] - before.counts[name]) > 0:
            problems.append(f"{more} more live {name} in the core")
    if after.apartment > before.apartment:
        problems.append(f"{after.apartment - before.apartment} more live bindings in this thread's apartment")
    if after.limits != before.limits:
        problems.append(f"other limits of this thread's apartment: {after.limits}, not {before.limits}")
    return problems


def settle(
    before: Census, take: Callable[[], Census] = Census.take, within: float = SETTLE_WITHIN
) -> list[str]:
    """The growth since `before` that does not go away within `within` seconds.

    Garbage is collected and new threads are joined; the I/O thread gives no event to wait on here, so what it
    still holds is looked at again after pauses that double from a millisecond. Garbage that another thread collects
    may have posted what is left to do to this thread's pump.
    """
    deadline = time.monotonic() + within
    pause = 0.001
    while problems := growth(before, after := take()):
        gc.collect()
        if after.limits and after.apartment <= before.apartment:
            pump_once()
        if not (problems := growth(before, after := take())) or time.monotonic() > deadline:
            return problems
        _pause(pause, after.threads - before.threads)
        pause = min(2 * pause, 0.1)
    return []


def _pause(seconds: float, threads: frozenset[threading.Thread]) -> None:
    """Until one of `threads` ends, if there is one that can be joined, but not longer than `seconds`."""
    # A _DummyThread stands for a native thread that called Python; it cannot be joined.
    joinable = [thread for thread in threads if not isinstance(thread, threading._DummyThread)]
    if joinable:
        joinable[0].join(seconds)
    else:
        time.sleep(seconds)


def is_local(address: Any) -> bool:
    """Whether a socket address stays on this machine: a Unix socket, or a loopback host."""
    if not isinstance(address, tuple) or not isinstance(address[0], str):
        return True
    host = address[0]
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


def blocked_connects() -> dict[str, Callable[..., Any]]:
    """Replacements for the connecting methods of `socket.socket`: anything but loopback raises."""

    def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if not is_local(address):
                raise PublicNetworkError(f"tests connect to loopback only, not to {address!r}")
            return method(self, address)

        return connect

    return {name: guarded(getattr(socket.socket, name)) for name in ("connect", "connect_ex")}
