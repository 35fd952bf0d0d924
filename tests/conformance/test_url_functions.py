"""parse_url.json, and combine_url.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.vectors import Case, attempt, cases, flags
from tests.conformance.windows_names import lookup
from urlmon import (
    PARSEACTION,
    InternetProtocol,
    InternetProtocolInfo,
    combine_url,
    parse_url,
    register_name_space,
    unregister_name_space,
)
from urlmon.protocols import AboutProtocol, ResProtocol


class Silent(InternetProtocol, InternetProtocolInfo):
    """A handler that is asked, and leaves everything to the built-in rules."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self) -> Silent:
        return self

    def parse_url(self, url: str, action: int, flags: int = 0) -> str | None:
        self.asked.append(action)
        raise NotImplementedError


PROTOCOLS = {"about": AboutProtocol, "res": ResProtocol}
PACKAGE = "json"  # in place of a module of Windows


def answer_of(call: Callable[[], Any]) -> tuple[str, Any]:
    """As `attempt`, of a handler's method: None leaves it to the built-in rules."""
    try:
        hresult, answer = attempt(call)
    except NotImplementedError:
        return "E_NOTIMPL", None
    return ("INET_E_DEFAULT_ACTION" if answer is None and hresult == "S_OK" else hresult), answer


def is_of_a_protocol(case: Case) -> bool:
    return case.get("handler") in PROTOCOLS


@pytest.mark.parametrize("case", cases("parse_url.json", is_of_a_protocol))
def test_parse_url_of_a_protocol(case: Case) -> None:
    url = case["url"].replace("mshtml.dll", PACKAGE)
    action = lookup(case["action"]) if isinstance(case["action"], str) else case["action"]
    protocol = PROTOCOLS[case["handler"]]()
    hresult, text = answer_of(lambda: protocol.parse_url(url, action))
    assert hresult == case["hresult"]
    if "expected_pattern" in case:
        assert text == f"file://{Path(json.__file__).parent}"
    else:
        assert text == case["expected"]


@pytest.mark.parametrize("case", cases("combine_url.json", is_of_a_protocol))
def test_combine_url_of_a_protocol(case: Case) -> None:
    protocol = PROTOCOLS[case["handler"]]()
    hresult, _ = answer_of(lambda: protocol.combine_url(case["base"], case["relative"], case["flags_value"]))
    assert lookup(hresult) == lookup(case["hresult"])


@pytest.fixture
def protocols() -> Iterator[None]:
    for scheme, factory in PROTOCOLS.items():
        register_name_space(scheme, factory)
    yield
    for scheme, factory in PROTOCOLS.items():
        unregister_name_space(scheme, factory)


def needs_a_protocol(case: Case) -> bool:
    return "handler" not in case and case["action"] == "PARSE_SECURITY_URL"


@pytest.mark.usefixtures("protocols")
@pytest.mark.parametrize("case", cases("parse_url.json", needs_a_protocol))
def test_parse_url_that_a_protocol_answers(case: Case) -> None:
    url = case["url"].replace("mshtml.dll", PACKAGE)
    assert attempt(lambda: parse_url(url, PARSEACTION.SECURITY_URL))[0] == case["hresult"]


def is_of_the_library(case: Case) -> bool:
    return not is_of_a_protocol(case) and not needs_a_protocol(case)


@pytest.mark.parametrize("case", cases("parse_url.json", is_of_the_library))
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


@pytest.mark.parametrize("case", cases("combine_url.json", lambda case: not is_of_a_protocol(case)))
def test_combine_url(case: Case) -> None:
    hresult, text = attempt(lambda: combine_url(case["base"], case["relative"], flags(case["flags"])))
    assert (hresult, text) == (case["hresult"], case["expected"])
