"""mime_sniff.json: the media type of some bytes."""

from __future__ import annotations

import pytest

from tests.conformance.vectors import Case, attempt, cases, hresult_of
from urlmon import HRESULT
from urlmon.mimesniff import find_mime_from_data


@pytest.mark.parametrize("case", cases("mime_sniff.json"))
def test_find_mime_from_data(case: Case) -> None:
    data = None if case["data_hex"] is None else bytes.fromhex(case["data_hex"])[: case["size"]]
    hresult, media_type = attempt(
        lambda: find_mime_from_data(case["url"], data, case["proposed_mime"], case["flags"])
    )
    assert HRESULT[hresult] == hresult_of(case["hresult"])
    assert media_type == case["expected_mime"]
