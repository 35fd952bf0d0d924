"""The measuring program of bench_admission.py: one JSON line of results.

A process of its own, so that memory and processor time are those of the bindings and of nothing else.

`queued`: time and memory of many bindings behind a transfer that does not end.
`start`: how soon a binding at HIGHEST starts while others at LOWEST fill all slots.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import socket
import sys
import time
from collections.abc import Callable

import urlmon

PAGE = os.sysconf("SC_PAGE_SIZE")
QUIET = 0.2  # seconds without processor time: the I/O thread has nothing left to do


class AllocatorFigures(ctypes.Structure):
    """glibc's struct mallinfo2."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks",
            "keepcost",
        )
    ]  # fmt: skip


def allocated() -> int | None:
    """Bytes allocated outside Python's own allocator, so by the core above all; None where unknown."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except (OSError, AttributeError):
        return None
    mallinfo2.restype = AllocatorFigures
    figures = mallinfo2()
    return int(figures.uordblks) + int(figures.hblkhd)


def resident() -> int:
    """Bytes of memory of this process (Linux)."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * PAGE


def settle() -> float:
    """Waits until the I/O thread is idle; returns the processor time used so far."""
    used = time.process_time()
    while True:
        time.sleep(QUIET)
        now = time.process_time()
        if now - used < 0.002:
            return now
        used = now


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Seconds of the calls, and of processor time until the I/O thread has done its part."""
    cpu = settle()
    begin = time.perf_counter()
    work()
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "cpu": settle() - cpu}


def queued(count: int, changes: int) -> dict[str, object]:
    """All figures of `count` bindings that wait."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        return _queued(count, changes, f"http://127.0.0.1:{silent.getsockname()[1]}/")


def _queued(count: int, changes: int, url: str) -> dict[str, object]:
    bindings: list[urlmon.Binding] = []
    stopped = 0

    class Waiting(urlmon.BindStatusCallback):
        def on_start_binding(self, binding: urlmon.Binding) -> None:
            bindings.append(binding)

        def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
            nonlocal stopped
            stopped += 1

    apartment = urlmon.Apartment.current()
    apartment.configure(max_active=1, max_per_host=1, urgent_slots=0)
    moniker = urlmon.create_url_moniker(url)
    context = urlmon.create_async_bind_ctx(Waiting())
    for _ in range(100):
        moniker.bind_to_storage(context)
    apartment.pump(0)

    def bind() -> None:
        for _ in range(count):
            moniker.bind_to_storage(context)

    settle()
    memory, outside = resident(), allocated()
    bound = timed(bind)
    bound["memory"] = (resident() - memory) / count
    now = allocated()
    core = None if now is None or outside is None else (now - outside) / count

    some = [(random.choice(bindings), random.randint(-2, 2)) for _ in range(changes)]

    def change() -> None:
        for binding, priority in some:
            binding.set_priority(priority)

    changed = timed(change)

    def abort() -> None:
        for binding in bindings:
            binding.abort()
        apartment.run()

    aborted = timed(abort)
    assert stopped == len(bindings), (stopped, len(bindings))
    return {
        "count": count,
        "changes": changes,
        "bind": bound,
        "core_memory": core,
        "change": changed,
        "abort": aborted,
    }


def start(url: str, slots: int, fetches: int) -> dict[str, object]:
    """Seconds from the call of bind_to_storage to on_progress(SENDINGREQUEST), and to the first byte."""
    received = 0

    class Bulk(urlmon.BindStatusCallback):
        def get_priority(self) -> int:
            return urlmon.Priority.LOWEST

        def on_data_available(
            self, flags: object, size: int, format: object, medium: urlmon.StgMedium
        ) -> None:
            nonlocal received
            assert medium.stream is not None
            while view := medium.stream.read_view():
                received += len(view)

    class Urgent(urlmon.BindStatusCallback):
        def __init__(self) -> None:
            self.sent = self.first = 0.0
            self.done = False

        def get_priority(self) -> int:
            return urlmon.Priority.HIGHEST

        def on_progress(
            self, progress: int, progress_max: int, status: urlmon.BINDSTATUS, text: str | None
        ) -> None:
            if status == urlmon.BINDSTATUS.SENDINGREQUEST:
                self.sent = time.perf_counter()

        def on_data_available(
            self, flags: object, size: int, format: object, medium: urlmon.StgMedium
        ) -> None:
            self.first = self.first or time.perf_counter()
            assert medium.stream is not None
            medium.stream.read()

        def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
            if error:
                raise error
            self.done = True

    apartment = urlmon.Apartment.current()
    apartment.configure(max_active=slots, max_per_host=slots)
    for _ in range(2 * slots):  # as many again wait for a slot
        urlmon.create_url_moniker(url + "endless").bind_to_storage(urlmon.create_async_bind_ctx(Bulk()))
    _spin(apartment, 1.0)
    sent, first = [], []
    for _ in range(fetches):
        urgent = Urgent()
        moniker = urlmon.create_url_moniker(url.replace("/paced/", "/") + "urgent")
        context = urlmon.create_async_bind_ctx(urgent)
        begin = time.perf_counter()
        moniker.bind_to_storage(context)
        while not urgent.done:
            apartment.pump()
        sent.append(urgent.sent - begin)
        first.append(urgent.first - begin)
        _spin(apartment, 0.02)
    active = apartment.statistics()["active"]
    for binding in apartment.live_bindings:
        binding.abort()
    apartment.run()
    return {"sent": sent, "first": first, "active": active, "received": received}


def _spin(apartment: urlmon.Apartment, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        apartment.pump(left)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    scenarios = parser.add_subparsers(dest="scenario", required=True)
    many = scenarios.add_parser("queued")
    many.add_argument("count", type=int)
    many.add_argument("changes", type=int)
    soon = scenarios.add_parser("start")
    soon.add_argument("url", help="where `endless` and `urgent` are; under /paced/ bulk comes slowly")
    soon.add_argument("slots", type=int)
    soon.add_argument("fetches", type=int)
    arguments = parser.parse_args()
    if arguments.scenario == "queued":
        results = queued(arguments.count, arguments.changes)
    else:
        results = start(arguments.url, arguments.slots, arguments.fetches)
    json.dump(results, sys.stdout)
    print()


if __name__ == "__main__":
    main()
