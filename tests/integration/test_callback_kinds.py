"""What may be a callback: any object, with some of the methods or none, for one bind or several."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import urlmon
from tests.recording import Recorder, bind, finish, name_of
from tests.servers import ScriptedServer, payload
from urlmon import BINDSTATUS, HRESULT, TYMED, BindInfo


class Bare:
    """Has two of the methods, and no base class."""

    def __init__(self) -> None:
        self.body = b""
        self.results: list[Any] = []

    def on_data_available(self, flags: Any, size: int, format: Any, medium: Any) -> None:
        while chunk := medium.stream.read(1000):
            self.body += chunk

    def on_stop_binding(self, hresult: Any, error: Any) -> None:
        self.results.append((hresult, error))


def test_a_callback_without_the_base_class(scripted: ScriptedServer) -> None:
    callback = bind(scripted.url("/payload/70000"), Bare())
    urlmon.run()
    assert callback.results == [(HRESULT.S_OK, None)]
    assert callback.body == payload(70_000)


def test_a_callback_with_slots(scripted: ScriptedServer) -> None:
    class Slotted:
        __slots__ = ("results",)

        def __init__(self) -> None:
            self.results: list[Any] = []

        def on_stop_binding(self, hresult: Any, error: Any) -> None:
            self.results.append(hresult)

    callback = bind(scripted.url("/payload/70000"), Slotted())
    urlmon.run()
    assert callback.results == [HRESULT.S_OK]


@pytest.mark.parametrize("base", [SimpleNamespace, urlmon.BindStatusCallback])
def test_methods_that_are_attributes_of_the_instance(scripted: ScriptedServer, base: type) -> None:
    callback = base()
    calls: list[tuple[Any, ...]] = []
    body = bytearray()
    callback.on_progress = lambda *args: calls.append(args)
    callback.on_data_available = lambda flags, size, format, medium: body.extend(medium.stream.read())
    callback.on_response = lambda *args: calls.append(args)
    callback.on_stop_binding = lambda *args: calls.append(args)
    plain = bind(scripted.url("/ok"), base())  # the class itself has no such methods
    bind(scripted.url("/ok"), callback)
    urlmon.run()
    assert body == b"ok"
    assert calls[-1] == (HRESULT.S_OK, None)
    assert [args[0] for args in calls if len(args) == 3] == [200]
    assert BINDSTATUS.ENDDOWNLOADDATA in [args[2] for args in calls if len(args) == 4]
    assert plain is not callback


@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL], ids=name_of)
def test_a_callback_with_nothing_at_all(scripted: ScriptedServer, tmp_path: Any, storage: TYMED) -> None:
    bind(scripted.url("/payload/3000000"), object(), storage, tmp_path / "target")
    urlmon.run()
    scripted.requests.wait_outcome(scripted.requests[0])
    assert urlmon.Apartment.current().statistics()["bindings"] == 0
    if storage == TYMED.FILE:
        assert (tmp_path / "target").read_bytes() == payload(3_000_000)


def test_one_callback_for_several_binds(scripted: ScriptedServer) -> None:
    results: list[Any] = []
    callback = SimpleNamespace(on_stop_binding=lambda hresult, error: results.append(hresult))
    for _ in range(10):
        bind(scripted.url("/ok"), callback)
    urlmon.run()
    assert results == [HRESULT.S_OK] * 10


def test_the_callback_registered_last_is_the_one_that_is_called(scripted: ScriptedServer) -> None:
    first, second = Recorder(), Recorder()
    context = urlmon.create_async_bind_ctx(first)
    assert urlmon.register_bind_status_callback(context, second) is first
    urlmon.create_url_moniker(scripted.url()).bind_to_storage(context)
    finish(second)
    assert first.calls == []
    assert urlmon.revoke_bind_status_callback(context, first) == HRESULT.S_OK
    assert context.callback is second
    assert urlmon.revoke_bind_status_callback(context, second) == HRESULT.S_OK
    assert context.callback is None


def test_the_operation_lives_without_references_of_the_client(scripted: ScriptedServer) -> None:
    """Releasing the last IBinding, the moniker and the context ends nothing (contract 1.6)."""
    results: list[Any] = []

    class Forgetful(urlmon.BindStatusCallback):
        def on_stop_binding(self, hresult: Any, error: Any) -> None:
            results.append(hresult)

    urlmon.create_url_moniker(scripted.url("/payload/300000")).bind_to_storage(
        urlmon.create_async_bind_ctx(Forgetful())
    )
    urlmon.run()
    assert results == [HRESULT.S_OK]


def test_a_synchronous_bind_makes_its_calls_inside(scripted: ScriptedServer) -> None:
    recorder = Recorder(BindInfo(flags=urlmon.BINDF(0)), read=False)
    stream = urlmon.create_url_moniker(scripted.url("/payload/300000")).bind_to_storage(
        urlmon.create_async_bind_ctx(recorder)
    )
    recorder.check()
    assert recorder.hresult == HRESULT.S_OK
    assert stream.read() == payload(300_000)
