"""Monikers whose scheme a protocol handler serves: order, threads, control and failures (contract section 11)."""

from __future__ import annotations

import contextlib
import gc
import io
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.protocol_handlers import FIRST, LAST, NEXT, Scripted, served
from tests.recording import Negotiator, Recorder, bind, finish, in_thread, nothing_comes, pump_until
from urlmon import BINDF, BINDSTATUS, BSCF, HRESULT, TYMED, BindInfo, ProtocolData
from urlmon.identifiers import IID_IHttpNegotiate, IID_IHttpNegotiate2, IID_IInternetProtocol
from urlmon.protocol_constants import PI
from urlmon.protocols.memory import MemoryProtocol

PULL = BindInfo(flags=BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE | BINDF.PULLDATA)
SYNC = BindInfo(flags=BINDF(0))
URL = "x-test:something"


class Bringing(Recorder):
    """A client that brings its own handler."""

    def __init__(self, handler: Any, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.handler = handler
        self.asked: list[Any] = []

    def query_service(self, service: Any, iid: Any) -> Any:
        self.asked.append(iid)
        return self.handler if iid == IID_IInternetProtocol else None


def start(handler: Scripted, recorder: Any = None, storage: TYMED = TYMED.ISTREAM, path: Any = None) -> Any:
    """Binds URL on `handler`; returns the recorder, and what the bind returned."""
    client = recorder or Recorder(PULL)
    with served("x-test", handler):
        context = urlmon.create_async_bind_ctx(client)
        stream = urlmon.create_url_moniker(URL).bind_to_storage(context, storage, path)
    return client, stream


def let_go(client: Recorder) -> None:
    """Drops the stream, which the record of the calls has too."""
    client.stream = client.medium = None
    client.calls.clear()


# -- data: ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "media_type", "content"),
    [
        ("data:,A%20brief%20note", "text/plain", b"A brief note"),
        ("data:text/html;charset=utf-8,%3Cp%3E", "text/html", b"<p>"),
        ("DATA:Text/HTML;base64,SGVsbG8=", "text/html", b"Hello"),
        ("data:;base64,SGVs bG8", "text/plain", b"Hello"),
        ("data:image/gif;base64,R0lGODdhAQ%3D%3D", "image/gif", b"GIF87a\x01"),
        ("data:nonsense,x,y", "text/plain", b"x,y"),
        ("data:,before#fragment", "text/plain", b"before"),
        ("data:,", "text/plain", b""),
    ],
)
def test_data_url(url: str, media_type: str, content: bytes) -> None:
    recorder = Recorder(PULL)
    stream = urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(recorder))
    recorder.check()
    assert recorder.sequence[3:] == [
        "MIMETYPEAVAILABLE",
        "BEGINDOWNLOADDATA",
        "ENDDOWNLOADDATA",
        "on_data_available",
        "on_stop_binding",
    ]
    assert recorder.texts(BINDSTATUS.MIMETYPEAVAILABLE) == [media_type]
    assert recorder.texts(BINDSTATUS.BEGINDOWNLOADDATA) == [url]
    assert recorder.body == content
    assert recorder.ended
    assert stream is recorder.stream, "data were delivered inside the call, so it returns the stream"
    assert urlmon.create_url_moniker(url).bind_to_storage().read() == content


@pytest.mark.parametrize("url", ["data:text/plain", "data:;base64,A", "data:;base64,%%%%"])
def test_malformed_data_url(url: str) -> None:
    recorder = Recorder(PULL)
    with pytest.raises(urlmon.InvalidURLError) as caught:
        urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(recorder))
    recorder.check()
    assert recorder.hresult == HRESULT.INET_E_INVALID_URL
    assert recorder.error is caught.value
    assert recorder.sequence[3:] == ["on_stop_binding"]


def test_data_url_to_file_and_memory(tmp_path: Path) -> None:
    moniker = urlmon.create_url_moniker("data:,content")
    target = tmp_path / "target"
    assert moniker.bind_to_storage(None, TYMED.FILE, target) == str(target)
    assert target.read_bytes() == b"content"
    assert [entry.name for entry in tmp_path.iterdir()] == ["target"]
    assert bytes(moniker.bind_to_storage(None, TYMED.HGLOBAL)) == b"content"


def test_the_stream_of_a_handler_is_a_file_for_the_standard_library() -> None:
    stream = urlmon.create_url_moniker("data:,one%0Atwo%0A").bind_to_storage()
    assert isinstance(stream, io.RawIOBase)
    assert io.BufferedReader(stream).readlines() == [b"one\n", b"two\n"]
    with pytest.raises(ValueError, match="closed"):
        stream.read()


# -- finding the handler ----------------------------------------------------------------------------------------------


def test_nobody_serves_the_scheme() -> None:
    recorder = Recorder(PULL)
    with pytest.raises(urlmon.UnknownProtocolError):
        bind(URL, recorder)
    recorder.check()
    assert recorder.hresult == HRESULT.INET_E_UNKNOWN_PROTOCOL


def test_the_client_s_handler_comes_first() -> None:
    brought = Scripted([b"mine"], start=lambda self: self.tell_all(4))
    registered = Scripted()
    client = Bringing(brought, PULL)
    start(registered, client)
    client.check()
    assert client.body == b"mine"
    assert client.asked[0] == IID_IInternetProtocol
    assert registered.calls == []


def test_a_handler_may_leave_the_url_to_the_default_one() -> None:
    declining = Scripted(start=lambda self: HRESULT.INET_E_USE_DEFAULT_PROTOCOLHANDLER)
    with served("data", declining):
        assert urlmon.create_url_moniker("data:,x").bind_to_storage().read() == b"x"
    assert declining.calls == ["set_priority", "start"]


def test_the_default_handler_may_be_preferred() -> None:
    never = Scripted()
    client = Recorder(BindInfo(flags=PULL.flags | BINDF.PREFERDEFAULTHANDLER))
    with served("data", never):
        bind_data = urlmon.create_url_moniker("data:,x").bind_to_storage(urlmon.create_async_bind_ctx(client))
    assert bind_data is client.stream
    assert client.body == b"x"
    assert never.calls == []


# -- what a handler sees ----------------------------------------------------------------------------------------------


def test_what_a_handler_is_started_with() -> None:
    seen: dict[str, Any] = {}

    def begin(self: Scripted) -> None:
        seen["info"] = self.bind_info.get_bind_info()
        seen["accept"] = self.bind_info.get_bind_string(urlmon.BINDSTRING.ACCEPT_MIMES)
        seen["url"] = self.bind_info.get_bind_string(urlmon.BINDSTRING.URL)
        for kind in (urlmon.BINDSTRING.USER_AGENT, urlmon.BINDSTRING.OS):
            with pytest.raises(urlmon.UnsupportedError) as caught:
                self.bind_info.get_bind_string(kind)
            seen[kind.name] = caught.value.hresult
        negotiate = self.sink.query_service(IID_IHttpNegotiate)
        seen["fields"] = negotiate.beginning_transaction(self.url, None)
        seen["response"] = negotiate.on_response(200, "HTTP/1.1 200 OK\r\n\r\n", None)
        seen["security id"] = self.bind_info.query_service(IID_IHttpNegotiate2).get_root_security_id()
        self.tell_all(0)

    client = Negotiator(
        BindInfo(flags=PULL.flags, user_agent=None), beginning_transaction=lambda *_: {"A": "b"}
    )
    handler = Scripted(start=begin)
    start(handler, client)
    flags, info = seen["info"]
    assert flags == PULL.flags | BINDF.FROMURLMON | BINDF.NEEDFILE
    assert info is client.info
    assert handler.start_arguments == (PI(0), None)
    assert handler.url == URL
    assert seen["accept"] == ["*/*"]
    assert seen["url"] == [URL]
    assert seen["USER_AGENT"] == HRESULT.E_NOINTERFACE
    assert seen["OS"] == HRESULT.E_NOTIMPL
    assert seen["fields"] == {"A": "b"}
    assert client.of("on_response") == [(200, "HTTP/1.1 200 OK\r\n\r\n", None)]
    assert seen["security id"] == HRESULT.E_FAIL


# -- order and threads ------------------------------------------------------------------------------------------------


def test_everything_comes_on_the_starting_thread_in_the_order_of_the_reports() -> None:
    def work(self: Scripted) -> None:
        report = self.sink.report_progress
        assert report(BINDSTATUS.FINDINGRESOURCE, "host") == HRESULT.S_OK
        report(BINDSTATUS.CONNECTING, "address")
        report(BINDSTATUS.SENDINGREQUEST, None)
        report(BINDSTATUS.REDIRECTING, "x-test:elsewhere")
        self.sink.switch(ProtocolData(0, 7, "mine"))

    def go_on(self: Scripted, data: ProtocolData) -> None:
        assert data == ProtocolData(0, 7, "mine")
        self.sink.report_progress(BINDSTATUS.MIMETYPEAVAILABLE, "text/plain")
        self.sink.report_data(FIRST, 300, 600)
        self.sink.report_data(NEXT, 500, 600)
        self.sink.report_data(NEXT | LAST, 600, 600)
        self.sink.report_result(HRESULT.S_OK)
        assert "on_data_available" not in client.methods, "delivered from within continue_"

    handler = Scripted(
        [b"a" * 300, None, b"b" * 200, None, b"c" * 100],
        start=lambda self: self.work(lambda: work(self)),
        continue_=go_on,
    )
    client, stream = start(handler)
    assert stream is None
    finish(client)
    handler.join()
    assert client.sequence[3:] == [
        "FINDINGRESOURCE",
        "CONNECTING",
        "SENDINGREQUEST",
        "REDIRECTING",
        "MIMETYPEAVAILABLE",
        "BEGINDOWNLOADDATA",
        "on_data_available",
        "DOWNLOADINGDATA",
        "on_data_available",
        "ENDDOWNLOADDATA",
        "on_data_available",
        "on_stop_binding",
    ]
    assert [args[:2] for args in client.of("on_data_available")] == [
        (FIRST, 300),
        (NEXT, 500),
        (NEXT | LAST, 600),
    ]
    assert client.body == b"a" * 300 + b"b" * 200 + b"c" * 100
    assert client.binding.url == "x-test:elsewhere"
    assert handler.threads == {threading.get_ident()}
    let_go(client)
    assert handler.calls[-2:] == ["terminate", "unlock_request"]


def test_a_forced_switch_comes_after_the_bind_has_returned() -> None:
    def begin(self: Scripted) -> HRESULT:
        self.sink.switch(ProtocolData(PI.FORCE_ASYNC))
        assert "continue_" not in self.calls
        return HRESULT.E_PENDING

    handler = Scripted([b"x"], start=begin, continue_=lambda self, data: self.tell_all(1))
    client, stream = start(handler)
    assert stream is None
    assert "continue_" not in handler.calls
    finish(client)
    assert client.body == b"x"


def test_a_switch_on_the_proper_thread_is_direct() -> None:
    handler = Scripted(
        [b"x"],
        start=lambda self: self.sink.switch(ProtocolData()),
        continue_=lambda self, data: self.tell_all(1),
    )
    client, _ = start(handler)
    finish(client)
    assert handler.calls[:3] == ["set_priority", "start", "continue_"]
    assert client.body == b"x"


def test_many_threads_report_at_once() -> None:
    count, each = 8, 200

    def work(self: Scripted, number: int) -> None:
        for step in range(each):
            self.sink.report_progress(BINDSTATUS.CONNECTING, f"{number} {step}")

    handler = Scripted(
        start=lambda self: [self.work(lambda n=n: work(self, n)) for n in range(count)] and None
    )
    client, _ = start(handler)
    pump_until(lambda: len(client.texts(BINDSTATUS.CONNECTING)) == count * each)
    handler.join()
    handler.sink.report_result(HRESULT.S_OK)
    finish(client)
    for number in range(count):
        mine = [text for text in client.texts(BINDSTATUS.CONNECTING) if text.startswith(f"{number} ")]
        assert mine == [f"{number} {step}" for step in range(each)]


def test_reports_from_within_a_read_wait_for_the_callback_to_return() -> None:
    def read(self: Scripted, size: int) -> bytes:
        if len(self.reads) == 2:
            self.sink.report_data(NEXT | LAST, 2, 2)
            self.sink.report_result(HRESULT.S_OK)
        return self.reads.pop(0) if self.reads else b""

    depth = []

    def reading(recorder: Recorder, *_: Any) -> None:
        assert not depth
        depth.append(1)
        recorder.read_all()
        depth.pop()

    handler = Scripted([b"a", b"b"], start=lambda self: self.sink.report_data(FIRST, 1, 2), read=read)
    client, _ = start(handler, Recorder(PULL, read=False, on_data_available=reading))
    finish(client)
    assert client.body == b"ab"
    assert client.flags == [FIRST, NEXT | LAST]


def test_a_read_outside_of_callbacks_delivers_nothing_by_itself() -> None:
    def read(self: Scripted, size: int) -> bytes:
        self.sink.report_result(HRESULT.S_OK)
        return b""

    handler = Scripted(start=lambda self: self.sink.report_data(FIRST, 1, 2), read=read)
    client, _ = start(handler, Recorder(PULL, read=False))
    assert client.stream.read() == b""
    assert not client.stopped, "the stop came from within the read"
    finish(client)


def test_handlers_of_two_threads_stay_apart() -> None:
    handlers = [Scripted([b"x"], start=lambda self: self.work(lambda: self.tell_all(1))) for _ in range(2)]

    def one(handler: Scripted) -> None:
        client = Bringing(handler, PULL)
        bind(URL, client)
        finish(client)
        assert handler.threads == {threading.get_ident()}
        urlmon.Apartment.current().close()

    for handler in handlers:
        in_thread(lambda handler=handler: one(handler))
        handler.join()


def test_priority_decides_whose_reports_are_delivered_first() -> None:
    order: list[str] = []
    handlers = [Scripted(), Scripted()]
    clients = [
        Bringing(
            handler,
            PULL,
            priority=priority,
            label=label,
            on_progress=lambda self, *_: order.append(self.label),
        )
        for handler, priority, label in zip(handlers, (-1, 1), ("low", "high"), strict=True)
    ]
    for client in clients:
        bind(URL, client)

    def work() -> None:
        for handler in handlers:
            for _ in range(2):
                handler.sink.report_progress(BINDSTATUS.CONNECTING, "x")

    in_thread(work)
    urlmon.pump(0)
    assert order == ["high", "high", "low", "low"]
    for handler in handlers:
        handler.sink.report_result(HRESULT.S_OK)
    finish(*clients)
    assert [handler.priorities for handler in handlers] == [[-1], [1]]


# -- the media type ---------------------------------------------------------------------------------------------------


def test_the_first_bytes_decide_the_type() -> None:
    gif = b"gif87a" + bytes(300)
    handler = Scripted([gif[:100], None, gif[100:]])
    client, _ = start(handler)
    handler.sink.report_progress(BINDSTATUS.MIMETYPEAVAILABLE, "text/html")
    handler.sink.report_data(FIRST, 100, len(gif))
    assert client.statuses == [], "nothing is passed on before the type is known"
    handler.sink.report_data(NEXT, len(gif), len(gif))
    assert client.texts(BINDSTATUS.MIMETYPEAVAILABLE) == ["image/gif"]
    handler.sink.report_result(HRESULT.S_OK)
    finish(client)
    assert client.body == gif
    assert client.of("on_data_available")[0][2].media_type == "image/gif"


def test_a_direct_bind_reports_no_type() -> None:
    def begin(self: Scripted) -> None:
        self.sink.report_progress(BINDSTATUS.DIRECTBIND)
        self.tell_all(1, "text/html")

    client, _ = start(Scripted([b"x"], start=begin))
    client.check()
    assert BINDSTATUS.MIMETYPEAVAILABLE not in client.statuses
    assert client.of("on_data_available")[0][2].media_type is None


# -- storage ----------------------------------------------------------------------------------------------------------


def trickle(self: Scripted) -> None:
    """400 bytes in two parts and no word of the last one."""
    self.sink.report_data(FIRST, 200, 400)
    self.sink.report_data(NEXT, 400, 400)
    self.sink.report_result(HRESULT.S_OK)


def test_memory() -> None:
    client, _ = start(Scripted([b"a" * 200, None, b"b" * 200], start=trickle), storage=TYMED.HGLOBAL)
    finish(client)
    assert bytes(client.medium.data) == b"a" * 200 + b"b" * 200
    assert len(client.of("on_data_available")) == 1


def test_file(tmp_path: Path) -> None:
    target = tmp_path / "target"
    handler = Scripted([b"a" * 200, None, b"b" * 200], start=trickle)
    client, _ = start(handler, storage=TYMED.FILE, path=target)
    finish(client)
    assert target.read_bytes() == b"a" * 200 + b"b" * 200
    assert client.texts(BINDSTATUS.CACHEFILENAMEAVAILABLE) == [str(target)]
    assert [entry.name for entry in tmp_path.iterdir()] == ["target"]


@pytest.mark.parametrize("failing", ["result", "read", "abort", "callback"])
def test_a_failure_leaves_no_partial_file_and_the_target_as_it_was(tmp_path: Path, failing: str) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    reads = [b"a", None, urlmon.DownloadError("gone") if failing == "read" else b"b"]
    handler = Scripted(reads, start=lambda self: self.sink.report_data(FIRST, 1, 2))
    hooks = {"on_progress": lambda self, *_: 1 / 0} if failing == "callback" else {}
    client = Recorder(PULL, **hooks)
    if failing == "callback":
        with pytest.raises(ZeroDivisionError):
            start(handler, client, TYMED.FILE, target)
    else:
        start(handler, client, TYMED.FILE, target)
        assert (tmp_path / "target.part").read_bytes() == b"a"
    if failing == "abort":
        assert client.binding.abort() == HRESULT.S_OK
    elif failing == "result":
        handler.sink.report_result(HRESULT.INET_E_DOWNLOAD_FAILURE, 5, "broken")
    elif failing == "read":
        handler.sink.report_data(NEXT, 2, 2)
    finish(client)
    assert isinstance(client.error, urlmon.BindError)
    assert target.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["target"]
    assert "terminate" in handler.calls


def test_a_file_without_a_target_needs_a_handler() -> None:
    client = Bringing(None, PULL)
    with pytest.raises(urlmon.InvalidRequestError, match="target"):
        bind("http://127.0.0.1:9/", client, TYMED.FILE)
    assert "on_start_binding" not in client.methods


def test_two_writers_of_one_target(tmp_path: Path) -> None:
    target = tmp_path / "target"
    first, second = Scripted(), Scripted()
    client, _ = start(first, storage=TYMED.FILE, path=target)
    late = Recorder(PULL)
    with pytest.raises(urlmon.StorageExistsError):
        start(second, late, TYMED.FILE, target)
    late.check()
    assert "start" not in second.calls
    first.reads = [b"x"]
    first.tell_all(1)
    finish(client)
    assert target.read_bytes() == b"x"


def test_a_handler_s_own_file(tmp_path: Path) -> None:
    def begin(self: Scripted) -> None:
        self.sink.report_progress(BINDSTATUS.CACHEFILENAMEAVAILABLE, str(tmp_path / "kept"))
        self.tell_all(5)

    client, _ = start(Scripted(start=begin), storage=TYMED.FILE)
    client.check()
    assert client.medium.path == str(tmp_path / "kept")
    assert client.texts(BINDSTATUS.CACHEFILENAMEAVAILABLE) == [str(tmp_path / "kept")]


def test_a_handler_without_a_file() -> None:
    client = Recorder(PULL)
    with pytest.raises(urlmon.DataNotAvailableError):
        start(Scripted(start=lambda self: self.tell_all(5)), client, TYMED.FILE)
    client.check()
    assert client.hresult == HRESULT.INET_E_DATA_NOT_AVAILABLE


def test_a_synchronous_bind_keeps_everything_for_its_caller() -> None:
    def begin(self: Scripted) -> None:
        self.work(lambda: [self.sink.switch(ProtocolData(0, step)) for step in range(3)])

    def go_on(self: Scripted, data: ProtocolData) -> None:
        self.sink.report_data(FIRST if data.state == 0 else NEXT, 100 * (data.state + 1))
        if data.state == 2:
            self.sink.report_result(HRESULT.S_OK)

    handler = Scripted([b"a" * 100, None, b"b" * 100, None, b"c" * 100, b""], start=begin, continue_=go_on)
    with served("x-test", handler):
        stream = urlmon.create_url_moniker(URL).bind_to_storage()
    handler.join()
    assert handler.calls[-1] == "terminate"
    assert stream.read() == b"a" * 100 + b"b" * 100 + b"c" * 100
    stream.close()
    assert handler.calls[-1] == "unlock_request"


def test_a_client_without_on_data_available_does_not_stop_the_handler() -> None:
    class Deaf(urlmon.BindStatusCallback):
        stopped = False

        def on_stop_binding(self, hresult: Any, error: Any) -> None:
            self.stopped = True

    handler = Scripted([b"x", None], start=lambda self: self.sink.report_data(FIRST, 1, 1))
    client = Deaf()
    with served("x-test", handler):
        urlmon.create_url_moniker(URL).bind_to_storage(urlmon.create_async_bind_ctx(client))
    assert handler.calls.count("read") == 2
    handler.sink.report_result(HRESULT.S_OK)
    pump_until(lambda: client.stopped)


def test_push_reads_ahead_and_pull_does_not() -> None:
    for flags, read in ((PULL.flags, 0), (PULL.flags & ~BINDF.PULLDATA, 2)):
        handler = Scripted([b"x", None], start=lambda self: self.sink.report_data(FIRST, 1, 1))
        client, _ = start(handler, Recorder(BindInfo(flags=flags), read=False))
        assert handler.calls.count("read") == read
        assert client.stream.read() == b"x"
        handler.sink.report_result(HRESULT.S_OK)
        finish(client)


def test_the_stream_is_for_its_thread() -> None:
    client, _ = start(Scripted([b"x"], start=lambda self: self.tell_all(1)), Recorder(PULL, read=False))
    with pytest.raises(urlmon.WrongThreadError):
        in_thread(client.stream.read)
    assert client.stream.read() == b"x"


def test_a_stream_that_is_dropped_on_another_thread_is_unlocked_on_its_own() -> None:
    handler = Scripted([b"x"], start=lambda self: self.tell_all(1))
    client, stream = start(handler)
    let_go(client)
    held = [stream]
    del stream
    in_thread(held.clear)
    assert "unlock_request" not in handler.calls
    urlmon.pump(1)
    assert handler.calls[-1] == "unlock_request"
    assert handler.threads == {threading.get_ident()}


def test_a_stream_that_blocks_has_the_handler_continued() -> None:
    def go_on(self: Scripted, data: ProtocolData) -> None:
        self.sink.report_data(NEXT | LAST, 2, 2)

    handler = Scripted(
        [b"a", None, b"b"], start=lambda self: self.sink.report_data(FIRST, 1, 2), continue_=go_on
    )

    def reading(recorder: Recorder, *_: Any) -> None:
        if len(handler.reads) == 3:
            recorder.body += recorder.stream.read(1)
            handler.work(lambda: handler.sink.switch(ProtocolData()))
            recorder.body += recorder.stream.read(1)

    info = BindInfo(flags=BINDF.ASYNCHRONOUS | BINDF.PULLDATA)
    client, _ = start(handler, Recorder(info, read=False, on_data_available=reading))
    assert client.body == b"ab"
    finish(client)
    handler.join()
    handler.sink.report_result(HRESULT.S_OK)
    urlmon.pump(0)  # the switch was found by the stream, so its place in the queue is still taken
    assert client.flags == [FIRST, NEXT | LAST]


# -- control ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["reports", "later", "says nothing", "cannot"])
def test_abort(answer: str) -> None:
    def abort(self: Scripted, reason: int) -> Any:
        if answer == "reports":
            assert self.sink.report_result(reason) == HRESULT.S_OK
        elif answer == "later":
            return HRESULT.E_PENDING
        elif answer == "cannot":
            return HRESULT.E_NOTIMPL
        return None

    handler = Scripted(start=lambda self: self.sink.report_data(FIRST, 1, 2), abort=abort)
    client, _ = start(handler)
    assert client.binding.abort() == HRESULT.S_OK
    assert client.binding.abort() == HRESULT.E_FAIL
    assert not client.stopped, "the stop comes from the pump"
    assert handler.sink.report_data(NEXT, 2, 2) == HRESULT.E_FAIL
    assert handler.sink.report_progress(BINDSTATUS.CONNECTING) == HRESULT.E_FAIL
    if answer == "later":
        assert nothing_comes()
        handler.sink.report_result(HRESULT.E_ABORT)
    finish(client)
    assert handler.calls.count("abort") == 1
    assert handler.sink.report_result(HRESULT.S_OK) == HRESULT.E_FAIL
    assert client.hresult == HRESULT.E_ABORT
    assert len(client.of("on_data_available")) == 1


def test_abort_inside_the_handler_s_start() -> None:
    def begin(self: Scripted) -> None:
        self.sink.report_progress(BINDSTATUS.CONNECTING, "x")
        self.tell_all(5)

    client = Recorder(PULL, on_progress=lambda self, *_: self.binding.abort() and None)
    with pytest.raises(urlmon.AbortedError):
        start(Scripted(start=begin), client)
    client.check()
    assert client.hresult == HRESULT.E_ABORT
    assert client.sequence[3:] == ["CONNECTING", "on_stop_binding"]


def test_abort_after_the_result_comes_too_late() -> None:
    handler = Scripted()
    client, _ = start(handler)
    in_thread(lambda: handler.sink.report_result(HRESULT.S_OK))
    assert client.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    finish(client)
    assert client.hresult == HRESULT.S_OK
    assert client.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    assert "abort" not in handler.calls


def test_suspend_holds_everything_back() -> None:
    handler = Scripted([b"x"])
    client, _ = start(handler)
    assert client.binding.suspend() == HRESULT.S_OK
    assert client.binding.suspend() == HRESULT.S_FALSE
    assert client.binding.state == "suspended"
    handler.tell_all(1)
    in_thread(lambda: handler.sink.switch(ProtocolData()))
    assert nothing_comes()
    assert handler.calls == ["set_priority", "start", "suspend"]
    assert client.binding.resume() == HRESULT.S_OK
    assert client.binding.resume() == HRESULT.S_FALSE
    finish(client)
    assert client.body == b"x"
    assert handler.calls[3] == "resume"


def test_a_suspended_operation_that_its_client_ends_is_told() -> None:
    def suspend_and_refuse(recorder: Recorder, *_: Any) -> HRESULT:
        recorder.binding.suspend()
        return HRESULT.E_ABORT

    handler = Scripted([b"x"])
    client, _ = start(handler, Recorder(PULL, on_data_available=suspend_and_refuse))
    in_thread(lambda: handler.sink.report_data(FIRST, 1, 2))
    finish(client)
    assert client.hresult == HRESULT.E_ABORT


def test_abort_of_a_suspended_operation_that_has_ended_tells_its_end() -> None:
    handler = Scripted([b"x"])
    client, _ = start(handler)
    client.binding.suspend()
    in_thread(lambda: handler.tell_all(1))
    assert client.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    finish(client)
    assert client.hresult == HRESULT.S_OK


def test_abort_while_suspended() -> None:
    handler = Scripted()
    client, _ = start(handler)
    client.binding.suspend()
    client.binding.abort()
    finish(client)
    assert client.hresult == HRESULT.E_ABORT


def test_priority_reaches_the_handler() -> None:
    handler = Scripted()
    client = Recorder(
        PULL, priority=3, on_start_binding=lambda self, binding: binding.set_priority(100) and None
    )
    start(handler, client)
    client.binding.priority = -2
    assert handler.priorities == [100, -2]
    assert client.binding.priority == -2
    handler.sink.report_result(HRESULT.S_OK)
    finish(client)


def test_state_and_figures() -> None:
    handler = Scripted([b"x"])
    client, _ = start(handler)
    assert client.binding.state == "connecting"
    handler.sink.report_data(FIRST, 10, 20)
    assert (client.binding.state, client.binding.bytes_received, client.binding.bytes_total) == (
        "receiving",
        10,
        20,
    )
    assert "x-test:something receiving, 10 of 20 bytes" in repr(client.binding)
    statistics = urlmon.Apartment.current().statistics()
    assert statistics["states"] == {"receiving": 1}
    urlmon.Apartment.current().configure(max_active=64)
    handler.sink.report_result(HRESULT.S_OK)
    finish(client)
    assert client.binding.state == "stopped"


# -- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("info", [PULL, SYNC], ids=["asynchronous", "synchronous"])
@pytest.mark.parametrize("how", ["returns", "raises", "reports"])
def test_a_start_that_fails(info: BindInfo, how: str) -> None:
    def begin(self: Scripted) -> Any:
        if how == "raises":
            raise urlmon.ResourceNotFoundError("not here")
        if how == "reports":
            self.sink.report_result(HRESULT.INET_E_RESOURCE_NOT_FOUND, 2, "not here")
        return HRESULT.INET_E_RESOURCE_NOT_FOUND

    client = Recorder(info)
    handler = Scripted(start=begin)
    with pytest.raises(urlmon.ResourceNotFoundError):
        start(handler, client)
    client.check()
    assert client.sequence[3:] == ["on_stop_binding"]
    assert client.hresult == HRESULT.INET_E_RESOURCE_NOT_FOUND
    assert handler.calls.count("terminate") == 1


@pytest.mark.parametrize("where", ["start", "continue_", "read", "abort"])
def test_an_exception_of_the_handler_ends_its_operation_and_is_not_lost(where: str) -> None:
    def fail(self: Scripted, *_: Any) -> None:
        raise ZeroDivisionError(where)

    hooks: dict[str, Any] = {where: fail}
    if where == "read":
        # Read by the system, not by the client: push.
        hooks["start"] = lambda self: self.work(lambda: self.sink.report_data(FIRST, 1, 1))
    handler = Scripted(**hooks)
    client = Recorder(BindInfo(), read=False)

    def run() -> None:
        start(handler, client)
        if where == "continue_":
            in_thread(lambda: handler.sink.switch(ProtocolData()))
        elif where == "abort":
            client.binding.abort()
        urlmon.pump(5)

    with pytest.raises(ZeroDivisionError, match=where):
        run()
    finish(client)
    handler.join()
    assert client.hresult == (HRESULT.E_ABORT if where == "abort" else HRESULT.E_UNEXPECTED)
    assert "terminate" in handler.calls


def test_a_failing_continue_ends_the_operation() -> None:
    handler = Scripted(continue_=lambda self, data: HRESULT.INET_E_CANNOT_CONNECT)
    client, _ = start(handler)
    in_thread(lambda: handler.sink.switch(ProtocolData()))
    finish(client)
    assert client.hresult == HRESULT.INET_E_CANNOT_CONNECT
    assert isinstance(client.error, urlmon.ConnectError)


@pytest.mark.parametrize("swallow", [False, True], ids=["passed on", "swallowed by the handler"])
@pytest.mark.parametrize("method", ["on_progress", "on_data_available", "on_stop_binding"])
def test_an_exception_of_the_client_from_within_start_is_not_lost(method: str, swallow: bool) -> None:
    def begin(self: Scripted) -> None:
        try:
            self.sink.report_progress(BINDSTATUS.CONNECTING, "x")
            self.tell_all(1)
        except BaseException:
            if not swallow:
                raise

    client = Recorder(PULL, **{method: lambda self, *_: 1 / 0})
    handler = Scripted([b"x"], start=begin)
    with pytest.raises(ZeroDivisionError):
        start(handler, client)
    pump_until(lambda: client.stopped)
    assert client.methods.count("on_stop_binding") == 1
    if method != "on_stop_binding":
        assert client.hresult == HRESULT.E_UNEXPECTED
    assert "terminate" in handler.calls


@pytest.mark.parametrize("method", ["on_progress", "on_data_available", "on_stop_binding"])
def test_an_exception_of_the_client_leaves_the_pump(method: str) -> None:
    client = Recorder(PULL, **{method: lambda self, *_: 1 / 0})
    handler = Scripted([b"x"], start=lambda self: self.work(lambda: self.tell_all(1)))
    start(handler, client)
    with pytest.raises(ZeroDivisionError):
        pump_until(lambda: client.stopped)
    pump_until(lambda: client.stopped)
    handler.join()
    assert client.methods.count("on_stop_binding") == 1


@pytest.mark.parametrize("answer", [HRESULT.E_ABORT, HRESULT.E_FAIL, HRESULT.S_FALSE])
def test_on_data_available_may_end_the_operation(answer: HRESULT) -> None:
    client = Recorder(PULL, on_data_available=lambda *_: answer)
    handler = Scripted([b"x"], start=lambda self: self.sink.report_data(FIRST, 1, 2))
    with pytest.raises(urlmon.BindError) if urlmon.failed(answer) else contextlib.nullcontext():
        start(handler, client)
    client.check()
    assert client.hresult == answer
    assert client.sequence[-3:] == ["on_data_available", "ENDDOWNLOADDATA", "on_stop_binding"]
    assert "abort" in handler.calls


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (HRESULT.E_ABORT, HRESULT.E_ABORT),
        (HRESULT.E_FAIL, HRESULT.INET_E_DOWNLOAD_FAILURE),
    ],
)
def test_a_refused_start_never_starts_the_handler(answer: HRESULT, seen: HRESULT) -> None:
    client = Recorder(PULL, on_start_binding=lambda *_: answer)
    handler = Scripted()
    with pytest.raises(urlmon.BindError):
        start(handler, client)
    client.check()
    assert client.hresult == seen
    assert handler.calls == []


def test_success_codes_reach_the_client() -> None:
    client, _ = start(Scripted(start=lambda self: self.sink.report_result(HRESULT.S_FALSE) and None))
    client.check()
    assert client.hresult == HRESULT.S_FALSE


def test_a_handler_s_redirect_starts_another_one() -> None:
    second = Scripted([b"there"], start=lambda self: self.tell_all(5))
    first = Scripted(
        start=lambda self: self.sink.report_result(HRESULT.INET_E_REDIRECT_FAILED, 0, "x-other:1") and None
    )
    with served("x-other", second):
        client, _ = start(first)
        finish(client)
    assert client.texts(BINDSTATUS.REDIRECTING) == ["x-other:1"]
    assert client.body == b"there"
    assert first.calls[-1] == "terminate"


def test_a_redirect_that_goes_round_ends() -> None:
    def away(self: Scripted) -> None:
        self.sink.report_result(HRESULT.INET_E_REDIRECT_FAILED, 0, URL)

    handlers = [Scripted(start=away) for _ in range(40)]
    client = Recorder(PULL)
    with served("x-test", *handlers), pytest.raises(urlmon.RedirectError):
        bind(URL, client)
    client.check()
    assert client.hresult == HRESULT.INET_E_REDIRECT_FAILED
    assert len(client.texts(BINDSTATUS.REDIRECTING)) == 30


# -- the end of the apartment -----------------------------------------------------------------------------------------


def test_a_thread_that_ends_aborts_its_handlers() -> None:
    handler = Scripted()

    def forget() -> None:
        bind(URL, Bringing(handler, PULL))
        urlmon.Apartment.current().close()

    in_thread(forget)
    assert handler.calls[-2:] == ["abort", "terminate"]
    assert handler.sink.report_result(HRESULT.S_OK) == HRESULT.E_FAIL
    assert handler.sink.report_progress(BINDSTATUS.CONNECTING) == HRESULT.E_FAIL


def test_nothing_is_left_of_an_operation_that_has_ended() -> None:
    handler = Scripted([b"x"], start=lambda self: self.tell_all(1))
    client, stream = start(handler)
    assert stream is client.stream
    left = [weakref.ref(client.binding), weakref.ref(client), weakref.ref(handler)]
    del client, stream, handler
    gc.collect()
    assert [reference() for reference in left] == [None, None, None]


def test_every_status_that_a_handler_may_report() -> None:
    """Those of uploads too, though the bind has no body that the library knows of."""

    class Talkative(MemoryProtocol):
        def start(self, url: str, sink: Any, *rest: Any) -> Any:
            for status in set(BINDSTATUS) - {BINDSTATUS.BEGINDOWNLOADDATA}:  # which repeats a notification
                sink.report_progress(status, status.name)
            return super().start(url, sink, *rest)

        def find(self, url: str) -> tuple[str, bytes]:
            return "text/plain", b"talk"

    urlmon.register_name_space("talk", Talkative)
    try:
        recorder = Recorder()
        urlmon.create_url_moniker("talk:x").bind_to_storage(urlmon.create_async_bind_ctx(recorder))
        finish(recorder)
    finally:
        urlmon.unregister_name_space("talk", Talkative)
    assert recorder.body == b"talk"
    for status in (BINDSTATUS.BEGINUPLOADDATA, BINDSTATUS.UPLOADINGDATA, BINDSTATUS.ENDUPLOADDATA):
        assert recorder.texts(status) == [status.name]


def test_the_size_that_a_handler_announces_is_told() -> None:
    recorder = Recorder()
    urlmon.create_url_moniker("data:,text").bind_to_storage(urlmon.create_async_bind_ctx(recorder))
    told = {status: (progress, most) for progress, most, status, _ in recorder.of("on_progress")}
    assert told[BINDSTATUS.BEGINDOWNLOADDATA] == told[BINDSTATUS.ENDDOWNLOADDATA] == (4, 4)


def test_the_stream_of_a_synchronous_bind_can_be_sought_in() -> None:
    stream = urlmon.create_url_moniker("data:,something").bind_to_storage()
    assert stream.seekable()
    assert stream.read(4) == b"some"
    assert stream.seek(0, io.SEEK_END) == 9
    assert stream.read(1) == b""
    assert stream.seek(-5, io.SEEK_CUR) == 4
    assert stream.read() == b"thing"
    assert stream.seek(0) == 0
    with pytest.raises(ValueError, match="no seeking"):
        stream.seek(-1)
    assert stream.tell() == 0
    assert stream.stat()[2] == 9
    assert io.BufferedReader(stream).read() == b"something"


def test_lengths_beyond_32_bits_of_a_handler() -> None:
    size = 5 << 30

    def tell(handler: Scripted) -> None:
        handler.sink.report_data(FIRST, 10, size)
        handler.sink.report_data(LAST | NEXT, size, size)
        handler.sink.report_result(HRESULT.S_OK)

    recorder, _ = start(Scripted([b"x" * 10, b""], start=tell))
    finish(recorder)
    assert recorder.texts(BINDSTATUS.PROGRESS_64BIT) == [f"10,{size}", f"{size},{size}"]
    assert all(flags & BSCF.LENGTH_64BIT_DOWNLOAD for flags in recorder.flags)
