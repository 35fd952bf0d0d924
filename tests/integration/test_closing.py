"""Closing a stream ends what it is the stream of, and nothing else."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest

import urlmon
from tests.protocol_handlers import Scripted, served
from tests.recording import Recorder, bind, finish, pump_until
from tests.servers import ScriptedServer, payload
from urlmon import BINDF, BSCF, HRESULT, BindInfo


def begun(scripted: ScriptedServer, info: BindInfo | None = None) -> Recorder:
    """A live operation with ten bytes to read, and no more to come."""
    recorder = bind(scripted.url("/hang-body", size=1000, at=10), Recorder(info, read=False))
    pump_until(lambda: recorder.stream is not None and recorder.stream.available == 10)
    return recorder


def check_aborted(recorder: Recorder) -> None:
    finish(recorder)
    assert recorder.hresult == HRESULT.E_ABORT
    assert isinstance(recorder.error, urlmon.AbortedError)


@pytest.mark.parametrize(
    "flags", [BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE, BINDF.ASYNCHRONOUS | BINDF.PULLDATA]
)
def test_leaving_the_block_early_aborts(scripted: ScriptedServer, flags: BINDF) -> None:
    recorder = begun(scripted, BindInfo(flags=flags))
    with recorder.stream as stream:
        assert stream.read(4) == payload(4)
    stream.close()
    check_aborted(recorder)
    with pytest.raises(ValueError, match="closed"):
        stream.read()


def test_inside_of_a_callback(scripted: ScriptedServer) -> None:
    def leave(recorder: Recorder, flags: Any, size: int, format: Any, medium: Any) -> None:
        medium.stream.close()
        assert recorder.binding.abort() == HRESULT.E_FAIL  # it is aborted already

    recorder = bind(
        scripted.url("/hang-body", size=1000, at=10), Recorder(read=False, on_data_available=leave)
    )
    check_aborted(recorder)
    assert len(recorder.of("on_data_available")) == 1


def test_through_a_buffer(scripted: ScriptedServer) -> None:
    recorder = begun(scripted)
    with io.BufferedReader(recorder.stream, 4) as buffered:
        assert buffered.read(3) == payload(3)
    check_aborted(recorder)


def test_a_suspended_operation(scripted: ScriptedServer) -> None:
    recorder = begun(scripted)
    recorder.binding.suspend()
    recorder.stream.close()
    check_aborted(recorder)


def test_with_the_last_bytes_it_is_a_success(scripted: ScriptedServer) -> None:
    def leave(recorder: Recorder, flags: BSCF, size: int, format: Any, medium: Any) -> None:
        if flags & BSCF.LASTDATANOTIFICATION:
            with medium.stream as stream:
                assert stream.read(10) == payload(10)  # the rest is not wanted

    recorder = bind(scripted.url("/payload/1000"), Recorder(read=False, on_data_available=leave))
    finish(recorder)
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.stream.closed


def test_on_another_thread(scripted: ScriptedServer) -> None:
    recorder = begun(scripted)
    raised: list[BaseException | None] = []

    def close() -> None:
        try:
            recorder.stream.close()
        except urlmon.WrongThreadError as error:
            raised.append(error)
        else:
            raised.append(None)

    for _ in range(2):
        thread = threading.Thread(target=close)
        thread.start()
        thread.join(10)
        assert recorder.stream.closed is (raised[-1] is None)
        if not recorder.stopped:
            recorder.binding.abort()
            finish(recorder)
    assert isinstance(raised[0], urlmon.WrongThreadError)
    assert raised[1] is None  # there is nothing left to abort


@pytest.mark.parametrize("more", [b"", None])
def test_the_stream_of_a_handler(more: bytes | None) -> None:
    def leave(recorder: Recorder, flags: Any, size: int, format: Any, medium: Any) -> None:
        with medium.stream as stream:
            assert stream.read() == b"first"
        handler.sink.report_result(HRESULT.S_OK)

    handler = Scripted(
        [b"first", *[more] * 9],
        start=lambda self: self.work(lambda: self.sink.report_data(BSCF.FIRSTDATANOTIFICATION, 5, 10)),
        abort=lambda self, reason: self.sink.report_result(reason),
    )
    recorder = Recorder(read=False, on_data_available=leave)
    with served("x-test", handler):
        bind("x-test:something", recorder)
        finish(recorder)
    handler.join()
    recorder.stream.close()
    assert ("abort" in handler.calls) is (more is None)
    assert recorder.hresult == (HRESULT.S_OK if more is not None else HRESULT.E_ABORT)
