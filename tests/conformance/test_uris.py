"""create_uri.json, invalid_uris.json, uri_with_fragment.json, uri_equality.json, uri_combine.json, uri_builder.json."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.vectors import Case, attempt, cases, flags
from urlmon import (
    Uri,
    Uri_HAS,
    Uri_PROPERTY,
    UriBuilder_USE_ORIGINAL_FLAGS,
    combine_uri,
    combine_url_ex,
    create_uri,
    create_uri_builder,
    create_uri_with_fragment,
)

NUMBERS = {"host_type", "port", "scheme", "zone"}


def check_properties(uri: Uri, properties: dict[str, Any], asked_with: int = 0) -> None:
    for name, expected in properties.items():
        which = Uri_PROPERTY[name.upper()]
        if name == "zone":
            assert uri.get_number(which) == expected["value_number"] & 0xFFFFFFFF
            continue
        hresult, value = attempt(lambda: uri.get_property(which, 0 if name in NUMBERS else asked_with))  # noqa: B023
        allowed = [expected, *([expected["alternative"]] if "alternative" in expected else [])]
        seen = {"hresult": hresult if value is not None or hresult != "S_OK" else "S_FALSE"}
        assert seen["hresult"] in [answer["hresult"] for answer in allowed], name
        if value is not None:
            assert value in [answer.get("value_number", answer["value"]) for answer in allowed], name
        if not asked_with:
            assert uri.has_property(which) == (value is not None)
            assert bool(uri.get_properties() & Uri_HAS(1 << which)) == (value is not None)


@pytest.mark.parametrize("case", cases("create_uri.json"))
def test_create_uri(case: Case) -> None:
    uri = create_uri(case["uri"], flags(case["create_flags"]))
    check_properties(uri, case["properties"], flags(case.get("get_flags", [])))
    assert create_uri(case["uri"], flags(case["create_flags"])) == uri


@pytest.mark.parametrize("case", cases("invalid_uris.json"))
def test_what_is_no_uri(case: Case) -> None:
    create = flags(case["create_flags"])
    if case["api"] == "CreateUri":
        hresult, _ = attempt(lambda: create_uri(case["uri"], create))
    else:
        hresult, _ = attempt(lambda: create_uri_with_fragment(case["uri"], case.get("fragment"), create))
    assert hresult == case["hresult"]


@pytest.mark.parametrize("case", cases("uri_with_fragment.json"))
def test_with_fragment(case: Case) -> None:
    uri = create_uri_with_fragment(case["uri"], case["fragment"], flags(case["create_flags"]))
    assert uri.absolute_uri == case["absolute_uri"]


@pytest.mark.parametrize("case", cases("uri_equality.json"))
def test_equality(case: Case) -> None:
    a = create_uri(case["a"], flags(case["create_flags_a"]))
    b = create_uri(case["b"], flags(case["create_flags_b"]))
    assert a.is_equal(b) == (a == b) == (b == a) == case["equal"]
    if a == b:
        assert hash(a) == hash(b)


@pytest.mark.parametrize("case", cases("uri_combine.json", lambda case: "api" not in case))
def test_combine(case: Case) -> None:
    base = create_uri(case["base"], flags(case["base_flags"]))
    relative = create_uri(case["relative"], flags(case["relative_flags"]))
    hresult, uri = attempt(lambda: combine_uri(base, relative, flags(case["combine_flags"])))
    assert hresult == case["hresult"]
    if uri is not None:
        check_properties(uri, case["properties"])


@pytest.mark.parametrize("case", cases("uri_combine.json", lambda case: "api" in case))
def test_combine_arguments(case: Case) -> None:
    base = None if case["base"] is None else create_uri(case["base"])
    relative = case["relative"]
    if case["api"] == "CoInternetCombineUrlEx":
        hresult, _ = attempt(lambda: combine_url_ex(base, relative))  # type: ignore[arg-type]
    else:
        hresult, _ = attempt(lambda: combine_uri(base, create_uri(relative)))  # type: ignore[arg-type]
    assert hresult == case["hresult"]


@pytest.mark.parametrize("case", cases("uri_builder.json"))
def test_builder(case: Case) -> None:
    builder = create_uri_builder(
        None if case["uri"] is None else create_uri(case["uri"], flags(case["create_flags"]))
    )
    for setting in case.get("set", []):
        which = Uri_PROPERTY[setting["property"].upper()]
        assert attempt(lambda: builder.set(which, setting["value"]))[0] == setting["hresult"]  # noqa: B023
        if "value_read_back" in setting:
            assert builder.get(which) == setting["value_read_back"]
    if "set_port" in case:
        builder.set(Uri_PROPERTY.PORT, case["set_port"]["port"] if case["set_port"]["has_port"] else None)
    if "remove" in case:
        assert attempt(lambda: builder.remove_properties(flags(case["remove"])))[0] == case["remove_hresult"]
    for call, result in results(builder, case):
        assert result[0] == case[call]["hresult"], call
        if result[1] is not None and "properties" in case:
            check_properties(result[1], case["properties"])
        if result[1] is not None and "absolute_uri" in case:
            assert result[1].absolute_uri == case["absolute_uri"]


def results(builder: Any, case: Case) -> list[tuple[str, tuple[str, Any]]]:
    seen = []
    if "create_uri" in case:
        given = case["create_uri"]["flags"]
        create = 0xFFFFFFFF if given == ["-1"] else flags(given)
        seen.append(("create_uri", attempt(lambda: builder.create_uri(create))))
    if "create_uri_simple" in case:
        seen.append(("create_uri_simple", attempt(builder.create_uri_simple)))
    if "create_uri_with_flags" in case:
        given = case["create_uri_with_flags"]
        original = UriBuilder_USE_ORIGINAL_FLAGS if given["builder_flags"] else 0
        create = flags(given["create_flags"])
        seen.append(
            ("create_uri_with_flags", attempt(lambda: builder.create_uri_with_flags(create, original)))
        )
    return seen
