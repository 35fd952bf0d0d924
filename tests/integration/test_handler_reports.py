"""What a protocol handler reports: its order, its threads, and how the client hears of it (contract section 11)."""

from __future__ import annotations

import threading
from typing import Any

import urlmon
from tests.protocol_handlers import NEXT, URL, Bringing, Scripted, let_go, start
from tests.recording import FIRST, LAST, PULL, Recorder, bind, finish, in_thread, pump_until
from urlmon import BINDSTATUS, BSCF, HRESULT, ProtocolData
from urlmon.protocol_constants import PI
from urlmon.protocols.memory import MemoryProtocol

# -- order and threads -----------------------------------------------------------------------------------------------


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


# -- the media type --------------------------------------------------------------------------------------------------


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


# -- statuses, sizes and results -------------------------------------------------------------------------------------


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


def test_success_codes_reach_the_client() -> None:
    client, _ = start(Scripted(start=lambda self: self.sink.report_result(HRESULT.S_FALSE) and None))
    client.check()
    assert client.hresult == HRESULT.S_FALSE
