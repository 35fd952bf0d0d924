"""Binds that a cache takes part in, and binds that need a file (contract 3.5 D, 5.2)."""

from __future__ import annotations

import dataclasses
import gzip
import io
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.recording import Recorder, bind, finish, pump_until
from tests.servers import RefusingPort, ScriptedServer, payload
from tests.servers.exchange import Exchange
from urlmon import BINDF, BINDSTATUS, BINDVERB, BSCF, HRESULT, HTTP_QUERY, TYMED, BindInfo, DownloadCache

pytest.importorskip("hishel", reason="the extra `cache` is not installed")

ASYNC = BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE
PULL = ASYNC | BINDF.PULLDATA
MODES = {"push": ASYNC, "pull": PULL, "blocking": BINDF.ASYNCHRONOUS, "synchronous": BINDF(0)}
STORAGES = [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL]
FORMATS = [
    urlmon.FormatEtc(urlmon.register_clipboard_format(name), TYMED.ISTREAM)
    for name in ("text/html", "image/png", "text/plain")
]
HIT = [
    BINDSTATUS.USINGCACHEDCOPY,
    BINDSTATUS.MIMETYPEAVAILABLE,
    BINDSTATUS.BEGINDOWNLOADDATA,
    BINDSTATUS.ENDDOWNLOADDATA,
]
_STATUS = HTTP_QUERY.STATUS_CODE | HTTP_QUERY.FLAG_NUMBER


class Page:
    """What the server has at /page: its content, and what it says of it."""

    def __init__(self, scripted: ScriptedServer) -> None:
        self.content = payload(300_000)
        self.tag = '"first"'
        self.fields: list[tuple[str, str]] = [("Cache-Control", "max-age=1000")]
        self.encodes = False
        self.scripted = scripted
        scripted.script("/page", self.serve)

    async def serve(self, exchange: Exchange) -> None:
        fields = [("Content-Type", "Text/Plain; charset=utf-8"), ("ETag", self.tag), *self.fields]
        if exchange.request.header("If-None-Match") == self.tag:
            await exchange.reply(304, fields, b"")
        elif self.encodes and "gzip" in (exchange.request.header("Accept-Encoding") or ""):
            await exchange.reply(
                200, [*fields, ("Content-Encoding", "gzip")], gzip.compress(self.content, mtime=0)
            )
        else:
            await exchange.reply(200, fields, self.content)

    def changes(self) -> None:
        self.content, self.tag = payload(1000), '"second"'

    @property
    def url(self) -> str:
        return self.scripted.url("/page")

    @property
    def asked(self) -> int:
        """How many requests the server has seen."""
        return len(self.scripted.requests)


@pytest.fixture
def page(scripted: ScriptedServer) -> Page:
    return Page(scripted)


@pytest.fixture
def cache(tmp_path: Path) -> DownloadCache:
    return DownloadCache(tmp_path / "cache")


@pytest.fixture(autouse=True)
def user_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, and where temporary files go."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return tmp_path / "user"


def get(url: str, storage: TYMED = TYMED.ISTREAM, path: Any = None, **info: Any) -> Recorder:
    """Binds and waits; the body is in `body` whatever the mode and the storage are."""
    recorder = Recorder(BindInfo(**{"flags": ASYNC, **info}))
    context = urlmon.create_async_bind_ctx(recorder)
    returned = urlmon.create_url_moniker(url).bind_to_storage(context, storage, path)
    pump_until(lambda: recorder.stopped)
    recorder.check()
    if recorder.hresult == HRESULT.S_OK and not recorder.body:
        if storage == TYMED.ISTREAM:
            recorder.stream = recorder.stream or returned
            recorder.read_all()
        else:
            recorder.body += Path(path).read_bytes() if storage == TYMED.FILE else recorder.medium.data
    return recorder


def files(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.rglob("*") if path.is_file())


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
    assert second.binding.query_info(_STATUS) == 200
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


@pytest.mark.parametrize("flag", [BINDF.NOWRITECACHE, BINDF.PRAGMA_NO_CACHE])
def test_what_is_not_to_be_kept(page: Page, cache: DownloadCache, flag: BINDF) -> None:
    assert get(page.url, cache=cache, flags=ASYNC | flag).body == page.content
    assert not cache.folder.exists() or files(cache.folder) == []


def test_what_the_server_forbids_to_keep_sees_no_disk(
    page: Page, cache: DownloadCache, tmp_path: Path
) -> None:
    page.fields = [("Cache-Control", "no-store")]
    recorder = get(page.url, cache=cache)
    assert recorder.body == page.content
    assert not recorder.stream.seekable()
    assert files(tmp_path) == []


def test_a_stale_one_is_confirmed(page: Page, cache: DownloadCache) -> None:
    page.fields = [("Cache-Control", "max-age=0")]
    get(page.url, cache=cache)
    recorder = get(page.url, cache=cache)
    assert recorder.body == page.content
    assert page.scripted.requests[1].header("If-None-Match") == '"first"'
    assert recorder.statuses[-4:] == HIT
    assert BINDSTATUS.SENDINGREQUEST in recorder.statuses
    assert recorder.binding.query_info(_STATUS) == 200
    assert recorder.methods.count("on_stop_binding") == 1
    page.changes()
    assert get(page.url, cache=cache).body == payload(1000)
    assert page.asked == 3


def test_resynchronising_asks_and_the_newest_version_is_fetched(page: Page, cache: DownloadCache) -> None:
    get(page.url, cache=cache)
    assert get(page.url, cache=cache, flags=ASYNC | BINDF.RESYNCHRONIZE).statuses[-4:] == HIT
    assert page.scripted.requests[1].header("If-None-Match") == '"first"'
    newest = get(page.url, cache=cache, flags=ASYNC | BINDF.GETNEWESTVERSION)
    assert page.scripted.requests[2].header("If-None-Match") is None
    assert page.scripted.requests[2].header("Cache-Control") == "no-cache"
    assert BINDSTATUS.USINGCACHEDCOPY not in newest.statuses
    assert newest.body == page.content
    assert page.asked == 3


@pytest.mark.parametrize("flag", [BINDF.OFFLINEOPERATION, BINDF.FWD_BACK])
def test_stale_ones_without_asking(page: Page, cache: DownloadCache, flag: BINDF) -> None:
    page.fields = [("Cache-Control", "max-age=0")]
    get(page.url, cache=cache)
    assert get(page.url, cache=cache, flags=ASYNC | flag).statuses == HIT
    assert page.asked == 1


def test_offline_there_is_nothing_but_the_cache(page: Page, cache: DownloadCache) -> None:
    recorder = Recorder(BindInfo(flags=ASYNC | BINDF.OFFLINEOPERATION, cache=cache))
    with pytest.raises(urlmon.ResourceNotFoundError, match="not in the cache"):
        bind(page.url, recorder)
    assert recorder.hresult == HRESULT.INET_E_RESOURCE_NOT_FOUND
    assert "not in the cache" in str(recorder.error)
    assert page.asked == 0
    assert get(page.url, cache=cache, flags=ASYNC | BINDF.FWD_BACK).body == page.content


def test_the_users_cache_is_what_the_flags_mean(page: Page, user_cache: Path) -> None:
    get(page.url, flags=ASYNC | BINDF.FWD_BACK)
    assert files(user_cache) == ["", ".json"]
    assert get(page.url, flags=BINDF.OFFLINEOPERATION).body == page.content
    assert Path(urlmon.url_download_to_cache_file(page.url)).read_bytes() == page.content
    assert page.asked == 1


@pytest.mark.parametrize("mode", ["push", "synchronous"])
def test_the_cache_in_place_of_a_network_that_fails(
    scripted: ScriptedServer, cache: DownloadCache, mode: str
) -> None:
    flags = MODES[mode] | BINDF.GETFROMCACHE_IF_NET_FAIL
    page = Page(scripted)
    page.fields = [("Cache-Control", "max-age=0")]
    get(page.url, cache=cache)
    with RefusingPort() as gone:
        failed = get(gone.url("/page"), cache=cache, flags=ASYNC | BINDF.GETFROMCACHE_IF_NET_FAIL)
        assert isinstance(failed.error, urlmon.ConnectError)
        broken = get(page.url, cache=cache, flags=flags, proxy=gone.url())
    assert broken.hresult == HRESULT.S_OK
    assert broken.body == page.content
    assert broken.statuses[-4:] == HIT


def test_an_error_is_the_bindings_own(scripted: ScriptedServer, cache: DownloadCache) -> None:
    async def serve(exchange: Exchange) -> None:
        await exchange.reply(410, [], b"gone")

    scripted.script("/gone", serve)
    recorder = get(scripted.url("/gone"), cache=cache)
    assert (recorder.body, recorder.binding.query_info(_STATUS)) == (b"gone", 410)
    failed = get(scripted.url("/gone"), cache=cache, fail_on_http_error=True)
    assert isinstance(failed.error, urlmon.HTTPStatusError)
    assert failed.error.http_status == 410
    assert files(cache.folder) == []


def test_a_body_that_breaks_off_is_not_kept(scripted: ScriptedServer, cache: DownloadCache) -> None:
    recorder = get(scripted.url("/short"), cache=cache)
    assert isinstance(recorder.error, urlmon.BindError)
    recorder.calls.clear()
    recorder.medium = recorder.stream = None
    assert not cache.folder.exists() or files(cache.folder) == []


def test_an_abort_leaves_nothing(scripted: ScriptedServer, cache: DownloadCache) -> None:
    recorder = Recorder(
        BindInfo(flags=ASYNC, cache=cache), on_data_available=lambda recorder, *_: recorder.binding.abort()
    )
    bind(scripted.url("/hold-body/rest", size=3000, at=1000), recorder)
    pump_until(lambda: recorder.stopped)
    scripted.release("rest")
    assert recorder.hresult == HRESULT.E_ABORT
    recorder.calls.clear()
    recorder.medium = recorder.stream = None
    assert files(cache.folder) == []


def test_redirects_are_not_kept_as_what_they_led_to(page: Page, cache: DownloadCache) -> None:
    """A resource that is somewhere else today may be elsewhere tomorrow, however long it may be kept itself."""

    async def moved(exchange: Exchange) -> None:
        await exchange.reply(302, [("Location", "/page")], b"")

    page.scripted.script("/moved", moved)
    url = page.scripted.url("/moved")
    assert get(url, cache=cache).body == page.content
    assert page.asked == 2
    assert get(url, cache=cache).body == page.content
    assert page.asked == 4
    assert get(page.url, cache=cache).statuses == HIT
    assert Path(urlmon.url_download_to_cache_file(url, cache=cache)).read_bytes() == page.content
    assert page.asked == 6
    assert cache.remove(url) == 0


def test_encoded_bodies(page: Page, cache: DownloadCache) -> None:
    """A stream has them decoded, and keeps them so; a file has them as they came."""
    page.encodes = True
    page.fields += [("Vary", "Accept-Encoding")]
    assert get(page.url, cache=cache).body == page.content
    assert page.scripted.requests[0].header("Accept-Encoding")
    again = get(page.url, cache=cache)
    assert (again.body, again.statuses) == (page.content, HIT)
    assert again.binding.header("Content-Encoding") is None
    assert Path(urlmon.url_download_to_cache_file(page.url, cache=cache)).read_bytes() == page.content
    assert page.asked == 2  # another version, for who does not decode
    assert get(page.url, cache=cache).statuses == HIT


def test_a_body_that_is_kept_as_it_came_is_of_no_use_to_a_stream(page: Page, cache: DownloadCache) -> None:
    page.encodes = True
    fields = {"headers": [("Accept-Encoding", "gzip")]}
    path = urlmon.url_download_to_cache_file(page.url, Recorder(BindInfo(**fields)), cache=cache)
    assert gzip.decompress(Path(path).read_bytes()) == page.content
    assert get(page.url, cache=cache, **fields).body == page.content
    assert page.asked == 2


def test_other_methods_pass_by_the_cache_and_clear_it(page: Page, cache: DownloadCache) -> None:
    get(page.url, cache=cache)
    posted = get(page.url, cache=cache, verb=BINDVERB.POST, data=b"x")
    assert posted.body == page.content
    assert page.scripted.requests[1].method == "POST"
    assert files(cache.folder) == []
    get(page.url, cache=cache)
    assert page.asked == 3


def test_media_types_that_the_client_wants(page: Page, cache: DownloadCache) -> None:
    """The request is that of a bind without a cache."""
    fields = []
    for info in (BindInfo(flags=ASYNC, cache=cache), BindInfo(flags=ASYNC)):
        for headers in ((), (("accept", "text/css"),)):
            recorder = Recorder(dataclasses.replace(info, headers=headers))
            context = urlmon.create_async_bind_ctx(recorder, urlmon.create_format_enumerator(FORMATS))
            urlmon.create_url_moniker(page.url).bind_to_storage(context)
            pump_until(lambda recorder=recorder: recorder.stopped)
            fields.append(
                [pair for pair in page.scripted.requests[-1].headers if pair[0].lower() == "accept"]
            )
            cache.clear()
    assert fields[:2] == fields[2:]
    assert [len(found) for found in fields] == [1] * 4
    get(page.url, cache=cache)
    assert page.scripted.requests[-1].header("Accept") == "*/*"


def test_conditions_of_the_clients_own(page: Page, cache: DownloadCache) -> None:
    get(page.url, cache=cache)
    recorder = get(page.url, cache=cache, headers=[("If-None-Match", '"first"')])
    assert recorder.binding.query_info(_STATUS) == 304
    assert recorder.body == b""


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
    assert recorder.binding.query_info(_STATUS) == 200
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


def test_a_disk_that_is_full(page: Page, cache: DownloadCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, data: Any, position: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)  # no real disk is full on demand
    recorder = get(page.url, cache=cache)
    assert isinstance(recorder.error, urlmon.BindError)
    assert "space" in str(recorder.error)


def test_other_schemes(cache: DownloadCache) -> None:
    assert get("data:,text", flags=ASYNC | BINDF.NEEDFILE).body == b"text"
    recorder = Recorder(BindInfo(cache=cache, schemes=("ftp",)))
    with pytest.raises(urlmon.UnsupportedError, match="only http and https"):
        bind("ftp://127.0.0.1/x", recorder)
    assert recorder.methods == ["get_bind_info", "get_priority"]


@pytest.mark.parametrize("flag", [BINDF.OFFLINEOPERATION, BINDF.FWD_BACK, BINDF.GETFROMCACHE_IF_NET_FAIL])
def test_without_the_extra(page: Page, monkeypatch: pytest.MonkeyPatch, flag: BINDF) -> None:
    monkeypatch.setitem(sys.modules, "hishel", None)
    recorder = Recorder(BindInfo(flags=ASYNC | flag))
    with pytest.raises(urlmon.UnsupportedError, match=r"pyurlmon\[cache\]") as caught:
        bind(page.url, recorder)
    assert caught.value.hresult == HRESULT.E_NOTIMPL
    assert "on_start_binding" not in recorder.methods
    assert page.asked == 0
    plain = BINDF.NEEDFILE | BINDF.NOWRITECACHE | BINDF.GETNEWESTVERSION | BINDF.RESYNCHRONIZE
    assert get(page.url, flags=ASYNC | plain).body == page.content
