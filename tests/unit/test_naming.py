"""The moniker as a name: comparing, hashing, saving; and making one."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from urlmon import (
    HRESULT,
    MKSYS,
    BindError,
    InternetProtocol,
    InvalidRequestError,
    InvalidURLError,
    URLMoniker,
    create_bind_ctx,
    create_uri,
    create_url_moniker,
    create_url_moniker_ex,
    is_async_moniker,
    is_valid_url,
    mk_parse_display_name_ex,
    register_name_space,
    unregister_name_space,
)

NAME = "http://h/"


def saved(text: str) -> bytes:
    """As IPersistStream writes it: bytes of text and terminator, then both in UTF-16."""
    data = (text + "\0").encode("utf-16-le")
    return len(data).to_bytes(4, "little") + data


def test_equality_is_that_of_the_canonical_url() -> None:
    same = ["http://h", "HTTP://H/", "http://h:80/./", "http://h/a/.."]
    assert {create_url_moniker(url) for url in same} == {create_url_moniker(NAME)}
    others = [
        "http://h/A",
        "http://h/a",
        "https://h/",
        "http://u@h/",
        "http://h/?",
        "http://h/#",
        "",
        "http://[",
    ]
    assert len({create_url_moniker(url) for url in [*same, *others]}) == 1 + len(others)
    assert create_url_moniker(NAME) != NAME


def test_is_equal_ignores_the_case_of_letters() -> None:
    moniker = create_url_moniker("http://h/Some/File")
    other = create_url_moniker("http://H/sOME/fILE")
    assert moniker.is_equal(other)
    assert moniker.hash() == other.hash()
    assert moniker != other
    assert not moniker.is_equal(create_url_moniker("http://h/Some"))
    assert not moniker.is_equal(object())


@pytest.mark.parametrize(
    ("url", "factor", "sample"),
    [("http://h/", 37, "http://h/"), ("http://h/0123456789abcdef", 39, "ht:/01479bdf")],
)
def test_hash(url: str, factor: int, sample: str) -> None:
    """Contract 2.2: all characters of a short name, every (length / 8)th of a longer one."""
    if len(url) >= 16:
        sample = url[:: len(url) // 8]
    expected = 0
    for character in sample:
        expected = (expected * factor + ord(character)) % (1 << 32)
    assert create_url_moniker(url).hash() == expected
    assert 0 <= expected < 1 << 32


@pytest.mark.parametrize("text", ["http://h/", "http://h/\U0001f980", "", "relative"])
def test_save_and_load(text: str) -> None:
    stream = io.BytesIO()
    moniker = create_url_moniker(text)
    moniker.save(stream)
    assert stream.getvalue() == saved(moniker.get_display_name())
    assert moniker.get_size_max() == len(stream.getvalue())
    stream.seek(0)
    if text in {"", "relative"}:  # contract 2.2: loaded with creation flags 0, which want a scheme
        with pytest.raises(InvalidURLError) as caught:
            URLMoniker.load(stream)
        assert caught.value.hresult == HRESULT.E_INVALIDARG
        return
    assert URLMoniker.load(stream) == moniker
    assert stream.read() == b""


def test_what_is_saved_holds_no_password() -> None:
    stream = io.BytesIO()
    create_url_moniker("http://user:secret@h/").save(stream)
    assert stream.getvalue() == saved("http://h/")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x04\x00\x00",
        b"\x14\x00\x00\x00h\x00",
        b"\x03\x00\x00\x00abc",
        b"\xff\xff\xff\xff",
        b"\x02\x00\x00\x00\x00\xd8",
    ],
)
def test_what_is_no_saved_moniker(data: bytes) -> None:
    with pytest.raises(BindError) as caught:
        URLMoniker.load(io.BytesIO(data))
    assert caught.value.hresult == HRESULT.E_FAIL


@pytest.mark.parametrize("url", ["http://u:p@h/a%2db", "c:\\a b", "", "http://[x"])
def test_copies_keep_everything(url: str) -> None:
    moniker = create_url_moniker(url, flags=1)
    for again in (copy.copy(moniker), copy.deepcopy(moniker), pickle.loads(pickle.dumps(moniker))):
        assert (again.url, again.get_display_name()) == (moniker.url, moniker.get_display_name())
        assert again == moniker
    combined = create_url_moniker("x%2dy", create_url_moniker("http://h/a/b"))
    assert pickle.loads(pickle.dumps(combined)) == combined


def test_what_is_requested_is_what_was_given() -> None:
    """A signature over the URL holds for its characters."""
    base = create_url_moniker("http://u:p@h/a%2fb/c%2d?q")
    assert create_url_moniker("../d%7e?x=%2D#f", base).url == "http://u:p@h/d%7e?x=%2D#f"
    assert create_url_moniker("../d%7e", base).get_display_name() == "http://h/d~"


def test_a_base_of_another_kind_gives_its_display_name() -> None:
    class Other:
        def get_display_name(self) -> str:
            return "http://h/a/b"

    assert create_url_moniker("c", Other()).url == "http://h/a/c"
    assert create_url_moniker_ex(create_uri("c", 1), Other()).url == "http://h/a/c"


@pytest.mark.parametrize(
    ("call", "hresult"),
    [
        (lambda m: m.inverse(), HRESULT.MK_E_NOINVERSE),
        (lambda m: m.common_prefix_with(m), HRESULT.E_NOTIMPL),
        (lambda m: m.relative_path_to(m), HRESULT.E_NOTIMPL),
        (lambda m: m.is_running(), HRESULT.E_NOTIMPL),
        (lambda m: m.get_time_of_last_change(), HRESULT.E_NOTIMPL),
        (lambda m: m.parse_display_name(None, None, "x"), HRESULT.E_NOTIMPL),
        (lambda m: m.compose_with(None), HRESULT.E_INVALIDARG),
        (lambda m: m.compose_with(object(), True), HRESULT.MK_E_NEEDGENERIC),
        (lambda m: m.compose_with(object()), HRESULT.E_NOTIMPL),
        (lambda m: m.compose_with(create_url_moniker("//[x")), HRESULT.E_INVALIDARG),
        (lambda m: m.is_equal(None), HRESULT.E_INVALIDARG),
        (lambda m: m.save(None), HRESULT.E_INVALIDARG),
        (lambda m: m.load(None), HRESULT.E_INVALIDARG),
        (lambda m: is_async_moniker(None), HRESULT.E_INVALIDARG),
        (lambda m: is_valid_url(None), HRESULT.E_INVALIDARG),  # type: ignore[arg-type]
        (lambda m: mk_parse_display_name_ex(create_bind_ctx(), "unknown:x"), HRESULT.MK_E_SYNTAX),
        (lambda m: mk_parse_display_name_ex(create_bind_ctx(), "no scheme"), HRESULT.MK_E_SYNTAX),
        (lambda m: mk_parse_display_name_ex(create_bind_ctx(), "http://["), HRESULT.MK_E_SYNTAX),
        (lambda m: create_url_moniker_ex(m.uri, flags=3), HRESULT.E_INVALIDARG),
    ],
)
def test_results_that_are_failures(call: Callable[[URLMoniker], Any], hresult: HRESULT) -> None:
    with pytest.raises(BindError) as caught:
        call(create_url_moniker(NAME))
    assert caught.value.hresult == hresult


def test_what_a_moniker_says_of_itself() -> None:
    moniker = create_url_moniker(NAME)
    assert moniker.reduce() is moniker
    assert moniker.enum() is None  # type: ignore[func-returns-value]
    assert not moniker.is_dirty()
    assert moniker.is_system_moniker() is MKSYS.URLMONIKER
    assert is_async_moniker(moniker)
    assert not is_async_moniker(object())


@pytest.mark.parametrize(
    ("url", "valid"),
    [
        ("http://h", True),
        ("x:y", True),
        ("", False),
        ("a/b", False),
        ("http://[", False),
        ("http://h:x/", False),
    ],
)
def test_is_valid_url(url: str, valid: bool) -> None:
    assert is_valid_url(url) is valid


def test_a_registered_scheme_makes_a_name() -> None:
    class Handler(InternetProtocol):
        pass

    register_name_space("x-named", Handler)
    try:
        assert mk_parse_display_name_ex(create_bind_ctx(), "x-named:abc") == (11, URLMoniker("x-named:abc"))
    finally:
        unregister_name_space("x-named", Handler)


def test_a_number_is_no_name() -> None:
    wrong: Any = 5
    with pytest.raises(InvalidRequestError):
        create_url_moniker(wrong)
