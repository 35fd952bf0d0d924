"""Operations for other threads: futures, posts, context managers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.recording import Recorder, bind, finish, in_thread, pump_until, run_threads
from tests.servers import RefusingPort, ScriptedServer, payload
from urlmon import HRESULT, TYMED


@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL])
def test_what_a_future_gives(scripted: ScriptedServer, tmp_path: Path, storage: TYMED) -> None:
    recorder = bind(scripted.url("/payload/100000"), Recorder(), storage, tmp_path / "file")
    future: Future[Any] = recorder.binding.future()
    assert recorder.binding.future() is future
    assert not future.done()
    told: list[bool] = []
    future.add_done_callback(lambda _: told.append(recorder.stopped))
    finish(recorder)
    assert told == [True], "it comes after on_stop_binding"
    result = future.result(0)
    if storage == TYMED.ISTREAM:
        assert result is None
    elif storage == TYMED.FILE:
        assert Path(result).read_bytes() == payload(100_000)
    else:
        assert result == payload(100_000)
    assert recorder.binding.future().result(0) == result


def test_a_future_raises_what_the_operation_failed_with(
    scripted: ScriptedServer, refusing_port: RefusingPort
) -> None:
    refused, aborted = bind(refusing_port.url(), Recorder()), bind(scripted.url("/hang"), Recorder())
    futures = [refused.binding.future(), aborted.binding.future()]
    aborted.binding.abort()
    finish(refused, aborted)
    assert isinstance(futures[0].exception(0), urlmon.ConnectError)
    assert isinstance(futures[1].exception(0), urlmon.AbortedError)


def test_a_future_that_is_cancelled_aborts(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hang"), Recorder())
    future = recorder.binding.future()
    assert in_thread(future.cancel)
    finish(recorder)
    assert recorder.hresult == HRESULT.E_ABORT
    assert future.cancelled()
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(0)


def test_futures_of_another_thread(scripted: ScriptedServer) -> None:
    """A thread of downloads serves others, which wait, with and without a loop of their own."""
    home: Future[urlmon.Apartment] = Future()
    over = threading.Event()

    def serve() -> None:
        with urlmon.Apartment.current() as apartment:
            home.set_result(apartment)
            while not over.is_set():
                apartment.pump()

    def fetch(size: int) -> Future[Any]:
        begun: Future[Future[Any]] = Future()

        def begin() -> None:
            recorder = bind(scripted.url(f"/payload/{size}"), Recorder(), TYMED.HGLOBAL)
            begun.set_result(recorder.binding.future())

        home.result(5).post(begin)
        return begun.result(10)

    async def wait(size: int) -> bytes:
        future = await asyncio.to_thread(fetch, size)
        return bytes(await asyncio.wrap_future(future))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        found = run_threads(
            [lambda size=size: bytes(fetch(size).result(10)) for size in range(100, 800, 100)]
        )
        assert found == [payload(size) for size in range(100, 800, 100)]
        assert asyncio.run(wait(5000)) == payload(5000)
    finally:
        over.set()
        home.result(5).post(lambda: None)
        thread.join(10)
    assert not thread.is_alive()


def test_futures_of_a_thread_that_ends(scripted: ScriptedServer) -> None:
    def work() -> list[Future[Any]]:
        with urlmon.Apartment.current():
            return [bind(scripted.url("/hang"), Recorder()).binding.future() for _ in range(3)]

    for future in in_thread(work):
        assert isinstance(future.exception(10), urlmon.AbortedError)


def test_a_future_is_made_on_the_thread_of_its_binding(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hang"), Recorder())
    with pytest.raises(urlmon.WrongThreadError):
        in_thread(recorder.binding.future)
    recorder.binding.abort()
    finish(recorder)


def test_context_managers_and_close(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hang"), Recorder())
    with recorder.binding as binding:
        assert binding is recorder.binding
    binding.close()
    finish(recorder)
    binding.close()
    assert recorder.hresult == HRESULT.E_ABORT

    def work() -> None:
        with urlmon.Apartment.current() as apartment:
            left = bind(scripted.url("/hang"), Recorder())
        apartment.close()
        assert apartment.is_closed
        assert not left.stopped
        assert left.binding.state == "stopped"
        with pytest.raises(urlmon.ApartmentClosedError):
            apartment.post(print)
        assert urlmon.Apartment.current() is not apartment
        urlmon.Apartment.current().close()

    in_thread(work)


def test_a_stream_is_a_context_manager(scripted: ScriptedServer) -> None:
    with urlmon.create_url_moniker(scripted.url("/payload/1000")).bind_to_storage() as stream:
        assert stream.read() == payload(1000)
    assert stream.closed
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.read()


def test_posts_from_everywhere(scripted: ScriptedServer) -> None:
    """Also from callbacks, from posts, and from the thread itself."""
    apartment = urlmon.Apartment.current()
    ran: list[int] = []

    def chain(left: int) -> None:
        ran.append(left)
        if left:
            apartment.post(lambda: chain(left - 1))

    recorder = Recorder(on_stop_binding=lambda *_: apartment.post(lambda: chain(5)))
    bind(scripted.url("/payload/10"), recorder)
    run_threads([lambda: apartment.post(lambda: chain(2))] * 4)
    pump_until(lambda: len(ran) == 4 * 3 + 6)
    assert sorted(ran) == [0] * 5 + [1] * 5 + [2] * 5 + [3, 4, 5]
    finish(recorder)
