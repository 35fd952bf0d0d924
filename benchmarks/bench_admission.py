"""What a long queue costs, and how soon an urgent binding passes it. README.md says how to read it."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks import nginx
from benchmarks.conftest import Figure, Figures
from benchmarks.measuring import measure

Replay = Callable[..., None]

CHANGES = 100_000
SLOTS = 32
FETCHES = 50


@pytest.fixture(scope="module")
def queue(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Figures of one process with a long queue."""
    if sys.platform != "linux":
        pytest.skip("memory is read from /proc")
    count: int = request.config.getoption("--queued")
    return measure("admission_client", "queued", count, CHANGES, timeout=600)


def test_bind_many(queue: dict[str, Any], replay: Replay, figures: Figures) -> None:
    """The round is the time of all calls of bind_to_storage."""
    count, bind = queue["count"], queue["bind"]
    replay([bind["seconds"]], **queue)
    rows = [
        Figure(f"{count:,} queued: bind_to_storage", bind["seconds"] / count * 1e6, "us each"),
        Figure(f"{count:,} queued: processor time, both threads", bind["cpu"] / count * 1e6, "us each"),
        Figure(f"{count:,} queued: memory in all", bind["memory"], "bytes each", at_most=2048),
    ]
    if queue["core_memory"] is not None:
        rows.append(
            Figure(f"{count:,} queued: memory in the core", queue["core_memory"], "bytes each", at_most=1024)
        )
    figures.add(*rows)


def test_change_priorities(queue: dict[str, Any], replay: Replay, figures: Figures) -> None:
    """The round is the time of 100,000 calls of set_priority, on bindings chosen at random."""
    count, changes, change = queue["count"], queue["changes"], queue["change"]
    replay([change["seconds"]])
    figures.add(
        Figure(f"{count:,} queued: set_priority", change["seconds"] / changes * 1e6, "us each", at_most=5),
        Figure(
            f"{count:,} queued: the same, both threads", change["cpu"] / changes * 1e6, "us each", at_most=5
        ),
    )


def test_abort_all(queue: dict[str, Any], replay: Replay, figures: Figures) -> None:
    """The round is the time from the first abort to the last on_stop_binding."""
    count, abort = queue["count"], queue["abort"]
    replay([abort["seconds"]])
    figures.add(
        Figure(f"{count:,} queued: abort and on_stop_binding", abort["seconds"] / count * 1e6, "us each")
    )


@pytest.fixture(scope="module")
def server() -> Iterator[nginx.Nginx]:
    reason = nginx.unavailable()
    if reason:
        pytest.skip(reason)
    with nginx.running_nginx() as running:
        running.sparse("endless", 64 << 30)
        running.random("urgent", 16 << 10)
        yield running


@pytest.mark.parametrize("pace", ["paced", "full speed"])
def test_start_of_urgent(server: nginx.Nginx, pace: str, replay: Replay, figures: Figures) -> None:
    """32 at LOWEST fill all slots, 32 more wait; the rounds: how soon one at HIGHEST sends its request."""
    url = server.url + ("paced/" if pace == "paced" else "")
    results = measure("admission_client", "start", url, SLOTS, FETCHES)
    replay(results["sent"], **results)
    who = f"all {SLOTS} slots at LOWEST, {pace}: HIGHEST"
    figures.add(
        Figure(f"{who} sends its request after", statistics.median(results["sent"]) * 1e3, "ms", at_most=5),
        Figure(f"{who}, the slowest of {FETCHES}", max(results["sent"]) * 1e3, "ms"),
        Figure(f"{who}, its first byte is delivered after", statistics.median(results["first"]) * 1e3, "ms"),
    )
