"""The byte stream: every byte once and in order, few of them unread, no pause that is not ended."""

from __future__ import annotations

import pytest

from urlmon_core._hammers_bytestream import hammer_stream

MIB = 1 << 20


@pytest.mark.parametrize(
    ("total", "high_water", "largest", "expected"),
    [
        (1, 16 << 10, 100, 0),  # one byte
        (300_000, 16 << 10, 1, 0),  # byte by byte
        (16 * MIB, MIB, 16 << 10, 0),  # as HTTP/1 does it
        (16 * MIB, MIB, 512 << 10, 16 * MIB),  # large chunks, an announced length
        (8 * MIB, 16 << 10, 16 << 10, 0),  # a mark of one chunk
        (4 * MIB, 1000, 16 << 10, 64 << 10),  # a mark below the size of a chunk
        (200_000, 0, 3000, 0),  # no chunk before the one before it was read
        (4 * MIB, 1 << 40, 64 << 10, 0),  # no mark
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_threads_pass_bytes(total: int, high_water: int, largest: int, expected: int, seed: int) -> None:
    seen = hammer_stream(total, high_water, largest, expected, seed=seed)
    assert seen["stuck"] == 0, f"the writer was not told that there is room: {seen}"
    assert seen["lost"] == 0, f"the reader was not told that there are bytes: {seen}"
    assert (seen["bytes"], seen["missing"], seen["wrong"]) == (total, 0, 0), seen
    assert not seen["failed"]
    # A writer that finds half of the room free when it was about to pause writes its chunk all the same.
    assert seen["most"] <= max(high_water, high_water // 2 + largest), seen
    assert seen["credits"] == seen["stalls"], f"each pause is ended exactly once: {seen}"
    if high_water >= total:
        assert seen["stalls"] == 0, seen
    elif total >= 4 * MIB and high_water <= 16 << 10:
        assert seen["stalls"] > 0, f"back-pressure was not tried: {seen}"


@pytest.mark.parametrize("high_water", [1, 100])
@pytest.mark.parametrize("seed", [1, 2])
def test_one_pause_after_the_other(high_water: int, seed: int) -> None:
    """The races where a pause begins while the reader takes the last byte, and where it ends."""
    seen = hammer_stream(20_000 * high_water, high_water, high_water, eager=True, seed=seed)
    assert (seen["stuck"], seen["lost"], seen["missing"], seen["wrong"]) == (0, 0, 0, 0), seen
    assert seen["credits"] == seen["stalls"] > 1000, seen


@pytest.mark.parametrize(("high_water", "largest"), [(4, 1), (100, 20)])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_still_comes_after_a_stop(high_water: int, largest: int, seed: int) -> None:
    """libcurl delivers the rest of its buffer after it was told to stop; that it finds room ends no stop."""
    seen = hammer_stream(40_000 * high_water, high_water, largest, eager=True, ahead=True, seed=seed)
    assert (seen["stuck"], seen["lost"], seen["missing"], seen["wrong"]) == (0, 0, 0, 0), seen
    assert seen["credits"] == seen["stalls"] > 1000, seen
