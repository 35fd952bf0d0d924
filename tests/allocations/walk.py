"""Lets every allocation of the core fail, one at a time, in small scenarios: a typed error, no leak, no crash.

    LD_PRELOAD=.../failing.so python -m tests.allocations.walk [SCENARIO...]

Each try runs on a thread of its own with an I/O thread of its own, so that apartment and reactor are made anew.
Prints one JSON object; exits with 1 if something was wrong, or if there was nothing to fail.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urlmon
import urlmon_core
from tests.servers.payload import payload
from tests.servers.scripted import ScriptedServer
from urlmon import BINDVERB, HRESULT, TYMED, BindInfo

LIMIT = 20.0  # seconds for a try that takes milliseconds
SIZE = 100_000
# What may be raised where memory is out: before an operation exists there is none to report through.
TYPED = (urlmon.BindError, MemoryError, OSError)
MUST_END = ("bindings", "blocks", "transfers", "apartments")


class Client(urlmon.BindStatusCallback):
    """Reads everything and keeps count."""

    def __init__(self, info: BindInfo, act: Callable[[Client], None] | None = None) -> None:
        self.info = info
        self.act = act
        self.starts = self.stops = 0
        self.body = bytearray()
        self.binding: Any = None
        self.hresult: Any = None
        self.error: Any = None

    def get_bind_info(self) -> BindInfo:
        return self.info

    def on_start_binding(self, binding: Any) -> None:
        self.starts += 1
        self.binding = binding

    def on_progress(self, *arguments: Any) -> None:
        pass

    def on_data_available(self, flags: Any, size: int, format: Any, medium: Any) -> None:
        if medium.tymed == TYMED.ISTREAM:
            while data := medium.stream.read(10_000):
                self.body += data
        elif medium.tymed == TYMED.HGLOBAL:
            self.body += medium.data
        if self.act is not None:
            act, self.act = self.act, None
            act(self)

    def on_stop_binding(self, hresult: Any, error: Any) -> None:
        self.stops += 1
        self.hresult = hresult
        self.error = error


def interrupt(client: Client) -> None:
    """Suspended for longer than the connection is kept, then resumed."""
    client.binding.suspend()
    apartment = urlmon.Apartment.current()
    threading.Timer(0.05, lambda: apartment.post(client.binding.resume)).start()


class Scenarios:
    """Each binds something; `made` are the clients with the bodies they must have if they succeed (None: any)."""

    def __init__(self, server: ScriptedServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.made: list[tuple[Client, bytes | None]] = []

    def bind(
        self,
        url: str,
        storage: TYMED = TYMED.ISTREAM,
        body: bytes | None = None,
        act: Callable[[Client], None] | None = None,
        **more: Any,
    ) -> None:
        client = Client(BindInfo(proxy="", **more), act)
        self.made.append((client, body))
        path = self.folder / "target" if storage == TYMED.FILE else None
        urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(client), storage, path)

    def stream(self) -> None:
        self.bind(self.server.url(f"/payload/{SIZE}"), body=payload(SIZE))

    def file(self) -> None:
        self.bind(self.server.url(f"/payload/{SIZE}"), TYMED.FILE)

    def memory(self) -> None:
        self.bind(self.server.url("/chunked", size=SIZE), TYMED.HGLOBAL, body=payload(SIZE))

    def redirects(self) -> None:
        """More statuses than one chunk of the mailbox holds."""
        self.bind(self.server.url("/redirect/chain/12"))

    def request(self) -> None:
        """All kinds of options."""
        self.bind(
            self.server.url("/echo"),
            verb=BINDVERB.POST,
            data=b"x" * 1000,
            headers={"X-A": "1", "X-B": "2"},
            deny_address=urlmon.NON_PUBLIC_NETWORKS[-3:],
        )

    def many_hosts(self) -> None:
        """The last ones refuse."""
        for host in ("127.0.0.1", "localhost", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"):
            self.bind(self.server.url("/ok", host=host))

    def interruption(self) -> None:
        urlmon.Apartment.current().configure(suspend_keep=0.0, high_water=1 << 14)
        url = self.server.url("/versioned/walk/300000", ranges=1)
        self.bind(url, body=payload(300_000), act=interrupt)


class Walk:
    """Runs scenarios with one failure each."""

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        self.arm = library.failing_arm
        self.arm.argtypes = [ctypes.c_long]
        self.disarm = library.failing_disarm
        self.disarm.restype = ctypes.c_long
        self.wrong: list[str] = []
        self.outcomes: Counter[str] = Counter()

    def attempt(self, scenarios: Scenarios, name: str, nth: int) -> int:
        """One try of scenario `name` in which allocation `nth` fails; how many allocations there were."""
        label = f"{name}, allocation {nth}"
        raised: list[str] = []

        def run() -> None:
            try:
                getattr(scenarios, name)()
            except TYPED as error:
                raised.append(type(error).__name__)
            try:
                urlmon.run()
            except TYPED as error:
                raised.append(type(error).__name__)

        def guarded() -> None:
            try:
                run()
            except BaseException as error:
                self.wrong.append(f"{label}: {error!r}")

        thread = threading.Thread(target=guarded)
        if self.arm(nth) == 0:
            raise SystemExit("the core's code was not found")
        thread.start()
        thread.join(LIMIT)
        count = self.disarm()
        if thread.is_alive():
            raise SystemExit(f"{label}: no end within {LIMIT} s; before that: {self.wrong}")
        self.outcomes.update(f"raised {kind}" for kind in raised)
        if nth < 0 and raised:
            self.wrong.append(f"{label}: {raised}")
        self.judge(label, scenarios.made)
        scenarios.made.clear()
        self.look_for_rests(label)
        return count

    def judge(self, label: str, made: list[tuple[Client, bytes | None]]) -> None:
        for client, body in made:
            if client.starts != client.stops or client.stops > 1:
                self.wrong.append(f"{label}: {client.starts} starts, {client.stops} stops")
            if client.stops and client.hresult == HRESULT.S_OK:
                self.outcomes["success"] += 1
                if body is not None and bytes(client.body) != body:
                    self.wrong.append(f"{label}: a success with {len(client.body)} wrong bytes")
            elif client.stops:
                self.outcomes[type(client.error).__name__] += 1
                if not isinstance(client.error, urlmon.BindError):
                    self.wrong.append(f"{label}: {client.error!r}")

    def look_for_rests(self, name: str) -> None:
        if not urlmon_core.stop_reactor(LIMIT):
            self.wrong.append(f"{name}: the I/O thread does not stop")
        gc.collect()
        counts = urlmon_core.live_counts()
        for kind in MUST_END if counts else ():
            if counts[kind]:
                self.wrong.append(f"{name}: {counts[kind]} {kind} are left")


def main() -> int:
    """Exit status: 0 if nothing was wrong."""
    walk = Walk()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, ScriptedServer() as server:
        scenarios = Scenarios(server, Path(folder))
        names = sys.argv[1:] or [
            "stream",
            "file",
            "memory",
            "redirects",
            "request",
            "many_hosts",
            "interruption",
        ]
        for name in names:
            walk.attempt(scenarios, name, -1)  # what is made only once, in this process
            server.reset()
            before = len(os.listdir("/proc/self/fd"))
            count = max(walk.attempt(scenarios, name, -1) for _ in range(2))
            for nth in range(count):
                walk.attempt(scenarios, name, nth)
                if list(Path(folder).glob("*.part")):
                    walk.wrong.append(f"{name}, allocation {nth}: a partial file is left")
            walk.attempt(scenarios, name, -1)
            server.reset()  # the other ends of connections are in this process too
            if len(os.listdir("/proc/self/fd")) > before:
                walk.wrong.append(f"{name}: descriptors are left")
            figures[name] = count
    print(json.dumps({"allocations": figures, "outcomes": walk.outcomes, "wrong": walk.wrong}))
    return int(bool(walk.wrong) or not all(figures.values()))


if __name__ == "__main__":
    sys.exit(main())
