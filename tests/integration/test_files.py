"""Files: a target has its name when it is complete, and is as it was after anything else (contract 6, design 3)."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import urlmon
from tests.recording import Recorder, bind, download, finish, names, pump_until
from tests.servers import ScriptedServer, payload
from tests.servers.caddy import CaddyServer
from urlmon import HRESULT, TYMED, BindInfo


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


@pytest.fixture(params=[b"old", None], ids=["old target", "no target"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> bytes | None:
    """What is in the target before; None: there is none."""
    content: bytes | None = request.param
    if content is not None:
        (tmp_path / "target").write_bytes(content)
    return content


def check_untouched(folder: Path, old: bytes | None) -> None:
    assert names(folder) == ([] if old is None else ["target"])
    assert old is None or (folder / "target").read_bytes() == old


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_leaves_the_target(
    scripted: ScriptedServer, tmp_path: Path, failure: str, old: bytes | None
) -> None:
    path, query, error = FAILURES[failure]
    target = tmp_path / "target"
    recorder = download(scripted.url(path, **query), target, BindInfo(fail_on_http_error=True))
    assert type(recorder.error) is error
    assert recorder.of("on_data_available") == []
    check_untouched(tmp_path, old)
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
def test_an_abort_leaves_the_target(
    scripted: ScriptedServer, tmp_path: Path, moment: str, old: bytes | None
) -> None:
    path, query, reached = MOMENTS[moment]
    recorder = bind(scripted.url(path, **query), Recorder(), TYMED.FILE, tmp_path / "target")
    pump_until(lambda: reached(recorder))
    assert recorder.binding.abort() == HRESULT.S_OK
    finish(recorder)
    assert recorder.hresult == HRESULT.E_ABORT
    check_untouched(tmp_path, old)


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
