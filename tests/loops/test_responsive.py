"""A loop turns to its other work at least every few milliseconds, however much data there is."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Any

import urlmon
from tests.recording import Recorder, bind, finish
from tests.servers import ScriptedServer, payload, payload_sha256
from tests.servers.caddy import CaddyServer
from urlmon import BSCF

SIZE = 32 << 20
COUNT = 8


def test_a_burst_does_bounded_work_in_one_turn(caddy: CaddyServer) -> None:
    """Judged by the thread's own processor time between two ticks: other programs make ticks late as well."""
    url = caddy.http_url + caddy.write("loops/large.bin", payload(SIZE))
    between: list[float] = []
    digests = [hashlib.sha256() for _ in range(COUNT)]

    def read(recorder: Recorder, flags: Any, size: int, format: Any, medium: Any) -> None:
        while view := medium.stream.read_view():
            digests[recorder.label].update(view)  # type: ignore[call-overload]

    async def tick() -> None:
        used = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            between.append(now - used)
            used = now

    async def main() -> list[Recorder]:
        over = asyncio.Semaphore(0)
        with urlmon.attach():
            ticker = asyncio.create_task(tick())
            recorders = [
                Recorder(
                    label=number,
                    read=False,
                    on_data_available=read,
                    on_stop_binding=lambda *_: over.release(),
                )
                for number in range(COUNT)
            ]
            for recorder in recorders:
                bind(url, recorder)
            for _ in recorders:
                await over.acquire()
            ticker.cancel()
        return recorders

    for recorder in asyncio.run(main()):
        recorder.check()
        assert recorder.error is None
    assert {digest.hexdigest() for digest in digests} == {payload_sha256(SIZE)}
    between.sort()
    assert len(between) > 50
    # A turn is 1 ms of callbacks and the rest of the last one, which may hash 512 KiB; two may come between two ticks.
    assert between[len(between) * 99 // 100] < 0.005, between[-10:]


def test_one_call_announces_a_bounded_piece(scripted: ScriptedServer) -> None:
    """Everything has come before the first call: it is announced, and can be read, piece by piece."""
    size, most = 1_500_000, 512 << 10
    found: list[tuple[int, int]] = []

    def read(recorder: Recorder, flags: Any, told: int, format: Any, medium: Any) -> None:
        recorder.body += (piece := medium.stream.read())
        found.append((told, len(piece)))
        recorder.ended = medium.stream.read() == b""

    recorder = bind(scripted.url(f"/payload/{size}"), Recorder(read=False, on_data_available=read))
    deadline = time.monotonic() + 20
    while recorder.binding.bytes_received < size:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    finish(recorder)
    assert found == [(most, most), (2 * most, most), (size, size - 2 * most)]
    assert recorder.digest == payload_sha256(size)
    assert recorder.ended
    assert [bool(flags & BSCF.LASTDATANOTIFICATION) for flags in recorder.flags] == [False, False, True]
    assert [bool(flags & BSCF.FIRSTDATANOTIFICATION) for flags in recorder.flags] == [True, False, False]
