"""What every client is told to do, and what it says it has done. Standard library only: each has its own environment.

A client is a program `with_<peer>.py` that calls `main(run)`; `run` gets the task and returns what it has received.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["BUFFER", "Done", "Sink", "Task", "describe", "main", "read_task", "run_async", "shared"]

BUFFER = 512 << 10  # bytes that are asked for at a time, by all that let one choose


@dataclass(frozen=True)
class Task:
    """Fetch all `urls`, `at_once` at a time."""

    urls: list[str]
    at_once: int
    into: Path | None  # folder of the files, named by the end of their URLs; None: to a callback
    digest: bool  # SHA-256 of each body, taken in that callback
    cafile: str | None
    http2: bool
    per_host: int | None

    def target(self, url: str) -> Path:
        assert self.into is not None
        return self.into / url.rsplit("/", 1)[1]


@dataclass
class Done:
    """What was received. `digest` is the XOR of all SHA-256, so that the order does not count."""

    files: int = 0
    size: int = 0
    digest: int = 0
    extra: dict[str, object] = field(default_factory=dict)

    def add_digest(self, one: hashlib._Hash) -> None:
        self.digest ^= int.from_bytes(one.digest(), "big")


def read_task(arguments: list[str] | None = None) -> Task:
    parser = argparse.ArgumentParser()
    parser.add_argument("urls", type=Path, help="file with a URL a line")
    parser.add_argument("--at-once", type=int, required=True)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--digest", action="store_true")
    parser.add_argument("--cafile")
    parser.add_argument("--http2", action="store_true")
    parser.add_argument("--per-host", type=int)
    told = parser.parse_args(arguments)
    urls = told.urls.read_text().split()
    return Task(urls, told.at_once, told.into, told.digest, told.cafile, told.http2, told.per_host)


def describe(
    done: Done, seconds: float, before: resource.struct_rusage, after: resource.struct_rusage
) -> None:
    """Prints the one JSON line of results."""
    json.dump(
        {
            "seconds": seconds,
            "user": after.ru_utime - before.ru_utime,
            "system": after.ru_stime - before.ru_stime,
            "switches": after.ru_nvcsw + after.ru_nivcsw - before.ru_nvcsw - before.ru_nivcsw,
            "files": done.files,
            "bytes": done.size,
            "digest": f"{done.digest:064x}",
            **done.extra,
        },
        sys.stdout,
    )
    print()


def main(run: Callable[[Task], Done]) -> None:
    """Does the task; time and processor time are those of `run`, without the interpreter's start and imports."""
    task = read_task()
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    done = run(task)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    describe(done, seconds, before, after)


def shared(urls: list[str]) -> Iterator[str]:
    """`urls` one after the other, for several workers of one event loop."""
    yield from urls


class Sink:
    """Where one body goes, chunk by chunk; for clients that have no place of their own for it."""

    def __init__(self, task: Task, done: Done, url: str) -> None:
        self.done = done
        self.file = open(task.target(url), "wb", buffering=0) if task.into else None  # noqa: SIM115 (stop closes it)
        self.sha256 = hashlib.sha256() if task.digest else None

    def write(self, data: bytes | memoryview) -> None:
        self.done.size += len(data)
        if self.file is not None:
            self.file.write(data)
        elif self.sha256 is not None:
            self.sha256.update(data)

    def stop(self) -> None:
        self.done.files += 1
        if self.file is not None:
            self.file.close()
        if self.sha256 is not None:
            self.done.add_digest(self.sha256)


def run_async(
    task: Task, fetch: Callable[[str, Sink], Coroutine[object, object, None]]
) -> Coroutine[object, object, Done]:
    """`at_once` workers of one event loop, each calling `fetch(url, sink)` for one URL after the other."""

    async def fetch_all() -> Done:
        done = Done()
        urls = shared(task.urls)

        async def work() -> None:
            for url in urls:
                sink = Sink(task, done, url)
                await fetch(url, sink)
                sink.stop()

        await asyncio.gather(*(work() for _ in range(task.at_once)))
        return done

    return fetch_all()
