"""Streams, files and memory with what a protocol handler reads (contract section 11)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.protocol_handlers import NEXT, URL, Bringing, Scripted, let_go, served, start
from tests.recording import FIRST, LAST, PULL, Recorder, bind, finish, in_thread, pump_until
from urlmon import BINDF, BINDSTATUS, HRESULT, TYMED, BindInfo, ProtocolData

# -- files and memory ------------------------------------------------------------------------------------------------


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


# -- streams ---------------------------------------------------------------------------------------------------------


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
    assert urlmon.pump(0) == 0, "it is no call of a client"
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
