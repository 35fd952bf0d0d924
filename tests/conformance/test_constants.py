"""constants.json: names and numbers of the Windows headers."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.conformance.vectors import ids_of, is_exempt, read
from tests.conformance.windows_names import lookup

FILE = "constants.json"


@pytest.mark.parametrize("name", sorted(name for name in ids_of(FILE) if not is_exempt(FILE, name)))
def test_observed_value(name: str) -> None:
    vector = read(FILE)[name]
    if "guid" in vector:
        assert lookup(name) == UUID(vector["guid"])
    else:
        assert lookup(name) == vector["value"] == int(vector["hex"], 16)


@pytest.mark.parametrize("name", sorted(name for name in ids_of(FILE) if is_exempt(FILE, name)))
def test_what_is_exempt_is_not_provided(name: str) -> None:
    with pytest.raises((KeyError, AttributeError, ValueError)):
        lookup(name)
