"""When a bind asks its cache, when the server, and what is kept: flags, fields, methods (contract 5.2)."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path

import pytest

import urlmon
from tests.integration import cached_pages
from tests.integration.cached_pages import ASYNC, HIT, STATUS, Page, files, get
from tests.recording import Recorder, bind, pump_until
from tests.servers import payload
from tests.servers.exchange import Exchange
from urlmon import BINDF, BINDSTATUS, BINDVERB, HRESULT, TYMED, BindInfo, DownloadCache

pytest.importorskip("hishel", reason="the extra `cache` is not installed")

page = cached_pages.large_page
cache = cached_pages.own_cache
user_cache = cached_pages.user_cache

FORMATS = [
    urlmon.FormatEtc(urlmon.register_clipboard_format(name), TYMED.ISTREAM)
    for name in ("text/html", "image/png", "text/plain")
]


# -- flags and freshness ---------------------------------------------------------------------------------------------


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
    assert recorder.binding.query_info(STATUS) == 200
    assert recorder.methods.count("on_stop_binding") == 1
    page.content = payload(1000)
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


# -- requests and responses ------------------------------------------------------------------------------------------


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
    assert recorder.binding.query_info(STATUS) == 304
    assert recorder.body == b""
