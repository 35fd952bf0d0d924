"""Whether an event loop stays responsive while much data comes through callbacks. README.md says how to read it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks import nginx
from benchmarks.conftest import Figure, Figures
from benchmarks.measuring import measure

FILES = 8
SIZE = 256 << 20  # of each: 2 GiB in all


@pytest.mark.parametrize("work", [[], ["md5"]], ids=["counted", "md5"])
def test_timer_of_an_asyncio_loop(replay: Callable[..., None], figures: Figures, work: list[str]) -> None:
    """The round is the time of the 2 GiB, which the callbacks count, or hash."""
    reason = nginx.unavailable()
    if reason:
        pytest.skip(reason)
    with nginx.running_nginx() as server:
        found = measure("loop_client", server.sparse("large", SIZE), FILES, *work)
    assert found["bytes"] == FILES * SIZE
    replay([found["seconds"]], **found)
    figures.add(
        Figure(
            f"2 GiB through callbacks in an asyncio loop, {''.join(work) or 'counted'}",
            found["bytes"] / found["seconds"] / 1e6,
            "MB/s",
        ),
        Figure("the 1 ms timer is late: median", found["slip_50"], "ms"),
        Figure("the 1 ms timer is late: 99 %", found["slip_99"], "ms", at_most=5),
        Figure("processor time of the thread between two ticks: 99 %", found["thread_99"], "ms", at_most=5),
    )
