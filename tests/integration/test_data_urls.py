"""The handler of data: URLs: what a client is told of one, and the stream, file or memory that comes of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import urlmon
from tests.recording import PULL, Recorder
from urlmon import BINDSTATUS, HRESULT, TYMED


@pytest.mark.parametrize(
    ("url", "media_type", "content"),
    [
        ("data:,A%20brief%20note", "text/plain", b"A brief note"),
        ("data:text/html;charset=utf-8,%3Cp%3E", "text/html", b"<p>"),
        ("DATA:Text/HTML;base64,SGVsbG8=", "text/html", b"Hello"),
        ("data:;base64,SGVs bG8", "text/plain", b"Hello"),
        ("data:image/gif;base64,R0lGODdhAQ%3D%3D", "image/gif", b"GIF87a\x01"),
        ("data:nonsense,x,y", "text/plain", b"x,y"),
        ("data:,before#fragment", "text/plain", b"before"),
        ("data:,", "text/plain", b""),
    ],
)
def test_data_url(url: str, media_type: str, content: bytes) -> None:
    recorder = Recorder(PULL)
    stream = urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(recorder))
    recorder.check()
    assert recorder.sequence[3:] == [
        "MIMETYPEAVAILABLE",
        "BEGINDOWNLOADDATA",
        "ENDDOWNLOADDATA",
        "on_data_available",
        "on_stop_binding",
    ]
    assert recorder.texts(BINDSTATUS.MIMETYPEAVAILABLE) == [media_type]
    assert recorder.texts(BINDSTATUS.BEGINDOWNLOADDATA) == [url]
    assert recorder.body == content
    assert recorder.ended
    assert stream is recorder.stream, "data were delivered inside the call, so it returns the stream"
    assert urlmon.create_url_moniker(url).bind_to_storage().read() == content


@pytest.mark.parametrize("url", ["data:text/plain", "data:;base64,A", "data:;base64,%%%%"])
def test_malformed_data_url(url: str) -> None:
    recorder = Recorder(PULL)
    with pytest.raises(urlmon.InvalidURLError, match=r"comma|base64") as caught:
        urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(recorder))
    recorder.check()
    assert recorder.hresult == HRESULT.INET_E_INVALID_URL
    assert recorder.error is caught.value
    assert recorder.sequence[3:] == ["on_stop_binding"]


def test_data_url_to_file_and_memory(tmp_path: Path) -> None:
    moniker = urlmon.create_url_moniker("data:,content")
    target = tmp_path / "target"
    assert moniker.bind_to_storage(None, TYMED.FILE, target) == str(target)
    assert target.read_bytes() == b"content"
    assert [entry.name for entry in tmp_path.iterdir()] == ["target"]
    assert bytes(moniker.bind_to_storage(None, TYMED.HGLOBAL)) == b"content"


def test_the_stream_of_a_handler_is_a_file_for_the_standard_library() -> None:
    stream = urlmon.create_url_moniker("data:,one%0Atwo%0A").bind_to_storage()
    assert isinstance(stream, io.RawIOBase)
    assert io.BufferedReader(stream).readlines() == [b"one\n", b"two\n"]
    with pytest.raises(ValueError, match="closed"):
        stream.read()


def test_the_stream_of_a_synchronous_bind_can_be_sought_in() -> None:
    stream = urlmon.create_url_moniker("data:,something").bind_to_storage()
    assert stream.seekable()
    assert stream.read(4) == b"some"
    assert stream.seek(0, io.SEEK_END) == 9
    assert stream.read(1) == b""
    assert stream.seek(-5, io.SEEK_CUR) == 4
    assert stream.read() == b"thing"
    assert stream.seek(0) == 0
    with pytest.raises(ValueError, match="no seeking"):
        stream.seek(-1)
    assert stream.tell() == 0
    assert stream.stat()[2] == 9
    assert io.BufferedReader(stream).read() == b"something"


def test_the_size_that_a_handler_announces_is_told() -> None:
    recorder = Recorder()
    urlmon.create_url_moniker("data:,text").bind_to_storage(urlmon.create_async_bind_ctx(recorder))
    told = {status: (progress, most) for progress, most, status, _ in recorder.of("on_progress")}
    assert told[BINDSTATUS.BEGINDOWNLOADDATA] == told[BINDSTATUS.ENDDOWNLOADDATA] == (4, 4)
