"""What a server in this process saw: a thread-safe list of requests that tests can wait on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

KEPT_BODY = 1 << 20


@dataclass(eq=False)
class RecordedRequest:
    """One request, recorded when its head has arrived; the last five fields are filled in as it goes on.

    `order` counts from 0 per server in order of arrival; `connection` numbers the connections the same way.
    `time` is `time.monotonic()` then. `body` keeps the first MiB only. `bytes_sent` counts the body bytes of
    the answer as they are written; a piece of at most 64 KiB is counted before it has left, so a client that
    went away may have got less. `outcome` is "running", then "done", "disconnected" (the client went away
    first), "reset" (by script) or "failed" (the script itself raised). The client may have the answer before
    the outcome is set: wait for it.
    """

    order: int
    connection: int
    tls: bool
    method: str
    target: str
    path: str
    headers: list[tuple[str, str]]
    time: float = field(default_factory=time.monotonic)
    body_length: int = 0
    body_sha256: str = ""
    body: bytes = b""
    bytes_sent: int = 0
    outcome: str = "running"

    def header(self, name: str) -> str | None:
        """The first value of the header `name` (any case), or None."""
        return next(iter(self.header_all(name)), None)

    def header_all(self, name: str) -> list[str]:
        """All values of the header `name` (any case) in the order sent."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class RequestLog:
    """The requests since the last `clear`, oldest first. Any thread may use it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._records: list[RecordedRequest] = []

    def __len__(self) -> int:
        with self._changed:
            return len(self._records)

    def __iter__(self) -> Iterator[RecordedRequest]:
        return iter(self.all())

    def __getitem__(self, index: int) -> RecordedRequest:
        with self._changed:
            return self._records[index]

    def all(self) -> list[RecordedRequest]:
        """A copy of the list as it is now."""
        with self._changed:
            return list(self._records)

    def for_path(self, path: str) -> list[RecordedRequest]:
        """The requests whose path (without the query) is `path`."""
        return [record for record in self.all() if record.path == path]

    def paths(self) -> list[str]:
        """The paths in order of arrival."""
        return [record.path for record in self.all()]

    def add(self, record: RecordedRequest) -> None:
        """Append `record` and wake those who wait."""
        with self._changed:
            self._records.append(record)
            self._changed.notify_all()

    def update(self, record: RecordedRequest, **changes: Any) -> None:
        """Set attributes of `record` and wake those who wait."""
        with self._changed:
            for name, value in changes.items():
                setattr(record, name, value)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget all requests."""
        with self._changed:
            self._records.clear()

    def wait_for(self, predicate: Callable[[RecordedRequest], bool], timeout: float = 5.0) -> RecordedRequest:
        """The first request for which `predicate` holds; TimeoutError after `timeout` seconds."""
        with self._changed:
            found = self._changed.wait_for(lambda: next(filter(predicate, self._records), None), timeout)
            if found is None:
                raise TimeoutError(f"no such request within {timeout} s; seen: {self._summary()}")
            return found

    def wait_outcome(self, record: RecordedRequest, outcome: str = "done", timeout: float = 5.0) -> None:
        """Return when `record` has ended with `outcome`; TimeoutError after `timeout` seconds."""
        self.wait_for(lambda seen: seen is record and seen.outcome == outcome, timeout)

    def wait_count(self, count: int, timeout: float = 5.0) -> list[RecordedRequest]:
        """The list once it holds at least `count` requests. Raises TimeoutError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._records) >= count, timeout):
                raise TimeoutError(f"fewer than {count} requests within {timeout} s; seen: {self._summary()}")
            return list(self._records)

    def _summary(self) -> list[str]:
        return [f"{record.method} {record.target} ({record.outcome})" for record in self._records]
