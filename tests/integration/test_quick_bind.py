"""The quick way of an ordinary bind: what takes it, what must not, and that nobody can tell the difference."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.recording import Negotiator, Recorder, bind
from tests.servers import ScriptedServer
from urlmon import BINDF, HRESULT, TYMED, BindInfo
from urlmon.bindinfo import DEFAULT_BIND_INFO
from urlmon.protocols.data import DataProtocol
from urlmon_core import bind_quickly

pytestmark = pytest.mark.skipif(sys.flags.dev_mode, reason="development mode has no quick way")


class Quiet(urlmon.BindStatusCallback):
    """Remembers how it ended."""

    def __init__(self, info: Any = None) -> None:
        self.info = info
        self.stops: list[HRESULT] = []
        self.body = b""

    def on_data_available(self, flags: Any, size: int, format: Any, medium: Any) -> None:
        if medium.tymed == TYMED.ISTREAM:
            self.body += medium.stream.read() or b""

    def on_stop_binding(self, hresult: HRESULT, error: Any) -> None:
        self.stops.append(hresult)


class Informed(Quiet):
    """Says how to bind."""

    def get_bind_info(self) -> Any:
        return self.info


def quickly(url: str, callback: Any, storage: TYMED = TYMED.ISTREAM, path: Any = None) -> Any:
    context = urlmon.create_async_bind_ctx(callback)
    return bind_quickly(urlmon.create_url_moniker(url), context, storage, path)


def sent(server: ScriptedServer, name: str) -> str:
    """The field of the last request."""
    return dict(server.requests[-1].headers)[name]


@pytest.fixture
def warm(scripted: ScriptedServer, tmp_path: Path) -> ScriptedServer:
    """The careful way has seen the usual BindInfo with each storage."""
    for storage in (TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL):
        bind(scripted.url(), Quiet(), storage, tmp_path / "warm")
    urlmon.run()
    return scripted


@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL])
def test_the_ordinary_bind_takes_it(warm: ScriptedServer, tmp_path: Path, storage: TYMED) -> None:
    callback = Quiet()
    assert quickly(warm.url(), callback, storage, tmp_path / "target") is True
    urlmon.run()
    assert callback.stops == [HRESULT.S_OK]
    if storage == TYMED.FILE:
        assert (tmp_path / "target").read_bytes() == b"ok"


def test_the_first_bind_with_a_bind_info_does_not(warm: ScriptedServer) -> None:
    info = BindInfo(headers={"X-One": "1"})
    assert quickly(warm.url(), Informed(info)) == (info,)
    bind(warm.url(), Informed(info))
    urlmon.run()
    callback = Informed(info)
    assert quickly(warm.url(), callback) is True
    urlmon.run()
    assert callback.stops == [HRESULT.S_OK]
    assert sent(warm, "X-One") == "1"
    assert quickly(warm.url(), Informed(copy.copy(info)), TYMED.HGLOBAL) == (info,)


@pytest.mark.parametrize(
    "info",
    [
        BindInfo(flags=BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE | BINDF.PULLDATA),
        BindInfo(flags=BINDF.ASYNCHRONOUS),
        BindInfo(flags=BINDF.ASYNCSTORAGE),
        BindInfo(extra_info="?more"),
        BindInfo(proxy=""),
        BindInfo(data=b"body"),
        BindInfo(schemes=("http",)),
    ],
    ids=repr,
)
def test_a_bind_info_that_asks_for_more_never_does(warm: ScriptedServer, info: BindInfo) -> None:
    urlmon.create_url_moniker(warm.url()).bind_to_storage(urlmon.create_async_bind_ctx(Informed(info)))
    urlmon.run()
    assert quickly(warm.url(), Informed(info)) == (info,)


@pytest.mark.parametrize("answer", [None, HRESULT.E_OUTOFMEMORY, "no BindInfo"])
def test_other_answers_are_left_to_the_careful_way(warm: ScriptedServer, answer: Any) -> None:
    assert quickly(warm.url(), Informed(answer)) == (answer,)


def test_get_bind_info_is_asked_once(warm: ScriptedServer) -> None:
    recorder = Recorder(info=BindInfo())
    bind(warm.url(), recorder)
    urlmon.run()
    assert [call.method for call in recorder.calls].count("get_bind_info") == 1


@pytest.mark.parametrize(
    "url", ["HTTP://127.0.0.1/", "http://user@127.0.0.1/", "data:,x", "ftp://127.0.0.1/", "http://[::1]/", ""]
)
def test_urls_that_need_a_closer_look(warm: ScriptedServer, url: str) -> None:
    assert quickly(url, Quiet()) is None


@pytest.mark.parametrize("path", [None, "", "relative", "/a/../b", "/a//b", "/a/", "/a\0b", b"/a"])
def test_targets_that_need_a_closer_look(warm: ScriptedServer, path: Any) -> None:
    assert quickly(warm.url(), Quiet(), TYMED.FILE, path) is None


class Offering(Quiet):
    def query_service(self, service: Any, iid: Any) -> None:
        """None of them."""


class PassingOn(Quiet):
    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


@pytest.mark.parametrize(
    "kind", [Negotiator, Offering, PassingOn, type("Handler", (Quiet, DataProtocol), {})]
)
def test_clients_that_may_offer_something(warm: ScriptedServer, kind: Callable[[], Any]) -> None:
    assert quickly(warm.url(), kind()) is None


def test_a_service_that_is_an_attribute_of_the_instance(warm: ScriptedServer) -> None:
    callback = Quiet()
    callback.beginning_transaction = lambda url, headers: {"X-Two": "2"}  # type: ignore[attr-defined]
    assert quickly(warm.url(), callback) is None
    bind(warm.url(), callback)
    urlmon.run()
    assert sent(warm, "X-Two") == "2"


def test_a_class_that_is_changed_is_looked_at_anew(warm: ScriptedServer) -> None:
    class Changing(Quiet):
        pass

    assert quickly(warm.url(), Changing()) is True
    started: list[Any] = []
    Changing.on_start_binding = lambda self, binding: started.append(binding)  # type: ignore[assignment, method-assign]
    assert quickly(warm.url(), Changing()) is True
    assert len(started) == 1
    Changing.authenticate = lambda self: None  # type: ignore[attr-defined]
    assert quickly(warm.url(), Changing()) is None
    del Changing.authenticate  # type: ignore[attr-defined]
    Quiet.get_priority = lambda self: 3  # type: ignore[method-assign, misc, assignment]
    try:
        assert quickly(warm.url(), Changing()) is True
        assert [binding.priority for binding in started[1:]] == [3]
    finally:
        del Quiet.get_priority
    urlmon.run()


def test_contexts_that_hold_more_than_a_callback(warm: ScriptedServer) -> None:
    context = urlmon.create_async_bind_ctx(Quiet())
    context.register_object_param("mine", 1)
    moniker = urlmon.create_url_moniker(warm.url())
    assert bind_quickly(moniker, context, TYMED.ISTREAM, None) is None
    assert bind_quickly(moniker, urlmon.create_bind_ctx(), TYMED.ISTREAM, None) is None
    assert bind_quickly(moniker, None, TYMED.ISTREAM, None) is None


def test_the_holder_is_made_when_it_is_asked_for(warm: ScriptedServer) -> None:
    first, second = Quiet(), Quiet()
    context = urlmon.create_async_bind_ctx(first)
    assert urlmon.register_bind_status_callback(context, second) is first
    holder = context.get_object_param("_BSCB_Holder_")
    assert holder.callback is second
    assert urlmon.register_bind_status_callback(context, first) is second
    assert context.get_object_param("_BSCB_Holder_") is holder
    urlmon.create_url_moniker(warm.url()).bind_to_storage(context)
    urlmon.run()
    assert (first.body, second.body) == (b"ok", b"")


def test_a_handler_for_http_is_found(warm: ScriptedServer) -> None:
    urlmon.register_name_space("http", DataProtocol)
    try:
        assert quickly(warm.url(), Quiet()) is None
    finally:
        urlmon.unregister_name_space("http", DataProtocol)
    assert quickly(warm.url(), Quiet()) is True
    urlmon.run()


def test_a_new_user_agent_is_sent_at_once(warm: ScriptedServer) -> None:
    urlmon.url_mk_set_session_option(urlmon.URLMON_OPTION.USERAGENT, "quick/1")
    try:
        assert quickly(warm.url(), Quiet()) is None
        bind(warm.url(), Quiet())
        urlmon.run()
        assert sent(warm, "User-Agent") == "quick/1"
        assert quickly(warm.url(), Quiet()) is True
        urlmon.run()
        assert sent(warm, "User-Agent") == "quick/1"
    finally:
        urlmon.url_mk_set_session_option(urlmon.URLMON_OPTION.USERAGENT_REFRESH)
    bind(warm.url(), Quiet())
    urlmon.run()
    assert sent(warm, "User-Agent").startswith("urlmon/")


@pytest.mark.parametrize(
    ("answer", "error"),
    [(HRESULT.E_ABORT, HRESULT.E_ABORT), (HRESULT.E_FAIL, HRESULT.INET_E_DOWNLOAD_FAILURE)],
)
def test_a_refusal(warm: ScriptedServer, answer: HRESULT, error: HRESULT) -> None:
    class Refusing(Quiet):
        def on_start_binding(self, binding: Any) -> HRESULT:
            return answer

    callback = Refusing()
    with pytest.raises(urlmon.BindError) as raised:
        quickly(warm.url(), callback)
    assert raised.value.hresult == error
    assert callback.stops == [error]


def test_host_key_of_one_that_took_it(warm: ScriptedServer) -> None:
    started: list[Any] = []

    class Starting(Quiet):
        def on_start_binding(self, binding: Any) -> None:
            started.append((binding, binding.host_key))

    assert quickly(warm.url(), Starting()) is True
    binding, before = started[0]
    assert before == ""
    assert binding.host_key == warm.url().rpartition("/")[0]
    urlmon.run()


def test_a_bind_info_can_be_copied_and_pickled() -> None:
    info = BindInfo(headers={"A": "b"})
    assert pickle.loads(pickle.dumps(info)) == info
    assert copy.deepcopy(info) == info
    assert DEFAULT_BIND_INFO.quick is not info.quick


def test_what_is_live_is_no_business_of_the_garbage_collector(warm: ScriptedServer) -> None:
    started: list[Any] = []

    class Keeping(Quiet):
        def on_start_binding(self, binding: Any) -> None:
            self.binding = binding  # a cycle, as everybody makes it
            started.append((weakref.ref(binding), weakref.ref(self)))

    for careful in (False, True):
        callback = Keeping()
        if careful:
            context = urlmon.create_async_bind_ctx(callback)
            context.register_object_param("mine", 1)
            urlmon.create_url_moniker(warm.url()).bind_to_storage(context)
        else:
            assert quickly(warm.url(), callback) is True
        binding = callback.binding
        assert not gc.is_tracked(binding)
        urlmon.run()
        assert gc.is_tracked(binding)
        binding.end_hook = callback  # a cycle through what has stopped
        del callback, binding
        context = None
        gc.collect()
        assert [reference() for reference in started[-1]] == [None, None]


def test_what_a_thread_left_live_is_collected(scripted: ScriptedServer) -> None:
    left: list[Any] = []

    def leave() -> None:
        class Keeping(Quiet):
            def on_start_binding(self, binding: Any) -> None:
                self.binding = binding
                left.append(weakref.ref(self))

        for _ in range(2):
            bind(scripted.url("/hang"), Keeping())

    def leave_in_a_thread() -> None:
        thread = threading.Thread(target=leave)
        thread.start()
        thread.join(20)
        gc.collect()

    with pytest.warns(ResourceWarning, match="2 live"):
        leave_in_a_thread()
    assert [reference() for reference in left] == [None, None]
