"""The bind status callback: which calls come, in which order, and what they may do (contract 3, 1.5, 8.1)."""

from __future__ import annotations

import re
import traceback
from types import SimpleNamespace
from typing import Any

import pytest

import urlmon
from tests.recording import (
    Negotiator,
    Recorder,
    bind,
    fetch,
    finish,
    name_of,
    nothing_comes,
    pump_until,
)
from tests.servers import ScriptedServer, payload
from urlmon import BINDSTATUS, BSCF, HRESULT, TYMED, BindInfo

FIRST = BSCF.FIRSTDATANOTIFICATION
INTERMEDIATE = BSCF.INTERMEDIATEDATANOTIFICATION
LAST = BSCF.LASTDATANOTIFICATION
FULL = BSCF.DATAFULLYAVAILABLE

START = ["get_bind_info", "get_priority", "on_start_binding"]
END = ["SENDINGREQUEST", "MIMETYPEAVAILABLE", "DATA", "on_stop_binding"]
DATA_PROGRESS = ("BEGINDOWNLOADDATA", "DOWNLOADINGDATA", "ENDDOWNLOADDATA")

# Contract 3.2 rule 3: each on_data_available has one progress call before it; when first and last coincide, two.
DATA = re.compile(
    "BEGINDOWNLOADDATA( on_data_available( DOWNLOADINGDATA on_data_available)*)? ENDDOWNLOADDATA on_data_available"
)


def outline(recorder: Recorder) -> list[str]:
    """The calls, with "DATA" for a complete and correct data phase: in how many parts it comes is left to chance."""
    return DATA.sub("DATA", " ".join(recorder.sequence)).split()


def without_connecting(recorder: Recorder) -> list[str]:
    """The outline without what depends on whether a connection was open, and still is: libcurl asks again if not."""
    names = [name for name in outline(recorder) if name not in ("FINDINGRESOURCE", "CONNECTING")]
    return [
        name
        for name, before in zip(names, ["", *names], strict=False)
        if (name, before) != ("SENDINGREQUEST",) * 2
    ]


def only(status: BINDSTATUS, action: Any) -> Any:
    """A hook for on_progress that does `action` at `status` and nothing at others."""

    def hook(recorder: Recorder, progress: int, progress_max: int, seen: BINDSTATUS, text: str | None) -> Any:
        return action(recorder, progress, progress_max, seen, text) if seen == status else None

    return hook


def returning(value: Any) -> Any:
    """A hook that returns `value`."""
    return lambda recorder, *args: value


# -- order (contract 3.2, 3.5) ---------------------------------------------------------------------------------------


def test_order_of_an_ordinary_get() -> None:
    with ScriptedServer() as server:  # a port of its own: nothing is resolved or connected yet
        url = server.url("/ok", host="localhost")
        recorder = fetch(url)
        assert outline(recorder) == [*START, "FINDINGRESOURCE", "CONNECTING", *END]
        assert recorder.texts(BINDSTATUS.FINDINGRESOURCE) == ["localhost"]
        assert recorder.texts(BINDSTATUS.CONNECTING)[0] in (
            f"[::1]:{server.port}",
            f"127.0.0.1:{server.port}",
        )
        assert recorder.texts(BINDSTATUS.MIMETYPEAVAILABLE) == ["text/plain"]
        assert recorder.texts(BINDSTATUS.BEGINDOWNLOADDATA) == [url]
        assert recorder.texts(BINDSTATUS.ENDDOWNLOADDATA) == [url]
        assert recorder.of("on_stop_binding") == [(HRESULT.S_OK, None)]
        assert recorder.body == b"ok"


def test_a_connection_used_again_is_not_looked_up(scripted: ScriptedServer) -> None:
    fetch(scripted.url("/ok"))
    second = fetch(scripted.url("/ok"))
    assert outline(second) == [*START, *END]
    assert scripted.connections_opened == 1


def test_order_of_a_body_that_comes_in_parts(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hold-body/rest", size=300_000, at=100_000), Recorder())
    pump_until(lambda: len(recorder.body) == 100_000)
    before = len(recorder.calls)
    scripted.release("rest")
    finish(recorder)
    assert recorder.body == payload(300_000)
    begin = recorder.sequence.index("BEGINDOWNLOADDATA")
    assert recorder.sequence[begin - 2 : begin] == ["SENDINGREQUEST", "MIMETYPEAVAILABLE"]
    assert recorder.flags[0] == FIRST
    assert set(recorder.flags[1:-1]) <= {INTERMEDIATE}
    assert recorder.flags[-1] == INTERMEDIATE | LAST | FULL
    assert set(recorder.sequence[begin:before:2]) <= set(DATA_PROGRESS)
    assert set(recorder.sequence[begin + 1 : before : 2]) == {"on_data_available"}
    assert recorder.sequence[-3:] == ["ENDDOWNLOADDATA", "on_data_available", "on_stop_binding"]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_536, 65_537, 1 << 20, 5_000_000])
def test_flags_and_sizes(scripted: ScriptedServer, size: int) -> None:
    recorder = fetch(scripted.url(f"/payload/{size}"))
    assert recorder.body == payload(size)
    assert recorder.ended
    flags = recorder.flags
    assert [bool(flag & FIRST) for flag in flags] == [True] + [False] * (len(flags) - 1)
    assert [bool(flag & LAST) for flag in flags] == [False] * (len(flags) - 1) + [True]
    assert [bool(flag & FULL) for flag in flags] == [bool(flag & LAST) for flag in flags]
    assert [bool(flag & INTERMEDIATE) for flag in flags] == [not flag & FIRST for flag in flags]
    sizes = [args[1] for args in recorder.of("on_data_available")]
    assert sizes == sorted(sizes)
    assert sizes[-1] == size
    assert without_connecting(recorder) == [*START, *END]
    for progress, progress_max, status, _ in recorder.of("on_progress"):
        if status.name in DATA_PROGRESS:
            assert (progress_max, progress <= size) == (size, True)


def test_progress_without_an_announced_length(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/chunked", size=200_000, chunk=10_000))
    assert recorder.body == payload(200_000)
    assert {args[1] for args in recorder.of("on_progress")} == {0}
    assert recorder.of("on_progress")[-1][0] == 200_000
    assert recorder.binding.bytes_total == -1


@pytest.mark.parametrize(
    ("storage", "size"),
    [(storage, size) for storage in (TYMED.FILE, TYMED.HGLOBAL) for size in (0, 1000, 300_000)],
    ids=name_of,
)
def test_files_and_memory_are_available_once_at_the_end(
    scripted: ScriptedServer, tmp_path: Any, storage: TYMED, size: int
) -> None:
    url = scripted.url("/hold-body/rest", size=size, at=size // 2) if size else scripted.url("/payload/0")
    recorder = bind(url, Recorder(), storage, tmp_path / "target")
    if size:
        pump_until(lambda: recorder.binding.bytes_received == size // 2)
        assert recorder.of("on_data_available") == []
        scripted.release("rest")
    finish(recorder)
    [(flags, told, format, medium)] = recorder.of("on_data_available")
    # The one call is the first and the last (contract 5.5: "intermediate" is neither).
    assert flags & ~FIRST == LAST | FULL
    assert told == size
    assert (format.tymed, medium.tymed) == (storage, storage)
    assert recorder.sequence[-3:] == ["ENDDOWNLOADDATA", "on_data_available", "on_stop_binding"]
    assert recorder.sequence.count("BEGINDOWNLOADDATA") == 1


@pytest.mark.parametrize("size", [10, 300_000])
def test_the_name_of_the_file_is_told_after_the_begin(
    scripted: ScriptedServer, tmp_path: Any, size: int
) -> None:
    """Contract 3.2, rule 6."""
    target = str(tmp_path / "target")
    recorder = bind(scripted.url("/hold-body/rest", size=size), Recorder(), TYMED.FILE, target)
    pump_until(lambda: recorder.binding.bytes_received == size // 2)
    scripted.release("rest")
    finish(recorder)
    assert recorder.texts(BINDSTATUS.CACHEFILENAMEAVAILABLE) == [target]
    begin = recorder.sequence.index("BEGINDOWNLOADDATA")
    assert recorder.sequence[begin + 1] == "CACHEFILENAMEAVAILABLE"


def test_redirects_are_told_with_their_urls(scripted: ScriptedServer) -> None:
    recorder: Negotiator = bind(scripted.url("/redirect/chain/3"), Negotiator())
    finish(recorder)
    assert without_connecting(recorder) == [
        *["get_bind_info", "get_priority", "on_start_binding", "beginning_transaction"],
        *["SENDINGREQUEST", "REDIRECTING"] * 3,
        *["SENDINGREQUEST", "on_response", *END[1:]],
    ]
    hops = [scripted.url(f"/redirect/chain/{left}") for left in (2, 1, 0)]
    assert recorder.texts(BINDSTATUS.REDIRECTING) == hops
    assert recorder.binding.url == hops[-1]
    assert [args[0] for args in recorder.of("on_response")] == [200]
    assert recorder.texts(BINDSTATUS.BEGINDOWNLOADDATA) == [scripted.url("/redirect/chain/3")]


def test_a_redirect_to_another_host_is_looked_up_and_connected(scripted: ScriptedServer) -> None:
    with ScriptedServer() as other:
        target = other.url("/ok", host="localhost")
        recorder = fetch(scripted.url("/redirect", to=target))
        names = outline(recorder)
        assert names[names.index("REDIRECTING") :] == ["REDIRECTING", "FINDINGRESOURCE", "CONNECTING", *END]
        assert recorder.texts(BINDSTATUS.REDIRECTING) == [target]
        assert recorder.texts(BINDSTATUS.FINDINGRESOURCE)[-1] == "localhost"


def test_many_redirects_keep_their_order(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/redirect/chain/30"))
    assert recorder.texts(BINDSTATUS.REDIRECTING) == [
        scripted.url(f"/redirect/chain/{left}") for left in reversed(range(30))
    ]
    assert recorder.body == b"arrived"


def test_interim_answers_are_not_told(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/interim", count=3), Negotiator())
    finish(recorder)
    [(status, head, _)] = recorder.of("on_response")
    assert status == 200
    assert "preload" not in head
    assert recorder.sequence.count("MIMETYPEAVAILABLE") == 1


def test_media_type_comes_with_the_format(scripted: ScriptedServer) -> None:
    url = scripted.url("/status/200", header="X-Other: 1")
    recorder = fetch(url)
    [(_, _, format, _)] = recorder.of("on_data_available")
    assert format.media_type == "text/plain"
    assert format.clipboard_format == urlmon.register_clipboard_format("text/plain")
    assert (format.aspect, format.lindex, format.target_device) == (urlmon.DVASPECT.CONTENT, -1, None)


def test_media_type_without_parameters_and_in_lower_case(scripted: ScriptedServer) -> None:
    async def typed(exchange: Any) -> None:
        await exchange.reply(200, [("Content-Type", "Text/HTML ; charset=utf-8")], b"x")

    scripted.script("/typed", typed)
    recorder = fetch(scripted.url("/typed"))
    assert recorder.texts(BINDSTATUS.MIMETYPEAVAILABLE) == ["text/html"]
    assert recorder.binding.mime_type == "text/html"


def test_no_media_type_no_report(scripted: ScriptedServer) -> None:
    async def untyped(exchange: Any) -> None:
        await exchange.reply(200, [], b"x")

    scripted.script("/untyped", untyped)
    recorder = fetch(scripted.url("/untyped"))
    assert BINDSTATUS.MIMETYPEAVAILABLE not in recorder.statuses
    assert recorder.binding.mime_type is None
    assert recorder.of("on_data_available")[0][2].clipboard_format == 0


@pytest.mark.parametrize(
    ("answer", "priority"),
    [(None, 0), (HRESULT.E_NOTIMPL, 0), (1, 1), (-15, -15), (100, 100), (-4711, -4711)],
    ids=name_of,
)
def test_priority_is_asked_once_before_the_start(
    scripted: ScriptedServer, answer: Any, priority: int
) -> None:
    seen: list[int] = []
    recorder = fetch(
        scripted.url(),
        priority=answer,
        on_start_binding=lambda recorder, binding: seen.append(binding.get_priority()),
    )
    assert recorder.methods.count("get_priority") == 1
    assert seen == [priority]


def test_nothing_is_sent_before_on_start_binding(scripted: ScriptedServer) -> None:
    recorder = Recorder(on_start_binding=returning(HRESULT.E_ABORT))
    with pytest.raises(urlmon.AbortedError):
        bind(scripted.url("/payload/1"), recorder)
    fetch(scripted.url("/payload/2"))
    assert scripted.requests.paths() == ["/payload/2"]


# -- what may be returned (contract 3.3) -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "hresult", "error"),
    [
        (HRESULT.E_ABORT, HRESULT.E_ABORT, urlmon.AbortedError),
        (-0x7FFFBFFC, HRESULT.E_ABORT, urlmon.AbortedError),  # the same as a signed number
        (HRESULT.E_FAIL, HRESULT.INET_E_DOWNLOAD_FAILURE, urlmon.DownloadError),
        (HRESULT.E_ACCESSDENIED, HRESULT.INET_E_DOWNLOAD_FAILURE, urlmon.DownloadError),
    ],
    ids=name_of,
)
@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE], ids=name_of)
def test_a_start_that_is_refused(
    scripted: ScriptedServer,
    tmp_path: Any,
    *,
    answer: int,
    hresult: HRESULT,
    error: type,
    storage: TYMED,
) -> None:
    recorder = Recorder(on_start_binding=returning(answer))
    with pytest.raises(error) as caught:
        bind(scripted.url(), recorder, storage, tmp_path / "target")
    assert caught.value.hresult == hresult
    assert caught.value.url == scripted.url()
    assert recorder.sequence == [*START, "on_stop_binding"]
    assert recorder.hresult == hresult
    assert recorder.error is caught.value
    recorder.check()
    assert list(tmp_path.iterdir()) == []
    assert nothing_comes(0)
    assert len(scripted.requests) == 0


@pytest.mark.parametrize("answer", [None, 0, HRESULT.S_OK, HRESULT.S_FALSE, HRESULT.E_NOTIMPL], ids=name_of)
def test_a_start_that_goes_on(scripted: ScriptedServer, answer: int | None) -> None:
    recorder = fetch(scripted.url(), on_start_binding=returning(answer))
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, b"ok")


@pytest.mark.parametrize(
    "answer", [HRESULT.E_ABORT, HRESULT.E_FAIL, HRESULT.INET_E_INVALID_REQUEST], ids=name_of
)
def test_data_refused_with_a_failure_ends_with_it(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = bind(
        scripted.url("/hold-body/never", size=100_000), Recorder(on_data_available=returning(answer))
    )
    finish(recorder)
    assert recorder.hresult == answer
    assert recorder.error.url == scripted.url("/hold-body/never", size=100_000)
    assert recorder.flags == [FIRST]
    # The data phase is closed although the body is not complete.
    assert recorder.sequence[-4:] == [
        "BEGINDOWNLOADDATA",
        "on_data_available",
        "ENDDOWNLOADDATA",
        "on_stop_binding",
    ]
    scripted.requests.wait_outcome(scripted.requests[0], "disconnected")


def test_data_refused_with_s_false_ends_without_an_error(scripted: ScriptedServer) -> None:
    recorder = fetch(
        scripted.url("/hold-body/never", size=100_000), on_data_available=returning(HRESULT.S_FALSE)
    )
    assert (recorder.hresult, recorder.error) == (HRESULT.S_FALSE, None)
    assert recorder.flags == [FIRST]


@pytest.mark.parametrize("answer", [HRESULT.E_ABORT, HRESULT.S_FALSE], ids=name_of)
def test_the_last_data_refused(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = fetch(scripted.url("/payload/0"), on_data_available=returning(answer))
    assert recorder.hresult == answer
    assert recorder.flags == [FIRST | LAST | FULL]
    assert recorder.sequence[-3:] == ["ENDDOWNLOADDATA", "on_data_available", "on_stop_binding"]


def test_e_pending_from_data_is_no_end(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/payload/300000"), on_data_available=returning(HRESULT.E_PENDING))
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.body == payload(300_000)


@pytest.mark.parametrize(
    "answer", [HRESULT.E_ABORT, HRESULT.E_FAIL, HRESULT.S_FALSE, HRESULT.E_NOTIMPL], ids=name_of
)
def test_answers_of_on_progress_are_ignored(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = fetch(scripted.url("/payload/300000"), on_progress=returning(answer))
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.body == payload(300_000)


@pytest.mark.parametrize("answer", [HRESULT.E_FAIL, "nonsense", 7], ids=name_of)
def test_answers_of_on_stop_binding_are_ignored(scripted: ScriptedServer, answer: object) -> None:
    recorder = fetch(scripted.url(), on_stop_binding=returning(answer))
    assert recorder.hresult == HRESULT.S_OK


@pytest.mark.parametrize("answer", [HRESULT.E_FAIL, HRESULT.E_OUTOFMEMORY, HRESULT.E_ABORT], ids=name_of)
def test_get_bind_info_may_refuse(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = Recorder(answer)
    with pytest.raises(urlmon.BindError) as caught:
        bind(scripted.url(), recorder)
    assert caught.value.hresult == answer
    assert caught.value.url == scripted.url()
    assert recorder.methods == ["get_bind_info"]
    assert nothing_comes(0)


def test_get_bind_info_may_return_none(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url(), get_bind_info=lambda recorder: None)
    assert recorder.body == b"ok"


def test_get_bind_info_must_not_return_anything_else(scripted: ScriptedServer) -> None:
    recorder = Recorder("asynchronous, please")
    with pytest.raises(TypeError, match="get_bind_info returned str"):
        bind(scripted.url(), recorder)
    assert recorder.methods == ["get_bind_info"]


def test_an_answer_that_is_no_hresult_is_an_exception_of_the_client(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url(), Recorder(on_data_available=returning("yes")))
    with pytest.raises((TypeError, ValueError)):
        urlmon.run()
    finish(recorder)
    assert recorder.hresult == HRESULT.E_UNEXPECTED


# -- exceptions (design 6) -------------------------------------------------------------------------------------------


class ClientBug(Exception):
    """Raised by callbacks of the tests."""


def buggy(recorder: Recorder, *args: Any) -> Any:
    raise ClientBug("in a callback")


def interrupted(recorder: Recorder, *args: Any) -> Any:
    raise KeyboardInterrupt


def names_of(error: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


@pytest.mark.parametrize("method", ["get_bind_info", "get_priority"])
@pytest.mark.parametrize("hook", [buggy, interrupted])
def test_an_exception_before_the_start(scripted: ScriptedServer, method: str, hook: Any) -> None:
    recorder = Recorder(**{method: hook})
    with pytest.raises((ClientBug, KeyboardInterrupt)) as caught:
        bind(scripted.url(), recorder)
    assert hook.__name__ in names_of(caught.value)
    assert recorder.methods[-1] == method
    assert "on_stop_binding" not in recorder.methods
    assert nothing_comes(0)
    assert len(scripted.requests) == 0


@pytest.mark.parametrize("method", ["on_start_binding", "beginning_transaction"])
@pytest.mark.parametrize("hook", [buggy, interrupted])
def test_an_exception_inside_the_bind_call(scripted: ScriptedServer, method: str, hook: Any) -> None:
    recorder = Negotiator(**{method: hook})
    with pytest.raises((ClientBug, KeyboardInterrupt)) as caught:
        bind(scripted.url(), recorder)
    assert hook.__name__ in names_of(caught.value)
    recorder.check()
    assert recorder.hresult == HRESULT.E_UNEXPECTED
    assert isinstance(recorder.error, urlmon.UnexpectedError)
    assert recorder.error.url == scripted.url()
    assert nothing_comes(0)
    assert len(scripted.requests) == 0


def test_a_second_exception_in_the_stop_of_a_failed_start(scripted: ScriptedServer) -> None:
    recorder = Recorder(on_start_binding=buggy, on_stop_binding=interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        bind(scripted.url(), recorder)
    assert isinstance(caught.value.__context__, ClientBug)
    recorder.check()


IN_THE_PUMP = {
    "sending": {"on_progress": only(BINDSTATUS.SENDINGREQUEST, buggy)},
    "media type": {"on_progress": only(BINDSTATUS.MIMETYPEAVAILABLE, buggy)},
    "begin": {"on_progress": only(BINDSTATUS.BEGINDOWNLOADDATA, buggy)},
    "end": {"on_progress": only(BINDSTATUS.ENDDOWNLOADDATA, buggy)},
    "response": {"on_response": buggy},
    "data": {"on_data_available": buggy},
}


@pytest.mark.parametrize("where", IN_THE_PUMP)
@pytest.mark.parametrize("kind", ["Exception", "KeyboardInterrupt"])
def test_an_exception_leaves_the_pump(scripted: ScriptedServer, where: str, kind: str) -> None:
    hooks = IN_THE_PUMP[where]
    if kind == "KeyboardInterrupt":

        def interrupt(recorder: Recorder, *args: Any) -> Any:
            try:
                return buggy_hook(recorder, *args)
            except ClientBug:
                raise KeyboardInterrupt from None

        [(method, buggy_hook)] = hooks.items()
        hooks = {method: interrupt}
    other = bind(scripted.url("/payload/300000", gate="other"), Recorder())
    recorder = bind(scripted.url("/payload/5000"), Negotiator(**hooks))
    with pytest.raises((ClientBug, KeyboardInterrupt)) as caught:
        urlmon.run()
    assert type(caught.value).__name__ == ("ClientBug" if kind == "Exception" else kind)
    names = names_of(caught.value)
    assert ("buggy" if kind == "Exception" else "interrupt") in names, names
    assert not other.stopped
    scripted.release("other")
    urlmon.run()  # what was queued is still there, and the apartment works
    recorder.check()
    assert recorder.hresult == HRESULT.E_UNEXPECTED
    assert isinstance(recorder.error, urlmon.UnexpectedError)
    other.check()
    assert other.body == payload(300_000)


def test_an_exception_in_the_stop_leaves_the_pump(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url(), Recorder(on_stop_binding=buggy))
    other = bind(scripted.url("/payload/5000"), Recorder())
    with pytest.raises(ClientBug):
        urlmon.run()
    urlmon.run()
    recorder.check()
    assert recorder.hresult == HRESULT.S_OK
    assert other.body == payload(5000)


def test_exceptions_of_several_bindings_come_one_by_one(scripted: ScriptedServer) -> None:
    recorders = [bind(scripted.url("/payload/5000"), Recorder(on_data_available=buggy)) for _ in range(5)]
    for _ in recorders:
        with pytest.raises(ClientBug):
            urlmon.run()
    finish(*recorders)
    assert [recorder.hresult for recorder in recorders] == [HRESULT.E_UNEXPECTED] * 5


def test_an_exception_leaves_no_file(scripted: ScriptedServer, tmp_path: Any) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    recorder = bind(
        scripted.url("/hold-body/never", size=300_000),
        Recorder(on_progress=only(BINDSTATUS.BEGINDOWNLOADDATA, buggy)),
        TYMED.FILE,
        target,
    )
    with pytest.raises(ClientBug):
        urlmon.run()
    finish(recorder)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert target.read_bytes() == b"old"


def test_an_exception_in_a_synchronous_bind_leaves_the_call(scripted: ScriptedServer) -> None:
    recorder = Recorder(BindInfo(flags=urlmon.BINDF(0)), on_data_available=buggy)
    with pytest.raises(ClientBug):
        urlmon.create_url_moniker(scripted.url("/payload/5000")).bind_to_storage(
            urlmon.create_async_bind_ctx(recorder)
        )
    finish(recorder)
    assert recorder.hresult in (HRESULT.E_UNEXPECTED, HRESULT.E_ABORT)


# -- pumping and binding inside callbacks (contract 1.5) -------------------------------------------------------------

INSIDE = [
    *["get_bind_info", "get_priority", "on_start_binding", "beginning_transaction"],
    *["on_progress", "on_response", "on_data_available", "on_stop_binding"],
]


def hook_for(method: str, action: Any) -> dict[str, Any]:
    """`action(recorder)` inside the first call of `method`."""
    done: list[bool] = []

    def hook(recorder: Recorder, *args: Any) -> Any:
        if not done:
            done.append(True)
            action(recorder)

    return {method: hook}


@pytest.mark.parametrize("method", INSIDE)
def test_pump_inside_a_callback_serves_the_others(scripted: ScriptedServer, method: str) -> None:
    other = bind(scripted.url("/payload/300000", gate="other"), Recorder())
    scripted.gates.get("other").wait_waiting()
    calls_of_own: list[int] = []

    def pump(recorder: Recorder) -> None:
        before = len(recorder.calls)
        scripted.release("other")
        pump_until(lambda: other.stopped)
        urlmon.pump(0.01)
        calls_of_own.append(len(recorder.calls) - before)

    recorder = bind(scripted.url("/payload/200000"), Negotiator(**hook_for(method, pump)))
    finish(recorder, other)
    assert calls_of_own == [0]  # its own events wait until the callback is over
    assert other.body == payload(300_000)
    assert recorder.body == payload(200_000)


def test_pumps_nest_through_several_bindings(scripted: ScriptedServer) -> None:
    inside: list[Recorder] = []  # whose callbacks are running, outermost first
    depths: list[int] = []
    recorders: list[Recorder] = []

    def descend(recorder: Recorder) -> None:
        assert recorder not in inside
        inside.append(recorder)
        depths.append(len(inside))
        waits_for = next((other for other in recorders if other not in inside and not other.stopped), None)
        if waits_for is not None:
            pump_until(lambda: waits_for.stopped)
        assert inside.pop() is recorder

    recorders += [Recorder(**hook_for("on_data_available", descend)) for _ in range(5)]
    for recorder in recorders:
        bind(scripted.url("/payload/5000", gate="all"), recorder)
    scripted.gates.get("all").wait_waiting(5)
    scripted.release("all")
    finish(*recorders)
    assert max(depths) == 5
    assert {bytes(recorder.body) for recorder in recorders} == {payload(5000)}


def test_run_inside_a_callback_does_not_wait_for_itself(scripted: ScriptedServer) -> None:
    """A pump inside a callback with nothing else to do comes back when its time is over."""
    answers: list[int] = []
    recorder = fetch(
        scripted.url("/payload/200000"),
        **hook_for("on_data_available", lambda recorder: answers.append(urlmon.pump(0.05))),
    )
    assert answers == [0]
    assert recorder.body == payload(200_000)


@pytest.mark.parametrize("method", INSIDE)
def test_bind_inside_a_callback(scripted: ScriptedServer, method: str) -> None:
    inner = Recorder()
    recorder = bind(
        scripted.url("/payload/5000"),
        Negotiator(**hook_for(method, lambda recorder: bind(scripted.url("/payload/70000"), inner))),
    )
    finish(recorder, inner)
    assert inner.body == payload(70_000)
    assert recorder.body == payload(5000)


@pytest.mark.parametrize("method", INSIDE)
def test_synchronous_bind_inside_a_callback(scripted: ScriptedServer, method: str) -> None:
    bodies: list[bytes] = []
    calls_of_own: list[int] = []
    other = bind(scripted.url("/payload/1000"), Recorder())

    def bind_and_wait(recorder: Recorder) -> None:
        before = len(recorder.calls)
        stream = urlmon.create_url_moniker(scripted.url("/payload/70000")).bind_to_storage()
        bodies.append(stream.read())
        calls_of_own.append(len(recorder.calls) - before)

    recorder = bind(scripted.url("/payload/200000"), Negotiator(**hook_for(method, bind_and_wait)))
    finish(recorder, other)
    assert bodies == [payload(70_000)]
    assert calls_of_own == [0]
    assert recorder.body == payload(200_000)


def test_bind_in_the_stop_of_another_for_ever(scripted: ScriptedServer) -> None:
    """A chain: each stop starts the next one; `run` goes on until the last."""
    bodies: list[bytes] = []

    def next_one(recorder: Recorder, *args: Any) -> None:
        bodies.append(bytes(recorder.body))
        if len(bodies) < 50:
            bind(scripted.url(f"/payload/{len(bodies)}"), Recorder(on_stop_binding=next_one))

    bind(scripted.url("/payload/0"), Recorder(on_stop_binding=next_one))
    urlmon.run()
    assert bodies == [payload(size) for size in range(50)]


# -- IHttpNegotiate (contract 8.1) -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "additional",
    [
        {"X-One": "1", "X-Both": "callback"},
        [("X-One", "1"), ("X-Both", "callback")],
        "X-One: 1\r\nX-Both: callback\r\n",
        "X-One: 1\nX-Both: callback",
    ],
)
def test_additional_headers(scripted: ScriptedServer, additional: Any) -> None:
    info = BindInfo(headers=[("X-Info", "2"), ("x-both", "info")])
    recorder = bind(scripted.url("/echo"), Negotiator(info, beginning_transaction=returning(additional)))
    finish(recorder)
    request = scripted.requests[0]
    assert request.header("X-One") == "1"
    assert request.header("X-Info") == "2"
    assert request.header_all("X-Both") == ["callback"]
    [(url, _)] = recorder.of("beginning_transaction")
    assert url == scripted.url("/echo")
    assert recorder.methods[:4] == [*START, "beginning_transaction"]


@pytest.mark.parametrize("answer", [None, HRESULT.S_OK, "", {}], ids=name_of)
def test_no_additional_headers(scripted: ScriptedServer, answer: Any) -> None:
    recorder = bind(scripted.url("/ok"), Negotiator(beginning_transaction=returning(answer)))
    finish(recorder)
    assert recorder.body == b"ok"


@pytest.mark.parametrize("answer", [HRESULT.E_ABORT, HRESULT.E_INVALIDARG], ids=name_of)
def test_beginning_transaction_may_refuse(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = Negotiator(beginning_transaction=returning(answer))
    with pytest.raises(urlmon.BindError) as caught:
        bind(scripted.url(), recorder)
    assert (caught.value.hresult, caught.value.url) == (answer, scripted.url())
    assert recorder.sequence == [*START, "beginning_transaction", "on_stop_binding"]
    recorder.check()
    assert recorder.hresult == answer
    assert len(scripted.requests) == 0


@pytest.mark.parametrize("additional", [{"X-One": "a\r\nX-Two: b"}, [("X One", "1")], "no colon and a space"])
def test_additional_headers_that_break_the_request(scripted: ScriptedServer, additional: Any) -> None:
    recorder = Negotiator(beginning_transaction=returning(additional))
    with pytest.raises(urlmon.InvalidRequestError) as caught:
        bind(scripted.url(), recorder)
    assert caught.value.url == scripted.url()
    recorder.check()
    assert recorder.hresult == HRESULT.INET_E_INVALID_REQUEST
    assert len(scripted.requests) == 0


@pytest.mark.parametrize("status", [200, 203, 400, 401, 404, 500])
def test_on_response(scripted: ScriptedServer, status: int) -> None:
    recorder = bind(scripted.url(f"/status/{status}", header="X-Mine:yes", size=1000), Negotiator())
    finish(recorder)
    [(code, head, _)] = recorder.of("on_response")
    assert code == status
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "\r\nX-Mine: yes\r\n" in head
    assert head.endswith("\r\n\r\n")
    at = recorder.sequence.index("on_response")
    assert recorder.sequence[at - 1] == "SENDINGREQUEST"
    assert recorder.sequence[at + 1] == "MIMETYPEAVAILABLE"
    # A status is no failure of a bind (contract 3.5 F).
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.body == payload(1000)


@pytest.mark.parametrize("answer", [HRESULT.E_ABORT, HRESULT.E_FAIL], ids=name_of)
def test_on_response_may_end_it(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = bind(scripted.url("/payload/300000"), Negotiator(on_response=returning(answer)))
    finish(recorder)
    assert recorder.hresult == answer
    assert recorder.sequence[-2:] == ["on_response", "on_stop_binding"]
    assert recorder.of("on_data_available") == []


def test_query_info_of_the_request(scripted: ScriptedServer) -> None:
    """What the server saw, but for what libcurl adds by itself."""
    of_request = urlmon.HTTP_QUERY.FLAG_REQUEST_HEADERS
    fields = {"Accept": "text/html", "X-Two": "a", "x-two": "b", "X-Empty": "", "Content-Type": "text/css"}
    info = BindInfo(verb=urlmon.BINDVERB.POST, data=b"{}", headers=fields.items(), user_agent="me/1")
    recorder = bind(scripted.url("/echo?query"), Recorder(info))
    finish(recorder)
    (request,) = scripted.requests
    ask = recorder.binding.query_info
    assert ask(urlmon.HTTP_QUERY.REQUEST_METHOD) == "POST"
    for name in ("Accept", "User-Agent", "Host", "X-Empty", "Content-Type"):
        assert ask(urlmon.HTTP_QUERY.CUSTOM | of_request, name) == request.header(name), name
    assert ask(urlmon.HTTP_QUERY.ACCEPT | of_request) == "text/html"
    assert ask(urlmon.HTTP_QUERY.CUSTOM | of_request, "X-Two", 1) == "b"
    assert ask(urlmon.HTTP_QUERY.CUSTOM | of_request | urlmon.HTTP_QUERY.FLAG_COALESCE, "X-Two") == "a, b"
    assert ask(urlmon.HTTP_QUERY.CUSTOM | of_request, "Content-Length") is None
    assert ask(urlmon.HTTP_QUERY.STATUS_CODE | of_request) is None
    head = ask(urlmon.HTTP_QUERY.RAW_HEADERS_CRLF | of_request)
    assert head.startswith("POST /echo?query HTTP/1.1\r\nHost: ")
    assert head.endswith("\r\n\r\n")
    assert ask(urlmon.HTTP_QUERY.RAW_HEADERS | of_request) == head.replace("\r\n", "\0")


def test_query_info_of_an_ordinary_request(scripted: ScriptedServer) -> None:
    for _ in range(2):  # the second one goes the straight way
        recorder = fetch(scripted.url("/ok"))
        ask = recorder.binding.query_info
        assert ask(urlmon.HTTP_QUERY.REQUEST_METHOD) == "GET"
        agent = ask(urlmon.HTTP_QUERY.USER_AGENT | urlmon.HTTP_QUERY.FLAG_REQUEST_HEADERS)
        assert agent == scripted.requests[-1].header("User-Agent")


def test_query_info_before_the_request(scripted: ScriptedServer) -> None:
    seen: list[Any] = []

    def start(recorder: Recorder, binding: Any) -> None:
        seen.append(binding.query_info(urlmon.HTTP_QUERY.REQUEST_METHOD))
        seen.append(
            binding.query_info(urlmon.HTTP_QUERY.RAW_HEADERS_CRLF | urlmon.HTTP_QUERY.FLAG_REQUEST_HEADERS)
        )

    finish(bind(scripted.url("/ok"), Recorder(on_start_binding=start)))
    assert seen == [None, None]


def test_query_info_from_the_response_on(scripted: ScriptedServer) -> None:
    seen: dict[str, object] = {}

    def ask(recorder: Recorder, *args: Any) -> None:
        name = recorder.sequence[-1]
        seen.setdefault(name, recorder.binding.query_info(urlmon.HTTP_QUERY.STATUS_CODE))

    recorder = bind(
        scripted.url("/payload/5"),
        Negotiator(on_start_binding=ask, on_progress=ask, on_response=ask, on_data_available=ask),
    )
    finish(recorder)
    assert seen["on_start_binding"] == "0"
    assert seen["SENDINGREQUEST"] == "0"
    assert {seen[name] for name in ("on_response", "MIMETYPEAVAILABLE", "on_data_available")} == {"200"}


# -- callbacks of other kinds ----------------------------------------------------------------------------------------


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
