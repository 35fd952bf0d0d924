"""The scenarios of contract 3.5, each against a real server: every call with its arguments and its thread.

In how many parts a body comes is left to chance on a network; here a script of the server sends each part only when the
client has told that it has the one before, so that the whole sequence can be compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

import urlmon
from tests.recording import (
    Call,
    Negotiator,
    Recorder,
    bind,
    fetch,
    finish,
    name_of,
    nothing_comes,
    pump_until,
)
from tests.servers import Exchange, RefusingPort, ScriptedServer, payload
from urlmon import BINDF, BINDSTATUS, BINDVERB, BSCF, HRESULT, TYMED, BindInfo
from urlmon.protocols import FileProtocol

FIRST = BSCF.FIRSTDATANOTIFICATION
INTERMEDIATE = BSCF.INTERMEDIATEDATANOTIFICATION
LAST = BSCF.LASTDATANOTIFICATION
FULL = BSCF.DATAFULLYAVAILABLE

PULL = BindInfo(flags=BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE | BINDF.PULLDATA)
SYNCHRONOUS = BindInfo(flags=BINDF(0))

START = [("get_bind_info",), ("get_priority",), ("on_start_binding",)]
STOP = ("on_stop_binding", HRESULT.S_OK, None)


def told(recorder: Recorder) -> list[tuple[Any, ...]]:
    """Every call with its arguments; objects by what can be compared."""
    recorder.check()  # the thread of each call, among others
    return [_plain(call) for call in recorder.calls]


def _plain(call: Call) -> tuple[Any, ...]:
    match call.method, call.args:
        case "on_progress", (progress, most, status, text):
            return ("on_progress", status.name, progress, most, text)
        case "on_data_available", (flags, size, format, medium):
            assert format.tymed == medium.tymed
            return ("on_data_available", flags, size, format.media_type)
        case "on_stop_binding", (hresult, error):
            return ("on_stop_binding", hresult, error if error is None else type(error))
        case "on_response", (status, head, _):
            return ("on_response", status, head.partition("\r\n")[0])
        case "beginning_transaction", (url, _):
            return ("beginning_transaction", url)
    return (call.method,)


def progress(name: str, so_far: int = 0, most: int = 0, text: str | None = "") -> tuple[Any, ...]:
    return ("on_progress", name, so_far, most, text)


def data(flags: BSCF, size: int, media_type: str = "application/octet-stream") -> tuple[Any, ...]:
    return ("on_data_available", flags, size, media_type)


def connecting(server: ScriptedServer) -> list[tuple[Any, ...]]:
    """What a first request to `server` by its address tells."""
    return [
        progress("FINDINGRESOURCE", text="127.0.0.1"),
        progress("CONNECTING", text=f"127.0.0.1:{server.port}"),
        progress("SENDINGREQUEST"),
    ]


def script_parts(server: ScriptedServer) -> str:
    """A body of 1000 bytes of no announced length in three parts: 500 bytes, 500 bytes, the end."""

    async def parts(exchange: Exchange) -> None:
        await exchange.head(
            200, [("Content-Type", "application/octet-stream"), ("Transfer-Encoding", "chunked")]
        )
        await exchange.chunk(payload(500))
        await exchange.passed("more")
        await exchange.chunk(payload(1000)[500:])
        await exchange.passed("end")
        await exchange.end_chunks()

    server.script("/parts", parts)
    return server.url("/parts")


def release_next(server: ScriptedServer) -> Callable[..., None]:
    """A hook for on_data_available: the next part may come."""
    gates = iter(["more", "end"])

    def hook(recorder: Recorder, *args: Any) -> None:
        for gate in gates:
            server.release(gate)
            return

    return hook


# -- A, B: asynchronous, pull and push -------------------------------------------------------------------------------


def test_a_asynchronous_pull() -> None:
    with ScriptedServer() as server:
        url = script_parts(server)
        recorder = bind(url, Negotiator(PULL, on_data_available=release_next(server)))
        assert [call.method for call in recorder.calls] == [
            *(name for (name,) in START),
            "beginning_transaction",
        ]
        finish(recorder)
        assert told(recorder) == [
            *START,
            ("beginning_transaction", url),
            *connecting(server),
            ("on_response", 200, "HTTP/1.1 200 OK"),
            progress("MIMETYPEAVAILABLE", text="application/octet-stream"),
            progress("BEGINDOWNLOADDATA", 500, text=url),
            data(FIRST, 500),
            progress("DOWNLOADINGDATA", 1000, text=url),
            data(INTERMEDIATE, 1000),
            progress("ENDDOWNLOADDATA", 1000, text=url),
            data(LAST | INTERMEDIATE, 1000),
            STOP,
        ]
        assert recorder.body == payload(1000)
        assert recorder.ended


@pytest.mark.parametrize("reads", [True, False])
def test_b_asynchronous_push(reads: bool) -> None:
    """The transfer is driven to its end whether the client reads or not."""
    with ScriptedServer() as server:
        url = script_parts(server)
        recorder = bind(url, Recorder(read=reads, on_data_available=release_next(server)))
        assert [_plain(call) for call in recorder.calls] == START
        finish(recorder)
        assert told(recorder) == [
            *START,
            *connecting(server),
            progress("MIMETYPEAVAILABLE", text="application/octet-stream"),
            progress("BEGINDOWNLOADDATA", 500, text=url),
            data(FIRST, 500),
            progress("DOWNLOADINGDATA", 1000, text=url),
            data(INTERMEDIATE, 1000),
            progress("ENDDOWNLOADDATA", 1000, text=url),
            data(LAST | INTERMEDIATE | FULL, 1000),
            STOP,
        ]
        recorder.read_all()
        assert recorder.body == payload(1000)


def test_b_to_a_file(tmp_path: Any) -> None:
    with ScriptedServer() as server:
        url = server.url("/hold-body/rest", size=1000)
        target = str(tmp_path / "target")

        def begun(recorder: Recorder, so_far: int, most: int, status: BINDSTATUS, text: str | None) -> None:
            if status == BINDSTATUS.CACHEFILENAMEAVAILABLE:
                server.release("rest")

        recorder = bind(url, Recorder(on_progress=begun), TYMED.FILE, target)
        finish(recorder)
        assert told(recorder) == [
            *START,
            *connecting(server),
            progress("MIMETYPEAVAILABLE", most=1000, text="application/octet-stream"),
            progress("BEGINDOWNLOADDATA", 500, 1000, url),
            progress("CACHEFILENAMEAVAILABLE", 500, 1000, target),
            progress("ENDDOWNLOADDATA", 1000, 1000, url),
            data(LAST | FULL | FIRST, 1000),
            STOP,
        ]


# -- C: synchronous --------------------------------------------------------------------------------------------------


def test_c_synchronous() -> None:
    """Everything inside the call, which returns the stream."""
    with ScriptedServer() as server:
        url = script_parts(server)
        recorder = Recorder(SYNCHRONOUS, read=False, on_data_available=release_next(server))
        stream = urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(recorder))
        assert told(recorder) == [
            *START,
            *connecting(server),
            progress("MIMETYPEAVAILABLE", text="application/octet-stream"),
            progress("BEGINDOWNLOADDATA", 500, text=url),
            data(FIRST, 500),
            progress("DOWNLOADINGDATA", 1000, text=url),
            data(INTERMEDIATE, 1000),
            progress("ENDDOWNLOADDATA", 1000, text=url),
            data(LAST | INTERMEDIATE | FULL, 1000),
            STOP,
        ]
        assert stream.read() == payload(1000)
        assert stream.read() == b""
        assert nothing_comes(0)


def test_c_synchronous_without_a_callback(scripted: ScriptedServer) -> None:
    """Contract 2.4: no callback is as good as one that asks for nothing."""
    stream = urlmon.create_url_moniker(scripted.url("/payload/1000")).bind_to_storage()
    assert stream.read() == payload(1000)


def test_c_the_priority_of_a_synchronous_bind(scripted: ScriptedServer) -> None:
    seen: list[int] = []
    recorder = Recorder(
        SYNCHRONOUS, priority=-2, on_start_binding=lambda recorder, binding: seen.append(binding.priority)
    )
    urlmon.create_url_moniker(scripted.url()).bind_to_storage(urlmon.create_async_bind_ctx(recorder))
    assert seen == [urlmon.Priority.HIGHEST]


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


# -- F: errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "hresult", "error"),
    [
        ("nonsense://host/path", HRESULT.INET_E_UNKNOWN_PROTOCOL, urlmon.UnknownProtocolError),
        ("no scheme at all", HRESULT.INET_E_UNKNOWN_PROTOCOL, urlmon.UnknownProtocolError),
        ("", HRESULT.MK_E_SYNTAX, urlmon.InvalidURLError),
        ("http://", HRESULT.INET_E_INVALID_URL, urlmon.InvalidURLError),
    ],
)
def test_f_a_url_that_cannot_be_bound(url: str, hresult: HRESULT, error: type) -> None:
    recorder = Recorder()
    with pytest.raises(error) as caught:
        bind(url, recorder)
    assert caught.value.hresult == hresult
    assert told(recorder) == [*START, ("on_stop_binding", hresult, error)]


def test_f_nobody_listens(refusing_port: RefusingPort) -> None:
    recorder = fetch(refusing_port.url())
    assert told(recorder) == [
        *START,
        progress("FINDINGRESOURCE", text="127.0.0.1"),
        progress("CONNECTING", text=f"127.0.0.1:{refusing_port.port}"),
        ("on_stop_binding", HRESULT.INET_E_CANNOT_CONNECT, urlmon.ConnectError),
    ]


def test_f_the_body_breaks_off() -> None:
    with ScriptedServer() as server:
        url = server.url("/short", size=1000, sent=500, gate="all")
        recorder = bind(url, Recorder())
        server.gates.get("all").wait_waiting()
        server.release("all")
        finish(recorder)
        expected = [
            *START,
            *connecting(server),
            progress("MIMETYPEAVAILABLE", most=1000, text="application/octet-stream"),
            progress("BEGINDOWNLOADDATA", 500, 1000, url),
            data(FIRST, 500),
            ("on_stop_binding", HRESULT.INET_E_DOWNLOAD_FAILURE, urlmon.DownloadError),
        ]
        assert told(recorder) == expected
        assert recorder.body == payload(500)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_f_an_http_error_is_no_error_of_the_binding(status: int) -> None:
    with ScriptedServer() as server:
        url = server.url(f"/status/{status}", size=10)
        recorder = bind(url, Negotiator())
        finish(recorder)
        assert told(recorder)[4:] == [
            *connecting(server),
            ("on_response", status, recorder.of("on_response")[0][1].partition("\r\n")[0]),
            progress("MIMETYPEAVAILABLE", most=10, text="text/plain"),
            progress("BEGINDOWNLOADDATA", 10, 10, url),
            progress("ENDDOWNLOADDATA", 10, 10, url),
            data(FIRST | LAST | FULL, 10, "text/plain"),
            STOP,
        ]


def test_f_a_certificate_that_nobody_vouches_for(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.tls_url())
    assert recorder.sequence[-2:] == ["CONNECTING", "on_stop_binding"]
    assert told(recorder)[-1] == (
        "on_stop_binding",
        HRESULT.INET_E_INVALID_CERTIFICATE,
        urlmon.CertificateError,
    )


# -- G: abort --------------------------------------------------------------------------------------------------------

ABORTED = ("on_stop_binding", HRESULT.E_ABORT, urlmon.AbortedError)


def at_status(name: str, answers: list[Any]) -> Callable[..., None]:
    """A hook for on_progress that aborts at the status `name`, and keeps what `abort` said."""

    def hook(recorder: Recorder, so_far: int, most: int, status: BINDSTATUS, text: str | None) -> None:
        if status.name == name:
            answers.append(recorder.binding.abort())

    return hook


def test_g_abort_inside_on_start_binding_does_nothing(scripted: ScriptedServer) -> None:
    answers: list[Any] = []
    recorder = fetch(
        scripted.url(), on_start_binding=lambda recorder, binding: answers.append(binding.abort())
    )
    assert answers == [HRESULT.E_FAIL]
    assert told(recorder)[-1] == STOP


@pytest.mark.parametrize("answer", [HRESULT.E_ABORT, HRESULT.E_FAIL], ids=name_of)
def test_g_refused_by_the_answer(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = Recorder(on_start_binding=lambda recorder, binding: answer)
    with pytest.raises(urlmon.BindError) as caught:
        bind(scripted.url(), recorder)
    kept = answer if answer == HRESULT.E_ABORT else HRESULT.INET_E_DOWNLOAD_FAILURE
    assert told(recorder) == [*START, ("on_stop_binding", kept, type(caught.value))]


@pytest.mark.parametrize("status", ["SENDINGREQUEST", "MIMETYPEAVAILABLE", "BEGINDOWNLOADDATA"])
def test_g_abort_inside_on_progress(status: str) -> None:
    answers: list[Any] = []
    with ScriptedServer() as server:
        recorder = bind(script_parts(server), Recorder(on_progress=at_status(status, answers)))
        finish(recorder)
        assert recorder.sequence[-2:] == [status, "on_stop_binding"]
        assert told(recorder)[-1] == ABORTED
        assert recorder.of("on_data_available") == []
        assert answers == [HRESULT.S_OK]
        assert recorder.binding.abort() in (HRESULT.E_FAIL, HRESULT.INET_E_RESULT_DISPATCHED)
        assert nothing_comes(0.02)


def test_g_abort_inside_on_data_available(scripted: ScriptedServer) -> None:
    def abort(recorder: Recorder, *args: Any) -> None:
        recorder.label = [recorder.binding.abort(), recorder.binding.abort()]

    recorder = bind(script_parts(scripted), Recorder(on_data_available=abort))
    finish(recorder)
    assert recorder.label == [HRESULT.S_OK, HRESULT.E_FAIL]
    assert told(recorder)[-2:] == [data(FIRST, 500), ABORTED]


def test_g_abort_between_callbacks(scripted: ScriptedServer) -> None:
    recorder = bind(script_parts(scripted), Recorder())
    pump_until(lambda: recorder.body)
    before = len(recorder.calls)
    assert recorder.binding.abort() == HRESULT.S_OK
    assert len(recorder.calls) == before  # the stop is never nested inside the abort
    finish(recorder)
    assert told(recorder)[before:] == [ABORTED]
    assert recorder.binding.abort() == HRESULT.E_FAIL


def test_g_abort_after_the_stop(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url())
    assert recorder.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    assert nothing_comes(0.02)
    assert told(recorder)[-1] == STOP


@pytest.mark.parametrize("method", ["beginning_transaction", "on_response"])
def test_g_e_abort_of_a_service(scripted: ScriptedServer, method: str) -> None:
    recorder = Negotiator(**{method: lambda recorder, *args: HRESULT.E_ABORT})
    if method == "beginning_transaction":
        with pytest.raises(urlmon.AbortedError):
            bind(scripted.url(), recorder)
    else:
        finish(bind(scripted.url(), recorder))
    assert recorder.sequence[-2:] == [method, "on_stop_binding"]
    assert told(recorder)[-1] == ABORTED


# -- H: objects ------------------------------------------------------------------------------------------------------


class ObjectRecorder(Recorder):
    def on_object_available(self, riid: Any, obj: Any) -> Any:
        return self._called("on_object_available", riid, obj)


class Loaded:
    """Loads itself from the moniker, with a callback of its own."""

    def __init__(self) -> None:
        self.client = ObjectRecorder(PULL)

    def load_moniker(self, fully: bool, moniker: Any, context: Any, mode: int) -> None:
        self.facts = (fully, mode)
        urlmon.register_bind_status_callback(context, self.client)
        moniker.bind_to_storage(context)


def test_h_objects() -> None:
    """Two callbacks, one transfer: the object's hears of the data, and of nothing that came before."""
    clsid = UUID("12345678-1234-5678-1234-567812345678")
    with ScriptedServer() as server:
        url = script_parts(server)
        outer = ObjectRecorder(PULL)
        context = urlmon.create_async_bind_ctx(outer)
        made: list[Loaded] = []

        def make() -> Loaded:
            made.append(Loaded())
            made[0].client.hooks["on_data_available"] = release_next(server)
            return made[0]

        urlmon.register_media_type_class("application/octet-stream", make, clsid, context=context)
        assert urlmon.create_url_moniker(url).bind_to_object(context) is None
        pump_until(lambda: outer.stopped and made[0].client.stopped)
        assert told(outer) == [
            *START,
            *connecting(server),
            progress("MIMETYPEAVAILABLE", text="application/octet-stream"),
            progress("BEGINDOWNLOADDATA", 500, text=url),
            progress("CLASSIDAVAILABLE", 500, text=f"{{{clsid}}}"),
            progress("BEGINSYNCOPERATION", 500, text=None),
            progress("ENDSYNCOPERATION", 500, text=None),
            ("on_object_available",),
            STOP,
        ]
        inner = made[0].client
        assert told(inner) == [
            *START,
            progress("BEGINDOWNLOADDATA", 500, text=url),
            data(FIRST, 500),
            progress("DOWNLOADINGDATA", 1000, text=url),
            data(INTERMEDIATE, 1000),
            progress("ENDDOWNLOADDATA", 1000, text=url),
            data(LAST | INTERMEDIATE, 1000),
            STOP,
        ]
        assert outer.of("on_object_available")[0][1] is made[0]
        assert made[0].facts == (False, 0x12)
        assert inner.body == payload(1000)
        assert len(server.requests) == 1


# -- J: upload -------------------------------------------------------------------------------------------------------


def test_j_upload() -> None:
    with ScriptedServer() as server:
        url = server.url("/ok")
        info = BindInfo(flags=PULL.flags, verb=BINDVERB.PUT, data=payload(100))
        recorder = bind(url, Negotiator(info))
        finish(recorder)
        assert told(recorder) == [
            *START,
            ("beginning_transaction", url),
            *connecting(server),
            progress("BEGINUPLOADDATA", 0, 100, url),
            progress("UPLOADINGDATA", 100, 100, url),
            progress("ENDUPLOADDATA", 100, 100, url),
            ("on_response", 200, "HTTP/1.1 200 OK"),
            progress("MIMETYPEAVAILABLE", most=2, text="text/plain"),
            progress("BEGINDOWNLOADDATA", 2, 2, url),
            progress("ENDDOWNLOADDATA", 2, 2, url),
            data(FIRST | LAST | FULL, 2, "text/plain"),
            STOP,
        ]
        assert server.requests[0].body == payload(100)


# -- I: redirects ----------------------------------------------------------------------------------------------------


def test_i_redirects_are_followed_by_themselves() -> None:
    with ScriptedServer() as server:
        url = server.url("/redirect/chain/2")
        hops = [server.url(f"/redirect/chain/{left}") for left in (1, 0)]
        recorder = bind(url, Negotiator())
        finish(recorder)
        assert told(recorder) == [
            *START,
            ("beginning_transaction", url),
            *connecting(server),
            progress("REDIRECTING", text=hops[0]),
            progress("SENDINGREQUEST"),
            progress("REDIRECTING", text=hops[1]),
            progress("SENDINGREQUEST"),
            ("on_response", 200, "HTTP/1.1 200 OK"),
            progress("MIMETYPEAVAILABLE", most=7, text="text/plain"),
            progress("BEGINDOWNLOADDATA", 7, 7, url),
            progress("ENDDOWNLOADDATA", 7, 7, url),
            data(FIRST | LAST | FULL, 7, "text/plain"),
            STOP,
        ]
