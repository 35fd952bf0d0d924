"""What a client must not do gives the documented result, and never more than that (contract 1.5, 1.6, 4.2, 7.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import urlmon
from tests.recording import Negotiator, Recorder, bind, fetch, finish, in_thread, nothing_comes
from tests.servers import ScriptedServer, payload
from urlmon import HRESULT, BindInfo

# Each method of IBinding as one call of it.
BINDING: dict[str, Callable[[Any], Any]] = {
    "abort": lambda binding: binding.abort(),
    "suspend": lambda binding: binding.suspend(),
    "resume": lambda binding: binding.resume(),
    "set_priority": lambda binding: binding.set_priority(1),
    "get_priority": lambda binding: binding.get_priority(),
    "get_bind_result": lambda binding: binding.get_bind_result(),
    "query_info": lambda binding: binding.query_info(urlmon.HTTP_QUERY.STATUS_CODE),
}
CALLBACKS = [
    *["get_bind_info", "get_priority", "on_start_binding", "beginning_transaction"],
    *["on_progress", "on_response", "on_data_available", "on_stop_binding"],
]


def ask_all(binding: Any) -> dict[str, Any]:
    return {name: ask(binding) for name, ask in BINDING.items()}


def test_inside_on_start_binding(scripted: ScriptedServer) -> None:
    """Contract 4.2: an abort is illegal, the rest sets the initial values."""
    answers: dict[str, Any] = {}
    recorder = fetch(
        scripted.url(), on_start_binding=lambda recorder, binding: answers.update(ask_all(binding))
    )
    assert answers == {
        "abort": HRESULT.E_FAIL,
        "suspend": HRESULT.S_OK,
        "resume": HRESULT.S_OK,
        "set_priority": HRESULT.S_OK,
        "get_priority": 1,
        "get_bind_result": (HRESULT.S_OK, None),
        "query_info": "0",
    }
    assert recorder.body == b"ok"


@pytest.mark.parametrize("kind", ["success", "failure", "abort", "refusal"])
def test_after_the_stop(scripted: ScriptedServer, kind: str) -> None:
    hresult = HRESULT.S_OK
    match kind:
        case "success":
            recorder = fetch(scripted.url())
        case "failure":
            hresult = HRESULT.INET_E_DOWNLOAD_FAILURE
            recorder = fetch(scripted.url("/no-answer"))
        case "abort":
            hresult = HRESULT.E_ABORT
            recorder = bind(scripted.url("/hang"), Recorder())
            recorder.binding.abort()
            finish(recorder)
        case _:
            hresult = HRESULT.E_ABORT
            recorder = Recorder(on_start_binding=lambda recorder, binding: HRESULT.E_ABORT)
            with pytest.raises(urlmon.AbortedError):
                bind(scripted.url(), recorder)
    assert recorder.hresult == hresult
    calls = len(recorder.calls)
    for _ in range(2):
        answers = ask_all(recorder.binding)
        # An operation that its own side ended was aborted, one that ended by itself has told its result.
        assert answers["abort"] in (HRESULT.E_FAIL, HRESULT.INET_E_RESULT_DISPATCHED)
        assert {answers[name] for name in ("suspend", "resume", "set_priority")} == {HRESULT.E_FAIL}
        assert answers["get_bind_result"] == (hresult, recorder.error)
        assert answers["query_info"] == ("200" if kind == "success" else "0")
    with pytest.raises(urlmon.BindError) as caught:
        recorder.binding.priority = 2
    assert caught.value.hresult == HRESULT.E_FAIL
    assert nothing_comes(0.02)
    assert len(recorder.calls) == calls


@pytest.mark.parametrize("name", ["abort", "suspend", "resume", "set_priority", "get_priority"])
def test_from_another_thread(scripted: ScriptedServer, name: str) -> None:
    recorder = bind(scripted.url("/hold-body/rest"), Recorder())
    with pytest.raises(urlmon.WrongThreadError) as caught:
        in_thread(lambda: BINDING[name](recorder.binding))
    assert caught.value.hresult == HRESULT.RPC_E_WRONG_THREAD
    scripted.release("rest")
    finish(recorder)
    assert recorder.body == payload(1000)


def test_the_stream_from_another_thread(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/payload/1000"), read=False)
    for read in ("read", "read_view"):
        with pytest.raises(urlmon.WrongThreadError):
            in_thread(getattr(recorder.stream, read))
    assert recorder.stream.read() == payload(1000)


@pytest.mark.parametrize("method", CALLBACKS)
def test_everything_of_the_binding_inside_every_callback(scripted: ScriptedServer, method: str) -> None:
    """Suspended and resumed, prioritised, asked and at last aborted from inside: one start, one stop."""

    def use(recorder: Recorder, *args: Any) -> None:
        if recorder.binding is not None:
            for name in ("suspend", "suspend", "resume", "resume", "set_priority", "query_info", "abort"):
                BINDING[name](recorder.binding)

    early = method in ("get_bind_info", "get_priority", "on_start_binding", "on_stop_binding")
    # One that is aborted must not have ended before: then the abort would come too late.
    url = scripted.url("/payload/100000") if early else scripted.url("/hold-body/never")
    recorder = bind(url, Negotiator(**{method: use}))
    finish(recorder)
    assert recorder.hresult == (HRESULT.S_OK if early else HRESULT.E_ABORT)
    assert nothing_comes(0.02)


@pytest.mark.parametrize("method", CALLBACKS)
def test_the_callback_is_revoked_inside_every_callback(scripted: ScriptedServer, method: str) -> None:
    """The operation holds what it needs (contract 1.6)."""
    recorder = Negotiator()
    context = urlmon.create_async_bind_ctx(recorder)

    def revoke(*args: Any) -> None:
        assert urlmon.revoke_bind_status_callback(context, recorder) == HRESULT.S_OK

    recorder.hooks[method] = revoke
    urlmon.create_url_moniker(scripted.url("/payload/1000")).bind_to_storage(context)
    finish(recorder)
    assert recorder.body == payload(1000)
    assert context.callback is None


def test_none_in_place_of_a_callback() -> None:
    context = urlmon.create_bind_ctx()
    for wrong in (
        lambda: urlmon.create_async_bind_ctx(None),
        lambda: urlmon.register_bind_status_callback(context, None),
        lambda: urlmon.register_bind_status_callback(None, Recorder()),  # type: ignore[arg-type]
        lambda: urlmon.revoke_bind_status_callback(context, None),
    ):
        with pytest.raises(urlmon.InvalidRequestError) as caught:
            wrong()
        assert caught.value.hresult == HRESULT.E_INVALIDARG
    assert context.callback is None


def test_revoked_twice() -> None:
    recorder = Recorder()
    context = urlmon.create_async_bind_ctx(recorder)
    assert urlmon.revoke_bind_status_callback(context, recorder) == HRESULT.S_OK
    assert urlmon.revoke_bind_status_callback(context, recorder) == HRESULT.S_OK


def test_one_callback_object_bound_inside_its_own_callback(scripted: ScriptedServer) -> None:
    """One object, two operations: each gets its own start and stop."""
    stops: list[Any] = []

    class Both(urlmon.BindStatusCallback):
        bound = False

        def get_bind_info(self) -> BindInfo:
            return BindInfo()

        def on_data_available(self, flags: Any, size: int, format: Any, medium: Any) -> None:
            if not self.bound:
                self.bound = True
                bind(scripted.url("/payload/10"), self)
            medium.stream.read()

        def on_stop_binding(self, hresult: Any, error: Any) -> None:
            stops.append(hresult)

    bind(scripted.url("/payload/1000"), Both())
    urlmon.run()
    assert stops == [HRESULT.S_OK] * 2
