"""Blocks and their pool: none is used again while somebody looks at it, all come back when nobody does."""

from __future__ import annotations

import pytest

import urlmon_core
from urlmon_core._hammers_blocks import hammer_blocks

KEEPS = 8 << 20  # bytes of free blocks that a pool keeps


@pytest.mark.parametrize("holders", [1, 2, 4])
@pytest.mark.parametrize("seed", [1, 2])
def test_threads_let_go(holders: int, seed: int) -> None:
    before = urlmon_core.live_counts()
    seen = hammer_blocks(holders, 40_000, seed)
    assert seen["missing"] == 0, seen
    assert seen["wrong"] == 0, f"a block was used again while it was held: {seen}"
    assert seen["unheld"] == 0, seen
    assert seen["held"] > 10_000, seen
    assert seen["reused"] > 20_000, f"the pool gave almost nothing back: {seen}"
    assert seen["most_kept"] <= KEEPS, seen
    assert urlmon_core.live_counts() == before
