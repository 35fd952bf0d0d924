"""moniker.json: creating, composing, showing and parsing monikers."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.vectors import Case, attempt, cases, flag, flags
from urlmon import (
    MKSYS,
    URLMoniker,
    create_bind_ctx,
    create_uri,
    create_url_moniker,
    create_url_moniker_ex,
    mk_parse_display_name_ex,
)
from urlmon.identifiers import CLSID_StdURLMoniker

LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'|\bNone\b")


def literals(call: str) -> list[str | None]:
    """The texts (and Nones) among the arguments of a call."""
    return [ast.literal_eval(text) for text in LITERAL.findall(call)]


def url_in(text: str) -> str:
    """The one URL that a description creates a moniker from."""
    (url,) = [literal for literal in literals(text) if literal]
    return url


def check_name(expected: dict[str, Any], hresult: str, moniker: URLMoniker | None) -> None:
    assert hresult == expected["hresult"]
    if moniker is None:
        return
    if "display_name" in expected:
        assert moniker.get_display_name() == expected["display_name"]
    if "uri_display_uri" in expected:
        assert moniker.uri.display_uri == expected["uri_display_uri"]
    if "class" in expected:
        assert expected["class"] == "CLSID_StdURLMoniker"
        assert moniker.get_class_id() == CLSID_StdURLMoniker


def created(case: Case) -> tuple[str, Any]:
    call, given = case["call"], case["given"]
    base = None
    if given["base_url"] is not None:
        uri = create_uri(given["base_url"], flags(given["base_uri_flags"]))
        base = create_url_moniker_ex(uri, flags=flag("URL_MK_NO_CANONICALIZE"))
    if call["api"] == "CreateURLMoniker":
        return attempt(lambda: create_url_moniker(call["url"], base))
    kind = flag(call["flags"])
    if call["api"] == "CreateURLMonikerEx":
        return attempt(lambda: create_url_moniker_ex(call["url"], base, kind))
    assert call["api"] == "CreateURLMonikerEx2"
    return attempt(
        lambda: create_url_moniker_ex(create_uri(call["uri"], flags(call["uri_flags"])), base, kind)
    )


@pytest.mark.parametrize("case", cases("moniker.json", lambda case: isinstance(case["call"], dict)))
def test_create(case: Case) -> None:
    check_name(case["expected"], *created(case))


def create_from_text(case: Case) -> None:
    base, url = literals(case["call"])[:2]
    assert base is None
    if case["name"].startswith("create_no_url"):
        url = None
    check_name(case["expected"], *attempt(lambda: create_url_moniker(url)))  # type: ignore[arg-type]


def create_relative_to_base(case: Case) -> None:
    base = create_url_moniker(url_in(case["given"]))
    check_name(case["expected"], *attempt(lambda: create_url_moniker(url_in(case["call"]), base)))


def display_name(case: Case) -> None:
    assert case["call"] == "m.GetDisplayName(bctx, None)"
    moniker = create_url_moniker(url_in(case["given"]))
    hresult, name = attempt(lambda: moniker.get_display_name(create_bind_ctx()))
    assert {"hresult": hresult, "display_name": name} == case["expected"]


def bind_relative(case: Case) -> None:
    moniker = create_url_moniker(url_in(case["given"]))
    hresult, out = attempt(lambda: moniker.bind_to_storage(create_bind_ctx()))
    assert {"hresult": hresult, "out": out} == case["expected"]


def compose(case: Case) -> None:
    left, right = (create_url_moniker(case["given"][side]) for side in ("left", "right"))
    check_name(case["expected"], *attempt(lambda: left.compose_with(right, only_if_not_generic=False)))


def compose_with_another_kind(case: Case) -> None:
    left = create_url_moniker(case["given"]["left"])
    hresult, _ = attempt(lambda: left.compose_with(object(), only_if_not_generic=True))
    assert hresult == case["expected"]["hresult"]


def parse_without_arguments(case: Case) -> None:
    ctx = create_bind_ctx() if case["given"]["bind_context"] else None
    hresult, _ = attempt(lambda: mk_parse_display_name_ex(ctx, case["given"]["name"]))  # type: ignore[arg-type]
    assert hresult == case["expected"]["hresult"]


def parse_http(case: Case) -> None:
    expected = case["expected"]
    eaten, moniker = mk_parse_display_name_ex(create_bind_ctx(), url_in(case["call"]))
    assert eaten == expected["eaten"]
    assert moniker.get_display_name() == expected["display_name"]
    assert moniker.is_system_moniker() is MKSYS[expected["is_system_moniker"]["value"].removeprefix("MKSYS_")]


def display_name_of_url(case: Case) -> None:
    moniker = create_url_moniker(url_in(case["given"]))
    assert moniker.get_display_name() == case["expected"]["display_name"]


CHECKS: dict[str, Callable[[Case], None]] = {
    "create_no_url_no_out": create_from_text,
    "create_no_url": create_from_text,
    "create_empty_url": create_from_text,
    "create_absolute": create_from_text,
    "create_relative_without_base": create_from_text,
    "create_relative_to_base": create_relative_to_base,
    "display_name_equals_url": display_name,
    "display_name_ftp_unescaped": display_name,
    "bind_relative_moniker": bind_relative,
    "compose_with": compose,
    "compose_with_file_moniker_not_generic": compose_with_another_kind,
    "parse_display_name_invalid_args": parse_without_arguments,
    "parse_display_name_http": parse_http,
    "legacy_http_display_name_with_query_and_fragment": display_name_of_url,
}


@pytest.mark.parametrize("case", cases("moniker.json", lambda case: isinstance(case["call"], str)))
def test_call(case: Case) -> None:
    CHECKS[case["name"]](case)
