"""Callback synchronisation under load: many threads, one or two reactors, each callback where it belongs."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import urlmon
import urlmon_core
from tests.recording import Negotiator, Recorder, bind, finish, pump_until, run_threads
from tests.servers import RefusingPort, ScriptedServer, payload, payload_sha256
from tests.servers.caddy import CaddyServer
from urlmon import HRESULT, TYMED, BindInfo

THREADS = 8
BINDINGS = 200
SIZES = [0, 1, 1000, 5000, 16_384, 40_000, 65_536, 150_000]


@pytest.fixture(params=[1, 2])
def reactors(request: pytest.FixtureRequest) -> Iterator[int]:
    """How many I/O threads there are."""
    urlmon_core.stop_reactor()
    urlmon.Apartment.current().close()  # else this thread, which binds nothing here, may count for one of them
    urlmon.configure(reactors=request.param)
    yield request.param
    urlmon.configure(reactors=1)
    urlmon_core.stop_reactor()


def check_sequence(recorder: Recorder) -> None:
    """`Recorder.check`, and the order of contract 3.2."""
    recorder.check()
    names = recorder.sequence
    for earlier, later in (
        ("on_start_binding", "SENDINGREQUEST"),
        ("SENDINGREQUEST", "MIMETYPEAVAILABLE"),
        ("MIMETYPEAVAILABLE", "BEGINDOWNLOADDATA"),
        ("BEGINDOWNLOADDATA", "on_data_available"),
    ):
        if earlier in names and later in names:
            assert names.index(earlier) < names.index(later), names


@pytest.mark.timeout(60)
def test_eight_threads_with_two_hundred_bindings_each(caddy: CaddyServer, reactors: int) -> None:
    """Every callback on its thread, one start and one stop each, nothing after the stop, every digest right."""
    paths = {size: caddy.write(f"affinity/{size}", payload(size)) for size in SIZES}
    all_bound = threading.Barrier(THREADS)

    def work(number: int) -> list[Recorder]:
        chance = random.Random(number)
        recorders = []
        for _ in range(BINDINGS):
            size = chance.choice(SIZES)
            recorders.append(bind(caddy.http_url + paths[size], Negotiator(label=size)))
        assert urlmon.Apartment.current().statistics()["bindings"] == BINDINGS
        all_bound.wait(20)
        assert not any(recorder.stopped for recorder in recorders)  # nobody was told outside of a pump
        finish(*recorders, timeout=30)
        assert urlmon.Apartment.current().statistics()["bindings"] == 0
        assert urlmon.pump(0.02) == 0
        return recorders

    began = time.monotonic()
    results = run_threads([partial(work, number) for number in range(THREADS)])
    elapsed = time.monotonic() - began
    assert [figures["reactor"] for figures in urlmon_core.reactor_statistics()] == list(range(reactors))
    assert len({recorders[0].thread for recorders in results}) == THREADS
    for recorders in results:
        for recorder in recorders:
            check_sequence(recorder)
            assert recorder.hresult == HRESULT.S_OK
            assert recorder.digest == payload_sha256(recorder.label)
            assert recorder.ended
    assert elapsed < 20


@pytest.mark.timeout(60)
def test_files_and_memory_from_many_threads(caddy: CaddyServer, tmp_path: Path, reactors: int) -> None:
    paths = {size: caddy.write(f"affinity/{size}", payload(size)) for size in SIZES}

    def work(number: int) -> list[Recorder]:
        chance = random.Random(number)
        recorders = []
        for count in range(60):
            size = chance.choice(SIZES)
            storage = chance.choice([TYMED.FILE, TYMED.HGLOBAL])
            target = tmp_path / f"{number}-{count}"
            recorders.append(bind(caddy.http_url + paths[size], Recorder(label=size), storage, target))
        finish(*recorders, timeout=30)
        return recorders

    for recorders in run_threads([partial(work, number) for number in range(THREADS)]):
        for recorder in recorders:
            check_sequence(recorder)
            assert recorder.hresult == HRESULT.S_OK
            medium = recorder.medium
            body = Path(medium.path).read_bytes() if medium.tymed == TYMED.FILE else medium.data
            assert hashlib.sha256(body).hexdigest() == payload_sha256(recorder.label)
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]


@pytest.mark.timeout(60)
def test_failures_and_interventions_from_many_threads(
    scripted: ScriptedServer, refusing_port: RefusingPort, tmp_path: Path, reactors: int
) -> None:
    """Whatever fails, is aborted, suspended, re-prioritised: one start and one stop each, every success complete."""
    refused = refusing_port.url()

    def work(number: int) -> list[Recorder]:
        chance = random.Random(number)
        recorders: list[Recorder] = []
        suspended: list[Recorder] = []

        def meddle(recorder: Recorder, *args: Any) -> None:
            other = chance.choice(recorders) if recorders else recorder
            if other.binding is None or other.stopped:
                return
            action = chance.randrange(12)
            if action == 0:
                other.binding.abort()
            elif action == 1:
                other.binding.suspend()
                suspended.append(other)
            elif action == 2:
                other.binding.resume()
            elif action < 6:
                other.binding.set_priority(chance.randint(-15, 15))

        for count in range(60):
            url, expected = chance.choice(
                [
                    (scripted.url("/payload/20000"), payload(20_000)),
                    (scripted.url("/payload/200000"), payload(200_000)),
                    (scripted.url("/chunked", size=30_000), payload(30_000)),
                    (scripted.url("/redirect/chain/3"), b"arrived"),
                    (scripted.url("/status/404", size=100), None),
                    (scripted.url("/short"), None),
                    (scripted.url("/reset"), None),
                    (refused, None),
                ]
            )
            storage = chance.choice([TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL])
            recorder = Recorder(
                BindInfo(fail_on_http_error=True),
                priority=chance.randint(-2, 2),
                label=expected,
                on_progress=meddle,
                on_data_available=meddle,
                on_stop_binding=meddle,
            )
            recorders.append(bind(url, recorder, storage, tmp_path / f"{number}-{count}"))
        while not all(recorder.stopped for recorder in recorders):
            if urlmon.pump(0.05) == 0:
                while suspended:
                    one = suspended.pop()
                    if not one.stopped:
                        one.binding.resume()
        return recorders

    outcomes = set()
    for recorders in run_threads([partial(work, number) for number in range(THREADS)], 50):
        for recorder in recorders:
            check_sequence(recorder)
            outcomes.add(recorder.hresult)
            if recorder.hresult != HRESULT.S_OK:
                continue
            medium = recorder.medium
            if medium.tymed == TYMED.ISTREAM:
                body: Any = recorder.body
            else:
                body = Path(medium.path).read_bytes() if medium.tymed == TYMED.FILE else medium.data
            assert body == recorder.label
    assert outcomes >= {
        HRESULT.S_OK,
        HRESULT.E_ABORT,
        HRESULT.INET_E_DOWNLOAD_FAILURE,
        HRESULT.INET_E_CANNOT_CONNECT,
    }
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]


def test_threads_that_come_and_go(scripted: ScriptedServer) -> None:
    """An apartment is made and closed with each thread; the I/O thread goes on."""

    def work() -> int:
        recorder = bind(scripted.url("/payload/3000"), Recorder())
        finish(recorder)
        assert recorder.error is None
        assert recorder.body == payload(3000)
        return threading.get_ident()

    for _ in range(20):
        run_threads([work] * 4)


def test_posts_between_busy_threads(scripted: ScriptedServer) -> None:
    """Each thread posts to the next one from its callbacks; what is posted runs there."""
    count = 4
    apartments: list[Any] = [None] * count
    ready = threading.Barrier(count)
    ran: list[list[int]] = [[] for _ in range(count)]

    def work(number: int) -> int:
        apartments[number] = urlmon.Apartment.current()
        ready.wait(10)
        following = (number + 1) % count

        def forward(recorder: Recorder, *args: Any) -> None:
            apartments[following].post(lambda: ran[following].append(threading.get_ident()))

        recorders = [
            bind(scripted.url("/payload/2000"), Recorder(on_stop_binding=forward)) for _ in range(30)
        ]
        finish(*recorders)
        pump_until(lambda: len(ran[number]) == 30)
        ready.wait(10)
        return threading.get_ident()

    idents = run_threads([partial(work, number) for number in range(count)])
    assert [set(threads) for threads in ran] == [{ident} for ident in idents]
