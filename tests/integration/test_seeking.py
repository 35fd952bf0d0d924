"""The stream of a synchronous bind can be sought in, as far as the bytes have come (contract 6.5)."""

from __future__ import annotations

import io
from typing import Any

import pytest

import urlmon
from tests.servers import ScriptedServer, payload
from urlmon import BindInfo


class Positioned(urlmon.BindStatusCallback):
    """Of a synchronous bind: does `act` with the stream and what was announced, in each on_data_available."""

    def __init__(self, act: Any) -> None:
        self.act = act

    def get_bind_info(self) -> BindInfo:
        return BindInfo(flags=urlmon.BINDF(0))

    def on_data_available(self, flags: Any, size: int, format: Any, medium: Any) -> None:
        self.act(medium.stream, size)


def bound(url: str, act: Any = lambda stream, size: None) -> Any:
    return urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(Positioned(act)))


@pytest.mark.parametrize("size", [0, 1000, 1_500_000])
def test_the_stream_of_a_synchronous_bind_can_be_sought_in(scripted: ScriptedServer, size: int) -> None:
    body = payload(size)
    stream = bound(scripted.url(f"/payload/{size}"))
    assert stream.seekable()
    assert stream.tell() == 0
    assert stream.read() == body
    assert stream.tell() == size
    for position in (0, size // 3, size // 2, size - 1, size, 4096, 1 << 18, 1 << 19, 0):
        at = min(max(0, position), size)
        assert stream.seek(max(0, position)) == at == stream.tell()
        assert stream.read(100) == body[at : at + 100]
    assert stream.seek(0, io.SEEK_END) == size
    assert stream.read(1) == b""
    assert stream.seek(-(size // 4), io.SEEK_CUR) == size - size // 4
    assert bytes(stream.read_view())[:50] == body[size - size // 4 :][:50]
    assert stream.seek(-size, io.SEEK_END) == 0
    assert io.BufferedReader(stream, 100).read() == body


def test_what_is_not_sought(scripted: ScriptedServer) -> None:
    stream = bound(scripted.url("/payload/1000"))
    stream.read(10)
    for offset, whence in ((0, 100), (-1, io.SEEK_SET), (-11, io.SEEK_CUR), (-1001, io.SEEK_END)):
        with pytest.raises(ValueError, match="no seeking"):
            stream.seek(offset, whence)
        assert stream.tell() == 10
    assert stream.seek(5000) == 1000  # as far as the bytes have come


def test_seeking_inside_of_on_data_available(scripted: ScriptedServer) -> None:
    """As far as the client was told."""
    seen: list[bytes] = []

    def act(stream: Any, size: int) -> None:
        assert stream.seek(0, io.SEEK_END) == size
        assert stream.seek(0) == 0
        seen.append(stream.read(size))
        assert stream.seek(size // 2) == size // 2

    stream = bound(scripted.url("/payload/1500000"), act)
    assert seen[-1] == payload(1_500_000)
    assert all(payload(1_500_000).startswith(part) for part in seen)
    assert stream.read() == payload(1_500_000)[750_000:]


def test_a_view_outlives_seeking(scripted: ScriptedServer) -> None:
    stream = bound(scripted.url("/payload/600000"))
    view = stream.read_view()
    size = len(view)
    stream.seek(0)
    again = stream.read_view()
    del stream
    assert bytes(view) == bytes(again) == payload(600_000)[:size]
