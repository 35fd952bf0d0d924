"""Bodies of requests: bytes, files and streams; what is told of their sending (contract 3.5 J, 5.1)."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.recording import Negotiator, Recorder, bind, fetch, finish, nothing_comes, pump_until
from tests.servers import CertificateAuthority, Exchange, ScriptedServer, payload, payload_sha256
from tests.servers.caddy import CaddyServer
from urlmon import BINDINFO_OPTIONS, BINDINFOF, BINDSTATUS, BINDVERB, HRESULT, BindInfo

MIB = 1 << 20
POST, PUT = BINDVERB.POST, BINDVERB.PUT
UPLOADING = ("BEGINUPLOADDATA", "UPLOADINGDATA", "ENDUPLOADDATA")


class Pipe(io.RawIOBase):
    """A stream that can be read once only, `step` bytes at a time; notes the threads that read it."""

    def __init__(self, content: bytes, step: int = 100_000) -> None:
        self.rest = memoryview(content)
        self.step = step
        self.threads: set[int] = set()
        self.reads = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self.threads.add(threading.get_ident())
        self.reads += 1
        part = self.rest[: min(size, self.step)]
        self.rest = self.rest[len(part) :]
        return bytes(part)


def given(kind: str, content: bytes, folder: Path) -> Any:
    """`content` as what BindInfo.data may be."""
    match kind:
        case "bytes":
            return content
        case "file":
            path = folder / "body"
            path.write_bytes(content)
            return path
        case "seekable":
            stream = io.BytesIO(b"before" + content)
            stream.seek(6)
            return stream
        case "open file":
            path = folder / "body"
            path.write_bytes(content)
            return path.open("rb")
        case _:
            return Pipe(content)


KINDS = ["bytes", "file", "seekable", "open file", "pipe"]


def sent(recorder: Recorder) -> list[tuple[str, int, int]]:
    """(status, progress, most) of what was told of the upload."""
    return [
        (status.name, so_far, most)
        for so_far, most, status, _ in recorder.of("on_progress")
        if status.name in UPLOADING
    ]


def check_upload(recorder: Recorder, size: int, known: bool = True) -> None:
    """Begin, at least one in between, end; growing; complete."""
    told = sent(recorder)
    most = size if known else 0
    assert told[0] == ("BEGINUPLOADDATA", 0, most)
    assert told[-1] == ("ENDUPLOADDATA", size, most)
    assert {name for name, _, _ in told[1:-1]} == {"UPLOADINGDATA"}
    progress = [so_far for _, so_far, _ in told]
    assert progress == sorted(progress)
    names = recorder.sequence
    assert names.index("SENDINGREQUEST") < names.index("BEGINUPLOADDATA")
    assert len(names) - 1 - names[::-1].index("ENDUPLOADDATA") < names.index("MIMETYPEAVAILABLE")


@pytest.mark.parametrize("size", [1, 1000, 65_536, 3_000_000])
@pytest.mark.parametrize("kind", KINDS)
def test_the_body_arrives(scripted: ScriptedServer, tmp_path: Path, kind: str, size: int) -> None:
    data = given(kind, payload(size), tmp_path)
    recorder = fetch(scripted.url("/upload"), BindInfo(verb=POST, data=data))
    assert recorder.hresult == HRESULT.S_OK
    request = scripted.requests[0]
    assert (request.method, request.body_length) == ("POST", size)
    assert request.body_sha256 == payload_sha256(size)
    # Whoever can say how much it is says so.
    known = kind != "pipe"
    assert request.header("Content-Length") == (str(size) if known else None)
    assert (request.header("Transfer-Encoding") == "chunked") is not known
    check_upload(recorder, size, known)
    if isinstance(data, io.IOBase):
        data.close()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_a_body_too(scripted: ScriptedServer, tmp_path: Path, kind: str) -> None:
    data = given(kind, b"", tmp_path)
    recorder = fetch(scripted.url("/upload"), BindInfo(verb=PUT, data=data))
    assert recorder.hresult == HRESULT.S_OK
    assert (scripted.requests[0].method, scripted.requests[0].body_length) == ("PUT", 0)
    if isinstance(data, io.IOBase):
        data.close()


def test_scenario_j() -> None:
    """The whole sequence, with a server that reads when it is told to."""
    with ScriptedServer() as server:
        url = server.url("/upload/held", gate="read")

        def told(recorder: Recorder, so_far: int, most: int, status: BINDSTATUS, text: str | None) -> None:
            if status == BINDSTATUS.BEGINUPLOADDATA:
                server.release("read")

        recorder = bind(url, Negotiator(BindInfo(verb=POST, data=b"x" * 100), on_progress=told))
        finish(recorder)
        assert recorder.sequence == [
            *["get_bind_info", "get_priority", "on_start_binding", "beginning_transaction"],
            *["FINDINGRESOURCE", "CONNECTING", "SENDINGREQUEST"],
            *["BEGINUPLOADDATA", "UPLOADINGDATA", "ENDUPLOADDATA"],
            *["on_response", "MIMETYPEAVAILABLE", "BEGINDOWNLOADDATA", "ENDDOWNLOADDATA"],
            *["on_data_available", "on_stop_binding"],
        ]
        assert sent(recorder) == [
            ("BEGINUPLOADDATA", 0, 100),
            ("UPLOADINGDATA", 100, 100),
            ("ENDUPLOADDATA", 100, 100),
        ]
        assert {text for _, _, status, text in recorder.of("on_progress") if status.name in UPLOADING} == {
            url
        }
        assert {call.thread for call in recorder.calls} == {threading.get_ident()}


@pytest.mark.parametrize("kind", KINDS)
def test_over_http2_from_a_real_server(
    caddy: CaddyServer, ca: CertificateAuthority, tmp_path: Path, kind: str
) -> None:
    content = b"0123456789abcdef" * 4000
    data = given(kind, content, tmp_path)
    recorder = fetch(caddy.https_url + "/echo", BindInfo(verb=POST, data=data, ca_file=str(ca.ca_file)))
    assert recorder.hresult == HRESULT.S_OK
    assert b'"HTTP/2.0"' in recorder.body
    assert content in recorder.body
    if isinstance(data, io.IOBase):
        data.close()


# -- streams ---------------------------------------------------------------------------------------------------------


def test_a_stream_is_read_by_its_owner_and_no_further_than_needed(scripted: ScriptedServer) -> None:
    """Back-pressure: the server does not read, so the client's stream is not read on either."""
    pipe = Pipe(payload(64 * MIB), step=1 << 20)
    recorder = bind(scripted.url("/upload/held", gate="read"), Recorder(BindInfo(verb=POST, data=pipe)))
    scripted.gates.get("read").wait_waiting()
    before = -1
    while before != pipe.reads:
        before = pipe.reads
        urlmon.pump(0.3)
    assert len(pipe.rest) > 32 * MIB  # the rest is in the buffers of the kernel
    scripted.release("read")
    finish(recorder)
    assert scripted.requests[0].body_sha256 == payload_sha256(64 * MIB)
    assert pipe.threads == {threading.get_ident()}


def test_an_owner_that_does_not_pump_holds_the_upload(scripted: ScriptedServer) -> None:
    pipe = Pipe(payload(1_000_000))
    recorder = bind(scripted.url("/upload"), Recorder(BindInfo(verb=POST, data=pipe)))
    scripted.requests.wait_count(1)
    assert pipe.reads == 0
    finish(recorder)
    assert scripted.requests[0].body_sha256 == payload_sha256(1_000_000)


@pytest.mark.parametrize("answer", [None, "text", 17])
def test_a_stream_that_gives_what_is_no_bytes(scripted: ScriptedServer, answer: Any) -> None:
    class Odd:
        def read(self, size: int) -> Any:
            return answer

    recorder = bind(scripted.url("/upload"), Recorder(BindInfo(verb=POST, data=Odd())))  # type: ignore[arg-type]
    with pytest.raises((BlockingIOError, TypeError)):
        pump_until(lambda: recorder.stopped)
    finish(recorder)
    assert recorder.hresult == HRESULT.E_UNEXPECTED


def test_a_stream_that_raises(scripted: ScriptedServer) -> None:
    class Broken(Pipe):
        def read(self, size: int = -1) -> bytes:
            if self.reads == 2:
                raise ZeroDivisionError
            return super().read(size)

    recorder = bind(scripted.url("/upload"), Recorder(BindInfo(verb=POST, data=Broken(payload(1_000_000)))))
    with pytest.raises(ZeroDivisionError):
        pump_until(lambda: recorder.stopped)
    finish(recorder)
    assert recorder.hresult == HRESULT.E_UNEXPECTED


@pytest.mark.parametrize("action", ["abort", "pump", "bind"])
def test_a_stream_that_meddles_while_it_is_read(scripted: ScriptedServer, action: str) -> None:
    other = bind(scripted.url("/payload/1000"), Recorder())

    class Meddler(Pipe):
        def read(self, size: int = -1) -> bytes:
            if self.reads == 2:
                if action == "abort":
                    assert recorder.binding.abort() == HRESULT.S_OK
                elif action == "pump":
                    pump_until(lambda: other.stopped)
                else:
                    urlmon.create_url_moniker(scripted.url()).bind_to_storage()
            return super().read(size)

    recorder = bind(scripted.url("/upload"), Recorder(BindInfo(verb=POST, data=Meddler(payload(1_000_000)))))
    finish(recorder, other)
    assert recorder.hresult == (HRESULT.E_ABORT if action == "abort" else HRESULT.S_OK)


def test_suspended_in_the_upload(scripted: ScriptedServer) -> None:
    pipe = Pipe(payload(32 * MIB))
    recorder = bind(scripted.url("/upload"), Recorder(BindInfo(verb=POST, data=pipe)))
    pump_until(lambda: pipe.reads > 5)
    recorder.binding.suspend()
    reads = pipe.reads
    assert nothing_comes(0.2)
    assert pipe.reads == reads
    recorder.binding.resume()
    finish(recorder)
    assert scripted.requests[0].body_sha256 == payload_sha256(32 * MIB)


def test_aborted_in_the_upload(scripted: ScriptedServer, tmp_path: Path) -> None:
    for kind in KINDS:
        data = given(kind, payload(32 * MIB), tmp_path)
        recorder = bind(
            scripted.url("/upload/held", gate=f"never {kind}"), Recorder(BindInfo(verb=POST, data=data))
        )
        pump_until(lambda recorder=recorder: "UPLOADINGDATA" in recorder.sequence)  # type: ignore[misc]
        assert recorder.binding.abort() == HRESULT.S_OK
        finish(recorder)
        assert recorder.hresult == HRESULT.E_ABORT
        if isinstance(data, io.IOBase):
            data.close()


# -- sent again ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manual", [False, True])
@pytest.mark.parametrize("kind", ["bytes", "file", "seekable", "open file"])
def test_redirects_that_keep_the_method_send_the_body_again(
    scripted: ScriptedServer, tmp_path: Path, kind: str, manual: bool
) -> None:
    data = given(kind, payload(300_000), tmp_path)
    options = BINDINFO_OPTIONS.DISABLEAUTOREDIRECTS if manual else BINDINFO_OPTIONS(0)
    recorder = fetch(
        scripted.url("/redirect", to="/upload", status=307), BindInfo(verb=POST, data=data, options=options)
    )
    assert recorder.hresult == HRESULT.S_OK
    assert [request.body_sha256 for request in scripted.requests] == [payload_sha256(300_000)] * 2
    told = [name for name, _, _ in sent(recorder)]
    assert (told.count("BEGINUPLOADDATA"), told.count("ENDUPLOADDATA")) == (2, 2)
    if isinstance(data, io.IOBase):
        data.close()


def test_a_redirect_and_a_stream_that_is_gone(scripted: ScriptedServer) -> None:
    recorder = fetch(
        scripted.url("/redirect", to="/upload", status=307), BindInfo(verb=POST, data=Pipe(payload(1000)))
    )
    assert recorder.hresult == HRESULT.INET_E_REDIRECT_FAILED
    assert len(scripted.requests) == 1
    see_other = fetch(
        scripted.url("/redirect", to="/ok", status=303), BindInfo(verb=POST, data=Pipe(payload(1000)))
    )
    assert see_other.body == b"ok"


@pytest.mark.parametrize("kind", KINDS)
def test_credentials_that_are_asked_for_after_the_body(
    scripted: ScriptedServer, tmp_path: Path, kind: str
) -> None:
    class Authenticator(Recorder):
        def authenticate(self) -> Any:
            return "user", "secret"

    data = given(kind, payload(300_000), tmp_path)
    recorder = bind(scripted.url("/basic"), Authenticator(BindInfo(verb=POST, data=data)))
    finish(recorder)
    bodies = [request.body_sha256 for request in scripted.requests]
    if kind == "pipe":
        # It cannot be sent again, so the refusal is what there is.
        assert recorder.binding.status_code == 401
        assert bodies == [payload_sha256(300_000)]
    else:
        assert recorder.body == b"welcome"
        assert bodies == [payload_sha256(300_000)] * 2
    if isinstance(data, io.IOBase):
        data.close()


def test_a_server_that_answers_before_it_has_read(scripted: ScriptedServer) -> None:
    """The answer counts, whatever became of the body; BEGIN and END are told in pairs."""
    recorder = bind(
        scripted.url("/upload/refused", status=413), Negotiator(BindInfo(verb=POST, data=payload(32 * MIB)))
    )
    finish(recorder)
    if recorder.hresult == HRESULT.S_OK:
        assert recorder.binding.status_code == 413
    names = [name for name, _, _ in sent(recorder)]
    assert names.count("ENDUPLOADDATA") <= names.count("BEGINUPLOADDATA") == 1


# -- files -----------------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there(scripted: ScriptedServer, tmp_path: Path) -> None:
    recorder = Recorder(BindInfo(verb=POST, data=tmp_path / "missing"))
    with pytest.raises(FileNotFoundError) as caught:
        bind(scripted.url("/upload"), recorder)
    assert isinstance(caught.value, urlmon.StorageError)
    assert caught.value.filename == str(tmp_path / "missing")
    recorder.check()
    assert len(scripted.requests) == 0


def test_a_folder_is_no_body(scripted: ScriptedServer, tmp_path: Path) -> None:
    recorder = Recorder(BindInfo(verb=POST, data=tmp_path))
    with pytest.raises(urlmon.InvalidRequestError):
        bind(scripted.url("/upload"), recorder)
    recorder.check()


@pytest.mark.parametrize("change", ["removed", "shorter", "a pipe"])
def test_a_file_that_is_another_when_its_turn_comes(
    scripted: ScriptedServer, tmp_path: Path, change: str
) -> None:
    path = tmp_path / "body"
    path.write_bytes(payload(1000))
    recorder = bind(
        scripted.url("/upload"),
        Recorder(
            BindInfo(verb=POST, data=path),
            on_start_binding=lambda recorder, binding: binding.suspend(),
        ),
    )
    path.unlink()
    if change == "shorter":
        path.write_bytes(payload(10))
    elif change == "a pipe":
        os.mkfifo(path)
    recorder.binding.resume()
    finish(recorder)
    assert isinstance(recorder.error, urlmon.StorageError)
    assert recorder.error.filename == str(path)
    assert len(scripted.requests) == 0


def test_a_file_that_shrinks_while_it_is_sent(scripted: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(bytes(64 * MIB))
    recorder = bind(scripted.url("/upload/held", gate="read"), Recorder(BindInfo(verb=POST, data=path)))
    pump_until(lambda: "UPLOADINGDATA" in recorder.sequence)
    os.truncate(path, 0)
    scripted.release("read")
    finish(recorder)
    assert isinstance(recorder.error, urlmon.StorageError)
    assert "the body of the request" in str(recorder.error)


def test_uploads_of_one_file_and_one_bind_info(scripted: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(payload(100_000))
    for info in (BindInfo(verb=POST, data=path), BindInfo(verb=POST, data=payload(100_000))):
        recorders = [bind(scripted.url("/upload"), Recorder(info)) for _ in range(20)]
        finish(*recorders)
    assert {request.body_sha256 for request in scripted.requests} == {payload_sha256(100_000)}
    assert len(scripted.requests) == 40


# -- encoding (contract 5.1, BINDINFOF) ------------------------------------------------------------------------------


def test_body_and_extra_information_may_be_encoded(scripted: ScriptedServer) -> None:
    info = BindInfo(
        verb=POST,
        data=b"name=J\xc3\xbcrgen & co",
        extra_info="/a b?c=\u00e4%",
        info_flags=BINDINFOF.URLENCODESTGMEDDATA | BINDINFOF.URLENCODEDEXTRAINFO,
    )
    fetch(scripted.url("/upload"), info)
    request = scripted.requests[0]
    assert request.body == b"name=J%C3%BCrgen%20&%20co"
    assert request.target == "/upload/a%20b?c=%C3%A4%25"


@pytest.mark.parametrize("data", ["text", 17, object()])
def test_what_is_no_body(data: Any) -> None:
    with pytest.raises(TypeError):
        BindInfo(verb=POST, data=data)


def test_what_a_custom_verb_sends(scripted: ScriptedServer) -> None:
    for verb in ("PROPFIND", "PATCH", "DELETE"):
        fetch(scripted.url("/upload"), BindInfo(verb=BINDVERB.CUSTOM, custom_verb=verb, data=b"x" * 10))
    assert [(request.method, request.body_length) for request in scripted.requests] == [
        ("PROPFIND", 10),
        ("PATCH", 10),
        ("DELETE", 10),
    ]


async def _count(exchange: Exchange) -> None:
    await exchange.reply(200, [("Content-Type", "text/plain")], exchange.record.body_sha256.encode())


def test_many_uploads_at_once(scripted: ScriptedServer) -> None:
    scripted.script("/count", _count)
    recorders = [
        bind(scripted.url("/count"), Recorder(BindInfo(verb=PUT, data=Pipe(payload(size), 7000)), label=size))
        for size in range(0, 400_000, 20_000)
    ]
    finish(*recorders)
    for recorder in recorders:
        assert recorder.body.decode() == hashlib.sha256(payload(recorder.label)).hexdigest()
