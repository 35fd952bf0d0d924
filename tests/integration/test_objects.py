"""bind_to_object: objects by media type, loaded from the transfer that is running (contract 3.5, scenario H)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import UUID

import pytest

import urlmon
from tests.protocol_handlers import NEXT, Scripted, served
from tests.recording import FIRST, LAST, PULL, ObjectRecorder, Recorder, bind, finish, pump_until
from tests.servers.payload import payload_sha256
from tests.servers.scripted import ScriptedServer
from urlmon import BINDF, BINDSTATUS, HRESULT, TYMED, BindInfo, ProtocolData
from urlmon.identifiers import IID_IUnknown

SYNC = BindInfo(flags=BINDF(0))
URL = "x-object:something"
TYPE = "text/x-object"
CLSID = UUID("12345678-1234-5678-1234-567812345678")


class Plain:
    pass


class Loading:
    """Loads itself from the moniker, with a recorder of its own."""

    hooks: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        self.client = ObjectRecorder(PULL, **self.hooks)
        self.arguments: tuple[Any, ...] = ()
        self.properties: dict[str, Any] = {}
        self.stream: Any = None

    def put_property(self, name: str, value: Any) -> None:
        self.properties[name] = value

    def load_moniker(self, fully: bool, moniker: Any, context: Any, mode: int) -> None:
        self.arguments = (fully, moniker, context, mode)
        urlmon.register_bind_status_callback(context, self.client)
        self.stream = moniker.bind_to_storage(context)


class Reading:
    """Loads itself from a stream."""

    def load_stream(self, stream: Any) -> None:
        self.content = stream.read()


@pytest.fixture
def kinds() -> Iterator[Any]:
    """Registers a factory for TYPE, and takes it away again."""

    def register(factory: Any, clsid: Any = None) -> None:
        urlmon.register_media_type_class(TYPE, factory, clsid)

    yield register
    urlmon.register_media_type_class(TYPE, None)


def bind_object(handler: Any, client: Any) -> Any:
    with served("x-object", handler):
        context = urlmon.create_async_bind_ctx(client)
        return urlmon.create_url_moniker(URL).bind_to_object(context)


def handler_of(*reads: Any, **hooks: Any) -> Scripted:
    return Scripted(reads, **hooks)


def test_registering() -> None:
    context = urlmon.create_bind_ctx()
    urlmon.register_media_type_class(["a/b", "A/C"], Plain, CLSID)
    try:
        found = urlmon.find_media_type_class("A/b")
        assert found == (Plain, CLSID)
        assert urlmon.find_media_type_class("a/c", context) == found
        urlmon.register_media_type_class("a/b", Reading, context=context)
        assert urlmon.find_media_type_class("a/b", context).factory is Reading
        assert urlmon.find_media_type_class("a/b") == found
    finally:
        urlmon.register_media_type_class(["a/b", "a/c"], None)
    assert urlmon.find_media_type_class("a/b") is None
    with pytest.raises(urlmon.InvalidRequestError):
        urlmon.register_media_type_class([], Plain)


@pytest.mark.parametrize("info", [PULL, SYNC], ids=["asynchronous", "synchronous"])
def test_an_object_that_wants_no_data(kinds: Any, info: BindInfo) -> None:
    kinds(Plain, CLSID)
    client = ObjectRecorder(info)
    handler = handler_of(b"x" * 10, start=lambda self: self.tell_all(10, TYPE))
    result = bind_object(handler, client)
    client.check()
    assert client.sequence[3:] == [
        "MIMETYPEAVAILABLE",
        "BEGINDOWNLOADDATA",
        "ENDDOWNLOADDATA",
        "CLASSIDAVAILABLE",
        "BEGINSYNCOPERATION",
        "ENDSYNCOPERATION",
        "on_object_available",
        "on_stop_binding",
    ]
    assert client.texts(BINDSTATUS.CLASSIDAVAILABLE) == ["{12345678-1234-5678-1234-567812345678}"]
    riid, made = client.of("on_object_available")[0]
    assert riid == IID_IUnknown
    assert isinstance(made, Plain)
    assert result is (made if info is SYNC else None)
    assert "terminate" in handler.calls


def test_without_a_callback() -> None:
    context = urlmon.create_bind_ctx()
    urlmon.register_media_type_class("text/x-inline", Reading, context=context)
    made = urlmon.create_url_moniker("data:text/x-inline,hello").bind_to_object(context)
    assert made.content == b"hello"


@pytest.mark.parametrize("info", [PULL, SYNC], ids=["asynchronous", "synchronous"])
def test_a_type_without_a_class(info: BindInfo) -> None:
    client = ObjectRecorder(info)
    with pytest.raises(urlmon.BindError) as caught:
        bind_object(handler_of(b"x", start=lambda self: self.tell_all(1, "text/x-unknown")), client)
    client.check()
    assert caught.value.hresult == client.hresult == HRESULT.REGDB_E_CLASSNOTREG
    assert client.sequence[-4:] == [
        "ENDDOWNLOADDATA",
        "BEGINSYNCOPERATION",
        "ENDSYNCOPERATION",
        "on_stop_binding",
    ]


def begin_slowly(self: Scripted) -> None:
    self.sink.report_progress(BINDSTATUS.REDIRECTING, "x-object:elsewhere")
    self.sink.report_progress(BINDSTATUS.VERIFIEDMIMETYPEAVAILABLE, TYPE)
    self.work(lambda: self.sink.switch(ProtocolData()))


def test_a_nested_bind_joins_the_transfer(kinds: Any) -> None:
    kinds(Loading, CLSID)
    handler = handler_of(
        b"a" * 10,
        None,
        b"b" * 10,
        start=begin_slowly,
        continue_=lambda self, data: self.sink.report_data(FIRST, 10, 20),
    )
    client = ObjectRecorder(PULL, priority=1)
    assert bind_object(handler, client) is None
    pump_until(lambda: client.stopped)
    client.check()
    assert client.sequence[3:] == [
        "REDIRECTING",
        "MIMETYPEAVAILABLE",
        "BEGINDOWNLOADDATA",
        "CLASSIDAVAILABLE",
        "BEGINSYNCOPERATION",
        "ENDSYNCOPERATION",
        "on_object_available",
        "on_stop_binding",
    ]
    made = client.of("on_object_available")[0][1]
    inner = made.client
    fully, moniker, context, mode = made.arguments
    assert (fully, moniker.url, mode) == (False, URL, 0x12)
    assert made.properties == {"MIMETYPEPROP": TYPE, "CLASSIDPROP": CLSID}
    with pytest.raises(urlmon.BindError):
        context.get_object_param("CBinding Context")  # only while it is being loaded
    assert inner.sequence == [
        "get_bind_info",
        "get_priority",
        "on_start_binding",
        "REDIRECTING",
        "BEGINDOWNLOADDATA",
        "on_data_available",
    ]
    assert made.stream is inner.stream
    assert client.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    assert client.binding.set_priority(5) == HRESULT.E_FAIL
    handler.sink.report_data(NEXT | LAST, 20, 20)
    handler.sink.report_result(HRESULT.S_OK)
    finish(inner)
    assert inner.sequence[6:] == ["ENDDOWNLOADDATA", "on_data_available", "on_stop_binding"]
    assert inner.body == b"a" * 10 + b"b" * 10
    assert handler.calls.count("start") == 1
    handler.join()


def test_everything_at_once_and_joined(kinds: Any) -> None:
    kinds(Loading)
    client = ObjectRecorder(SYNC)
    made = bind_object(handler_of(b"all", start=lambda self: self.tell_all(3, TYPE)), client)
    made.client.check()
    assert made.arguments[0] is True
    assert made.client.body == b"all"
    assert made.client.sequence[3:] == [
        "BEGINDOWNLOADDATA",
        "ENDDOWNLOADDATA",
        "on_data_available",
        "on_stop_binding",
    ]


def test_the_joined_client_s_priority_counts_if_it_is_higher(kinds: Any) -> None:
    class Urgent(Loading):
        hooks: ClassVar[dict[str, Any]] = {"get_priority": lambda self: 7}

    kinds(Urgent)
    handler = handler_of(
        b"x", None, start=begin_slowly, continue_=lambda self, data: self.sink.report_data(FIRST, 1, 2)
    )
    client = ObjectRecorder(PULL, priority=1)
    bind_object(handler, client)
    pump_until(lambda: client.stopped)
    made = client.of("on_object_available")[0][1]
    assert made.client.binding.priority == 7
    assert handler.priorities == [1, 7]
    assert made.client.binding.abort() == HRESULT.S_OK
    pump_until(lambda: made.client.stopped)
    assert made.client.hresult == HRESULT.E_ABORT
    assert client.hresult == HRESULT.S_OK
    handler.join()


def test_the_joined_client_may_refuse(kinds: Any) -> None:
    class Refusing(Loading):
        hooks: ClassVar[dict[str, Any]] = {"on_start_binding": lambda self, binding: HRESULT.E_ABORT}

    kinds(Refusing)
    client = ObjectRecorder(SYNC)
    with pytest.raises(urlmon.AbortedError):
        bind_object(handler_of(b"x", start=lambda self: self.tell_all(1, TYPE)), client)
    client.check()
    assert client.hresult == HRESULT.E_ABORT
    assert "on_object_available" not in client.methods


@pytest.mark.parametrize("where", ["factory", "load"])
@pytest.mark.parametrize("error", [ZeroDivisionError, urlmon.DataNotAvailableError])
def test_an_object_that_cannot_be_made(kinds: Any, where: str, error: type[Exception]) -> None:
    class Broken:
        def __init__(self) -> None:
            if where == "factory":
                raise error("broken")

        def load_moniker(self, *_: Any) -> None:
            raise error("broken")

    kinds(Broken)
    client = ObjectRecorder(SYNC)
    with pytest.raises(error):
        bind_object(handler_of(b"x", start=lambda self: self.tell_all(1, TYPE)), client)
    pump_until(lambda: client.stopped)
    client.check()
    expected = HRESULT.E_UNEXPECTED if error is ZeroDivisionError else HRESULT.INET_E_DATA_NOT_AVAILABLE
    assert client.hresult == expected


def test_abort_before_the_object_is_there(kinds: Any) -> None:
    kinds(Plain)
    handler = handler_of()
    client = ObjectRecorder(PULL)
    bind_object(handler, client)
    assert client.binding.abort() == HRESULT.S_OK
    finish(client)
    assert client.hresult == HRESULT.E_ABORT


def test_another_moniker_in_the_context_is_bound_by_itself(kinds: Any) -> None:
    class Elsewhere:
        def load_moniker(self, fully: bool, moniker: Any, context: Any, mode: int) -> None:
            self.content = urlmon.create_url_moniker("data:,other").bind_to_storage(context).read()

    kinds(Elsewhere)
    made = bind_object(handler_of(b"x", start=lambda self: self.tell_all(1, TYPE)), ObjectRecorder(SYNC))
    assert made.content == b"other"


def test_only_one_stream_may_join(kinds: Any) -> None:
    class Greedy:
        def load_moniker(self, fully: bool, moniker: Any, context: Any, mode: int) -> None:
            with pytest.raises(urlmon.UnsupportedError):
                moniker.bind_to_storage(context, TYMED.HGLOBAL)
            moniker.bind_to_storage(context)
            with pytest.raises(urlmon.UnsupportedError):
                moniker.bind_to_storage(context)

    kinds(Greedy)
    assert isinstance(
        bind_object(handler_of(b"x", start=lambda self: self.tell_all(1, TYPE)), ObjectRecorder(SYNC)), Greedy
    )


# -- what a client does inside on_object_available ---------------------------------------------------------------------


@pytest.mark.parametrize("info", [PULL, SYNC], ids=["asynchronous", "synchronous"])
@pytest.mark.parametrize("what", ["pump", "bind", "bind and wait", "bind an object", "revoke", "abort"])
def test_inside_on_object_available(scripted: ScriptedServer, kinds: Any, info: BindInfo, what: str) -> None:
    kinds(Plain)
    other = Recorder()
    inside: list[Any] = []
    context = urlmon.create_bind_ctx()

    def act(recorder: Recorder, *args: Any) -> None:
        before = len(recorder.calls)
        match what:
            case "pump":
                pump_until(lambda: other.stopped)
            case "bind":
                bind(scripted.url("/payload/1000"), other)
            case "bind and wait":
                inside.append(urlmon.create_url_moniker(scripted.url()).bind_to_storage().read())
            case "bind an object":
                nested = urlmon.create_bind_ctx()
                urlmon.register_media_type_class("text/x-inline", Reading, context=nested)
                made = urlmon.create_url_moniker("data:text/x-inline,hello").bind_to_object(nested)
                inside.append(made.content)
            case "revoke":
                inside.append(urlmon.revoke_bind_status_callback(context, recorder))
            case "abort":
                inside.append(recorder.binding.abort())
        assert len(recorder.calls) == before, "its own calls wait"

    client = ObjectRecorder(info, on_object_available=act)
    urlmon.register_bind_status_callback(context, client)
    if what == "pump":
        bind(scripted.url("/payload/1000"), other)
    handler = handler_of(b"x" * 10, start=lambda self: self.tell_all(10, TYPE))
    with served("x-object", handler):
        urlmon.create_url_moniker(URL).bind_to_object(context)
    pump_until(lambda: client.stopped)
    client.check()
    assert client.methods.count("on_object_available") == 1
    assert client.hresult == HRESULT.S_OK
    expected = {
        "bind and wait": [b"ok"],
        "bind an object": [b"hello"],
        "revoke": [HRESULT.S_OK],
        "abort": [HRESULT.INET_E_RESULT_DISPATCHED],
    }
    assert inside == expected.get(what, [])
    if what in {"pump", "bind"}:
        finish(other)
        assert len(other.body) == 1000


@pytest.mark.parametrize("info", [PULL, SYNC], ids=["asynchronous", "synchronous"])
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_exception_inside_on_object_available(
    scripted: ScriptedServer, info: BindInfo, error: type[BaseException]
) -> None:
    def fail(recorder: Recorder, *args: Any) -> None:
        raise error

    client = ObjectRecorder(info, on_object_available=fail)
    context = urlmon.create_async_bind_ctx(client)
    urlmon.register_media_type_class("application/octet-stream", Plain, context=context)
    other = bind(scripted.url("/payload/5000"), Recorder())

    def bind_and_run() -> None:
        urlmon.create_url_moniker(scripted.url("/payload/1000")).bind_to_object(context)
        urlmon.run()

    with pytest.raises(error):
        bind_and_run()
    urlmon.run()  # the apartment works, and the others are not disturbed
    client.check()
    assert client.hresult == HRESULT.E_UNEXPECTED
    assert client.methods.count("on_object_available") == 1
    assert other.hresult == HRESULT.S_OK
    assert len(other.body) == 5000


# -- over http --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("info", [PULL, BindInfo(), SYNC], ids=["pull", "push", "synchronous"])
@pytest.mark.parametrize("kind", [Loading, Reading, Plain])
def test_over_http(scripted: ScriptedServer, info: BindInfo, kind: Any) -> None:
    size = 300_000
    url = scripted.url(f"/payload/{size}")
    client = ObjectRecorder(info)
    context = urlmon.create_async_bind_ctx(client)
    urlmon.register_media_type_class("application/octet-stream", kind, context=context)
    moniker = urlmon.create_url_moniker(url)
    moniker.bind_to_object(context)
    pump_until(lambda: client.stopped)
    client.check()
    assert client.hresult == HRESULT.S_OK
    assert client.methods.count("on_object_available") == 1
    assert "on_data_available" not in client.methods
    assert "DOWNLOADINGDATA" not in client.sequence
    made = client.of("on_object_available")[0][1]
    if kind is Loading:
        finish(made.client)
        assert made.client.digest == payload_sha256(size)
        assert len(scripted.requests) == 1
    elif kind is Reading:
        assert hashlib.sha256(made.content).hexdigest() == payload_sha256(size)
    pump_until(lambda: not urlmon.Apartment.current().live_bindings)
