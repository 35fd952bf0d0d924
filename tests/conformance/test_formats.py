"""misc.json: format enumerators, BINDINFO, STGMEDIUM."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from tests.conformance.vectors import Case, attempt, check_hresult, nothing, of_area
from tests.conformance.windows_names import lookup
from urlmon import (
    TYMED,
    BindInfo,
    FormatEnumerator,
    FormatEtc,
    StgMedium,
    copy_stg_medium,
    create_bind_ctx,
    create_format_enumerator,
    register_format_enumerator,
)
from urlmon.constants import BINDINFO_OPTIONS, BINDVERB


def five_formats() -> list[FormatEtc]:
    return [FormatEtc(0xC000, TYMED.ISTREAM, lindex=index) for index in range(5)]


def walk(enumerators: dict[str, FormatEnumerator], call: str) -> dict[str, Any]:
    """Makes one call of a list, as "e2.Next(2)"; what is seen of it."""
    match = re.fullmatch(r"(?:(\w+)\.)?(\w+)\(&?(\w*)(?:, .*)?\)", call)
    assert match is not None, call
    enumerator = enumerators[match[1] or "e"]
    if match[2] == "Next":
        formats = enumerator.next(int(match[3]))
        seen = {"hresult": "S_OK" if len(formats) == int(match[3]) else "S_FALSE", "fetched": len(formats)}
        return seen | {
            "lindex": [item.lindex for item in formats],
            "first_lindex": formats[0].lindex if formats else None,
        }
    if match[2] == "Clone":
        enumerators[match[3]] = enumerator.clone()
        return {"hresult": "S_OK", "distinct_object": enumerators[match[3]] is not enumerator}
    answer = enumerator.skip(int(match[3])) if match[2] == "Skip" else enumerator.reset()
    return {"hresult": answer.name}


@pytest.mark.parametrize("case", of_area("format_enumerator"))
def test_format_enumerator(case: Case) -> None:
    if not isinstance(case["call"], list):
        given = five_formats()
        if case["name"] == "create_zero_count":
            given = []
        hresult, enumerator = attempt(lambda: create_format_enumerator(given))
        assert hresult == case["expected"]["hresult"]
        assert enumerator is None or list(enumerator) == given
        return
    enumerators = {"e": create_format_enumerator(five_formats())}
    for call, expected in zip(case["call"], case["expected"], strict=True):
        seen = walk(enumerators, call)
        for what, value in expected.items():
            if what != "target_device_pointer":  # there are no target devices
                assert seen[what] == value, (call, what)


@pytest.mark.parametrize("case", of_area("register_format_enumerator"))
def test_register_format_enumerator(case: Case) -> None:
    enumerator = create_format_enumerator(five_formats())
    if case["name"] == "no_context":
        check_hresult(case, "no_context", attempt(lambda: register_format_enumerator(nothing, enumerator))[0])
        return
    context = create_bind_ctx()
    register_format_enumerator(context, enumerator)
    assert case["name"] == "register_stores_object_param"
    assert context.get_object_param("_EnumFORMATETC_") is enumerator


@pytest.mark.parametrize("case", of_area("bindinfo"))
def test_bind_info(case: Case) -> None:
    assert case["name"] == "copy_fields"
    info = BindInfo(
        verb=BINDVERB.PUT,
        data=b"body",
        extra_info="",
        options=BINDINFO_OPTIONS.ENABLE_UTF8,
        headers={"A": "b"},
    )
    twin = copy.copy(info)
    assert twin == info
    assert twin is not info
    assert (twin.extra_info, twin.custom_verb) == ("", None)


@pytest.mark.parametrize("case", of_area("stgmedium"))
def test_stg_medium(case: Case) -> None:
    expected = case["expected"]
    content: Any = {"copy_file": "file", "copy_hglobal": b"0123456789"}.get(case["name"])
    kinds = {"copy_null_medium": "NULL", "copy_null_stream": "ISTREAM", "copy_file": "FILE"}
    medium = StgMedium(TYMED[kinds.get(case["name"], "HGLOBAL")], content)
    hresult, twin = attempt(lambda: copy_stg_medium(medium))
    assert hresult == expected["hresult"]
    assert twin is not medium
    if "tymed" in expected:
        assert twin.tymed == lookup(expected["tymed"])
    if "stream" in expected:
        assert twin.stream is expected["stream"]
    if "file_name" in expected:
        assert twin.path == expected["file_name"]
    if "size" in expected:
        assert len(twin.data) == expected["size"]
        assert twin.data == medium.data
        assert twin.data.obj is not medium.data.obj
