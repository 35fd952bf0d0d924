"""misc.json: IUri and its builder."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pytest

from tests.conformance.vectors import MISC, Case, attempt, cases, check_hresult, flag, of_area
from urlmon import Uri_CREATE, Uri_HAS, Uri_PROPERTY, UriBuilder, create_uri, create_uri_builder

WINEHQ = "http://www.winehq.org/"


@pytest.mark.parametrize("case", of_area("iuri"))
def test_uri(case: Case) -> None:
    uri, name = create_uri(WINEHQ), case["name"]
    if name == "bstr_of_number_property":
        check_hresult(case, name, attempt(lambda: uri.get_string(Uri_PROPERTY.PORT))[0])
    elif name == "bstr_of_zone":
        assert uri.get_string(Uri_PROPERTY.ZONE) is None
    elif name == "dword_of_string_property":
        check_hresult(case, name, attempt(lambda: uri.get_number(Uri_PROPERTY.ABSOLUTE_URI))[0])
    elif name == "properties_mask":
        for which in Uri_PROPERTY:
            present = uri.get_property(which) is not None
            assert uri.has_property(which) == bool(uri.get_properties() & (1 << which)) == present
    elif name == "is_equal_null":
        assert uri.is_equal(None) is case["expected"]["equal"]
    else:
        assert name == "default_creation_flags"
        for added, unless in case["expected"]["added_when_absent"].items():
            default, opposite = flag(added), flag(f"Uri_CREATE_{unless.removeprefix('unless ')}")
            assert create_uri(WINEHQ).flags & default
            assert not create_uri(WINEHQ, opposite).flags & default


def builder_with_change() -> UriBuilder:
    builder = create_uri_builder(create_uri(WINEHQ))
    builder.set(Uri_PROPERTY.FRAGMENT, None)
    return builder


@pytest.mark.parametrize(
    "case",
    cases(MISC, lambda case: case["area"] == "iuri_builder" and case["name"].startswith("encoding_mask")),
)
def test_encoding_mask(case: Case) -> None:
    builder = {
        "encoding_mask_modified": builder_with_change,
        "encoding_mask_empty_builder": create_uri_builder,
        "encoding_mask_unmodified": lambda: create_uri_builder(create_uri(WINEHQ)),
    }[case["name"]]()
    mask = Uri_HAS.USER_NAME
    if "CreateUriSimple" in case["call"]:
        hresult, uri = attempt(lambda: builder.create_uri_simple(mask))
    elif "CreateUriWithFlags" in case["call"]:
        hresult, uri = attempt(lambda: builder.create_uri_with_flags(0, 0, mask))
    else:
        hresult, uri = attempt(lambda: builder.create_uri(0, mask))
    assert hresult == case["expected"]["hresult"]
    assert (uri is not None) == (case["expected"]["out"] == "non-null")


@pytest.mark.parametrize(
    "case",
    cases(MISC, lambda case: case["area"] == "iuri_builder" and not case["name"].startswith("encoding_mask")),
)
def test_builder(case: Case) -> None:
    BUILDER_CHECKS[case["name"]](case)


def modification_tracking(case: Case) -> None:
    uri, builder = create_uri(WINEHQ), create_uri_builder()
    builder.set(Uri_PROPERTY.HOST, "google.com")
    assert builder.has_been_modified
    builder.uri = uri
    assert not builder.has_been_modified
    builder.set(Uri_PROPERTY.HOST, "google.com")
    builder.uri = uri
    assert builder.has_been_modified
    assert builder.get(Uri_PROPERTY.HOST) == case["expected"][-1]["value"]


def no_uri_keeps_changes(case: Case) -> None:
    builder = create_uri_builder()
    builder.uri = None
    builder.set(Uri_PROPERTY.HOST, "google.com")
    builder.uri = None
    assert builder.has_been_modified
    assert builder.get(Uri_PROPERTY.HOST) == case["expected"][-1]["value"]


def same_uri(case: Case) -> None:
    uri = create_uri(WINEHQ)
    builder = create_uri_builder(uri)
    for call, expected in zip(case["call"], case["expected"], strict=True):
        match = re.fullmatch(r"(\w+)\((.*)\)", call)
        assert match is not None
        flags = flag(match[2]) if match[2].startswith("Uri_") else int(match[2], 0)
        if match[1] == "CreateUriSimple":
            made = builder.create_uri_simple(flags)
        else:
            made = (
                builder.create_uri(flags) if match[1] == "CreateUri" else builder.create_uri_with_flags(flags)
            )
        assert (made is uri) == expected["same_object"], call
        assert made.flags & Uri_CREATE.CANONICALIZE


def remove_invalid(case: Case) -> None:
    names = re.findall(r"[A-Z_]{4,}", case["call"].partition("containing")[2])
    assert len(names) == 6
    hresults = {attempt(partial(create_uri_builder().remove_properties, Uri_HAS[name]))[0] for name in names}
    assert hresults == {case["expected"]["hresult"]}


def bad_flags(case: Case) -> None:
    check_hresult(
        {**case, "expected": case["expected"][0]},
        case["name"],
        attempt(lambda: create_uri_builder(None, 10))[0],
    )


def factory_plain(case: Case) -> None:
    builder = create_uri_builder()
    assert builder.uri is None
    assert builder.get(Uri_PROPERTY.HOST) is None


def initialised(case: Case) -> None:
    uri = create_uri(WINEHQ)
    assert create_uri_builder(uri).uri is uri


BUILDER_CHECKS: dict[str, Callable[[Case], None]] = {
    "modification_tracking": modification_tracking,
    "set_null_uri_keeps_changes": no_uri_keeps_changes,
    "same_uri_returned": same_uri,
    "remove_invalid": remove_invalid,
    "factory_bad_flags": bad_flags,
    "factory_plain": factory_plain,
    "factory_initialised": initialised,
}
