"""The mailbox: statuses keep order and text; clear-then-read against write-then-push forgets nothing."""

from __future__ import annotations

import pytest

from urlmon_core._hammers_mailbox import hammer_mailbox


@pytest.mark.parametrize(
    ("boxes", "statuses"), [(1, 1), (1, 8), (1, 9), (1, 40_000), (2, 10_000), (16, 2_000), (200, 100)]
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everything_arrives_in_order(boxes: int, statuses: int, seed: int) -> None:
    seen = hammer_mailbox(boxes, statuses, seed)
    assert seen["over"] == boxes, f"an end was not told: {seen}"
    assert seen["missing"] == 0, seen
    assert seen["wrong"] == 0, f"order, text, progress or outcome: {seen}"
    assert seen["late"] == 0, f"a status came after the end: {seen}"
    assert seen["lost"] == 0, f"slept on although there was mail: {seen}"
    assert seen["signals"] <= seen["sleeps"], seen
