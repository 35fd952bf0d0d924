"""A page that caches keep, the caches, and binds that wait for it. A test module gives the fixtures their names."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.recording import Recorder, pump_until
from tests.servers import ScriptedServer, payload
from tests.servers.exchange import Exchange
from urlmon import BINDF, BINDSTATUS, HRESULT, HTTP_QUERY, TYMED, BindInfo, DownloadCache

ASYNC = BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE
PULL = ASYNC | BINDF.PULLDATA
MODES = {"push": ASYNC, "pull": PULL, "blocking": BINDF.ASYNCHRONOUS, "synchronous": BINDF(0)}
HIT = [
    BINDSTATUS.USINGCACHEDCOPY,
    BINDSTATUS.MIMETYPEAVAILABLE,
    BINDSTATUS.BEGINDOWNLOADDATA,
    BINDSTATUS.ENDDOWNLOADDATA,
]
STATUS = HTTP_QUERY.STATUS_CODE | HTTP_QUERY.FLAG_NUMBER


class Page:
    """What the server has at /page: its content, and what it says of it. With other content its tag is another."""

    def __init__(self, scripted: ScriptedServer, content: bytes = b"first") -> None:
        self.first = self.content = content
        self.fields: list[tuple[str, str]] = [("Cache-Control", "max-age=1000")]
        self.status = 200
        self.encodes = False
        self.scripted = scripted
        scripted.script("/page", self.serve)

    async def serve(self, exchange: Exchange) -> None:
        fields = [("Content-Type", "Text/Plain; charset=utf-8"), ("ETag", self.tag), *self.fields]
        if self.status == 200 and exchange.request.header("If-None-Match") == self.tag:
            await exchange.reply(304, fields, b"")
        elif self.encodes and "gzip" in (exchange.request.header("Accept-Encoding") or ""):
            await exchange.reply(
                self.status, [*fields, ("Content-Encoding", "gzip")], gzip.compress(self.content, mtime=0)
            )
        else:
            await exchange.reply(self.status, fields, self.content)

    @property
    def tag(self) -> str:
        return '"first"' if self.content == self.first else '"second"'

    @property
    def url(self) -> str:
        return self.scripted.url("/page")

    @property
    def asked(self) -> int:
        """How many requests the server has seen."""
        return len(self.scripted.requests)


@pytest.fixture
def small_page(scripted: ScriptedServer) -> Page:
    return Page(scripted)


@pytest.fixture
def large_page(scripted: ScriptedServer) -> Page:
    return Page(scripted, payload(300_000))


@pytest.fixture(autouse=True)
def user_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, and where temporary files go."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return tmp_path / "user"


@pytest.fixture
def own_cache(tmp_path: Path) -> DownloadCache:
    """A cache that only those use who are given it."""
    return DownloadCache(tmp_path / "cache")


@pytest.fixture
def users_cache(user_cache: Path) -> DownloadCache:
    """The cache of who names none."""
    return DownloadCache()


def files(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.rglob("*") if path.is_file())


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
