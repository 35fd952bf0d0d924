"""parse_url.json, uri_parse.json, combine_url.json, and what misc.json says of URLs as texts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.vectors import MISC, Case, attempt, cases, flags, nothing, of_area, read
from tests.conformance.windows_names import lookup
from urlmon import (
    PARSEACTION,
    QUERYOPTION,
    InternetProtocol,
    InternetProtocolInfo,
    combine_url,
    compare_url,
    create_bind_ctx,
    create_uri,
    is_valid_url,
    parse_uri,
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


def uri_of(case: Case) -> str:
    """The text of the URI, which may be said by a pattern."""
    pattern = case.get("uri_pattern")
    if pattern is None:
        return str(case["uri"])
    factor, name = pattern["total_length"].split("*")
    length = int(factor) * int(read("constants.json")[name]["value"])
    return str(pattern["prefix"]).ljust(length, pattern["fill"])


@pytest.mark.parametrize("case", cases("uri_parse.json"))
def test_parse_uri(case: Case) -> None:
    given = uri_of(case)
    action = lookup(case["action"])
    assert isinstance(action, int)
    uri = create_uri(given, flags(case["create_flags"]))
    hresult, text = attempt(lambda: parse_uri(uri, action, flags(case["parse_flags"])))
    assert hresult == case["hresult"]
    if "uri_pattern" in case:
        assert case["expected"] == "same string as input"
        assert text == given
    else:
        assert text in [case["expected"], case.get("alternative", case["expected"])]


@pytest.mark.parametrize("case", cases("combine_url.json", lambda case: not is_of_a_protocol(case)))
def test_combine_url(case: Case) -> None:
    hresult, text = attempt(lambda: combine_url(case["base"], case["relative"], flags(case["flags"])))
    assert (hresult, text) == (case["hresult"], case["expected"])


@pytest.mark.parametrize("case", of_area("is_valid_url"))
def test_is_valid_url(case: Case) -> None:
    url = nothing if case["name"] == "no_url" else "http://www.winehq.org"
    context = create_bind_ctx() if case["name"] == "http_with_context" else None
    hresult, valid = attempt(lambda: is_valid_url(url, context))
    assert (hresult, valid) == (case["expected"]["hresult"], True if hresult == "S_OK" else None)


def plain(text: str) -> str:
    """A text of the vectors without the escapes of the language that it was written down in."""
    return text.replace("\\\\", "\\")


def is_of_a_handler(case: Case) -> bool:
    return case["area"] in {"compare_url", "query_info"} and case["name"].startswith("handler_")


@pytest.mark.parametrize("case", cases(MISC, is_of_a_handler))
def test_handlers_about_urls(case: Case) -> None:
    """What about: and res: say."""
    match case["name"]:
        case "handler_compare_not_implemented":
            for protocol in (AboutProtocol(), ResProtocol()):
                with pytest.raises(NotImplementedError):
                    protocol.compare_url("about:a", "res://b/c")
        case "handler_about_unsupported_query":
            assert attempt(lambda: AboutProtocol().query_info("about:blank", 60))[0] == "E_FAIL"
        case "handler_res_uses_network":
            answer = ResProtocol().query_info("res://json/x", QUERYOPTION.USES_NETWORK)
            assert answer == case["expected"]["value"]
        case other:
            pytest.fail(f"nothing is known of {other}")


@pytest.mark.parametrize(
    "case", cases(MISC, lambda case: case["area"] == "compare_url" and not is_of_a_handler(case))
)
def test_compare_url(case: Case) -> None:
    first, second = (plain(text) for text in re.findall(r"'([^']*)'", case["call"]))
    assert compare_url(first, second) is (case["expected"]["hresult"] == "S_OK")
