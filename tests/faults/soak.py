"""The fault server against random clients, for as long as wanted: ``make soak SECONDS=60``.

    python -m tests.faults.soak [--seconds S] [--seed N] [--threads N] [--log FILE]

The server is a process of its own. Threads with an apartment each bind scripts by the hundred, then end, some of
them with operations still running; now and then the I/O thread is stopped under all of them. Every line of the log is
a JSON object with the figures so far; the last one is the verdict. Exits with 1 if an invariant broke, a digest was
wrong, anything is left at the end, or (in runs of ten minutes and more) memory grew. The same seed makes the same
scripts and the same clients; how they interleave is up to the machine.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import urlmon_core
from tests.faults.client import UNKNOWN_DIGEST
from tests.faults.scripts import GZIP_FAULTS, script_of
from tests.faults.session import Session, Tally

SCRIPTS_PER_THREAD = 300
STOP_EVERY = 20.0  # seconds between two stops of the I/O thread
LOOK_EVERY = 2.0
MEMORY_FROM = 600.0  # seconds a run must last to say something about memory
MEMORY_MAY_GROW = 1.02  # mean of the last third over that of the middle third
MUST_END = ("bindings", "blocks", "transfers")


class Mallinfo2(ctypes.Structure):
    """mallinfo2(3): bytes, over all arenas."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *(
                "arena",
                "ordblks",
                "smblks",
                "hblks",
                "mapped",
                "usmblks",
                "fsmblks",
                "in_use",
                "free",
                "keepcost",
            ),
        )
    ]


_libc: Any = ctypes.CDLL(None)
if hasattr(_libc, "mallinfo2"):
    _libc.mallinfo2.restype = Mallinfo2


def allocated() -> dict[str, int]:
    """KiB that glibc's malloc has given out, and that it keeps free in its arenas; empty elsewhere."""
    if not hasattr(_libc, "mallinfo2"):
        return {}
    info = _libc.mallinfo2()
    return {"in_use_kib": (info.in_use + info.mapped) // 1024, "kept_free_kib": info.free // 1024}


def give_back() -> None:
    """Has glibc's malloc return to the system what lies free in its arenas.

    Sessions and I/O threads come and go, each takes its memory from another arena and leaves holes there. In the first
    minutes that alone grows (from 15 to 71 MiB in three), while what is in use does not. What is looked for here is
    what somebody holds.
    """
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)


def resident() -> int:
    """KiB of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class Soak:
    """One run."""

    def __init__(self, seconds: float, seed: int, threads: int, log: Any) -> None:
        self.seed = seed
        self.threads = threads
        self.tally = Tally()
        self.memory: list[tuple[float, int]] = []
        self._log = log
        self._began = time.monotonic()
        self._until = self._began + seconds
        self._next = 0
        self._lock = threading.Lock()
        self._dice = random.Random(f"soak/{seed}")

    def _worker(self, ports: dict[str, int], ca_file: str, folder: str) -> None:
        """Runs one session after the other, each on a thread of its own: an apartment lives as long as its thread."""
        while time.monotonic() < self._until:
            with self._lock:
                number = self._next
                self._next += 1
            first = (
                (self.seed * 1_000_000 + number * SCRIPTS_PER_THREAD)
                if self.seed
                else number * SCRIPTS_PER_THREAD
            )
            thread = threading.Thread(
                target=self._session, args=(ports, ca_file, folder, first), name=f"session-{number}"
            )
            thread.start()
            thread.join()
            gc.collect()  # its clients refer to each other, and hold what they did not read

    def _session(self, ports: dict[str, int], ca_file: str, folder: str, first: int) -> None:
        try:
            session = Session(ports, ca_file, folder, first, self.tally)
            session.run(range(first, first + SCRIPTS_PER_THREAD))
        except BaseException as error:
            self.tally.broken(f"a thread died of {error!r}")
            raise

    def run(self, folder: Path) -> bool:
        """Whether everything held."""
        targets = folder / "targets"
        targets.mkdir()
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.origin", str(folder / "ca")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            ports = json.loads(server.stdout.readline())
            workers = [
                threading.Thread(
                    target=self._worker, args=(ports, str(folder / "ca" / "ca.pem"), str(targets))
                )
                for _ in range(self.threads)
            ]
            for worker in workers:
                worker.start()
            self._watch(workers)
            for worker in workers:
                worker.join()
        finally:
            server.stdin.close()
            if server.wait(30):
                self.tally.broken("the fault server itself failed")
        self._look_for_rests(targets)
        return self._verdict()

    def _watch(self, workers: list[threading.Thread]) -> None:
        stop_at = time.monotonic() + STOP_EVERY
        tick = threading.Event()
        while any(worker.is_alive() for worker in workers):
            tick.wait(LOOK_EVERY)
            give_back()
            self.memory.append((time.monotonic() - self._began, resident()))
            if len(self.memory) % 15 == 0:
                self._write(self._figures())
            if time.monotonic() > stop_at:
                stop_at = time.monotonic() + STOP_EVERY
                self.tally.reactor_stops += 1
                if not urlmon_core.stop_reactor(10.0):
                    self.tally.broken("the I/O thread did not stop")

    def _look_for_rests(self, targets: Path) -> None:
        """Nothing is alive, and every file that a thread left behind when it ended is complete."""
        if not urlmon_core.stop_reactor(10.0):
            self.tally.broken("the I/O thread did not stop at the end")
        gc.collect()
        counts = urlmon_core.live_counts()
        for name in MUST_END:
            if counts and counts[name]:
                self.tally.broken(f"{counts[name]} {name} are left")
        for path in targets.iterdir():
            script = script_of(int(path.name.split(".")[0]))
            if path.name.endswith(".part"):
                self.tally.broken(f"{path.name} is left")
            elif path.read_bytes() != script.body and script.fault not in UNKNOWN_DIGEST - GZIP_FAULTS:
                self.tally.broken(f"{path.name} is not complete")

    def _thirds(self) -> tuple[float, float]:
        """Mean resident memory (KiB) of the middle and of the last third."""
        third = len(self.memory) // 3
        middle, last = self.memory[third : 2 * third], self.memory[2 * third :]
        mean = [sum(size for _, size in part) / len(part) if part else 0.0 for part in (middle, last)]
        return mean[0], mean[1]

    def _figures(self) -> dict[str, Any]:
        tally = self.tally
        with tally.lock:
            return {
                "seconds": round(time.monotonic() - self._began, 1),
                "seed": self.seed,
                "binds": tally.binds,
                "faulted": tally.faulted,
                "verified": tally.verified,
                "breaks": len(tally.breaks),
                "reactor_stops": tally.reactor_stops,
                "resident_kib": resident(),
                **allocated(),
                "descriptors": descriptors(),
            }

    def _write(self, figures: dict[str, Any]) -> None:
        print(json.dumps(figures), file=self._log, flush=True)

    def _verdict(self) -> bool:
        middle, last = self._thirds()
        tally = self.tally
        if middle and time.monotonic() - self._began > MEMORY_FROM and last > middle * MEMORY_MAY_GROW:
            tally.broken(f"memory grew from {middle:.0f} to {last:.0f} KiB")
        for what, count in Counter(tally.breaks).most_common(40):
            print(f"BROKEN ({count}): {what}", file=self._log, flush=True)
        figures = self._figures()
        figures |= {
            "middle_third_kib": round(middle),
            "last_third_kib": round(last),
            "memory_growth_percent": round(100 * (last / middle - 1), 2) if middle else 0.0,
            "outcomes": dict(tally.outcomes.most_common()),
            "faults": dict(sorted(tally.faults.items())),
            "actions": dict(sorted(tally.actions.items())),
        }
        self._write(figures)
        return not tally.breaks and tally.binds > 0


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 if every invariant held."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=3)
    parser.add_argument("--log", help="append to this file instead of printing")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore", ResourceWarning)  # threads that end with live bindings, on purpose
    log = open(options.log, "a") if options.log else sys.stdout  # noqa: SIM115 - open until the process ends
    with tempfile.TemporaryDirectory(prefix="urlmon-soak-") as folder:
        return 0 if Soak(options.seconds, options.seed, options.threads, log).run(Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
