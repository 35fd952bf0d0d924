"""Format enumerators and the Accept field that they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from urlmon import (
    HRESULT,
    BindError,
    ClipboardFormat,
    FormatEtc,
    create_bind_ctx,
    create_format_enumerator,
    find_media_type,
    get_clipboard_format_name,
    register_clipboard_format,
    register_format_enumerator,
    register_media_types,
    revoke_format_enumerator,
)
from urlmon.formats import accept_field, accept_value, accepted_types

nothing: Any = None


@pytest.mark.parametrize(
    ("types", "value"),
    [
        (["*/*"], "*/*"),
        (["text/html"], "text/html"),
        (["text/html", "text/plain", "*/*"], "text/html, text/plain;q=0.9, */*;q=0.1"),
        (["*/*", "image/png"], "image/png, */*;q=0.1"),
    ],
)
def test_the_order_is_said_by_weights(types: list[str], value: str) -> None:
    assert accept_value(types) == value


def test_weights_stay_between_the_least_and_one() -> None:
    weights = [
        float(part.partition("q=")[2] or 1) for part in accept_value([f"x/{n}" for n in range(50)]).split(",")
    ]
    assert weights == sorted(weights, reverse=True)
    assert len(set(weights)) == 50
    assert min(weights) > 0.1


def test_formats_become_types_once_each() -> None:
    context = create_bind_ctx()
    assert accepted_types(context) == accepted_types(None) == ["*/*"]
    assert accept_field(context, ()) == ()
    enumerator = create_format_enumerator(["text/html", "*/*", "TEXT/HTML", FormatEtc(ClipboardFormat.TEXT)])
    register_format_enumerator(context, enumerator)
    assert accepted_types(context) == ["text/html", "*/*"]
    assert accept_field(context, [("X", "y")]) == (("Accept", "text/html, */*;q=0.1"),)
    assert accept_field(context, [("ACCEPT", "y")]) == ()
    assert [item.media_type for item in enumerator] == ["text/html", None, "text/html", None]
    revoke_format_enumerator(context)
    assert accept_field(context, ()) == ()


def test_media_types_have_numbers() -> None:
    first, second = register_media_types(["application/x-first", "application/x-second"])
    assert first != second
    assert find_media_type("Application/X-First") == first == register_clipboard_format("APPLICATION/X-FIRST")
    assert get_clipboard_format_name(second) == "application/x-second"
    assert find_media_type("application/x-third") == ClipboardFormat.NULL


@pytest.mark.parametrize(
    ("call", "hresult"),
    [
        (lambda: create_format_enumerator([]), HRESULT.E_FAIL),
        (lambda: create_format_enumerator(nothing), HRESULT.E_INVALIDARG),
        (lambda: create_format_enumerator(["a/b"]).next(-1), HRESULT.E_INVALIDARG),
        (lambda: create_format_enumerator(["a/b"]).skip(-1), HRESULT.E_INVALIDARG),
        (lambda: register_format_enumerator(create_bind_ctx(), nothing), HRESULT.E_INVALIDARG),
        (lambda: revoke_format_enumerator(nothing), HRESULT.E_INVALIDARG),
        (lambda: revoke_format_enumerator(create_bind_ctx()), HRESULT.E_FAIL),
        (lambda: register_media_types([]), HRESULT.E_INVALIDARG),
        (lambda: register_media_types([nothing]), HRESULT.E_INVALIDARG),
        (lambda: register_media_types(nothing), HRESULT.E_INVALIDARG),
        (lambda: find_media_type(nothing), HRESULT.E_INVALIDARG),
        (lambda: register_clipboard_format(""), HRESULT.E_INVALIDARG),
    ],
)
def test_results_that_are_failures(call: Callable[[], Any], hresult: HRESULT) -> None:
    with pytest.raises(BindError) as caught:
        call()
    assert caught.value.hresult == hresult
