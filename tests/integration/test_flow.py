"""Control over running operations: back-pressure, suspend, abort, priority, limits of admission (contract 4, 13)."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import urlmon
from tests.lifecycle import check_script
from tests.recording import (
    Negotiator,
    Recorder,
    bind,
    fetch,
    finish,
    in_thread,
    name_of,
    nothing_comes,
    pump_until,
)
from tests.servers import CertificateAuthority, ScriptedServer, SilentPort, payload, payload_sha256
from tests.servers.caddy import CaddyServer
from urlmon import BINDSTATUS, HRESULT, TYMED, BindInfo

MIB = 1 << 20
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")


@pytest.fixture(autouse=True)
def limits() -> Iterator[Any]:
    """`configure` of this thread's apartment; the limits are as before afterwards."""
    apartment = urlmon.Apartment.current()
    before = dict(
        zip(("max_active", "max_per_host", "urgent_slots", "high_water"), apartment.limits(), strict=False)
    )
    yield apartment.configure
    apartment.configure(**before)


def statistics() -> dict[str, Any]:
    return urlmon.Apartment.current().statistics()


def wait_until(condition: Callable[[], object], timeout: float = 10.0) -> None:
    """Waits without pumping. The I/O thread gives no event to its owner's back."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.002)


def wait_ended() -> None:
    """Returns when the I/O thread has ended all transfers of this thread, of which nothing was told yet."""
    wait_until(lambda: all(one.state == "ended" for one in urlmon.Apartment.current().live_bindings))


def started(scripted: ScriptedServer) -> list[str]:
    """The paths the server was asked for, without /hold/ and in order."""
    return [path.rsplit("/", 1)[-1] for path in scripted.requests.paths()]


def hold(scripted: ScriptedServer, name: str, host: str = "127.0.0.1", **more: Any) -> Recorder:
    """Binds /hold/<name>, which is answered when the gate of that name is released."""
    recorder: Recorder = bind(scripted.url(f"/hold/{name}", host=host), Recorder(label=name, **more))
    return recorder


def cancel(*recorders: Recorder) -> None:
    """Aborts what still runs and waits for the end."""
    for recorder in recorders:
        if not recorder.stopped:
            recorder.binding.abort()
    finish(*recorders)


# -- back-pressure (invariant 6) -------------------------------------------------------------------------------------

# Memory in use now, and the most since then, in bytes.
MEMORY = """
    def memory(field):
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(field)) * 1024

    def memory_now():
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak so far is forgotten
        return memory("VmRSS")

    def growth_since(before):
        return (memory("VmHWM") - before) // 1048576
"""

SLOW_CLIENT = (
    MEMORY
    + """
    import hashlib
    url, size, delay, ca_file = argv[0], int(argv[1]), float(argv[2]), argv[3]
    info = urlmon.BindInfo(ca_file=ca_file)
    fetch(url.rsplit("/", 1)[0] + "/1000000", info)
    before = memory_now()

    class Slow(urlmon.BindStatusCallback):
        received, result = 0, None
        digest = hashlib.sha256()
        def get_bind_info(self):
            return info
        def on_data_available(self, flags, size, format, medium):
            while view := medium.stream.read_view():
                self.digest.update(view)
                self.received += len(view)
            time.sleep(delay)
        def on_stop_binding(self, hresult, error):
            self.result = hresult

    client = bind(url, Slow())
    urlmon.run()
    assert client.result == 0, client.result
    assert client.received == size, client.received
    print(client.digest.hexdigest(), growth_since(before))
"""
)


def slow_client(
    url: str, size: int, delay: float, ca: CertificateAuthority, limit: float = 50.0
) -> tuple[str, int]:
    """(digest, growth of the peak memory in MiB) of a process whose callback sleeps `delay` seconds each time."""
    digest, growth = check_script(SLOW_CLIENT, url, size, delay, ca.ca_file, limit=limit).split()
    return digest, int(growth)


@LINUX
def test_memory_of_a_slow_client(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    size = 256 * MIB
    digest, growth = slow_client(scripted.url(f"/payload/{size}"), size, 0.005, ca)
    assert digest == payload_sha256(size)
    assert growth < 60


@pytest.mark.slow
@pytest.mark.timeout(180)
@LINUX
def test_memory_of_a_slow_client_and_a_body_of_one_gib(
    scripted: ScriptedServer, ca: CertificateAuthority
) -> None:
    size = 1024 * MIB
    digest, growth = slow_client(scripted.url(f"/payload/{size}"), size, 0.005, ca, limit=150)
    assert digest == payload_sha256(size)
    assert growth < 60


@LINUX
def test_memory_of_a_slow_client_over_http2(caddy: CaddyServer, ca: CertificateAuthority) -> None:
    """A paused HTTP/2 stream may buffer inside libcurl: it has to be within bounds too."""
    size = 100 * MIB
    caddy.write("flow/1000000", payload(1_000_000))
    url = caddy.https_url + caddy.write(f"flow/{size}", payload(size))
    digest, growth = slow_client(url, size, 0.01, ca)
    assert digest == payload_sha256(size)
    assert growth < 60


@LINUX
def test_memory_of_an_apartment_that_does_not_pump(scripted: ScriptedServer) -> None:
    out = check_script(
        MEMORY
        + """
    fetch(argv[0] + "/1000000")
    before = memory_now()
    recorders = [bind(argv[0] + "/50000000", Recorder()) for _ in range(100)]
    time.sleep(1)  # time enough for far more than the limit
    print(growth_since(before), sum(recorder.binding.bytes_received for recorder in recorders))
        """,
        scripted.url("/payload"),
    )
    growth, received = map(int, out.split())
    assert growth < 60
    assert received > 0


def test_a_client_that_reads_nothing_pauses_the_transfer(scripted: ScriptedServer) -> None:
    size = 64 * MIB
    recorder = bind(scripted.url(f"/payload/{size}"), Recorder(read=False))
    pump_until(lambda: recorder.stream is not None)
    binding = recorder.binding
    pump_until(lambda: binding.state == "paused" and recorder.stream.available == binding.bytes_received)
    while urlmon.pump(0.1):  # what it was told of before
        pass
    assert nothing_comes(0.1)
    assert recorder.stream.available <= 2 * MIB
    assert scripted.requests[0].bytes_sent < 32 * MIB  # the rest is in the buffers of the kernel
    assert not recorder.stopped
    assert recorder.binding.abort() == HRESULT.S_OK
    finish(recorder)
    assert recorder.hresult == HRESULT.E_ABORT
    scripted.requests.wait_outcome(scripted.requests[0], "disconnected")


def test_a_client_that_reads_later_gets_everything(scripted: ScriptedServer) -> None:
    size = 8 * MIB
    recorder = bind(scripted.url(f"/payload/{size}"), Recorder(read=False))
    pump_until(lambda: recorder.stream is not None and recorder.stream.available > MIB // 2)
    while not recorder.ended:  # outside of the callbacks
        recorder.read_all()
        urlmon.pump(0.01)
    finish(recorder)
    assert recorder.body == payload(size)


@pytest.mark.parametrize("part", [1, 100_000, 700_000])
def test_a_client_that_reads_a_part_is_asked_again(scripted: ScriptedServer, part: int) -> None:
    size = 4 * MIB

    def read_part(recorder: Recorder, *args: Any) -> None:
        recorder.body += recorder.stream.read(part) or b""
        if len(recorder.of("on_data_available")) > 3000:
            recorder.read_all()  # the smallest part has shown what it can

    recorder = fetch(scripted.url(f"/payload/{size}"), read=False, on_data_available=read_part)
    recorder.read_all()  # what was not read by the last call is still there
    assert recorder.body == payload(size)


def test_high_water_is_what_may_wait_unread(scripted: ScriptedServer, limits: Any) -> None:
    limits(high_water=65_536)
    recorder = bind(scripted.url("/payload/5000000"), Recorder(read=False))
    pump_until(lambda: recorder.stream is not None)
    while urlmon.pump(0.05):
        pass
    assert 0 < recorder.stream.available <= 65_536
    while not recorder.ended:
        recorder.read_all()
        assert recorder.stream.available <= 65_536
        urlmon.pump(0.01)
    finish(recorder)
    assert recorder.body == payload(5_000_000)


def test_one_that_is_not_read_does_not_hold_up_the_others(scripted: ScriptedServer) -> None:
    lazy = bind(scripted.url("/payload/20000000"), Recorder(read=False))
    pump_until(lambda: lazy.stream is not None)
    busy = [bind(scripted.url("/payload/3000000"), Recorder()) for _ in range(10)]
    finish(*busy)
    assert not lazy.stopped
    cancel(lazy)


def test_streams_of_one_connection_do_not_hold_each_other_up(
    caddy: CaddyServer, ca: CertificateAuthority
) -> None:
    """HTTP/2: a stream that is not read must not take the whole connection's window."""
    info = BindInfo(ca_file=str(ca.ca_file))
    big = caddy.https_url + caddy.write("flow/big", payload(30 * MIB))
    small = caddy.https_url + caddy.write("flow/small", payload(100_000))
    lazy = [bind(big, Recorder(info, read=False)) for _ in range(4)]
    pump_until(lambda: all(recorder.stream is not None for recorder in lazy))
    busy = [bind(small, Recorder(info)) for _ in range(20)]
    finish(*busy)
    assert {bytes(recorder.body) for recorder in busy} == {payload(100_000)}
    cancel(*lazy)


# -- suspend and resume (contract 4.2, 13.3 no. 10 to 12) ------------------------------------------------------------


def test_answers_of_suspend_and_resume(scripted: ScriptedServer) -> None:
    recorder = hold(scripted, "a")
    binding = recorder.binding
    assert binding.resume() == HRESULT.S_FALSE
    assert binding.suspend() == HRESULT.S_OK
    assert binding.is_suspended
    assert "suspended" in repr(binding)
    assert binding.suspend() == HRESULT.S_FALSE
    assert binding.resume() == HRESULT.S_OK  # it does not count
    assert not binding.is_suspended
    assert binding.resume() == HRESULT.S_FALSE
    scripted.release("a")
    finish(recorder)
    assert binding.suspend() == HRESULT.E_FAIL
    assert binding.resume() == HRESULT.E_FAIL


def test_suspended_before_the_start(scripted: ScriptedServer) -> None:
    answers: list[HRESULT] = []
    recorder = bind(
        scripted.url("/payload/1"),
        Recorder(on_start_binding=lambda recorder, binding: answers.append(binding.suspend())),
    )
    assert answers == [HRESULT.S_OK]
    fetch(scripted.url("/payload/2"))
    assert started(scripted) == ["2"]
    assert nothing_comes()
    recorder.binding.resume()
    finish(recorder)
    assert recorder.body == payload(1)


def test_suspended_and_resumed_before_the_start(scripted: ScriptedServer) -> None:
    def both(recorder: Recorder, binding: Any) -> None:
        assert binding.suspend() == HRESULT.S_OK
        assert binding.resume() == HRESULT.S_OK

    assert fetch(scripted.url("/payload/1"), on_start_binding=both).body == payload(1)


def test_suspended_in_the_queue(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1)
    first, second, third = (hold(scripted, name) for name in "abc")
    scripted.gates.get("a").wait_waiting()
    assert second.binding.suspend() == HRESULT.S_OK
    for name in "abc":
        scripted.release(name)
    finish(first, third)
    assert started(scripted) == ["a", "c"]  # it gave up its turn
    assert nothing_comes()
    second.binding.resume()
    finish(second)
    assert started(scripted) == ["a", "c", "b"]


def test_suspended_before_the_head(scripted: ScriptedServer) -> None:
    recorder = hold(scripted, "a")
    pump_until(lambda: "SENDINGREQUEST" in recorder.sequence)
    scripted.gates.get("a").wait_waiting()
    recorder.binding.suspend()
    before = len(recorder.calls)
    scripted.release("a")
    scripted.requests.wait_outcome(scripted.requests[0])
    assert nothing_comes()
    assert len(recorder.calls) == before
    recorder.binding.resume()
    finish(recorder)
    assert recorder.body == payload(1000)


def test_suspended_in_the_body(scripted: ScriptedServer) -> None:
    size = 64 * MIB
    recorder = bind(scripted.url(f"/payload/{size}"), Recorder())
    pump_until(lambda: len(recorder.body) > MIB)
    recorder.binding.suspend()
    before = len(recorder.calls)
    sent = -1
    while sent != scripted.requests[0].bytes_sent:
        sent = scripted.requests[0].bytes_sent
        assert nothing_comes(0.2)
    assert sent < size
    assert len(recorder.calls) == before
    received = recorder.binding.bytes_received
    assert nothing_comes(0.2)
    assert recorder.binding.bytes_received == received  # no byte is requested
    recorder.binding.resume()
    finish(recorder)
    assert recorder.body == payload(size)


@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL], ids=name_of)
def test_suspended_after_the_end_that_was_not_told(
    scripted: ScriptedServer, tmp_path: Any, storage: TYMED
) -> None:
    recorder = bind(scripted.url("/payload/1000"), Recorder(), storage, tmp_path / "target")
    wait_ended()
    assert recorder.binding.suspend() == HRESULT.S_OK
    assert nothing_comes()
    assert recorder.methods[-1] == "on_start_binding"  # on_stop_binding is held back as well
    assert recorder.binding.resume() == HRESULT.S_OK
    finish(recorder)
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.sequence[-3:] == ["ENDDOWNLOADDATA", "on_data_available", "on_stop_binding"]


@pytest.mark.parametrize(
    "status", ["SENDINGREQUEST", "MIMETYPEAVAILABLE", "BEGINDOWNLOADDATA", "ENDDOWNLOADDATA"]
)
def test_suspended_inside_on_progress(scripted: ScriptedServer, status: str) -> None:
    def suspend(recorder: Recorder, progress: int, most: int, seen: BINDSTATUS, text: Any) -> None:
        if seen.name == status and status not in recorder.sequence[:-1]:
            assert recorder.binding.suspend() == HRESULT.S_OK

    recorder = bind(scripted.url("/payload/100000"), Recorder(on_progress=suspend))
    pump_until(lambda: status in recorder.sequence)
    assert nothing_comes()
    assert recorder.sequence[-1] == status
    recorder.binding.resume()
    finish(recorder)
    assert recorder.body == payload(100_000)


def test_suspended_inside_on_data_available(scripted: ScriptedServer) -> None:
    recorder = bind(
        scripted.url("/payload/3000000"),
        Recorder(on_data_available=lambda recorder, *args: recorder.binding.suspend() and None),
    )
    rounds = 0
    while not recorder.stopped:
        seen = len(recorder.calls)
        pump_until(lambda: recorder.binding.is_suspended or recorder.stopped)
        if recorder.stopped:
            break
        assert nothing_comes(0.01)
        assert recorder.sequence[-1] == "on_data_available"
        assert len(recorder.calls) > seen
        rounds += 1
        recorder.binding.resume()
    recorder.check()
    assert rounds >= 1
    assert recorder.body == payload(3_000_000)


def test_suspended_by_another_binding(scripted: ScriptedServer) -> None:
    """Mail that has come but was not delivered is held back too, and keeps its order."""
    victim = bind(scripted.url("/payload/1000"), Recorder(priority=-1))
    other = bind(
        scripted.url("/payload/1000"),
        Recorder(priority=1, on_stop_binding=lambda recorder, *args: victim.binding.suspend() and None),
    )
    wait_ended()
    pump_until(lambda: other.stopped)
    assert nothing_comes()
    assert victim.methods[-1] == "on_start_binding"
    victim.binding.resume()
    finish(victim, other)
    assert victim.body == payload(1000)


def test_a_suspended_binding_does_not_hold_up_the_others(scripted: ScriptedServer) -> None:
    held = bind(scripted.url("/payload/5000000"), Recorder())
    pump_until(lambda: len(held.body) > 0)
    held.binding.suspend()
    finish(*(bind(scripted.url("/payload/300000"), Recorder()) for _ in range(10)))
    held.binding.resume()
    finish(held)
    assert held.body == payload(5_000_000)


def test_suspended_downloads_to_files(scripted: ScriptedServer, tmp_path: Any) -> None:
    size = 64 * MIB
    recorder = bind(scripted.url(f"/payload/{size}"), Recorder(), TYMED.FILE, tmp_path / "target")
    pump_until(lambda: recorder.binding.bytes_received > MIB)
    recorder.binding.suspend()
    urlmon.pump(0.1)  # the I/O thread has obeyed by then
    received = recorder.binding.bytes_received
    assert nothing_comes(0.1)
    assert recorder.binding.bytes_received == received
    assert [path.name for path in tmp_path.iterdir()] == ["target.part"]
    recorder.binding.resume()
    finish(recorder)
    assert (tmp_path / "target").read_bytes() == payload(size)


def test_suspending_and_resuming_without_end(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/payload/20000000"), Recorder())
    turns = 0
    while not recorder.stopped:
        urlmon.pump(0.001, limit=3)
        if not recorder.stopped:
            recorder.binding.suspend()
            if turns % 3:
                urlmon.pump(0.001)
            recorder.binding.resume()
            turns += 1
    recorder.check()
    assert recorder.body == payload(20_000_000)


# -- abort (contract 3.5 G, 4.2) -------------------------------------------------------------------------------------


def test_abort_is_illegal_inside_on_start_binding(scripted: ScriptedServer) -> None:
    answers: list[HRESULT] = []
    recorder = fetch(
        scripted.url("/ok"), on_start_binding=lambda recorder, binding: answers.append(binding.abort())
    )
    assert answers == [HRESULT.E_FAIL]
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, b"ok")


def check_aborted(recorder: Recorder, calls_before: int) -> None:
    """S_OK was returned: nothing but on_stop_binding(E_ABORT) has followed."""
    finish(recorder)
    assert recorder.methods[calls_before:] == ["on_stop_binding"]
    assert recorder.hresult == HRESULT.E_ABORT
    assert type(recorder.error) is urlmon.AbortedError
    assert recorder.error.url == recorder.binding.url


def test_aborted_in_the_queue(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1)
    first = hold(scripted, "a")
    scripted.gates.get("a").wait_waiting()
    second, third = hold(scripted, "b"), hold(scripted, "c")
    urlmon.pump(0.02)
    assert second.binding.abort() == HRESULT.S_OK
    check_aborted(second, 3)
    for name in "ac":
        scripted.release(name)
    finish(first, third)
    assert started(scripted) == ["a", "c"]


def test_aborted_at_once(scripted: ScriptedServer) -> None:
    recorder = hold(scripted, "never")
    assert recorder.binding.abort() == HRESULT.S_OK
    assert recorder.binding.abort() == HRESULT.E_FAIL
    assert recorder.binding.get_bind_result() == (HRESULT.S_OK, None)  # not yet told
    check_aborted(recorder, 3)


def test_aborted_while_connecting(silent_port: SilentPort) -> None:
    recorder = bind(silent_port.url(), Recorder())
    pump_until(lambda: "CONNECTING" in recorder.sequence)
    before = len(recorder.calls)
    assert recorder.binding.abort() == HRESULT.S_OK
    check_aborted(recorder, before)


def test_aborted_before_the_head(scripted: ScriptedServer) -> None:
    recorder = hold(scripted, "never")
    pump_until(lambda: "SENDINGREQUEST" in recorder.sequence)
    scripted.gates.get("never").wait_waiting()
    before = len(recorder.calls)
    assert recorder.binding.abort() == HRESULT.S_OK
    check_aborted(recorder, before)
    scripted.requests.wait_outcome(scripted.requests[0], "disconnected")


@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL], ids=name_of)
def test_aborted_in_the_body(scripted: ScriptedServer, tmp_path: Any, storage: TYMED) -> None:
    recorder = bind(scripted.url("/hold-body/never", size=300_000), Recorder(), storage, tmp_path / "target")
    pump_until(lambda: recorder.binding.bytes_received == 150_000)
    pump_until(lambda: nothing_comes(0.01))
    before = len(recorder.calls)
    assert recorder.binding.abort() == HRESULT.S_OK
    check_aborted(recorder, before)
    assert list(tmp_path.iterdir()) == []
    scripted.requests.wait_outcome(scripted.requests[0], "disconnected")


def test_aborted_with_mail_that_was_not_delivered(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hold-body/never", size=300_000), Recorder())
    wait_until(lambda: recorder.binding.bytes_received == 150_000)
    assert recorder.binding.abort() == HRESULT.S_OK
    check_aborted(recorder, 3)


def test_aborted_while_suspended(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hold-body/never", size=300_000), Recorder())
    pump_until(lambda: len(recorder.body) == 150_000)
    recorder.binding.suspend()
    before = len(recorder.calls)
    assert recorder.binding.abort() == HRESULT.S_OK
    check_aborted(recorder, before)  # without a resume
    assert recorder.binding.resume() == HRESULT.E_FAIL


def test_aborted_while_suspended_before_it_began(scripted: ScriptedServer) -> None:
    recorder = bind(
        scripted.url(), Recorder(on_start_binding=lambda recorder, binding: binding.suspend() and None)
    )
    assert recorder.binding.abort() == HRESULT.S_OK
    check_aborted(recorder, 3)
    assert len(scripted.requests) == 0


def test_aborted_after_the_end_that_was_not_told(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/payload/1000"), Recorder())
    wait_ended()
    assert recorder.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    finish(recorder)
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, payload(1000))


def test_aborted_after_the_end_while_suspended(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/payload/1000"), Recorder())
    wait_ended()
    recorder.binding.suspend()
    assert recorder.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    recorder.binding.resume()
    finish(recorder)
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, payload(1000))


def test_aborted_after_the_stop(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url())
    assert recorder.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    assert nothing_comes()
    recorder.check()
    cancelled = hold(scripted, "never")
    cancel(cancelled)
    assert cancelled.binding.abort() == HRESULT.E_FAIL
    assert nothing_comes()
    cancelled.check()


@pytest.mark.parametrize(
    "where",
    [
        "SENDINGREQUEST",
        "on_response",
        "MIMETYPEAVAILABLE",
        "BEGINDOWNLOADDATA",
        "on_data_available",
        "REDIRECTING",
    ],
)
def test_aborted_inside_a_callback(scripted: ScriptedServer, where: str) -> None:
    answers: list[HRESULT] = []
    calls: list[int] = []

    def abort(recorder: Recorder, *args: Any) -> None:
        if recorder.sequence[-1] == where and not answers:
            answers.append(recorder.binding.abort())
            calls.append(len(recorder.calls))
            assert not recorder.stopped  # on_stop_binding is not nested inside the call

    url = scripted.url("/redirect", to=scripted.url("/hold-body/never", size=300_000))
    recorder = bind(url, Negotiator(on_progress=abort, on_response=abort, on_data_available=abort))
    pump_until(lambda: answers)
    assert answers == [HRESULT.S_OK]
    check_aborted(recorder, calls[0])


def test_aborted_inside_on_stop_binding(scripted: ScriptedServer) -> None:
    answers: list[HRESULT] = []
    recorder = fetch(
        scripted.url(), on_stop_binding=lambda recorder, *args: answers.append(recorder.binding.abort())
    )
    assert answers == [HRESULT.INET_E_RESULT_DISPATCHED]
    assert recorder.hresult == HRESULT.S_OK


def test_aborted_by_another_binding_between_its_calls(scripted: ScriptedServer) -> None:
    victim = bind(scripted.url("/hold-body/never", size=300_000), Recorder(priority=-1))
    other = bind(
        scripted.url("/payload/100"),
        Recorder(priority=1, on_stop_binding=lambda recorder, *args: victim.binding.abort() and None),
    )
    wait_until(lambda: statistics()["active"] == 1)
    finish(victim, other)
    assert victim.hresult == HRESULT.E_ABORT


def test_abort_frees_the_slot(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=2)
    recorders = [hold(scripted, str(number)) for number in range(6)]
    scripted.requests.wait_count(2)
    for recorder in recorders[:-1]:
        recorder.binding.abort()
    scripted.gates.get("5").wait_waiting()
    scripted.release("5")
    finish(*recorders)
    assert recorders[-1].body == payload(1000)


def test_one_of_many_aborted_does_not_touch_the_others(scripted: ScriptedServer) -> None:
    recorders = [bind(scripted.url("/payload/3000000"), Recorder()) for _ in range(8)]
    pump_until(lambda: any(recorder.body for recorder in recorders))
    for recorder in recorders[::2]:
        recorder.binding.abort()
    finish(*recorders)
    assert {bytes(recorder.body) for recorder in recorders[1::2]} == {payload(3_000_000)}


# -- priority (contract 4.1, 4.3, 13) --------------------------------------------------------------------------------


def test_priority_in_every_state(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1, urgent_slots=0)
    answers: list[tuple[str, HRESULT, int]] = []

    def change(state: str, recorder: Recorder, value: int) -> None:
        answers.append((state, recorder.binding.set_priority(value), recorder.binding.get_priority()))

    first = hold(scripted, "a")
    scripted.gates.get("a").wait_waiting()
    recorder = bind(
        scripted.url("/hold-body/b", size=1000),
        Recorder(
            priority=5,
            on_start_binding=lambda recorder, binding: change("starting", recorder, 1),
            on_data_available=lambda recorder, *args: change("in a callback", recorder, 2),
        ),
    )
    change("queued", recorder, -2)
    scripted.release("a")
    finish(first)
    pump_until(lambda: len(recorder.body) == 500)
    change("running", recorder, 15)
    recorder.binding.suspend()
    change("suspended", recorder, -15)
    recorder.binding.resume()
    scripted.release("b")
    finish(recorder)
    states = ["starting", "queued", "in a callback", "running", "suspended"]
    assert [answer for answer in answers if answer[0] in states][:5] == [
        ("starting", HRESULT.S_OK, 1),
        ("queued", HRESULT.S_OK, -2),
        ("in a callback", HRESULT.S_OK, 2),
        ("running", HRESULT.S_OK, 15),
        ("suspended", HRESULT.S_OK, -15),
    ]
    before = recorder.binding.get_priority()
    assert recorder.binding.set_priority(7) == HRESULT.E_FAIL  # it has stopped
    assert recorder.binding.get_priority() == before
    with pytest.raises(urlmon.BindError) as caught:
        recorder.binding.priority = 7
    assert caught.value.hresult == HRESULT.E_FAIL


@pytest.mark.parametrize(
    "value", [-(1 << 31), -100, -15, 0, 3, 14, 100, (1 << 31) - 1, urlmon.Priority.HIGHEST]
)
def test_any_integer_is_kept(scripted: ScriptedServer, value: int) -> None:
    recorder = hold(scripted, "a")
    recorder.binding.priority = value
    assert recorder.binding.priority == value
    assert recorder.binding.get_priority() == value
    scripted.release("a")
    finish(recorder)
    assert recorder.binding.priority == value


@pytest.mark.parametrize("value", ["high", "5", None, 1.5])
def test_a_priority_is_an_integer(scripted: ScriptedServer, value: Any) -> None:
    recorder = hold(scripted, "a")
    with pytest.raises((TypeError, ValueError)):
        recorder.binding.set_priority(value)
    assert recorder.binding.get_priority() == 0
    scripted.release("a")
    finish(recorder)


def test_the_priority_of_the_thread_is_not_touched(scripted: ScriptedServer) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    fetch(scripted.url(), priority=15)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


# -- admission (design 6) --------------------------------------------------------------------------------------------


def test_max_per_host(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_per_host=3)
    recorders = [hold(scripted, "all") for _ in range(10)]
    gate = scripted.gates.get("all")
    gate.wait_waiting(3)
    wait_until(lambda: (statistics()["active"], statistics()["queued"]) == (3, 7))
    urlmon.pump(0.05)
    assert (len(scripted.requests), gate.waiting) == (3, 3)
    other = fetch(scripted.url("/ok", host="localhost"))  # another host is not held up
    assert other.body == b"ok"
    scripted.release("all")
    finish(*recorders)
    assert scripted.connections_opened <= 4


def test_max_active(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=4, max_per_host=3)
    hosts = ["127.0.0.1", "localhost"] + (["[::1]"] if scripted.has_ipv6 else [])
    recorders = [hold(scripted, "all", host) for _ in range(4) for host in hosts]
    scripted.gates.get("all").wait_waiting(4)
    wait_until(lambda: (statistics()["active"], statistics()["queued"]) == (4, len(recorders) - 4))
    urlmon.pump(0.05)
    assert len(scripted.requests) == 4
    scripted.release("all")
    finish(*recorders)
    assert (statistics()["active"], statistics()["queued"]) == (0, 0)


def test_default_limits(scripted: ScriptedServer) -> None:
    recorders = [hold(scripted, "all") for _ in range(20)]
    scripted.gates.get("all").wait_waiting(8)
    urlmon.pump(0.05)
    assert len(scripted.requests) == 8
    scripted.release("all")
    finish(*recorders)


def test_those_that_wait_start_by_priority_then_first_come_first_served(
    scripted: ScriptedServer, limits: Any
) -> None:
    limits(max_active=1, urgent_slots=0)
    first = hold(scripted, "first")
    scripted.gates.get("first").wait_waiting()
    wanted = [("a", 0), ("b", -2), ("c", 2), ("d", 1), ("e", 0), ("f", 15), ("g", -15), ("h", 2), ("i", 100)]
    recorders = [
        bind(scripted.url(f"/payload/1/{name}"), Recorder(priority=priority)) for name, priority in wanted
    ]
    scripted.release("first")
    finish(first, *recorders)
    # 100 counts as 15: "f" came before "i".
    assert started(scripted) == ["first", "f", "i", "c", "h", "d", "a", "e", "b", "g"]


def test_those_that_wait_for_a_host_start_by_priority(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_per_host=1, urgent_slots=0)
    first = hold(scripted, "first")
    scripted.gates.get("first").wait_waiting()
    recorders = [
        bind(scripted.url(f"/payload/1/{name}"), Recorder(priority=priority))
        for name, priority in (("a", -1), ("b", 0), ("c", 2), ("d", 0), ("e", 1))
    ]
    elsewhere = fetch(scripted.url("/payload/1/elsewhere", host="localhost"), priority=-15)
    assert elsewhere.hresult == HRESULT.S_OK
    scripted.release("first")
    finish(first, *recorders)
    assert started(scripted) == ["first", "elsewhere", "c", "e", "b", "d", "a"]


@pytest.mark.parametrize("limit", ["max_active", "max_per_host"])
def test_a_priority_set_in_the_queue_counts_at_once(
    scripted: ScriptedServer, limits: Any, limit: str
) -> None:
    limits(urgent_slots=0, **{limit: 1})
    first = hold(scripted, "first")
    scripted.gates.get("first").wait_waiting()
    a, b, c, d = (bind(scripted.url(f"/payload/1/{name}"), Recorder()) for name in "abcd")
    d.binding.set_priority(1)
    a.binding.set_priority(-1)
    b.binding.set_priority(5)
    b.binding.set_priority(-5)
    assert c.binding.get_priority() == 0
    scripted.release("first")
    finish(first, a, b, c, d)
    assert started(scripted) == ["first", "d", "c", "a", "b"]


@pytest.mark.parametrize("limit", ["max_active", "max_per_host"])
def test_urgent_slots(scripted: ScriptedServer, limits: Any, limit: str) -> None:
    limits(urgent_slots=2, **{limit: 2})
    normal = [hold(scripted, f"normal-{number}") for number in range(4)]
    scripted.requests.wait_count(2)
    urgent = [hold(scripted, f"urgent-{number}", priority=1) for number in range(4)]
    scripted.requests.wait_count(4)
    urlmon.pump(0.05)
    assert started(scripted)[2:] == ["urgent-0", "urgent-1"]
    assert len(scripted.requests) == 4
    for number in range(4):
        scripted.release(f"urgent-{number}")
    finish(*urgent)
    assert started(scripted)[2:] == [f"urgent-{number}" for number in range(4)]
    for number in range(4):
        scripted.release(f"normal-{number}")
    finish(*normal)


def test_one_that_becomes_urgent_in_the_queue_starts(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1, urgent_slots=1)
    first, second, third = (hold(scripted, name) for name in "abc")
    scripted.gates.get("a").wait_waiting()
    third.binding.priority = urlmon.Priority.ABOVE_NORMAL
    scripted.gates.get("c").wait_waiting()
    assert started(scripted) == ["a", "c"]
    for name in "abc":
        scripted.release(name)
    finish(first, second, third)


def test_a_synchronous_bind_does_not_wait_for_a_slot(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1)
    first, second = hold(scripted, "a"), hold(scripted, "b")
    scripted.gates.get("a").wait_waiting()
    stream = urlmon.create_url_moniker(scripted.url("/payload/1000")).bind_to_storage()
    assert stream.read() == payload(1000)
    assert not first.stopped
    for name in "ab":
        scripted.release(name)
    finish(first, second)


@pytest.mark.parametrize("limit", ["max_active", "max_per_host"])
def test_limits_that_are_raised_count_at_once(scripted: ScriptedServer, limits: Any, limit: str) -> None:
    limits(**{limit: 1})
    recorders = [hold(scripted, name) for name in "abcd"]
    scripted.gates.get("a").wait_waiting()
    limits(**{limit: 3})
    scripted.requests.wait_count(3)
    urlmon.pump(0.05)
    assert started(scripted) == ["a", "b", "c"]
    for name in "abcd":
        scripted.release(name)
    finish(*recorders)


def test_limits_are_those_of_the_thread(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1)
    mine = [hold(scripted, "mine") for _ in range(3)]
    scripted.gates.get("mine").wait_waiting()

    def elsewhere() -> None:
        theirs = [hold(scripted, "theirs") for _ in range(3)]
        scripted.gates.get("theirs").wait_waiting(3)
        scripted.release("theirs")
        finish(*theirs)

    in_thread(elsewhere)
    assert started(scripted) == ["mine", "theirs", "theirs", "theirs"]
    scripted.release("mine")
    finish(*mine)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_active": 0},
        {"max_active": -1},
        {"max_per_host": 0},
        {"urgent_slots": -1},
        {"high_water": 0},
        {"high_water": -1},
        {"max_active": 1 << 40},
    ],
)
def test_limits_out_of_range(limits: Any, wrong: dict[str, int]) -> None:
    before = urlmon.Apartment.current().limits()
    with pytest.raises((ValueError, OverflowError)):
        limits(**wrong)
    assert urlmon.Apartment.current().limits() == before


def test_dispatch_follows_the_priorities(scripted: ScriptedServer) -> None:
    """Of what is there, the most urgent binding is told first, and all of it."""
    order: list[str] = []
    recorders = [
        bind(
            scripted.url("/payload/100"),
            Recorder(
                priority=priority, on_stop_binding=lambda recorder, *args, name=name: order.append(name)
            ),
        )
        for name, priority in (("a", -2), ("b", 0), ("c", 2), ("d", 0), ("e", 15))
    ]
    wait_ended()
    finish(*recorders)
    assert [name for name in order if name in "ec"] == ["e", "c"]
    assert order[:2] == ["e", "c"]
    assert order[-1] == "a"


def test_priority_changes_the_order_of_dispatch(scripted: ScriptedServer) -> None:
    order: list[str] = []
    recorders = {
        name: bind(
            scripted.url("/payload/100"),
            Recorder(on_stop_binding=lambda recorder, *args, name=name: order.append(name)),
        )
        for name in "abc"
    }
    wait_ended()
    recorders["c"].binding.priority = 2
    recorders["a"].binding.priority = -2
    finish(*recorders.values())
    assert order == ["c", "b", "a"]


def test_statistics_and_repr(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1)
    recorders = [hold(scripted, "all") for _ in range(3)]
    scripted.gates.get("all").wait_waiting()
    assert statistics()["bindings"] == 3
    wait_until(lambda: (statistics()["active"], statistics()["queued"]) == (1, 2))
    assert "3 live bindings" in repr(urlmon.Apartment.current())
    assert scripted.url("/hold/all") in repr(recorders[0].binding)
    scripted.release("all")
    finish(*recorders)
    assert statistics()["bindings"] == 0
    assert "stopped" in repr(recorders[0].binding)
