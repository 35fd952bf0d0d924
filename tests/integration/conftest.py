"""Fixtures that several of the integration tests share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import urlmon
from tests.integration.failures import Places
from tests.servers import ScriptedServer


@pytest.fixture
def limits() -> Iterator[Any]:
    """`configure` of this thread's apartment; the limits are as before afterwards."""
    apartment = urlmon.Apartment.current()
    before = dict(
        zip(("max_active", "max_per_host", "urgent_slots", "high_water"), apartment.limits(), strict=False)
    )
    yield apartment.configure
    apartment.configure(**before)


@pytest.fixture
def places(request: pytest.FixtureRequest, scripted: ScriptedServer) -> Iterator[Places]:
    """Where things go wrong."""
    yield Places(request)
    scripted.errors.clear()  # a TLS handshake sent to the plain port is a request that it cannot read
