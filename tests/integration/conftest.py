"""Fixtures that several of the integration tests share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import urlmon


@pytest.fixture
def limits() -> Iterator[Any]:
    """`configure` of this thread's apartment; the limits are as before afterwards."""
    apartment = urlmon.Apartment.current()
    before = dict(
        zip(("max_active", "max_per_host", "urgent_slots", "high_water"), apartment.limits(), strict=False)
    )
    yield apartment.configure
    apartment.configure(**before)
