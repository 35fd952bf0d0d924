"""A client that reads late or not at all: the transfer waits, and memory has its bound (contract 4, invariant 6)."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import urlmon
from tests.integration.controls import MIB, cancel
from tests.lifecycle import check_script
from tests.recording import Recorder, bind, fetch, finish, nothing_comes, pump_until
from tests.servers import CertificateAuthority, ScriptedServer, payload, payload_sha256
from tests.servers.caddy import CaddyServer
from tests.servers.exchange import Exchange
from urlmon import HRESULT, BindInfo

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")

FAST_SIZE = 96 * MIB + 1000

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


@pytest.fixture
def fast_body(scripted: ScriptedServer) -> str:
    """URL of 96 MiB that come as fast as they can, then a thousand bytes, then, behind the gate `last`, two MiB."""

    async def serve(exchange: Exchange) -> None:
        await exchange.head(200, [("Content-Length", str(FAST_SIZE + 2 * MIB))])
        for _ in range(FAST_SIZE // MIB):
            await exchange.send(bytes(MIB))
        await exchange.send(bytes(FAST_SIZE % MIB))
        await exchange.passed("last")
        await exchange.send(bytes(2 * MIB))

    scripted.script("/fast", serve)
    return scripted.url("/fast")


class Counter(Recorder):
    """Reads all there is and counts it."""

    def __init__(self) -> None:
        super().__init__(read=False, on_data_available=Counter.count)
        self.got = 0

    def count(self, *_: Any) -> None:
        while view := self.stream.read_view():
            self.got += len(view)


def test_a_fast_sender_that_falls_silent(scripted: ScriptedServer, fast_body: str) -> None:
    """A fast connection is read in large parts only, but what has come is never left lying."""
    gate = scripted.hold("last")
    client = bind(fast_body, Counter())
    pump_until(lambda: client.got == FAST_SIZE, "all that was sent")
    gate.open()
    finish(client)
    assert client.hresult == HRESULT.S_OK
    assert client.got == FAST_SIZE + 2 * MIB


def test_a_fast_transfer_that_is_aborted_leaves_nothing_to_the_next(
    scripted: ScriptedServer, fast_body: str
) -> None:
    """Its connection is closed while it is read in large parts; the record of the transfer is used again."""
    client = bind(fast_body, Counter())
    pump_until(lambda: client.got > 80 * MIB, "most of it")
    client.binding.abort()
    finish(client)
    assert client.hresult == HRESULT.E_ABORT
    for _ in range(3):
        assert fetch(scripted.url("/payload/1000")).body == payload(1000)
