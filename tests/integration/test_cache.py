"""Downloads into the cache (contract section 9, 5.2)."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.integration import cached_pages
from tests.integration.cached_pages import Page, files
from tests.recording import Recorder, bind, finish
from tests.servers import ScriptedServer
from tests.servers.exchange import Exchange
from urlmon import BINDF, BINDSTATUS, HRESULT, BindInfo, DownloadCache, url_download_to_cache_file

pytest.importorskip("hishel", reason="the extra `cache` is not installed")

CACHED_CALLS = [
    "BINDSTATUS.USINGCACHEDCOPY",
    "BINDSTATUS.MIMETYPEAVAILABLE",
    "BINDSTATUS.BEGINDOWNLOADDATA",
    "BINDSTATUS.CACHEFILENAMEAVAILABLE",
    "BINDSTATUS.ENDDOWNLOADDATA",
]

page = cached_pages.small_page
user_cache = cached_pages.user_cache
cache = cached_pages.users_cache


def get(page: Page, flags: BINDF = BINDF(0), callback: Any = None, **info: Any) -> bytes:  # noqa: B008
    client = Recorder(BindInfo(flags=flags, **info)) if callback is None else callback
    return Path(url_download_to_cache_file(page.url, client)).read_bytes()


def statuses(recorder: Recorder) -> list[str]:
    return [f"BINDSTATUS.{BINDSTATUS(status).name}" for _, _, status, _ in recorder.of("on_progress")]


def test_a_fresh_response_is_used_again(page: Page, cache: DownloadCache) -> None:
    first = url_download_to_cache_file(page.url)
    page.content = b"second"
    assert url_download_to_cache_file(page.url) == first
    assert Path(first).read_bytes() == b"first"
    assert page.asked == 1
    assert Path(first).is_relative_to(cache.folder)
    assert files(cache.folder) == ["", ".json"]


def test_what_a_client_hears_of_a_cached_response(page: Page) -> None:
    get(page)
    recorder = Recorder()
    path = url_download_to_cache_file(page.url, recorder)
    assert statuses(recorder) == CACHED_CALLS
    texts = {status: text for _, _, status, text in recorder.of("on_progress")}
    assert texts[BINDSTATUS.CACHEFILENAMEAVAILABLE] == path
    assert texts[BINDSTATUS.MIMETYPEAVAILABLE] == "text/plain"
    assert recorder.methods == ["get_bind_info", *["on_progress"] * 5]  # nothing was started


def test_an_abort_as_the_answer_to_a_cached_response(page: Page) -> None:
    get(page)
    with pytest.raises(urlmon.AbortedError):
        get(page, callback=Recorder(on_progress=lambda *_: HRESULT.E_ABORT))


def test_what_a_client_hears_of_a_download(page: Page) -> None:
    recorder = Recorder()
    path = url_download_to_cache_file(page.url, recorder)
    texts = {status: text for _, _, status, text in recorder.of("on_progress")}
    assert texts[BINDSTATUS.CACHEFILENAMEAVAILABLE] == path
    assert "BINDSTATUS.USINGCACHEDCOPY" not in statuses(recorder)
    assert recorder.hresult == HRESULT.S_OK


@pytest.mark.parametrize("control", ["max-age=0", "no-cache"])
def test_a_stale_response_is_used_if_the_server_confirms_it(page: Page, control: str) -> None:
    page.fields = [("Cache-Control", control)]
    first = url_download_to_cache_file(page.url)
    recorder = Recorder()
    assert url_download_to_cache_file(page.url, recorder) == first
    assert page.scripted.requests[1].header("If-None-Match") == '"first"'
    assert statuses(recorder)[-5:] == CACHED_CALLS
    assert recorder.methods.count("on_stop_binding") == recorder.methods.count("on_start_binding") == 1
    page.content = b"second"
    assert get(page) == b"second"
    assert page.asked == 3


def test_a_confirmation_makes_it_fresh_again(page: Page) -> None:
    page.fields = [("Cache-Control", "max-age=0")]
    get(page)
    page.fields = [("Cache-Control", "max-age=1000")]
    get(page)
    assert get(page) == b"first"
    assert page.asked == 2


def test_what_must_not_be_kept_is_downloaded_anew(page: Page, cache: DownloadCache) -> None:
    page.fields = [("Cache-Control", "no-store")]
    first = Path(url_download_to_cache_file(page.url))
    assert first.read_bytes() == b"first"
    page.content = b"second"
    assert get(page) == b"second"
    assert files(cache.folder) == ["", ""]
    os.utime(first, (time.time() - 90_000,) * 2)
    cache.trim()
    assert not first.exists()
    assert files(cache.folder) == [""]


@pytest.mark.parametrize("flag", [BINDF.NOWRITECACHE, BINDF.PRAGMA_NO_CACHE])
def test_nothing_is_kept_if_the_client_says_so(page: Page, cache: DownloadCache, flag: BINDF) -> None:
    assert get(page, flag) == b"first"
    assert files(cache.folder) == [""]
    page.content = b"second"
    assert get(page) == b"second"


def test_the_newest_version(page: Page) -> None:
    get(page)
    page.content = b"second"
    assert get(page, BINDF.GETNEWESTVERSION) == b"second"
    request = page.scripted.requests[1]
    assert (request.header("Cache-Control"), request.header("If-None-Match")) == ("no-cache", None)
    assert get(page) == b"second"
    assert page.asked == 2


def test_resynchronising_asks_the_server(page: Page) -> None:
    get(page)
    assert get(page, BINDF.RESYNCHRONIZE) == b"first"
    assert page.scripted.requests[1].header("If-None-Match") == '"first"'
    page.content = b"second"
    assert get(page, BINDF.RESYNCHRONIZE) == b"second"


@pytest.mark.parametrize("flag", [BINDF.OFFLINEOPERATION, BINDF.FWD_BACK])
def test_stale_ones_without_asking(page: Page, flag: BINDF) -> None:
    page.fields = [("Cache-Control", "max-age=0")]
    get(page)
    page.content = b"second"
    assert get(page, flag) == b"first"
    assert page.asked == 1


def test_offline_there_is_nothing_but_the_cache(page: Page) -> None:
    recorder = Recorder(BindInfo(flags=BINDF.OFFLINEOPERATION))
    with pytest.raises(urlmon.ResourceNotFoundError) as caught:
        get(page, callback=recorder)
    assert caught.value.hresult == HRESULT.INET_E_RESOURCE_NOT_FOUND
    assert recorder.methods == ["get_bind_info"]
    assert page.asked == 0
    assert get(page, BINDF.FWD_BACK) == b"first"


def test_the_cache_in_place_of_a_network_that_fails(page: Page) -> None:
    page.fields = [("Cache-Control", "max-age=0")]
    get(page)
    page.scripted.script("/page", cut)
    recorder = Recorder(BindInfo(flags=BINDF.GETFROMCACHE_IF_NET_FAIL))
    assert get(page, callback=recorder) == b"first"
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.methods.count("on_stop_binding") == recorder.methods.count("on_start_binding") == 1
    assert statuses(recorder)[-5:] == CACHED_CALLS
    with pytest.raises(urlmon.DownloadError):
        get(page)


async def cut(exchange: Exchange) -> None:
    exchange.close = True


def test_an_error_status_is_a_failure_and_keeps_what_there_is(page: Page) -> None:
    page.fields = [("Cache-Control", "max-age=0")]
    get(page)
    page.status = 500
    with pytest.raises(urlmon.HTTPStatusError):
        get(page)
    page.status = 200
    assert get(page) == b"first"


def test_responses_that_vary(page: Page) -> None:
    page.fields = [("Cache-Control", "max-age=1000"), ("Vary", "X-Kind")]
    assert get(page, headers={"X-Kind": "a"}) == b"first"
    page.content = b"second"
    assert get(page, headers={"X-Kind": "b"}) == b"second"
    assert page.asked == 2
    assert get(page, headers={"X-Kind": "b"}) == b"second"
    assert page.asked == 2


def test_an_abort_leaves_nothing(page: Page, cache: DownloadCache) -> None:
    recorder = Recorder(on_progress=lambda *_: HRESULT.E_ABORT)
    with pytest.raises(urlmon.AbortedError):
        get(page, callback=recorder)
    assert recorder.hresult == HRESULT.E_ABORT
    assert ".json" not in files(cache.folder)


@pytest.mark.parametrize("damage", ["{", '{"version": 0}', "[]", '{"version": 1, "size": 99}'])
def test_damaged_heads_do_not_count(page: Page, cache: DownloadCache, damage: str) -> None:
    body = Path(url_download_to_cache_file(page.url))
    body.with_name(body.name + ".json").write_text(damage)
    assert get(page) == b"first"
    assert page.asked == 2
    assert files(cache.folder) == ["", ".json"]


def test_a_body_of_another_length_does_not_count(page: Page) -> None:
    Path(url_download_to_cache_file(page.url)).write_bytes(b"fir")
    assert get(page) == b"first"
    assert page.asked == 2


def test_no_password_is_written_down(page: Page, cache: DownloadCache) -> None:
    url = page.url.replace("http://", "http://user:secret@")
    body = Path(url_download_to_cache_file(url))
    heads = body.with_name(body.name + ".json").read_text()
    assert "secret" not in heads
    assert json.loads(heads)["url"] == page.url
    assert cache.find(page.url) is None
    assert body.parent.stat().st_mode & 0o077 == 0


def test_what_was_not_used_for_long_goes_first(scripted: ScriptedServer, tmp_path: Path) -> None:
    async def serve(exchange: Exchange) -> None:
        await exchange.reply(200, [("Cache-Control", "max-age=1000")], b"x" * 100)

    scripted.script("/kept/", serve)
    cache = DownloadCache(tmp_path / "own", max_bytes=250)
    urls = [scripted.url(f"/kept/{number}") for number in range(3)]
    for age, url in zip((30, 20), urls, strict=False):
        body = Path(url_download_to_cache_file(url, cache=cache))
        os.utime(body.with_name(body.name + ".json"), (time.time() - age,) * 2)
    url_download_to_cache_file(urls[0], cache=cache)  # used again
    url_download_to_cache_file(urls[2], cache=cache)
    assert [cache.find(url) is not None for url in urls] == [True, False, True]
    assert cache.remove(urls[0]) == 1
    assert cache.find(urls[0]) is None
    cache.clear()
    assert files(cache.folder) == []


def test_a_file_is_its_own_cache(tmp_path: Path) -> None:
    file = tmp_path / "a b"
    file.write_bytes(b"")
    assert url_download_to_cache_file(file.as_uri()) == str(file)
    with pytest.raises(urlmon.ResourceNotFoundError):
        url_download_to_cache_file(f"{file.as_uri()}x")


# -- without the extra -----------------------------------------------------------------------------------------


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hishel", None)


@pytest.mark.usefixtures("without_extra")
def test_without_the_extra(page: Page) -> None:
    calls = [DownloadCache, lambda: url_download_to_cache_file(page.url)]
    for call in calls:
        with pytest.raises(urlmon.UnsupportedError, match=r"pyurlmon\[cache\]") as caught:
            call()
        assert caught.value.hresult == HRESULT.E_NOTIMPL
    assert page.asked == 0
    recorder = bind(
        page.url, Recorder(BindInfo(flags=BINDF.ASYNCHRONOUS | BINDF.GETNEWESTVERSION | BINDF.NOWRITECACHE))
    )
    finish(recorder)
    assert recorder.body == b"first"
