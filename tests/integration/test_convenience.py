"""url_open_stream and its relatives, each with its own rules (contract section 9)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.recording import Recorder, finish, name_of
from tests.servers import ScriptedServer, payload
from tests.servers.ports import RefusingPort
from urlmon import BINDF, BINDSTATUS, HRESULT, TYMED, BindInfo

SIZE = 300_000
# What a client asks for does not count here.
INFO = BindInfo(flags=BINDF.ASYNCHRONOUS | BINDF.PULLDATA, headers={"X-Mine": "1"})

FILE_STATUSES = {
    BINDSTATUS.CONNECTING,
    BINDSTATUS.SENDINGREQUEST,
    BINDSTATUS.MIMETYPEAVAILABLE,
    BINDSTATUS.BEGINDOWNLOADDATA,
    BINDSTATUS.DOWNLOADINGDATA,
    BINDSTATUS.ENDDOWNLOADDATA,
    BINDSTATUS.CACHEFILENAMEAVAILABLE,
}


def open_blocking(url: str, callback: Any, folder: Path) -> bytes:
    return urlmon.url_open_blocking_stream(url, callback).read()


def download_to_file(url: str, callback: Any, folder: Path) -> bytes:
    target = folder / "target"
    assert urlmon.url_download_to_file(url, target, callback) == str(target)
    return target.read_bytes()


SYNCHRONOUS = [open_blocking, download_to_file]
ASYNCHRONOUS = [urlmon.url_open_stream, urlmon.url_open_pull_stream]

synchronous = pytest.mark.parametrize("fetch", SYNCHRONOUS, ids=name_of)
asynchronous = pytest.mark.parametrize("start", ASYNCHRONOUS, ids=name_of)


def statuses(recorder: Recorder) -> list[BINDSTATUS]:
    return [status for _, _, status, _ in recorder.of("on_progress")]


@asynchronous
def test_an_opened_stream(scripted: ScriptedServer, start: Callable[..., None]) -> None:
    recorder = Recorder(INFO)
    assert start(scripted.url(f"/payload/{SIZE}"), recorder) is None
    assert not recorder.stopped
    finish(recorder)
    assert recorder.body == payload(SIZE)
    assert recorder.hresult == HRESULT.S_OK
    assert scripted.requests[0].header("X-Mine") == "1"
    assert recorder.methods[0] == "get_bind_info"
    assert {call.thread for call in recorder.calls} == {threading.get_ident()}


@asynchronous
def test_without_a_client(scripted: ScriptedServer, start: Callable[..., None]) -> None:
    start(scripted.url(f"/payload/{SIZE}"))
    urlmon.run()
    assert len(scripted.requests) == 1


@asynchronous
def test_an_answer_to_data_ends_a_stream(scripted: ScriptedServer, start: Callable[..., None]) -> None:
    recorder = Recorder(on_data_available=lambda *_: HRESULT.E_ABORT)
    start(scripted.url(f"/payload/{SIZE}"), recorder)
    finish(recorder)
    assert recorder.hresult == HRESULT.E_ABORT


@asynchronous
def test_an_answer_to_progress_ends_a_stream(scripted: ScriptedServer, start: Callable[..., None]) -> None:
    recorder = Recorder(on_progress=lambda *_: HRESULT.E_ABORT)
    start(scripted.url(f"/payload/{SIZE}"), recorder)
    finish(recorder)
    assert recorder.hresult == HRESULT.E_ABORT
    assert recorder.of("on_data_available") == []


@asynchronous
def test_a_status_is_a_failure_of_a_stream(scripted: ScriptedServer, start: Callable[..., None]) -> None:
    recorder = Recorder()
    start(scripted.url("/status/404"), recorder)
    finish(recorder)
    assert isinstance(recorder.error, urlmon.HTTPNotFoundError)


@synchronous
def test_a_whole_body(scripted: ScriptedServer, tmp_path: Path, fetch: Any) -> None:
    recorder = Recorder(INFO)
    assert fetch(scripted.url(f"/payload/{SIZE}"), recorder, tmp_path) == payload(SIZE)
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.methods[0] == "get_bind_info"
    assert recorder.methods[-1] == "on_stop_binding"
    assert "on_data_available" not in recorder.methods
    assert scripted.requests[0].header("X-Mine") == "1"
    assert {call.thread for call in recorder.calls} == {threading.get_ident()}
    order = [BINDSTATUS.SENDINGREQUEST, BINDSTATUS.MIMETYPEAVAILABLE, BINDSTATUS.BEGINDOWNLOADDATA]
    seen = [status for status in statuses(recorder) if status in order]
    assert seen == order
    assert statuses(recorder)[-1] == BINDSTATUS.ENDDOWNLOADDATA


@synchronous
def test_nobody_has_to_listen(scripted: ScriptedServer, tmp_path: Path, fetch: Any) -> None:
    assert fetch(scripted.url(f"/payload/{SIZE}"), None, tmp_path) == payload(SIZE)
    assert fetch(scripted.url("/payload/0"), None, tmp_path) == b""


def test_a_download_to_a_file_tells_its_own_statuses(scripted: ScriptedServer, tmp_path: Path) -> None:
    recorder = Recorder()
    download_to_file(scripted.url(f"/payload/{SIZE}", host="localhost"), recorder, tmp_path)
    assert set(statuses(recorder)) <= FILE_STATUSES
    assert BINDSTATUS.CACHEFILENAMEAVAILABLE in statuses(recorder)


def test_a_blocking_stream_tells_all_statuses(scripted: ScriptedServer, tmp_path: Path) -> None:
    recorder = Recorder()
    open_blocking(scripted.url(f"/payload/{SIZE}", host="localhost"), recorder, tmp_path)
    assert BINDSTATUS.FINDINGRESOURCE in statuses(recorder)


@pytest.mark.parametrize(
    "status",
    [BINDSTATUS.SENDINGREQUEST, BINDSTATUS.MIMETYPEAVAILABLE, BINDSTATUS.BEGINDOWNLOADDATA],
    ids=name_of,
)
@synchronous
def test_abort_as_the_answer_to_progress(
    scripted: ScriptedServer, tmp_path: Path, fetch: Any, status: BINDSTATUS
) -> None:
    def answer(recorder: Recorder, progress: int, most: int, now: BINDSTATUS, text: str | None) -> Any:
        return HRESULT.E_ABORT if now == status else None

    recorder = Recorder(on_progress=answer)
    with pytest.raises(urlmon.AbortedError) as caught:
        fetch(scripted.url("/hold-body/rest", size=3000, at=1000), recorder, tmp_path)
    assert caught.value.hresult == recorder.hresult == HRESULT.E_ABORT
    assert recorder.methods[-1] == "on_stop_binding"
    assert statuses(recorder)[-1] == status
    assert list(tmp_path.iterdir()) == []


@synchronous
def test_abort_as_the_answer_to_the_start(scripted: ScriptedServer, tmp_path: Path, fetch: Any) -> None:
    recorder = Recorder(on_start_binding=lambda *_: HRESULT.E_ABORT)
    with pytest.raises(urlmon.AbortedError):
        fetch(scripted.url("/ok"), recorder, tmp_path)
    assert recorder.hresult == HRESULT.E_ABORT
    assert len(scripted.requests) == 0


@synchronous
def test_no_interest_in_the_start_is_no_refusal(scripted: ScriptedServer, tmp_path: Path, fetch: Any) -> None:
    recorder = Recorder(on_start_binding=lambda *_: HRESULT.E_NOTIMPL)
    assert fetch(scripted.url("/ok"), recorder, tmp_path) == b"ok"


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, urlmon.HTTPNotFoundError), (401, urlmon.HTTPAuthenticationError), (500, urlmon.HTTPStatusError)],
)
@synchronous
def test_a_status_is_a_failure(
    scripted: ScriptedServer, tmp_path: Path, fetch: Any, status: int, error: type[urlmon.HTTPStatusError]
) -> None:
    (tmp_path / "target").write_bytes(b"old")
    recorder = Recorder()
    with pytest.raises(error) as caught:
        fetch(scripted.url(f"/status/{status}"), recorder, tmp_path)
    assert caught.value.http_status == status
    assert recorder.error is caught.value
    assert (tmp_path / "target").read_bytes() == b"old"


@synchronous
def test_a_refused_connection(refusing_port: RefusingPort, tmp_path: Path, fetch: Any) -> None:
    with pytest.raises(urlmon.ConnectError):
        fetch(f"http://127.0.0.1:{refusing_port.port}/", None, tmp_path)
    assert list(tmp_path.iterdir()) == []


@synchronous
def test_an_exception_of_the_client_leaves_through_the_call(
    scripted: ScriptedServer, tmp_path: Path, fetch: Any
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    recorder = Recorder(on_progress=fail)
    with pytest.raises(ZeroDivisionError):
        fetch(scripted.url("/ok"), recorder, tmp_path)
    urlmon.run()
    assert recorder.hresult == HRESULT.E_UNEXPECTED


@pytest.mark.parametrize(
    "call",
    [
        urlmon.url_open_stream,
        urlmon.url_open_pull_stream,
        urlmon.url_open_blocking_stream,
        lambda url: urlmon.url_download_to_file(url, "x"),
    ],
)
def test_what_is_no_url(call: Callable[[Any], Any]) -> None:
    with pytest.raises(urlmon.InvalidRequestError) as caught:
        call(None)
    assert caught.value.hresult == HRESULT.E_INVALIDARG


class Host:
    """An IBindHost: it makes monikers relative to `base`, and binds them."""

    def __init__(self, base: str) -> None:
        self.base = urlmon.create_url_moniker(base)
        self.bound: list[tuple[str, BINDF]] = []

    def create_moniker(self, name: str, context: urlmon.BindCtx) -> urlmon.URLMoniker:
        return urlmon.create_url_moniker(name, self.base)

    def moniker_bind_to_storage(
        self, moniker: urlmon.URLMoniker, context: urlmon.BindCtx, callback: Any, storage: TYMED, path: Any
    ) -> Any:
        self.bound.append((moniker.url, callback.get_bind_info().flags))
        return moniker.bind_to_storage(context, storage, path)


def test_a_caller_that_is_a_bind_host_makes_and_binds_the_moniker(scripted: ScriptedServer) -> None:
    host = Host(scripted.url("/nothing"))
    assert urlmon.url_open_blocking_stream("ok", caller=host).read() == b"ok"
    assert host.bound == [(scripted.url("/ok"), 0)]
    assert urlmon.url_open_blocking_stream(scripted.url("/ok"), caller=object()).read() == b"ok"


def test_which_flags_count(scripted: ScriptedServer, tmp_path: Path) -> None:
    host = Host(scripted.url())
    recorder = Recorder(BindInfo(flags=BINDF.ASYNCHRONOUS | BINDF.ENFORCERESTRICTED | BINDF.NOWRITECACHE))
    urlmon.url_download_to_file("ok", tmp_path / "target", recorder, caller=host)
    urlmon.url_open_blocking_stream("ok", recorder, caller=host)
    urlmon.url_open_stream("ok", recorder, caller=host)
    urlmon.run()
    urlmon.url_open_pull_stream("ok", recorder, caller=host)
    urlmon.run()
    push = BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE
    to_file = BINDF.PULLDATA | BINDF.NEEDFILE | BINDF.ENFORCERESTRICTED
    assert [flags for _, flags in host.bound] == [to_file, 0, push, push | BINDF.PULLDATA]


@synchronous
def test_an_abort_counts_also_when_all_has_come(scripted: ScriptedServer, tmp_path: Path, fetch: Any) -> None:
    def answer(recorder: Recorder, progress: int, most: int, now: BINDSTATUS, text: str | None) -> Any:
        return HRESULT.E_ABORT if now == BINDSTATUS.ENDDOWNLOADDATA else None

    recorder = Recorder(on_progress=answer)
    with pytest.raises(urlmon.AbortedError):
        fetch(scripted.url("/ok"), recorder, tmp_path)
    assert recorder.hresult == HRESULT.E_ABORT
