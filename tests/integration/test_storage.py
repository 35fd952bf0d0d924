"""Where the bytes go: streams, files and memory (contract 6, design 3)."""

from __future__ import annotations

import array
import errno
import gc
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import urlmon
import urlmon_core
from tests.lifecycle import check_script
from tests.recording import Recorder, bind, download, fetch, finish, name_of, pump_until
from tests.servers import RefusingPort, ScriptedServer, lines, payload
from tests.servers.caddy import CaddyServer
from urlmon import HRESULT, TYMED, BindInfo

SYNCHRONOUS = BindInfo(flags=urlmon.BINDF(0))
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def open_stream(url: str) -> Any:
    """The stream of a synchronous bind."""
    return urlmon.create_url_moniker(url).bind_to_storage()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def unread(scripted: ScriptedServer, size: int) -> Recorder:
    """A finished operation of which nothing was read."""
    return fetch(scripted.url(f"/payload/{size}"), read=False)


# -- streams (contract 6.5) ------------------------------------------------------------------------------------------


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


class Positioned(urlmon.BindStatusCallback):
    """Of a synchronous bind: does `act` with the stream and what was announced, in each on_data_available."""

    def __init__(self, act: Any) -> None:
        self.act = act

    def get_bind_info(self) -> BindInfo:
        return SYNCHRONOUS

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


# -- files -----------------------------------------------------------------------------------------------------------


def test_a_file_has_its_name_when_it_is_complete(scripted: ScriptedServer, tmp_path: Path) -> None:
    target = tmp_path / "target.bin"
    recorder = bind(
        scripted.url("/hold-body/rest", size=3_000_000, at=2_000_000), Recorder(), TYMED.FILE, target
    )
    pump_until(lambda: recorder.binding.bytes_received == 2_000_000)
    assert names(tmp_path) == ["target.bin.part"]
    scripted.release("rest")
    finish(recorder)
    assert names(tmp_path) == ["target.bin"]
    assert target.read_bytes() == payload(3_000_000)
    assert recorder.medium.path == str(target)
    assert (recorder.binding.bytes_received, recorder.binding.bytes_total) == (3_000_000, 3_000_000)


def test_the_file_is_there_when_it_is_told(scripted: ScriptedServer, tmp_path: Path) -> None:
    found: list[bytes] = []
    download(
        scripted.url("/payload/300000"),
        tmp_path / "target",
        on_data_available=lambda recorder, *args: found.append(Path(recorder.medium.path).read_bytes()),
    )
    assert found == [payload(300_000)]


def test_the_file_is_complete_though_the_owner_is_busy(scripted: ScriptedServer, tmp_path: Path) -> None:
    target = tmp_path / "target"
    recorder = bind(scripted.url("/payload/300000"), Recorder(), TYMED.FILE, target)
    deadline = time.monotonic() + 10
    while not target.exists():  # nobody pumps: only the file system can tell
        assert time.monotonic() < deadline
        time.sleep(0.002)
    assert target.read_bytes() == payload(300_000)
    assert not recorder.stopped
    finish(recorder)


@pytest.mark.parametrize("size", [0, 1, 65_536, 3_000_000])
def test_sizes_of_files(scripted: ScriptedServer, tmp_path: Path, size: int) -> None:
    recorder = download(scripted.url(f"/payload/{size}"), tmp_path / "target")
    assert recorder.hresult == HRESULT.S_OK
    assert (tmp_path / "target").read_bytes() == payload(size)
    assert names(tmp_path) == ["target"]


@pytest.mark.parametrize("path", ["/chunked?size=200000&chunk=7777", "/until-close?size=200000"])
def test_files_of_unknown_length(scripted: ScriptedServer, tmp_path: Path, path: str) -> None:
    download(scripted.url()[: -len("/ok")] + path, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == payload(200_000)


def test_a_big_file_from_a_real_server(caddy: CaddyServer, tmp_path: Path) -> None:
    url = caddy.http_url + caddy.write("storage/big.bin", payload(30_000_000))
    download(url, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == payload(30_000_000)


def test_a_new_file_has_the_permissions_of_the_umask(scripted: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "model").touch()
    download(scripted.url(), tmp_path / "target")
    assert (tmp_path / "target").stat().st_mode == (tmp_path / "model").stat().st_mode


def test_an_old_target_is_replaced_on_success(scripted: ScriptedServer, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old" * 100_000)
    recorder = bind(scripted.url("/hold-body/rest", size=1000), Recorder(), TYMED.FILE, target)
    pump_until(lambda: recorder.binding.bytes_received == 500)
    assert target.read_bytes() == b"old" * 100_000
    scripted.release("rest")
    finish(recorder)
    assert target.read_bytes() == payload(1000)
    assert names(tmp_path) == ["target"]


FAILURES = {
    "short": ("/short", {"size": 300_000}, urlmon.DownloadError),
    "reset": ("/reset", {"size": 300_000}, urlmon.DownloadError),
    "no answer": ("/no-answer", {}, urlmon.DownloadError),
    "reset before the head": ("/reset", {"at": -1}, urlmon.DownloadError),
    "status": ("/status/404", {"size": 300_000}, urlmon.HTTPNotFoundError),
    "status of 503": ("/status/503", {}, urlmon.HTTPStatusError),
    "loop": ("/redirect/loop", {}, urlmon.RedirectError),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("old", [b"old", None], ids=["old target", "no target"])
def test_a_failure_leaves_the_target(
    scripted: ScriptedServer, tmp_path: Path, failure: str, old: bytes | None
) -> None:
    path, query, error = FAILURES[failure]
    target = tmp_path / "target"
    if old is not None:
        target.write_bytes(old)
    recorder = download(scripted.url(path, **query), target, BindInfo(fail_on_http_error=True))
    assert type(recorder.error) is error
    assert recorder.of("on_data_available") == []
    assert names(tmp_path) == ([] if old is None else ["target"])
    if old is not None:
        assert target.read_bytes() == old
    assert download(scripted.url("/payload/5"), target).hresult == HRESULT.S_OK
    assert target.read_bytes() == payload(5)


MOMENTS: dict[str, tuple[str, dict[str, int], Callable[[Recorder], object]]] = {
    "at once": ("/hold/never", {}, lambda recorder: True),
    "before the head": ("/hold/never", {}, lambda recorder: "SENDINGREQUEST" in recorder.sequence),
    "in the body": (
        "/hold-body/never",
        {"size": 300_000},
        lambda recorder: recorder.binding.bytes_received == 150_000,
    ),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("old", [b"old", None], ids=["old target", "no target"])
def test_an_abort_leaves_the_target(
    scripted: ScriptedServer, tmp_path: Path, moment: str, old: bytes | None
) -> None:
    path, query, reached = MOMENTS[moment]
    target = tmp_path / "target"
    if old is not None:
        target.write_bytes(old)
    recorder = bind(scripted.url(path, **query), Recorder(), TYMED.FILE, target)
    pump_until(lambda: reached(recorder))
    assert recorder.binding.abort() == HRESULT.S_OK
    finish(recorder)
    assert recorder.hresult == HRESULT.E_ABORT
    assert names(tmp_path) == ([] if old is None else ["target"])
    assert old is None or target.read_bytes() == old


def test_an_abort_that_was_accepted_leaves_no_file(scripted: ScriptedServer, tmp_path: Path) -> None:
    """However close to the end: S_OK from abort() means that the target does not come."""
    outcomes = set()
    for number in range(60):
        target = tmp_path / f"target-{number}"
        recorder = bind(scripted.url("/payload/2000"), Recorder(), TYMED.FILE, target)
        time.sleep(number * 0.00005)  # any moment will do; spread over the life of a transfer
        answer = recorder.binding.abort()
        finish(recorder)
        outcomes.add(answer)
        if answer == HRESULT.S_OK:
            assert recorder.hresult == HRESULT.E_ABORT
            assert not target.exists()
        else:
            assert answer == HRESULT.INET_E_RESULT_DISPATCHED
            assert recorder.hresult == HRESULT.S_OK
            assert target.read_bytes() == payload(2000)
    assert not [name for name in names(tmp_path) if name.endswith(".part")]
    assert HRESULT.S_OK in outcomes


def test_a_part_that_was_left_over_is_begun_anew(scripted: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "target.part").write_bytes(b"x" * 100_000)
    download(scripted.url("/payload/1000"), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == payload(1000)
    assert names(tmp_path) == ["target"]


def test_the_part_is_never_written_through_a_link(scripted: ScriptedServer, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "target.part").symlink_to(victim)
    recorder = download(scripted.url("/payload/1000"), tmp_path / "target")
    assert isinstance(recorder.error, urlmon.StorageError)
    assert recorder.error.errno == errno.ELOOP
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_a_part_that_is_no_file(scripted: ScriptedServer, tmp_path: Path, kind: str) -> None:
    obstacle = tmp_path / "target.part"
    obstacle.mkdir() if kind == "folder" else os.mkfifo(obstacle)
    recorder = download(scripted.url("/payload/1000"), tmp_path / "target")
    assert isinstance(recorder.error, urlmon.StorageError)
    assert names(tmp_path) == ["target.part"]


def bad_targets(folder: Path) -> dict[str, tuple[Path, type, int]]:
    (folder / "file").write_bytes(b"old")
    (folder / "folder").mkdir()
    (folder / "folder" / "inside").write_bytes(b"old")
    return {
        "is a folder": (folder / "folder", urlmon.StorageError, errno.EISDIR),
        "folder missing": (folder / "missing" / "target", urlmon.MissingFolderError, errno.ENOENT),
        "below a file": (folder / "file" / "target", urlmon.MissingFolderError, errno.ENOTDIR),
        "name too long": (folder / ("x" * 300), urlmon.StorageError, errno.ENAMETOOLONG),
        "loop of links": (folder / "loop" / "target", urlmon.StorageError, errno.ELOOP),
    }


@pytest.mark.parametrize(
    "which", ["is a folder", "folder missing", "below a file", "name too long", "loop of links"]
)
@pytest.mark.parametrize("synchronous", [False, True])
def test_a_target_that_cannot_be_written(
    scripted: ScriptedServer, tmp_path: Path, which: str, synchronous: bool
) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    target, kind, number = bad_targets(tmp_path)[which]
    url = scripted.url("/payload/1000")
    if synchronous:
        with pytest.raises(urlmon.StorageError) as caught:
            urlmon.create_url_moniker(url).bind_to_storage(None, TYMED.FILE, target)
        error: Any = caught.value
    else:
        recorder = download(url, target)
        error = recorder.error
        assert recorder.hresult == error.hresult
        assert recorder.of("on_data_available") == []
    assert type(error) is kind
    assert error.errno == number
    assert error.filename == str(target)
    assert error.url == url
    assert str(target) in str(error)
    assert names(tmp_path) == ["file", "folder", "loop"]
    assert names(tmp_path / "folder") == ["inside"]
    assert download(url, tmp_path / "good").hresult == HRESULT.S_OK


@pytest.mark.parametrize("path", [None, "", "a\0b"])
def test_a_path_that_is_none(scripted: ScriptedServer, path: str | None) -> None:
    recorder = Recorder()
    with pytest.raises(urlmon.InvalidRequestError) as caught:
        bind(scripted.url(), recorder, TYMED.FILE, path)
    assert caught.value.hresult == HRESULT.E_INVALIDARG
    assert caught.value.url == scripted.url()
    assert recorder.calls == []


@pytest.mark.parametrize("storage", [TYMED.ISTORAGE, TYMED.NULL, TYMED.GDI], ids=name_of)
def test_media_that_urls_are_not_bound_to(scripted: ScriptedServer, storage: TYMED) -> None:
    recorder = Recorder()
    with pytest.raises(urlmon.BindError) as caught:
        bind(scripted.url(), recorder, storage)
    assert (caught.value.hresult, caught.value.url) == (HRESULT.E_NOTIMPL, scripted.url())
    assert recorder.calls == []


@pytest.mark.parametrize("name", ["naïve ☃.bin", "a b'\"$(x)", "-", "..target", "undecodable \udcff"])
def test_names_of_files(scripted: ScriptedServer, tmp_path: Path, name: str) -> None:
    try:
        (tmp_path / name).touch()
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such names")
    recorder = download(scripted.url("/payload/1000"), str(tmp_path / name))
    assert recorder.medium.path == str(tmp_path / name)
    assert (tmp_path / name).read_bytes() == payload(1000)
    assert names(tmp_path) == [name]


def test_a_relative_path_is_relative_to_where_the_bind_was(
    scripted: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    recorder = bind(scripted.url("/hold-body/rest", size=1000), Recorder(), TYMED.FILE, "target")
    pump_until(lambda: recorder.binding.bytes_received == 500)
    monkeypatch.chdir(tmp_path / "there")
    scripted.release("rest")
    finish(recorder)
    assert recorder.hresult == HRESULT.S_OK
    assert names(tmp_path / "here") == ["target"]
    assert names(tmp_path / "there") == []


def test_two_downloads_of_one_target(scripted: ScriptedServer, tmp_path: Path) -> None:
    target = tmp_path / "target"
    first = bind(scripted.url("/hold-body/rest", size=300_000), Recorder(), TYMED.FILE, target)
    pump_until(lambda: first.binding.bytes_received == 150_000)
    second = download(scripted.url("/payload/1000", seed=2), target)
    assert isinstance(second.error, urlmon.StorageExistsError)
    assert second.hresult == HRESULT.WIN32_E_SHARING_VIOLATION
    assert second.error.url == scripted.url("/payload/1000", seed=2)
    assert str(target) in str(second.error)
    scripted.release("rest")
    finish(first)
    assert target.read_bytes() == payload(300_000)
    assert names(tmp_path) == ["target"]
    assert download(scripted.url("/payload/1000", seed=2), target).hresult == HRESULT.S_OK
    assert target.read_bytes() == payload(1000, seed=2)


def test_many_downloads_of_one_target_at_once(scripted: ScriptedServer, tmp_path: Path) -> None:
    target = tmp_path / "target"
    recorders = [
        bind(scripted.url("/payload/200000", seed=seed), Recorder(label=seed), TYMED.FILE, target)
        for seed in range(8)
    ]
    finish(*recorders)
    won = [recorder.label for recorder in recorders if recorder.hresult == HRESULT.S_OK]
    lost = [recorder for recorder in recorders if recorder.hresult != HRESULT.S_OK]
    assert won
    assert {type(recorder.error) for recorder in lost} <= {urlmon.StorageExistsError}
    assert target.read_bytes() in [payload(200_000, seed=seed) for seed in won]
    assert names(tmp_path) == ["target"]


def test_two_processes_and_one_target(scripted: ScriptedServer, tmp_path: Path) -> None:
    target = tmp_path / "target"
    first = bind(scripted.url("/hold-body/rest", size=300_000), Recorder(), TYMED.FILE, target)
    pump_until(lambda: first.binding.bytes_received == 150_000)
    out = check_script(
        """
        recorder = fetch(argv[0], storage=urlmon.TYMED.FILE, path=argv[1])
        print(type(recorder.error).__name__)
        """,
        scripted.url("/payload/1000"),
        target,
    )
    assert out == "StorageExistsError\n"
    scripted.release("rest")
    finish(first)
    assert target.read_bytes() == payload(300_000)
    assert names(tmp_path) == ["target"]


def test_a_synchronous_download_returns_the_path(scripted: ScriptedServer, tmp_path: Path) -> None:
    answer = urlmon.create_url_moniker(scripted.url("/payload/1000")).bind_to_storage(
        None, TYMED.FILE, tmp_path / "target"
    )
    assert answer == str(tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == payload(1000)


def test_many_files_at_once(scripted: ScriptedServer, tmp_path: Path) -> None:
    sizes = [(number * 7919) % 40_000 for number in range(200)]
    recorders = [
        bind(scripted.url(f"/payload/{size}"), Recorder(), TYMED.FILE, tmp_path / str(number))
        for number, size in enumerate(sizes)
    ]
    finish(*recorders)
    assert {recorder.hresult for recorder in recorders} == {HRESULT.S_OK}
    assert [(tmp_path / str(number)).read_bytes() == payload(size) for number, size in enumerate(sizes)] == [
        True
    ] * 200
    assert len(names(tmp_path)) == 200


# -- folders that must not be written, disks that are full -----------------------------------------------------------

AS_NOBODY = """
    folder, name, url = argv
    target = os.path.join(folder, name)
    assert fetch(url).body  # whatever is loaded on first use is loaded now
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    recorder = fetch(url, storage=urlmon.TYMED.FILE, path=target)
    error = recorder.error
    assert type(error) is urlmon.StoragePermissionError, error
    assert isinstance(error, PermissionError)
    assert error.hresult == urlmon.HRESULT.E_ACCESSDENIED == recorder.hresult
    assert error.url == url and target in str(error) and error.filename == target
    assert fetch(url).body  # and the process goes on
    print(error.errno)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, as the folders of pytest are not."""
    folder = Path(tempfile.mkdtemp(prefix="urlmon-tests-"))
    try:
        if any(not parent.stat().st_mode & 0o001 for parent in folder.parents):
            pytest.skip("other users cannot reach the temporary folder")
        folder.chmod(0o755)
        (folder / "target").write_bytes(b"old")
        yield folder
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["target", "new"])
def test_a_folder_that_is_read_only(scripted: ScriptedServer, open_folder: Path, name: str) -> None:
    open_folder.chmod(0o555)
    assert check_script(AS_NOBODY, open_folder, name, scripted.url("/payload/1000")) == f"{errno.EACCES}\n"
    assert names(open_folder) == ["target"]
    assert (open_folder / "target").read_bytes() == b"old"


@pytest.mark.skipif(not ROOT, reason="needs a file of another user")
def test_a_target_of_another_user_in_a_sticky_folder(scripted: ScriptedServer, open_folder: Path) -> None:
    """The partial file can be written, the rename is refused."""
    open_folder.chmod(0o1777)
    assert check_script(AS_NOBODY, open_folder, "target", scripted.url("/payload/1000")) == f"{errno.EPERM}\n"
    assert names(open_folder) == ["target"]
    assert (open_folder / "target").read_bytes() == b"old"


def tmpfs_command(folder: Path) -> list[str] | None:
    """A command prefix with a file system of 1 MiB at `folder`, None where there is no way to have one."""
    mount = f"mount -t tmpfs -o size=1m none {folder}"
    for flags in ("-m", "-rm"):
        command = ["unshare", flags, "sh", "-c", f'{mount} && exec "$@"', "sh"]
        try:
            if (
                subprocess.run([*command, "true"], capture_output=True, timeout=10, check=False).returncode
                == 0
            ):
                return command
        except OSError:
            return None
    return None


def test_a_disk_that_is_full(scripted: ScriptedServer, tmp_path: Path) -> None:
    prefix = tmpfs_command(tmp_path)
    if prefix is None:
        pytest.skip("no mount namespaces here")
    out = check_script(
        """
        folder, big, small = argv
        target = folder + "/target"
        open(target, "wb").write(b"old")
        for url in big.split():
            recorder = fetch(url, storage=urlmon.TYMED.FILE, path=target)
            error = recorder.error
            assert type(error) is urlmon.DiskFullError, error
            assert recorder.hresult == urlmon.HRESULT.WIN32_E_DISK_FULL
            assert (error.url, error.filename) == (url, target) and target in str(error)
            assert open(target, "rb").read() == b"old"
            assert os.listdir(folder) == ["target"], os.listdir(folder)
        fetch(small, storage=urlmon.TYMED.FILE, path=target)
        print(os.path.getsize(target), error.errno)
        """,
        tmp_path,
        scripted.url("/payload/3000000") + " " + scripted.url("/chunked", size=3_000_000, chunk=50_000),
        scripted.url("/payload/500000"),
        prefix=prefix,
    )
    assert out == f"500000 {errno.ENOSPC}\n"


def test_a_file_beyond_the_limit_of_the_process(scripted: ScriptedServer, tmp_path: Path) -> None:
    out = check_script(
        """
        import resource
        target, big, small = argv
        open(target, "wb").write(b"old")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        recorder = fetch(big, storage=urlmon.TYMED.FILE, path=target)
        assert isinstance(recorder.error, urlmon.StorageError), recorder.error
        assert recorder.hresult == urlmon.HRESULT.WIN32_E_FILE_TOO_LARGE
        assert open(target, "rb").read() == b"old"
        fetch(small, storage=urlmon.TYMED.FILE, path=target)
        print(os.path.getsize(target), recorder.error.errno)
        """,
        tmp_path / "target",
        scripted.url("/payload/3000000"),
        scripted.url("/payload/500000"),
    )
    assert out == f"500000 {errno.EFBIG}\n"
    assert names(tmp_path) == ["target"]


def test_no_descriptor_is_left_for_the_file(scripted: ScriptedServer, tmp_path: Path) -> None:
    out = check_script(
        """
        import resource
        target, url = argv
        fetch(url)
        held = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 1, 4096))
        recorder = fetch(url, storage=urlmon.TYMED.FILE, path=target)
        assert isinstance(recorder.error, urlmon.BindError), recorder.hresult
        for number in held:
            os.close(number)
        fetch(url, storage=urlmon.TYMED.FILE, path=target)
        print(type(recorder.error).__name__, os.path.getsize(target))
        """,
        tmp_path / "target",
        scripted.url("/payload/1000"),
    )
    assert out == "StorageError 1000\n"


# -- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
def test_memory(scripted: ScriptedServer, size: int) -> None:
    recorder = fetch(scripted.url(f"/payload/{size}"), storage=TYMED.HGLOBAL)
    data = recorder.medium.data
    assert isinstance(data, memoryview)
    assert (data.readonly, data.format, data.nbytes) == (True, "B", size)
    assert data == payload(size)
    del recorder
    gc.collect()
    assert bytes(data) == payload(size)


@pytest.mark.parametrize("path", ["/chunked", "/until-close"])
@pytest.mark.parametrize("size", [0, 1000, 65_536, 1_000_001])
def test_memory_of_unknown_length(scripted: ScriptedServer, path: str, size: int) -> None:
    recorder = fetch(scripted.url(path, size=size), storage=TYMED.HGLOBAL)
    assert recorder.medium.data == payload(size)
    assert recorder.binding.bytes_total == -1


def test_memory_of_a_body_that_is_decoded(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/gzip", size=500_000), storage=TYMED.HGLOBAL)
    assert recorder.medium.data == lines(500_000)
    assert (recorder.binding.bytes_received, recorder.binding.bytes_total) == (500_000, -1)


def test_a_length_that_nobody_can_have_is_not_believed(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/short", size=1 << 50, sent=100_000), storage=TYMED.HGLOBAL)
    assert isinstance(recorder.error, urlmon.DownloadError)
    assert recorder.of("on_data_available") == []


def test_memory_of_a_failed_transfer_is_not_delivered(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/reset", size=300_000), storage=TYMED.HGLOBAL)
    assert isinstance(recorder.error, urlmon.DownloadError)
    assert recorder.of("on_data_available") == []


def test_synchronous_memory(scripted: ScriptedServer, refusing_port: RefusingPort) -> None:
    data = urlmon.create_url_moniker(scripted.url("/payload/300000")).bind_to_storage(None, TYMED.HGLOBAL)
    assert data == payload(300_000)
    assert isinstance(data, memoryview)
    with pytest.raises(urlmon.ConnectError):
        urlmon.create_url_moniker(refusing_port.url()).bind_to_storage(None, TYMED.HGLOBAL)
    assert sys.getsizeof(data) < 1000
