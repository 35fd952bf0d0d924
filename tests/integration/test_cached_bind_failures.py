"""Binds with a cache that fail: network, server, disk, abort, and what is not there (contract 5.2)."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

import urlmon
from tests.integration import cached_pages
from tests.integration.cached_pages import ASYNC, HIT, MODES, STATUS, Page, files, get
from tests.recording import Recorder, bind, pump_until
from tests.servers import RefusingPort, ScriptedServer, payload
from tests.servers.exchange import Exchange
from urlmon import BINDF, HRESULT, BindInfo, DownloadCache

pytest.importorskip("hishel", reason="the extra `cache` is not installed")

page = cached_pages.large_page
cache = cached_pages.own_cache
user_cache = cached_pages.user_cache


@pytest.mark.parametrize("mode", ["push", "synchronous"])
def test_the_cache_in_place_of_a_network_that_fails(
    scripted: ScriptedServer, cache: DownloadCache, mode: str
) -> None:
    flags = MODES[mode] | BINDF.GETFROMCACHE_IF_NET_FAIL
    page = Page(scripted, payload(300_000))
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
    assert (recorder.body, recorder.binding.query_info(STATUS)) == (b"gone", 410)
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
