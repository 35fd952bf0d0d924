"""Reading the list: piece by piece, never waiting, never whole."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from urlmon.cli.urllist import MAX_LINE, UrlList


def take_all(urls: UrlList) -> list[tuple[str, str | None]]:
    found = []
    while (listed := urls.take()) is not None:
        found.append((listed.url, listed.problem))
    assert urls.exhausted
    return found


def read(tmp_path: Path, data: bytes) -> list[tuple[str, str | None]]:
    file = tmp_path / "list"
    file.write_bytes(data)
    return take_all(UrlList(path=str(file)))


def test_arguments_only() -> None:
    urls = UrlList(["http://a/", "http://b/#c"])
    assert not urls.exhausted
    assert take_all(urls) == [("http://a/", None), ("http://b/#c", None)]
    assert urls.fraction is None


def test_lines(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbfhttp://a/\r\n\n  # comment\n\t http://b/#part \n#\nhttp://c/\xc3\xa4"
    assert read(tmp_path, data) == [("http://a/", None), ("http://b/#part", None), ("http://c/ä", None)]


def test_arguments_come_first(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text("http://b/\n")
    assert take_all(UrlList(["http://a/"], str(file))) == [("http://a/", None), ("http://b/", None)]


def test_empty_list(tmp_path: Path) -> None:
    assert read(tmp_path, b"") == []
    assert read(tmp_path, b"\n\n#") == []


def test_what_is_no_url_is_an_item_with_a_problem(tmp_path: Path) -> None:
    bad, long, good = read(tmp_path, b"http://a/\xff\n" + b"x" * (3 * MAX_LINE) + b"\nhttp://ok/\n")
    assert bad == ("http://a/\\xff", "the line is not UTF-8 text")
    assert long[1] is not None
    assert len(long[0]) < 100
    assert good == ("http://ok/", None)


def test_overlong_last_line(tmp_path: Path) -> None:
    assert len(read(tmp_path, b"x" * (5 * MAX_LINE))) == 1


@pytest.mark.parametrize("size", [1, 2, 7])
def test_pieces_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("urlmon.cli.urllist.PIECE", size)
    data = b"http://a/\n\nhttp://bb/\n#x\nhttp://ccc/"
    assert [url for url, _ in read(tmp_path, data)] == ["http://a/", "http://bb/", "http://ccc/"]


def test_fraction_follows_what_was_taken(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text("http://a/\n" * 10)
    urls = UrlList(path=str(file))
    assert urls.fraction == 0
    for _ in range(5):
        urls.take()
    assert urls.fraction == pytest.approx(0.5)
    urls.close()
    urls.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_pipe_is_never_waited_for(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    urls = UrlList(path="-", stdin_fd=reader)
    assert urls.take() is None
    assert not urls.exhausted
    os.write(writer, b"http://a/\nhttp://b")
    assert urls.take() is not None
    assert urls.take() is None  # the second line has no end yet
    urls.wait(0.01)
    os.write(writer, b"/x\n")
    urls.wait(10)
    listed = urls.take()
    assert listed is not None
    assert listed.url == "http://b/x"
    assert urls.fraction is None


def test_end_of_a_pipe() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"http://a/")
    os.close(writer)
    assert take_all(UrlList(path="-", stdin_fd=reader)) == [("http://a/", None)]
    os.close(reader)  # standard input is not ours to close


def test_ten_million_lines_would_not_be_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_bytes(b"http://127.0.0.1/some/file.bin\n" * 200_000)
    urls = UrlList(path=str(file))
    tracemalloc.start()
    try:
        count = 0
        while urls.take() is not None:
            count += 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 200_000
    assert peak < 1 << 20


def test_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        UrlList(path=str(tmp_path / "none"))
    with pytest.raises(IsADirectoryError):
        UrlList(path=str(tmp_path))


def test_read_error_ends_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "list"
    file.write_text("http://a/\n")
    urls = UrlList(path=str(file))

    def fail(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "read", fail)
    assert urls.take() is None
    assert urls.exhausted
    assert urls.error is not None
