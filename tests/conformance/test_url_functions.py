"""parse_url.json, and combine_url.json."""

from __future__ import annotations

import pytest

from tests.conformance.vectors import Case, attempt, cases, flags
from tests.conformance.windows_names import lookup
from urlmon import (
    InternetProtocol,
    InternetProtocolInfo,
    combine_url,
    parse_url,
    register_name_space,
    unregister_name_space,
)


class Silent(InternetProtocol, InternetProtocolInfo):
    """A handler that is asked, and leaves everything to the built-in rules."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self) -> Silent:
        return self

    def parse_url(self, url: str, action: int, flags: int = 0) -> str | None:
        self.asked.append(action)
        raise NotImplementedError


@pytest.mark.parametrize("case", cases("parse_url.json"))
def test_parse_url(case: Case) -> None:
    action = lookup(case["action"])
    assert isinstance(action, int)
    handler = Silent()
    if "handler" in case:
        register_name_space("test", handler)
    try:
        hresult, text = attempt(lambda: parse_url(case["url"], action))
    finally:
        if "handler" in case:
            unregister_name_space("test", handler)
    assert hresult == case["hresult"]
    expected = case["expected"] if case["expected"] is not None else case.get("expected_by_default_rules")
    assert text == expected
    assert handler.asked == ([action] if "handler" in case else [])


@pytest.mark.parametrize("case", cases("combine_url.json"))
def test_combine_url(case: Case) -> None:
    hresult, text = attempt(lambda: combine_url(case["base"], case["relative"], flags(case["flags"])))
    assert (hresult, text) == (case["hresult"], case["expected"])
