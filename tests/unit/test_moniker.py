"""The moniker by itself: no bind goes further than to a refusal."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import pytest

import urlmon
from urlmon import HRESULT, InvalidRequestError, InvalidURLError, URLMoniker, create_url_moniker


def test_a_moniker_keeps_its_url() -> None:
    for url in ("http://h/a b#c", "", "nonsense", "HTTP://H/../x", "http://ü/"):
        moniker = create_url_moniker(url)
        assert moniker.url == url
        assert repr(moniker) == f"URLMoniker({url!r})"


def test_a_moniker_is_immutable() -> None:
    moniker = create_url_moniker("http://h/")
    with pytest.raises(AttributeError):
        moniker.url = "http://other/"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        moniker.other = 1  # type: ignore[attr-defined]


def test_the_garbage_collector_need_not_look_at_monikers() -> None:
    class Marked(URLMoniker):
        pass

    class Bare(URLMoniker):
        __slots__ = ()

    class Slotted(URLMoniker):
        __slots__ = ("other",)

    url = "http://h/"
    assert not gc.is_tracked(create_url_moniker(url))
    assert not gc.is_tracked(Bare(url))
    assert gc.is_tracked(Slotted(url))
    marked = Marked(url)
    assert gc.is_tracked(marked), "it may lead to itself"
    marked.me = marked  # type: ignore[attr-defined]
    gone = weakref.ref(marked)
    del marked
    gc.collect()
    assert gone() is None


def test_a_moniker_can_be_copied() -> None:
    moniker = create_url_moniker("http://h/")
    assert copy.copy(moniker).url == pickle.loads(pickle.dumps(moniker)).url == "http://h/"


@pytest.mark.parametrize(
    ("relative", "combined"),
    [
        ("c", "http://h/a/c"),
        ("../c", "http://h/c"),
        ("/c", "http://h/c"),
        ("?q", "http://h/a/b?q"),
        ("//other/c", "http://other/c"),
        ("https://other/", "https://other/"),
        ("", "http://h/a/b"),
    ],
)
def test_relative_to_a_base(relative: str, combined: str) -> None:
    assert create_url_moniker(relative, URLMoniker("http://h/a/b")).url == combined


@pytest.mark.parametrize(("base", "url"), [("http://h/", "//[x/"), ("http://[x/", "y")])
def test_what_cannot_be_combined(base: str, url: str) -> None:
    with pytest.raises(InvalidURLError) as caught:
        create_url_moniker(url, URLMoniker(base))
    assert caught.value.hresult == HRESULT.E_INVALIDARG  # contract 2.5


@pytest.mark.parametrize("url", [None, b"http://h/", 1])
def test_what_is_no_url(url: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        create_url_moniker(url)
    assert caught.value.hresult == HRESULT.E_INVALIDARG


@pytest.mark.parametrize("flags", [-1, 3, 256])
def test_flags(flags: int) -> None:
    for legal in (urlmon.URL_MK_LEGACY, urlmon.URL_MK_UNIFORM, urlmon.URL_MK_NO_CANONICALIZE):
        create_url_moniker("http://h/", flags=legal)
    with pytest.raises(InvalidRequestError) as caught:
        create_url_moniker("http://h/", flags=flags)
    assert caught.value.hresult == HRESULT.E_INVALIDARG


@pytest.mark.parametrize("storage", [urlmon.TYMED.NULL, urlmon.TYMED.ISTORAGE, urlmon.TYMED.GDI])
def test_storage_that_is_not_supported(storage: urlmon.TYMED) -> None:
    with pytest.raises(urlmon.UnsupportedError, match=storage.name) as caught:
        create_url_moniker("http://h/").bind_to_storage(storage=storage)
    assert caught.value.hresult == HRESULT.E_NOTIMPL


@pytest.mark.parametrize("path", [None, "", "a\0b"])
def test_a_file_needs_a_path(path: str | None) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        create_url_moniker("http://h/").bind_to_storage(storage=urlmon.TYMED.FILE, path=path)
    assert caught.value.hresult == HRESULT.E_INVALIDARG


def test_a_failure_of_get_bind_info_names_the_url() -> None:
    class Refusing(urlmon.BindStatusCallback):
        def get_bind_info(self) -> Any:
            return HRESULT.E_OUTOFMEMORY

        def on_start_binding(self, binding: urlmon.Binding) -> None:
            pytest.fail("started")

    with pytest.raises(urlmon.BindMemoryError) as caught:
        create_url_moniker("http://user:secret@h/").bind_to_storage(urlmon.create_async_bind_ctx(Refusing()))
    assert caught.value.url == "http://h/"
