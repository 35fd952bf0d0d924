"""Binds that a cache takes part in: calls, streams and services when it answers and when it keeps (contract 3.5 D)."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.integration import cached_pages
from tests.integration.cached_pages import ASYNC, HIT, MODES, PULL, STATUS, Page, files, get
from tests.recording import Recorder, bind, finish, pump_until
from tests.servers import ScriptedServer, payload
from tests.servers.exchange import Exchange
from urlmon import BINDF, BINDSTATUS, BSCF, HRESULT, TYMED, BindInfo, DownloadCache

pytest.importorskip("hishel", reason="the extra `cache` is not installed")

page = cached_pages.large_page
cache = cached_pages.own_cache
user_cache = cached_pages.user_cache

STORAGES = [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL]


# -- what the client is told -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", STORAGES, ids=lambda one: one.name)
@pytest.mark.parametrize("mode", MODES)
def test_what_was_kept_is_used_again(
    page: Page, cache: DownloadCache, tmp_path: Path, mode: str, storage: TYMED
) -> None:
    info = {"flags": MODES[mode], "cache": cache, "storage": storage, "path": tmp_path / "target"}
    first = get(page.url, **info)
    assert BINDSTATUS.USINGCACHEDCOPY not in first.statuses
    assert files(cache.folder) == ["", ".json"]
    second = get(page.url, **info)
    assert first.body == second.body == page.content
    assert page.asked == 1
    told = [status for status in second.statuses if status != BINDSTATUS.CACHEFILENAMEAVAILABLE]
    assert told == HIT
    ((flags, size, _, _),) = second.of("on_data_available")
    assert flags == BSCF.LASTDATANOTIFICATION | BSCF.DATAFULLYAVAILABLE or storage != TYMED.ISTREAM
    assert size == 300_000
    assert second.binding.query_info(STATUS) == 200
    assert second.binding.header("ETag") == '"first"'
    assert {call.thread for call in second.calls} == {threading.get_ident()}


def test_a_hit_comes_inside_the_call(page: Page, cache: DownloadCache) -> None:
    """Contract 2.4 and 3.5 D: an asynchronous bind may complete at once, and gives the stream then."""
    get(page.url, cache=cache)
    recorder = Recorder(BindInfo(flags=ASYNC, cache=cache), read=False)
    stream = urlmon.create_url_moniker(page.url).bind_to_storage(urlmon.create_async_bind_ctx(recorder))
    assert recorder.stopped
    assert stream.read() == page.content
    assert recorder.methods == [
        "get_bind_info",
        "get_priority",
        "on_start_binding",
        *["on_progress"] * 4,
        "on_data_available",
        "on_stop_binding",
    ]


def test_the_file_is_named_to_who_needs_one(page: Page, cache: DownloadCache) -> None:
    get(page.url, cache=cache)
    recorder = get(page.url, cache=cache, flags=ASYNC | BINDF.NEEDFILE)
    assert recorder.statuses == [*HIT[:3], BINDSTATUS.CACHEFILENAMEAVAILABLE, HIT[3]]
    (path,) = recorder.texts(BINDSTATUS.CACHEFILENAMEAVAILABLE)
    assert Path(path).read_bytes() == page.content
    assert Path(path).is_relative_to(cache.folder)
    assert recorder.stream.stat()[0] == path


# -- streams and files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_its_stream_can_be_sought_in(page: Page, cache: DownloadCache, mode: str) -> None:
    for _ in range(2):
        stream = get(page.url, cache=cache, flags=MODES[mode]).stream
        assert stream.seekable()
        assert stream.seek(0, io.SEEK_END) == 300_000
        assert stream.seek(1000) == 1000
        assert stream.read(10) == page.content[1000:1010]
        assert stream.seek(-10, io.SEEK_CUR) == 1000
        for refused in ((0, 100), (-1, 0)):
            with pytest.raises(ValueError, match="no seeking"):
                stream.seek(*refused)
        assert stream.tell() == 1000
        assert stream.read() == page.content[1000:]


def test_seeking_while_it_comes(scripted: ScriptedServer) -> None:
    recorder = bind(
        scripted.url("/hold-body/rest", size=3000, at=1000), Recorder(BindInfo(flags=ASYNC | BINDF.NEEDFILE))
    )
    pump_until(lambda: len(recorder.body) == 1000)
    stream = recorder.stream
    assert stream.read(1) is None
    assert stream.seek(0, io.SEEK_END) == 1000
    assert stream.seek(500) == 500
    assert stream.read(10) == payload(510)[500:]
    stream.seek(1000)
    scripted.release("rest")
    finish(recorder)
    assert recorder.body == payload(3000)
    assert stream.seek(10) == 10
    assert stream.read() == payload(3000)[10:]


@pytest.mark.parametrize("mode", ["push", "blocking", "synchronous"])
def test_a_file_that_is_needed_goes_with_its_stream(page: Page, tmp_path: Path, mode: str) -> None:
    recorder = get(page.url, flags=MODES[mode] | BINDF.NEEDFILE)
    (path,) = recorder.texts(BINDSTATUS.CACHEFILENAMEAVAILABLE)
    assert Path(path).parent == tmp_path / "tmp"
    assert Path(path).read_bytes() == recorder.body == page.content
    before = recorder.statuses
    at = before.index(BINDSTATUS.CACHEFILENAMEAVAILABLE)
    assert before[at - 1] == BINDSTATUS.BEGINDOWNLOADDATA
    recorder.stream.close()
    recorder.calls.clear()
    recorder.medium = recorder.stream = None
    assert files(tmp_path / "tmp") == []


@pytest.mark.parametrize("mode", ["push", "pull"])
def test_suspending_and_priority(scripted: ScriptedServer, cache: DownloadCache, mode: str) -> None:
    recorder = Recorder(BindInfo(flags=MODES[mode], cache=cache), priority=3)
    bind(scripted.url("/hold-body/rest", size=3000, at=1000), recorder)
    pump_until(lambda: len(recorder.body) == 1000)
    assert recorder.binding.priority == 3
    assert recorder.binding.suspend() == HRESULT.S_OK
    scripted.release("rest")
    urlmon.pump(0.1)
    assert len(recorder.body) == 1000
    assert recorder.binding.resume() == HRESULT.S_OK
    finish(recorder)
    assert recorder.body == payload(3000)


def test_a_large_body_is_pulled_in_pieces(scripted: ScriptedServer, cache: DownloadCache) -> None:
    """A client that pulls has what it reads kept, and no more than a little ahead of it fetched."""
    size = 6 << 20

    async def serve(exchange: Exchange) -> None:
        await exchange.reply(200, [("Cache-Control", "max-age=1000")], payload(size))

    scripted.script("/large", serve)
    recorder = Recorder(BindInfo(flags=PULL, cache=cache), read=False)
    bind(scripted.url("/large"), recorder)
    pump_until(lambda: recorder.stream is not None)
    while urlmon.pump(0.1):
        pass
    (body,) = (path for path in cache.folder.rglob("*") if path.is_file())
    assert body.stat().st_size < 1 << 20
    recorder.read = True
    recorder.read_all()
    pump_until(lambda: recorder.stopped)
    assert recorder.body == payload(size)
    assert files(cache.folder) == ["", ".json"]


# -- services of the client ------------------------------------------------------------------------------------------


class Negotiating(Recorder):
    """With IHttpNegotiate and IAuthenticate."""

    def beginning_transaction(self, url: str, headers: Any) -> Any:
        return self._called("beginning_transaction", url, headers)

    def on_response(self, status: int, response_headers: str, request_headers: Any) -> Any:
        return self._called("on_response", status, response_headers, request_headers)

    def authenticate(self) -> tuple[str, str]:
        return "user", "secret"


def bound(url: str, recorder: Recorder) -> Recorder:
    urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(recorder))
    pump_until(lambda: recorder.stopped)
    return recorder


def test_the_services_of_the_client(page: Page, cache: DownloadCache) -> None:
    info = BindInfo(flags=ASYNC, cache=cache)
    for _ in range(2):
        recorder = bound(page.url, Negotiating(info, beginning_transaction=lambda *_: {"X-Client": "yes"}))
        assert recorder.of("beginning_transaction") == [(page.url, None)]
        ((status, head, _),) = recorder.of("on_response")
        assert status == 200
        assert 'etag: "first"' in head.lower()
        assert recorder.body == page.content
    assert page.scripted.requests[0].header("X-Client") == "yes"
    assert page.asked == 1
    refused = Negotiating(info, on_response=lambda *_: HRESULT.E_ABORT)
    with pytest.raises(urlmon.AbortedError):
        bound(page.url, refused)
    assert refused.hresult == HRESULT.E_ABORT
    assert refused.body == b""


def test_credentials_of_the_client(scripted: ScriptedServer, cache: DownloadCache) -> None:
    recorder = bound(scripted.url("/basic"), Negotiating(BindInfo(flags=ASYNC, cache=cache)))
    assert recorder.binding.query_info(STATUS) == 200
    assert [status for status, _, _ in recorder.of("on_response")] == [200]


def test_another_request_after_an_error(page: Page, cache: DownloadCache) -> None:
    async def serve(exchange: Exchange) -> None:
        key = exchange.request.header("X-Key")
        await exchange.reply(200 if key else 403, [], b"in" if key else b"out")

    page.scripted.script("/door", serve)
    recorder = bound(
        page.scripted.url("/door"),
        Negotiating(
            BindInfo(flags=ASYNC, cache=cache),
            on_response=lambda recorder, status, *_: {"X-Key": "1"} if status == 403 else None,
        ),
    )
    assert recorder.body == b"in"
    assert [status for status, _, _ in recorder.of("on_response")] == [403, 200]
