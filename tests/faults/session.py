"""Threads that keep random clients going, and what they count together."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import urlmon
from tests.faults.client import Boom, Client
from tests.faults.scripts import Script, script_of
from urlmon import BINDF, TYMED, BindInfo
from urlmon_core import ApartmentClosedError

MAX_BYTES = 4 << 20
STALL = 20.0  # seconds: what a stalled server costs its client; a machine that is busy for a while must not
WINDOW = 32  # operations of a thread at a time
PATIENCE = 90.0  # seconds in which an operation has to end, whatever its server does


@dataclass
class Tally:
    """What all threads of a run found; the lock is for `breaks` and the counters."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    binds: int = 0
    faulted: int = 0
    verified: int = 0  # bodies compared whole, by digest
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    breaks: list[str] = field(default_factory=list)
    reactor_stops: int = 0  # times that the I/O thread was stopped under everybody's feet

    def broken(self, what: str) -> None:
        """An invariant does not hold."""
        with self.lock:
            self.breaks.append(what)

    def add(self, other: Tally) -> None:
        """What a thread counted by itself."""
        with self.lock:
            self.binds += other.binds
            self.faulted += other.faulted
            self.verified += other.verified
            self.outcomes += other.outcomes
            self.faults += other.faults
            self.actions += other.actions


class Session:
    """A thread with an apartment: keeps operations going until it has begun enough, then ends, politely or not."""

    def __init__(
        self,
        ports: dict[str, int],
        ca_file: str,
        folder: str,
        seed: int,
        tally: Tally,
        *,
        stall: float = STALL,
    ) -> None:
        self.dice = random.Random(f"session/{seed}")
        self.seed = seed
        self.tally = tally
        self.count = Tally()
        self.results: dict[Client, Any] = {}
        self.over = False
        self._ports = ports
        self._folder = folder
        self._live: set[Client] = set()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = itertools.count()
        common: dict[str, Any] = {
            "ca_file": ca_file,
            "proxy": "",
            "connect_timeout": stall,
            "stall_speed": 1,
            "stall_time": stall,
            "max_bytes": MAX_BYTES,
        }
        flags = BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE
        self.infos = [
            BindInfo(flags=flags, **common),
            BindInfo(flags=flags, headers={"X-Soak": "1"}, **common),
            BindInfo(flags=flags, user_agent="soak", **common),
        ]

    def url_of(self, script: Script) -> str:
        scheme = "http" if script.transport == "http" else "https"
        host = "localhost" if script.seed % 10 == 0 else "127.0.0.1"
        return f"{scheme}://{host}:{self._ports[script.transport]}{script.path}"

    def path_of(self, script: Script) -> str:
        return os.path.join(self._folder, f"{script.seed}.{self.seed}.{next(self._serial)}")

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Has `function` called by this thread, between two pumps."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._serial), function))

    def stopped(self, client: Client) -> None:
        self._live.discard(client)

    def start(self, script: Script, action: str | None = None, storage: TYMED | None = None) -> None:
        """Begins one operation; what is not given is thrown by dice."""
        client = Client(self, script, action, storage)
        self.count.binds += 1
        self.count.faulted += bool(script.fault)
        self.count.faults[script.fault or "fine"] += 1
        self.count.actions[client.action] += 1
        self._live.add(client)
        try:
            urlmon.create_url_moniker(self.url_of(script)).bind_to_storage(
                urlmon.create_async_bind_ctx(client), client.storage, client.path
            )
        except (urlmon.BindError, Boom):
            self._live.discard(client)
            if client.action not in ("refuse", "raise-start"):
                client.broken("bind_to_storage raised")
        except ApartmentClosedError:
            self._live.discard(client)
            if client.stops_seen == self.tally.reactor_stops:
                client.broken("the I/O thread was stopped by nobody")
            if (client.starts, client.stops) != (1, 1):
                client.broken("no stop after the I/O thread was stopped")

    def run(self, seeds: range) -> None:
        """Binds all `seeds`, at most WINDOW at a time."""
        apartment = urlmon.Apartment.current()
        apartment.configure(
            max_active=WINDOW, max_per_host=WINDOW, high_water=self.dice.choice((1 << 14, 1 << 16, 1 << 20))
        )
        if self.dice.random() < 0.5:
            apartment.configure(suspend_keep=self.dice.choice((0.0, 0.05)))
        waiting = iter(seeds)
        more = True
        # Some threads end in the middle of it.
        ends_after = (
            self.dice.randrange(1, len(seeds)) if self.dice.random() < 0.25 and len(seeds) > 1 else len(seeds)
        )
        begun = 0
        while more or self._live or self._timers:
            while more and len(self._live) < WINDOW:
                seed = next(waiting, None)
                if seed is None or begun == ends_after:
                    more = False
                    break
                begun += 1
                self.start(script_of(seed))
            if begun == ends_after < len(seeds):
                break
            self.pump(apartment)
            self.look_for_hangs()
        self.finish(apartment, polite=ends_after == len(seeds))

    def run_one(self, script: Script, storage: TYMED) -> Any:
        """Lets one operation run to its end; its HRESULT."""
        apartment = urlmon.Apartment.current()
        self.start(script, "nothing", storage)
        while self._live or self._timers:
            self.pump(apartment)
            self.look_for_hangs()
        (hresult,) = self.results.values()
        return hresult

    def pump(self, apartment: urlmon.Apartment) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        timeout = max(0.0, self._timers[0][0] - now) if self._timers else 0.2
        with contextlib.suppress(Boom):
            apartment.pump(min(timeout, 0.2))

    def look_for_hangs(self) -> None:
        limit = time.monotonic() - PATIENCE
        for client in [client for client in self._live if client.began < limit]:
            client.broken(f"no end after {PATIENCE} s, {client.binding!r}")
            self._live.discard(client)
            client.binding.abort()

    def finish(self, apartment: urlmon.Apartment, *, polite: bool) -> None:
        if polite:
            for client in self.results:
                if client.starts != 1 or client.stops != 1:
                    client.broken(f"{client.starts} starts and {client.stops} stops")
            if apartment.live_bindings:
                self.tally.broken(f"{len(apartment.live_bindings)} bindings are live after their stop")
        self.over = True
        self.results.clear()
        self.tally.add(self.count)
