"""Clipboard formats, FORMATETC and STGMEDIUM."""

from __future__ import annotations

import threading

import pytest

from urlmon import storage
from urlmon.constants import DVASPECT, TYMED
from urlmon.storage import (
    FormatEtc,
    StgMedium,
    format_of,
    get_clipboard_format_name,
    register_clipboard_format,
)

FORMATS = 0x10000 - 0xC000


@pytest.fixture
def empty_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables of a new process."""
    monkeypatch.setattr(storage, "_formats", {})
    monkeypatch.setattr(storage, "_names", [])
    monkeypatch.setattr(storage, "_known_formats", {})


@pytest.mark.usefixtures("empty_tables")
def test_a_name_has_one_number() -> None:
    html = register_clipboard_format("text/html")
    plain = register_clipboard_format("text/plain")
    assert (html, plain) == (0xC000, 0xC001)
    assert register_clipboard_format("text/html") == html
    assert get_clipboard_format_name(html) == "text/html"
    assert get_clipboard_format_name(plain) == "text/plain"


@pytest.mark.usefixtures("empty_tables")
def test_numbers_without_a_name() -> None:
    register_clipboard_format("text/html")
    for number in (-1, 0, 1, 0xBFFF, 0xC001, 0xFFFF, 0x10000):
        assert get_clipboard_format_name(number) is None


@pytest.mark.usefixtures("empty_tables")
def test_numbers_run_out() -> None:
    numbers = [register_clipboard_format(f"x/{number}") for number in range(FORMATS)]
    assert numbers == list(range(0xC000, 0x10000))
    with pytest.raises(OverflowError):
        register_clipboard_format("x/one-too-many")
    assert register_clipboard_format("x/0") == 0xC000


@pytest.mark.usefixtures("empty_tables")
def test_a_server_that_invents_types_ends_no_download() -> None:
    for number in range(FORMATS + 10):
        assert format_of(f"x/{number}", TYMED.ISTREAM).tymed is TYMED.ISTREAM
    assert format_of("x/0", TYMED.ISTREAM).media_type == "x/0"
    assert format_of("x/0", TYMED.FILE).media_type == "x/0"
    late = format_of("x/late", TYMED.FILE)
    assert (late.clipboard_format, late.media_type, late.tymed) == (0, None, TYMED.FILE)
    assert len(storage._known_formats) <= FORMATS + 1  # what is kept is bounded as well


@pytest.mark.usefixtures("empty_tables")
def test_threads_agree_about_numbers() -> None:
    names = [f"x/{number}" for number in range(500)]
    barrier = threading.Barrier(4)
    seen: list[list[int]] = []

    def register() -> None:
        barrier.wait()
        seen.append([register_clipboard_format(name) for name in names])

    threads = [threading.Thread(target=register) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert all(numbers == seen[0] for numbers in seen)
    assert sorted(seen[0]) == list(range(0xC000, 0xC000 + 500))
    assert [get_clipboard_format_name(number) for number in seen[0]] == names


def test_formatetc_of_a_bind() -> None:
    plain = format_of("text/plain", 4)
    assert plain == FormatEtc(
        clipboard_format=register_clipboard_format("text/plain"),
        tymed=TYMED.ISTREAM,
        target_device=None,
        aspect=DVASPECT.CONTENT,
        lindex=-1,
    )
    assert plain.media_type == "text/plain"
    assert isinstance(plain.tymed, TYMED)
    assert format_of("text/plain", 4) is plain  # made once
    assert format_of("text/plain", 2) == plain._replace(tymed=TYMED.FILE)


def test_formatetc_without_a_type() -> None:
    nothing = format_of(None, TYMED.FILE)
    assert nothing == FormatEtc(tymed=TYMED.FILE)
    assert nothing.clipboard_format == storage.CF_NULL == 0
    assert nothing.media_type is None


def test_medium_of_a_stream() -> None:
    content = object()
    medium = StgMedium(TYMED.ISTREAM, content)
    assert medium.tymed is TYMED.ISTREAM
    assert medium.stream is content
    assert repr(medium) == "<StgMedium ISTREAM>"
    for name in ("path", "data"):
        with pytest.raises(AttributeError):
            getattr(medium, name)


def test_medium_of_a_file() -> None:
    medium = StgMedium(TYMED.FILE, "/target")
    assert (medium.tymed, medium.path) == (TYMED.FILE, "/target")
    assert not hasattr(medium, "stream")
    assert not hasattr(medium, "data")


def test_medium_of_memory() -> None:
    body = b"body"
    medium = StgMedium(TYMED.HGLOBAL, body)
    assert medium.tymed is TYMED.HGLOBAL
    assert isinstance(medium.data, memoryview)
    assert medium.data.obj is body  # not copied
    assert medium.data.readonly
    assert not hasattr(medium, "stream")


def test_a_medium_takes_no_other_attribute() -> None:
    with pytest.raises(AttributeError):
        StgMedium(TYMED.FILE, "/target").other = 1  # type: ignore[attr-defined]
