"""A body in memory as a seekable stream (contract 6.5)."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any

import pytest

from urlmon import HRESULT, BindError, MemoryStream

CONTENT = bytes(range(100))


def test_reading_to_the_end() -> None:
    stream = MemoryStream(CONTENT)
    buffer = bytearray(30)
    assert stream.read(0) == b""
    assert stream.read(10) == CONTENT[:10]
    assert stream.readinto(buffer) == 30
    assert buffer == CONTENT[10:40]
    view = stream.read_view()
    assert view == CONTENT[40:]
    assert view.readonly
    for _ in range(2):
        assert stream.read() == stream.read(5) == stream.readall() == b""
        assert stream.readinto(buffer) == 0
        assert len(stream.read_view()) == 0


def test_seeking() -> None:
    stream = MemoryStream(CONTENT)
    assert stream.seek(40) == stream.tell() == 40
    assert stream.seek(-10, os.SEEK_CUR) == 30
    assert stream.read(5) == CONTENT[30:35]
    assert stream.seek(-5, os.SEEK_END) == 95
    assert stream.read() == CONTENT[95:]
    assert stream.seek(1000) == 1000
    assert stream.read() == b""
    assert stream.seek(0) == 0
    assert stream.read(None) == CONTENT


@pytest.mark.parametrize(
    ("call", "hresult"),
    [
        (lambda stream: stream.seek(0, 3), HRESULT.E_FAIL),
        (lambda stream: stream.seek(-1), HRESULT.E_FAIL),
        (lambda stream: stream.seek(-8, os.SEEK_CUR), HRESULT.E_FAIL),
    ],
)
def test_what_is_refused_changes_nothing(call: Callable[[Any], Any], hresult: HRESULT) -> None:
    stream = MemoryStream(CONTENT)
    stream.seek(7)
    with pytest.raises(BindError) as caught:
        call(stream)
    assert caught.value.hresult == hresult
    assert stream.tell() == 7


def test_writing_is_refused() -> None:
    stream = MemoryStream(CONTENT)
    assert not stream.writable()
    with pytest.raises(io.UnsupportedOperation):
        stream.write(b"x")
    with pytest.raises(io.UnsupportedOperation):
        stream.truncate()
    with pytest.raises(io.UnsupportedOperation):
        stream.clone()


def test_stat() -> None:
    assert MemoryStream(CONTENT).stat() == (None, 2, 100, 0x80000000)
    assert MemoryStream(b"").stat(1) == (None, 2, 0, 0)


def test_it_is_a_file_for_the_standard_library() -> None:
    with io.BufferedReader(MemoryStream(b"one\ntwo\n")) as reader:
        assert list(reader) == [b"one\n", b"two\n"]
        raw: Any = reader.raw
    for call in (raw.read, raw.tell, raw.stat, lambda: raw.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            call()
