"""Streams: what is there, nothing now, the end, and views of the bytes (contract 6.5)."""

from __future__ import annotations

import array
import gc
import io
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

import urlmon
import urlmon_core
from tests.recording import Recorder, bind, fetch, finish, pump_until
from tests.servers import ScriptedServer, lines, payload
from urlmon import TYMED, BindInfo

SYNCHRONOUS = BindInfo(flags=urlmon.BINDF(0))


def open_stream(url: str) -> Any:
    """The stream of a synchronous bind."""
    return urlmon.create_url_moniker(url).bind_to_storage()


def unread(scripted: ScriptedServer, size: int) -> Recorder:
    """A finished operation of which nothing was read."""
    return fetch(scripted.url(f"/payload/{size}"), read=False)


def test_nothing_now_and_the_end_are_told_apart(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hold-body/rest", size=3000, at=1000), Recorder(read=False))
    pump_until(lambda: recorder.stream is not None and recorder.stream.available == 1000)
    stream = recorder.stream
    buffer = bytearray(100)
    assert stream.read(10) == payload(10)
    assert stream.read(0) == b""
    assert stream.readinto(buffer) == 100
    assert buffer == payload(110)[10:]
    assert stream.read() == payload(1000)[110:]
    # Nothing now: E_PENDING.
    assert stream.read() is None
    assert stream.read(5) is None
    assert stream.readinto(buffer) is None
    assert stream.read_view() is None
    assert stream.readall() is None
    # Asking for nothing is no question about the end.
    assert stream.read(0) == b""
    assert stream.readinto(bytearray()) == 0
    scripted.release("rest")
    finish(recorder)
    assert stream.available == 2000
    assert stream.read(100_000) == payload(3000)[1000:]
    # The end: S_FALSE, however often.
    for _ in range(2):
        assert stream.read() == b""
        assert stream.read(5) == b""
        assert stream.readinto(buffer) == 0
        assert stream.readall() == b""
        assert len(stream.read_view()) == 0
        assert stream.available == 0


def test_what_a_stream_says_of_itself(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hold-body/rest", size=3000, at=1000), Recorder(read=False))
    pump_until(lambda: recorder.stream is not None and recorder.stream.available == 1000)
    stream = recorder.stream
    assert stream.stat() == (None, 2, 3000, 0x80000000)
    scripted.release("rest")
    finish(recorder)
    stream.read()
    assert stream.stat(1) == (None, 2, 3000, 0x80000000)
    assert unread(scripted, 0).stream.stat() == (None, 2, 0, 0)
    for refused in (stream.clone, stream.truncate, lambda: stream.write(b""), lambda: stream.seek(0)):
        with pytest.raises(io.UnsupportedOperation):
            refused()
    assert not stream.seekable()
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.stat()


def test_reading_in_on_data_available(scripted: ScriptedServer) -> None:
    pieces: list[Any] = []

    def read(recorder: Recorder, flags: Any, size: int, format: Any, medium: Any) -> None:
        while piece := medium.stream.read(1000):
            pieces.append(piece)
        pieces.append(piece)

    recorder = bind(
        scripted.url("/hold-body/rest", size=300_000, at=123_456),
        Recorder(read=False, on_data_available=read),
    )
    pump_until(lambda: sum(map(len, filter(None, pieces))) == 123_456)
    assert pieces[-1] is None
    scripted.release("rest")
    finish(recorder)
    assert pieces[-1] == b""
    assert b"".join(filter(None, pieces)) == payload(300_000)
    assert max(map(len, filter(None, pieces))) <= 1000
    assert len({id(args[3].stream) for args in recorder.of("on_data_available")}) == 1


@pytest.mark.parametrize("step", [1, 7, 4096, 65_536, 1_000_000])
def test_reading_in_steps(scripted: ScriptedServer, step: int) -> None:
    size = 20_000 if step < 100 else 700_000
    stream = unread(scripted, size).stream
    assert b"".join(iter(lambda: stream.read(step), b"")) == payload(size)


def test_reading_after_the_stop(scripted: ScriptedServer) -> None:
    recorder = unread(scripted, 200_000)
    stream = recorder.stream
    del recorder  # neither the callback nor the binding is needed
    gc.collect()
    assert stream.available == 200_000
    assert stream.read() == payload(200_000)
    assert stream.read() == b""


def test_views_are_not_copies(scripted: ScriptedServer) -> None:
    recorder = unread(scripted, 700_000)
    stream = recorder.stream
    assert stream.read(3) == payload(3)
    views = []
    while view := stream.read_view():
        assert view.readonly
        assert (view.format, view.ndim, view.itemsize) == ("B", 1, 1)
        assert not isinstance(view.obj, (bytes, bytearray))
        with pytest.raises(TypeError):
            view[0] = 0
        views.append(view)
    assert len(view) == 0
    assert len(views) >= 2
    counts = urlmon_core.live_counts()
    if counts:
        assert counts["blocks"] == len(views)  # a block lives as long as its view …
    stream.close()
    del stream, recorder
    gc.collect()
    assert b"".join(views) == payload(700_000)[3:]  # … and that is longer than the stream
    views.clear()
    del view
    if counts:
        assert urlmon_core.live_counts()["blocks"] == 0


def test_a_view_is_what_is_there_of_one_block(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hold-body/rest", size=3000, at=1000), Recorder(read=False))
    pump_until(lambda: recorder.stream is not None and recorder.stream.available == 1000)
    first = recorder.stream.read_view()
    assert first == payload(1000)
    scripted.release("rest")
    finish(recorder)
    assert first == payload(1000)  # what came later into the same block did not change it
    assert b"".join(iter(recorder.stream.read_view, b"")) == payload(3000)[1000:]


def test_readinto_takes_every_writable_buffer(scripted: ScriptedServer) -> None:
    stream = unread(scripted, 1000).stream
    numbers = array.array("I", [0] * 10)
    assert stream.readinto(numbers) == 40
    assert numbers.tobytes() == payload(40)
    target = bytearray(100)
    assert stream.readinto(memoryview(target)[10:20]) == 10
    assert target == bytes(10) + payload(50)[40:] + bytes(80)
    with pytest.raises((TypeError, BufferError)):
        stream.readinto(b"read-only")
    assert stream.read() == payload(1000)[50:]


def test_no_cycle_keeps_what_is_over(scripted: ScriptedServer) -> None:
    """What nobody refers to is gone at once; it does not wait for the garbage collector."""
    before = urlmon_core.live_counts()
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            recorder = fetch(scripted.url("/payload/300000"), read=False)
            assert recorder.stream.read(10) == payload(10)
            del recorder
            with open_stream(scripted.url("/payload/1000")) as stream:
                assert stream.read(10) == payload(10)
            del stream
            fetch(scripted.url("/short"))
            fetch(scripted.url("/payload/1000"), storage=TYMED.HGLOBAL)
        after = urlmon_core.live_counts()
    finally:
        gc.enable()
    for name in ("bindings", "blocks") if after else ():
        assert after[name] <= before[name], name


def test_what_a_stream_is(scripted: ScriptedServer) -> None:
    stream = unread(scripted, 1000).stream
    assert isinstance(stream, io.RawIOBase)
    assert (stream.readable(), stream.writable(), stream.seekable()) == (True, False, False)
    for operation in (lambda: stream.write(b"x"), lambda: stream.seek(0), lambda: stream.truncate(0)):
        with pytest.raises((io.UnsupportedOperation, OSError)):
            operation()
    with stream:
        assert stream.read(10) == payload(10)
    assert stream.closed
    for operation in (stream.read, stream.read_view, lambda: stream.readinto(bytearray(1))):
        with pytest.raises(ValueError, match="closed"):
            operation()


def test_the_bytes_of_a_failed_transfer_come_before_its_error(scripted: ScriptedServer) -> None:
    url = scripted.url("/short", size=5000, sent=2000)
    recorder = fetch(url, read=False)
    assert isinstance(recorder.error, urlmon.DownloadError)
    assert recorder.stream.read() == payload(2000)
    for read in (
        recorder.stream.read,
        recorder.stream.read_view,
        lambda: recorder.stream.readinto(bytearray(1)),
    ):
        with pytest.raises(urlmon.DownloadError) as caught:
            read()
        assert caught.value.url == url


def test_the_stream_of_an_aborted_transfer(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hold-body/never", size=5000, at=2000), Recorder(read=False))
    pump_until(lambda: recorder.stream is not None and recorder.stream.available == 2000)
    recorder.binding.abort()
    finish(recorder)
    assert recorder.stream.read() == payload(2000)
    with pytest.raises(urlmon.AbortedError):
        recorder.stream.read()


def test_a_synchronous_stream_is_complete(scripted: ScriptedServer) -> None:
    stream = open_stream(scripted.url("/payload/5000000"))  # more than the high-water mark
    assert stream.read(1000) == payload(1000)
    assert stream.read() == payload(5_000_000)[1000:]
    assert stream.read() == b""


def test_a_synchronous_stream_with_a_client_that_reads_nothing(scripted: ScriptedServer) -> None:
    recorder = Recorder(SYNCHRONOUS, read=False)
    stream = urlmon.create_url_moniker(scripted.url("/payload/5000000")).bind_to_storage(
        urlmon.create_async_bind_ctx(recorder)
    )
    assert stream is recorder.stream
    assert stream.read() == payload(5_000_000)


def test_buffered_reader(scripted: ScriptedServer) -> None:
    with io.BufferedReader(open_stream(scripted.url("/payload/300000"))) as reader:
        assert reader.peek(1)[:1] == payload(1)
        assert reader.read(100_000) == payload(100_000)
        assert reader.read() == payload(300_000)[100_000:]
        assert reader.read() == b""


def test_lines_of_text(scripted: ScriptedServer) -> None:
    text = lines(160_000).decode()
    with io.TextIOWrapper(io.BufferedReader(open_stream(scripted.url("/gzip", size=160_000)))) as reader:
        assert list(reader) == text.splitlines(keepends=True)


def test_copyfileobj(scripted: ScriptedServer, tmp_path: Path) -> None:
    with open_stream(scripted.url("/payload/300000")) as stream, (tmp_path / "copy").open("wb") as target:
        shutil.copyfileobj(stream, target)
    assert (tmp_path / "copy").read_bytes() == payload(300_000)


@pytest.mark.parametrize("mode", ["r|", "r|gz"])
def test_tarfile(scripted: ScriptedServer, mode: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode.replace("r", "w")) as archive:
        for size in (0, 10, 200_000):
            member = tarfile.TarInfo(f"file-{size}")
            member.size = size
            archive.addfile(member, io.BytesIO(payload(size)))

    async def archive_script(exchange: Any) -> None:
        await exchange.reply(200, [("Content-Type", "application/x-tar")], packed.getvalue())

    scripted.script("/archive", archive_script)
    with tarfile.open(fileobj=open_stream(scripted.url("/archive")), mode=mode) as archive:
        found = {}
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            found[member.name] = content.read()
    assert found == {f"file-{size}": payload(size) for size in (0, 10, 200_000)}
