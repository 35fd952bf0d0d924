"""Operations without a moniker, and the handlers that come along for those who register them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.protocol_handlers import Scripted, served
from tests.recording import pump_until
from tests.servers.payload import payload
from tests.servers.scripted import ScriptedServer
from urlmon import BINDF, BINDSTATUS, HRESULT, BindInfo, ProtocolData
from urlmon.protocols import AboutProtocol, FileProtocol, HttpProtocol, ResProtocol


class Client:
    """Sink and bind info in one, for who drives a protocol: continues and reads whenever it is asked to."""

    def __init__(self, flags: int = 0) -> None:
        self.flags = BINDF(flags)
        self.seen: list[Any] = []
        self.switched: list[ProtocolData] = []
        self.result: Any = None
        self.body = bytearray()
        self.protocol: Any = None

    def switch(self, data: ProtocolData) -> HRESULT:
        self.switched.append(data)
        return HRESULT.S_OK

    def report_progress(self, status: BINDSTATUS, text: str | None = None) -> HRESULT:
        self.seen.append((status, text))
        return HRESULT.S_OK

    def report_data(self, flags: Any, progress: int, progress_max: int = 0) -> HRESULT:
        self.seen.append(flags)
        self.read()
        return HRESULT.S_OK

    def report_result(self, hresult: int, error: int = 0, text: str | None = None) -> HRESULT:
        self.result = (hresult, text)
        return HRESULT.S_OK

    def query_service(self, iid: Any) -> Any:
        return None

    def get_bind_info(self) -> tuple[BINDF, BindInfo]:
        return self.flags, BindInfo(flags=self.flags)

    def get_bind_string(self, kind: Any) -> list[str]:
        return ["*/*"] if kind == urlmon.BINDSTRING.ACCEPT_MIMES else self.none()

    def none(self) -> list[str]:
        raise urlmon.UnsupportedError("none", hresult=HRESULT.E_NOTIMPL)

    def read(self) -> None:
        while part := self.protocol.read(1 << 16):
            self.body += part

    def run(self, url: str) -> Any:
        """Drives a binding of the session for `url` to its result."""
        self.protocol = urlmon.get_session().create_binding(url)
        self.protocol.start(url, self, self)

        def go_on() -> bool:
            while self.switched:
                self.protocol.continue_(self.switched.pop(0))
            self.read()
            return self.result is not None

        pump_until(go_on)
        self.read()
        return self.result


@pytest.mark.parametrize("flags", [BINDF(0), BINDF.NEEDFILE], ids=["stream", "file"])
@pytest.mark.parametrize("size", [0, 10, 1_000_000])
def test_http_as_a_protocol(scripted: ScriptedServer, size: int, flags: BINDF) -> None:
    client = Client(flags)
    assert client.run(scripted.url(f"/payload/{size}")) == (HRESULT.S_OK, None)
    assert isinstance(client.protocol, HttpProtocol)
    assert client.body == payload(size)
    names = [text for status, text in (one for one in client.seen if isinstance(one, tuple)) if status == 14]
    assert len(names) == (1 if flags else 0)
    if flags:
        assert Path(str(names[0])).stat().st_size == size
    assert client.protocol.terminate() == HRESULT.S_OK
    assert not names or not os.path.exists(str(names[0]))


def test_a_registered_handler_for_http_may_fall_back(scripted: ScriptedServer) -> None:
    declining = Scripted(start=lambda self: HRESULT.INET_E_USE_DEFAULT_PROTOCOLHANDLER)
    with served("http", declining):
        stream = urlmon.create_url_moniker(scripted.url("/payload/5000")).bind_to_storage()
    assert stream.read() == payload(5000)
    assert "start" in declining.calls


def test_http_as_a_protocol_that_fails(refusing_port: Any) -> None:
    client = Client()
    assert client.run(refusing_port.url())[0] == HRESULT.INET_E_CANNOT_CONNECT
    assert client.protocol.abort() == HRESULT.INET_E_RESULT_DISPATCHED


def test_http_does_not_terminate_before_its_result(scripted: ScriptedServer) -> None:
    client = Client()
    url = scripted.url("/payload/10", gate="held")
    client.protocol = urlmon.get_session().create_binding(url)
    client.protocol.start(url, client, client)
    assert client.protocol.terminate() == HRESULT.E_FAIL
    assert client.protocol.suspend() == HRESULT.S_OK
    assert client.protocol.resume() == HRESULT.S_OK
    assert client.protocol.abort() == HRESULT.S_OK
    assert client.result == (HRESULT.E_ABORT, None)
    assert client.protocol.terminate() == HRESULT.S_OK
    urlmon.run()


def test_data_as_a_protocol() -> None:
    client = Client()
    assert client.run("data:text/html,x") == (HRESULT.S_OK, None)
    assert client.body == b"x"


@pytest.fixture
def registered() -> Any:
    handlers = {"file": FileProtocol, "about": AboutProtocol, "res": ResProtocol}
    for scheme, factory in handlers.items():
        urlmon.register_name_space(scheme, factory)
    yield
    for scheme, factory in handlers.items():
        urlmon.unregister_name_space(scheme, factory)


def read(url: str) -> bytes:
    content: bytes = urlmon.create_url_moniker(url).bind_to_storage().read()
    return content


def test_file_is_not_for_everybody(tmp_path: Path) -> None:
    with pytest.raises(urlmon.UnknownProtocolError):
        read(f"file://{tmp_path / 'x'}")


def test_file(registered: Any, tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_bytes(b"content")
    assert read(f"file://{tmp_path}/a%20b.txt#there") == b"content"
    (tmp_path / "empty").touch()
    assert read(f"file:{tmp_path}/empty") == b""


@pytest.mark.parametrize("name", ["missing", "folder", "pipe"])
def test_what_is_no_regular_file(registered: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(urlmon.ResourceNotFoundError):
        read(f"file://{tmp_path / name}")


def test_about(registered: Any) -> None:
    assert read("about:blank").decode("utf-16") == "<HTML></HTML>\0"
    assert read("about:<b>").decode("utf-16") == "<HTML>&lt;b&gt;</HTML>\0"


def test_res(registered: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "x_resources"
    (package / "sub").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "sub" / "page.html").write_bytes(b"<p>")
    (tmp_path / "secret").write_bytes(b"secret")
    monkeypatch.syspath_prepend(tmp_path)
    assert read("res://x_resources/sub/page.html") == b"<p>"
    for wrong in (
        "res://x_resources/../secret",
        "res://x_resources/%2e%2e/secret",
        "res://x_resources/none",
        "res://x_none/a",
    ):
        with pytest.raises(urlmon.ResourceNotFoundError):
            read(wrong)


def test_a_filter_stands_between_a_handler_and_a_moniker() -> None:
    class Upper(urlmon.InternetProtocol):
        def start(self, url: str, sink: Any, bind_info: Any, flags: int = 0, reserved: Any = None) -> None:
            self.sink, self.source = sink, reserved.protocol

        def report_progress(self, status: Any, text: str | None = None) -> Any:
            return self.sink.report_progress(status, text)

        def report_data(self, flags: Any, progress: int, progress_max: int = 0) -> Any:
            return self.sink.report_data(flags, progress, progress_max)

        def report_result(self, hresult: int, error: int = 0, text: str | None = None) -> Any:
            return self.sink.report_result(hresult, error, text)

        def read(self, size: int) -> bytes | None:
            part: bytes | None = self.source.read(size)
            return part and part.upper()

    urlmon.register_mime_filter("text/x-lower", Upper)
    try:
        assert read("data:text/x-lower,quiet") == b"QUIET"
        handler = Scripted([b"loud"], start=lambda self: self.tell_all(4, "text/x-lower"))
        with served("x-lower", handler):
            assert read("x-lower:1") == b"LOUD"
    finally:
        urlmon.unregister_mime_filter("text/x-lower", Upper)


def test_a_result_of_s_false_gives_nothing() -> None:
    handler = Scripted(start=lambda self: self.sink.report_result(HRESULT.S_FALSE) and None)
    with served("x-false", handler):
        assert urlmon.create_url_moniker("x-false:1").bind_to_storage() is None
