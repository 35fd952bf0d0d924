"""Scenarios D, E and K of contract 3.5: all of it in one pump or one call, from server, cache and file."""

from __future__ import annotations

import time
from typing import Any

import pytest

import urlmon
from tests.integration.scenario_calls import START, STOP, SYNCHRONOUS, connecting, data, progress, told
from tests.recording import (
    FIRST,
    FULL,
    LAST,
    PULL,
    Negotiator,
    Recorder,
    bind,
    finish,
    name_of,
    nothing_comes,
)
from tests.servers import Exchange, ScriptedServer, payload
from urlmon import BINDF, BSCF, HRESULT, TYMED, BindInfo
from urlmon.protocols import FileProtocol

# -- D, K: everything at once ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("info", [BindInfo(), PULL], ids=["push", "pull"])
@pytest.mark.parametrize("size", [0, 255])
def test_d_and_k_everything_in_one_pump(info: BindInfo, size: int) -> None:
    """A body that is complete when the client is first told of it: FIRST and LAST coincide."""
    with ScriptedServer() as server:
        url = server.url(f"/payload/{size}")
        recorder = bind(url, Recorder(info))
        deadline = time.monotonic() + 20
        while recorder.binding.state != "ended":
            assert time.monotonic() < deadline
            time.sleep(0.002)  # the I/O thread gives no event to its owner's back
        assert urlmon.pump(0) == 8
        assert told(recorder) == [
            *START,
            *connecting(server),
            progress("MIMETYPEAVAILABLE", most=size, text="application/octet-stream"),
            progress("BEGINDOWNLOADDATA", size, size, url),
            progress("ENDDOWNLOADDATA", size, size, url),
            data(FIRST | LAST | FULL, size),
            STOP,
        ]


def test_d_from_the_cache(tmp_path: Any) -> None:
    """All of it inside the call."""
    pytest.importorskip("hishel", reason="the extra `cache` is not installed")
    cache = urlmon.DownloadCache(tmp_path)

    async def kept(exchange: Exchange) -> None:
        fields = [("Content-Type", "text/plain"), ("Cache-Control", "max-age=1000")]
        await exchange.reply(200, fields, payload(1000))

    with ScriptedServer() as server:
        server.script("/kept", kept)
        url = server.url("/kept")
        info = BindInfo(flags=PULL.flags | BINDF.NEEDFILE, cache=cache)
        finish(bind(url, Recorder(info)))
        asked = len(server.requests)
        recorder = Negotiator(info)
        stream = urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(recorder))
        path = stream.stat()[0]
        assert told(recorder) == [
            *START,
            ("beginning_transaction", url),
            progress("USINGCACHEDCOPY", text=None),
            ("on_response", 200, "HTTP/1.1 200 OK"),
            progress("MIMETYPEAVAILABLE", text="text/plain"),
            progress("BEGINDOWNLOADDATA", 1000, 1000, url),
            progress("CACHEFILENAMEAVAILABLE", 1000, 1000, path),
            progress("ENDDOWNLOADDATA", 1000, 1000, url),
            data(LAST | FULL, 1000, "text/plain"),
            STOP,
        ]
        assert recorder.body == payload(1000)
        assert len(server.requests) == asked


# -- E: files --------------------------------------------------------------------------------------------------------


@pytest.fixture
def file_urls() -> Any:
    """The handler of file: URLs, which nobody has who does not register it."""
    urlmon.register_name_space("file", FileProtocol)
    yield
    urlmon.unregister_name_space("file", FileProtocol)


@pytest.mark.usefixtures("file_urls")
@pytest.mark.parametrize("size", [0, 1000])
@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE], ids=name_of)
@pytest.mark.parametrize("info", [BindInfo(), PULL, SYNCHRONOUS], ids=["push", "pull", "synchronous"])
def test_e_files(tmp_path: Any, info: BindInfo, storage: TYMED, size: int) -> None:
    """All of it inside the call; a stream is returned also if the bind is asynchronous, a file is named."""
    path = tmp_path / "a file.txt"
    path.write_bytes(payload(size))
    url = path.as_uri()
    recorder = Recorder(info)
    context = urlmon.create_async_bind_ctx(recorder)
    returned = urlmon.create_url_moniker(url).bind_to_storage(context, storage)
    assert told(recorder) == [
        *START,
        progress("SENDINGREQUEST"),
        progress("MIMETYPEAVAILABLE", text="text/plain"),
        progress("BEGINDOWNLOADDATA", size, size, url),
        progress("CACHEFILENAMEAVAILABLE", size, size, str(path)),
        progress("ENDDOWNLOADDATA", size, size, url),
        data(FIRST | LAST | BSCF.SKIPDRAINDATAFORFILEURLS, size, "text/plain"),
        STOP,
    ]
    assert nothing_comes(0)
    if storage == TYMED.ISTREAM:
        assert recorder.body == payload(size)
        assert returned.read() == b""
        assert returned.seek(0) == 0
        assert returned.read() == payload(size)
    else:
        assert recorder.medium.path == str(path)
        assert returned == (str(path) if info is SYNCHRONOUS else None)


@pytest.mark.usefixtures("file_urls")
def test_e_a_file_that_is_not_there(tmp_path: Any) -> None:
    url = (tmp_path / "nothing").as_uri()
    recorder = Recorder()
    with pytest.raises(urlmon.ResourceNotFoundError):
        bind(url, recorder)
    assert told(recorder) == [
        *START,
        progress("SENDINGREQUEST"),
        ("on_stop_binding", HRESULT.INET_E_RESOURCE_NOT_FOUND, urlmon.ResourceNotFoundError),
    ]
