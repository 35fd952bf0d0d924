"""The pull model (BINDF.PULLDATA) and storage that blocks (no BINDF.ASYNCSTORAGE): contract 3.5 A and B, 5.2."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import urlmon
import urlmon_core
from tests.recording import (
    FIRST,
    FULL,
    INTERMEDIATE,
    LAST,
    PULL,
    Recorder,
    bind,
    fetch,
    finish,
    nothing_comes,
    pump_until,
)
from tests.servers import ScriptedServer, payload
from urlmon import BINDF, HRESULT, TYMED, BindInfo

MIB = 1 << 20
READ_AHEAD = 1 << 18
BLOCKING = BindInfo(flags=BINDF.ASYNCHRONOUS)
BLOCKING_PULL = BindInfo(flags=BINDF.ASYNCHRONOUS | BINDF.PULLDATA)


def pull(url: str, **more: Any) -> Recorder:
    recorder: Recorder = bind(url, Recorder(PULL, **more))
    return recorder


def settled(recorder: Recorder) -> int:
    """Pumps until the transfer waits for its client, sees that it goes on waiting, and returns what has come."""
    pump_until(lambda: recorder.binding.state in ("paused", "suspended"))
    there = -1
    while there != recorder.binding.bytes_received:  # what libcurl had in hand when it was paused still comes
        there = recorder.binding.bytes_received
        urlmon.pump(0.1)
    assert nothing_comes(0.1)
    assert recorder.binding.bytes_received == there
    return there


# -- pull ------------------------------------------------------------------------------------------------------------


def test_nothing_beyond_one_block_is_fetched_before_the_client_reads(scripted: ScriptedServer) -> None:
    recorder = pull(scripted.url(f"/payload/{64 * MIB}"), read=False)
    pump_until(lambda: recorder.stream is not None)
    assert 0 < settled(recorder) <= READ_AHEAD
    assert recorder.flags == [FIRST]
    recorder.binding.abort()
    finish(recorder)


def test_reading_a_part_fetches_nothing_and_arms_nothing(scripted: ScriptedServer) -> None:
    recorder = pull(scripted.url(f"/payload/{64 * MIB}"), read=False)
    pump_until(lambda: recorder.stream is not None)
    there = settled(recorder)
    assert len(recorder.stream.read(there - 1)) == there - 1
    assert settled(recorder) == there
    assert len(recorder.stream.read()) == 1  # everything, but it did not ask for more
    assert settled(recorder) == there
    assert recorder.flags == [FIRST]
    assert recorder.stream.read() is None  # E_PENDING: that is what has the next block fetched
    pump_until(lambda: len(recorder.flags) == 2)
    assert there < settled(recorder) <= there + READ_AHEAD
    assert recorder.flags == [FIRST, INTERMEDIATE]
    recorder.binding.abort()
    finish(recorder)


@pytest.mark.parametrize("size", [0, 1, 1000, READ_AHEAD, READ_AHEAD + 1, 5_000_000])
def test_a_client_that_reads_to_pending_gets_everything(scripted: ScriptedServer, size: int) -> None:
    recorder = fetch(scripted.url(f"/payload/{size}"), PULL)
    assert recorder.body == payload(size)
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.flags[0] & FIRST
    assert [bool(flag & LAST) for flag in recorder.flags] == [False] * (len(recorder.flags) - 1) + [True]
    # No notification brings less than it says: each but the last had something to read.
    sizes = [args[1] for args in recorder.of("on_data_available")]
    assert sizes == sorted(sizes)
    assert sizes[-1] == size


def test_reading_outside_of_callbacks_arms_too(scripted: ScriptedServer) -> None:
    size = 1_000_000
    recorder = pull(scripted.url(f"/payload/{size}"), read=False)
    pump_until(lambda: recorder.stream is not None)
    while not recorder.stopped:
        recorder.read_all()
        urlmon.pump(0.02)
    recorder.read_all()
    assert recorder.body == payload(size)
    recorder.check()
    assert recorder.flags[-1] & ~FULL == LAST | INTERMEDIATE
    assert recorder.sequence[-3:] == ["ENDDOWNLOADDATA", "on_data_available", "on_stop_binding"]


def test_the_stop_waits_for_the_client_to_read(scripted: ScriptedServer) -> None:
    """The transfer is over, but a client that pulls has not asked yet whether more comes."""
    recorder = pull(scripted.url("/hold-body/rest", size=1000, at=500), read=False)
    pump_until(lambda: recorder.stream is not None)
    scripted.release("rest")
    scripted.requests.wait_outcome(scripted.requests[0])
    pump_until(lambda: recorder.binding.state == "ended")
    assert nothing_comes(0.1)
    assert recorder.flags == [FIRST]
    assert recorder.stream.read() == payload(1000)
    assert nothing_comes(0.1)
    assert recorder.stream.read() == b""
    assert urlmon.pump(1) > 0
    finish(recorder)
    assert recorder.flags == [
        FIRST,
        LAST | INTERMEDIATE,
    ]  # the end was found by reading (contract 3.5, step 13)


def test_a_failure_is_told_without_being_asked_for(scripted: ScriptedServer) -> None:
    recorder = pull(scripted.url("/flaky/pull/100000", at=1000, how="short"), read=False)
    finish(recorder)
    assert recorder.hresult == HRESULT.INET_E_DOWNLOAD_FAILURE
    assert recorder.stream.read() == payload(1000)
    with pytest.raises(urlmon.DownloadError):
        recorder.stream.read()


def test_a_client_without_on_data_available_pulls_nothing_away(scripted: ScriptedServer) -> None:
    class Ignorant(urlmon.BindStatusCallback):
        result: Any = None

        def get_bind_info(self) -> BindInfo:
            return PULL

        def on_stop_binding(self, hresult: Any, error: Any) -> None:
            self.result = hresult

    callback = bind(scripted.url("/payload/3000000"), Ignorant())
    urlmon.run()
    assert callback.result == HRESULT.S_OK


def test_suspended_while_it_waits_for_its_client(scripted: ScriptedServer) -> None:
    size = 2_000_000
    recorder = pull(scripted.url(f"/payload/{size}"), read=False)
    pump_until(lambda: recorder.stream is not None)
    there = settled(recorder)
    recorder.binding.suspend()
    recorder.read_all()
    assert settled(recorder) == there
    recorder.binding.resume()
    recorder.read = True
    finish(recorder)
    assert recorder.body == payload(size)


@pytest.mark.parametrize("storage", [TYMED.FILE, TYMED.HGLOBAL], ids=lambda storage: storage.name)
def test_files_and_memory_are_not_pulled(scripted: ScriptedServer, tmp_path: Path, storage: TYMED) -> None:
    recorder = bind(scripted.url("/payload/3000000"), Recorder(PULL), storage, tmp_path / "target")
    finish(recorder)
    assert recorder.hresult == HRESULT.S_OK


def test_a_synchronous_bind_is_not_pulled(scripted: ScriptedServer) -> None:
    """Contract 5.2: the flag applies to asynchronous operations only."""
    recorder = Recorder(BindInfo(flags=BINDF.PULLDATA), read=False)
    stream = urlmon.create_url_moniker(scripted.url("/payload/3000000")).bind_to_storage(
        urlmon.create_async_bind_ctx(recorder)
    )
    assert stream.read() == payload(3_000_000)


def _cpu_of_the_io_thread() -> float:
    """Seconds that the I/O thread has computed."""
    for task in Path("/proc/self/task").iterdir():
        if (task / "comm").read_text().strip() == "urlmon-io":
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    raise AssertionError("there is no I/O thread")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/task")
def test_waiting_for_the_client_costs_nothing(scripted: ScriptedServer) -> None:
    recorders = [pull(scripted.url(f"/payload/{8 * MIB}"), read=False) for _ in range(8)]
    pump_until(lambda: all(recorder.stream is not None for recorder in recorders))
    for recorder in recorders:
        settled(recorder)
    turns, cpu = urlmon_core.reactor_statistics()[0]["turns"], _cpu_of_the_io_thread()
    time.sleep(2)
    # The looks at the windows (40 a second) and at the stall rule (one a second) are all that runs.
    assert urlmon_core.reactor_statistics()[0]["turns"] - turns < 100
    assert _cpu_of_the_io_thread() - cpu < 0.1
    for recorder in recorders:
        assert recorder.binding.state == "paused"
        recorder.binding.abort()
    finish(*recorders)


# -- storage that blocks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("info", [BLOCKING, BLOCKING_PULL], ids=["push", "pull"])
def test_a_read_beyond_what_is_there_waits(scripted: ScriptedServer, info: BindInfo) -> None:
    size = 1_000_000
    parts: list[bytes] = []

    def read(recorder: Recorder, *args: Any) -> None:
        scripted.release("rest")
        while part := recorder.stream.read(50_000):
            parts.append(part)

    recorder = bind(
        scripted.url("/hold-body/rest", size=size, at=1000),
        Recorder(info, read=False, on_data_available=read),
    )
    finish(recorder)
    assert b"".join(parts) == payload(size)
    assert recorder.flags[0] == FIRST
    assert recorder.flags[-1] & LAST
    assert recorder.hresult == HRESULT.S_OK


def test_read_without_a_size_reads_to_the_end(scripted: ScriptedServer) -> None:
    bodies: list[bytes] = []

    def read(recorder: Recorder, *args: Any) -> None:
        if not bodies:
            bodies.append(recorder.stream.read())

    recorder = bind(
        scripted.url("/chunked", size=300_000, chunk=1000),
        Recorder(BLOCKING, read=False, on_data_available=read),
    )
    finish(recorder)
    assert bodies == [payload(300_000)]


def test_others_are_served_while_a_read_waits(scripted: ScriptedServer) -> None:
    other = bind(scripted.url("/hold/other"), Recorder())

    def read(recorder: Recorder, *args: Any) -> None:
        if other.stopped:
            return
        assert len(recorder.stream.read(1000)) == 500
        scripted.release("other")
        other.hooks["on_stop_binding"] = lambda *args: scripted.release("rest")
        rest = bytearray(500)
        assert recorder.stream.readinto(rest) == 500
        assert other.stopped

    recorder = bind(
        scripted.url("/hold-body/rest", size=1000), Recorder(BLOCKING, read=False, on_data_available=read)
    )
    finish(recorder, other)
    assert recorder.hresult == HRESULT.S_OK


def test_a_read_that_waits_for_a_transfer_that_fails(scripted: ScriptedServer) -> None:
    def read(recorder: Recorder, *args: Any) -> None:
        assert bytes(recorder.stream.read_view()) == payload(500)
        with pytest.raises(urlmon.DownloadError) as caught:
            recorder.stream.read(1)
        recorder.label = caught.value

    recorder = bind(scripted.url("/short"), Recorder(BLOCKING, read=False, on_data_available=read))
    finish(recorder)
    assert recorder.hresult == HRESULT.INET_E_DOWNLOAD_FAILURE
    assert recorder.error is recorder.label


def test_a_read_that_waits_for_an_aborted_transfer(scripted: ScriptedServer) -> None:
    """The abort comes from another binding's callback, which the waiting read makes."""
    other = bind(scripted.url("/hold/other"), Recorder())

    def read(recorder: Recorder, *args: Any) -> None:
        recorder.stream.read(500)
        other.hooks["on_stop_binding"] = lambda *args: recorder.binding.abort()
        scripted.release("other")
        with pytest.raises(urlmon.AbortedError):
            recorder.stream.read(1)

    recorder = bind(scripted.url("/hold-body/never"), Recorder(BLOCKING, read=False, on_data_available=read))
    finish(recorder, other)
    assert recorder.hresult == HRESULT.E_ABORT


def test_a_suspended_binding_does_not_hold_its_reader(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hold-body/rest"), Recorder(BLOCKING, read=False))
    pump_until(lambda: recorder.stream is not None)
    assert recorder.stream.read(1000) == payload(500)
    recorder.binding.suspend()
    assert recorder.stream.read(1) is None
    recorder.binding.resume()
    scripted.release("rest")
    assert recorder.stream.read() == payload(1000)[500:]
    finish(recorder)
