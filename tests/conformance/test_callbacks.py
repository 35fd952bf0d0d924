"""misc.json: bind contexts, callbacks and their holder."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.vectors import MISC, Case, attempt, cases, check_hresult, flag, nothing, of_area
from urlmon import (
    HRESULT,
    BindCtx,
    BindInfo,
    BindStatusCallback,
    CallbackHolder,
    create_async_bind_ctx,
    create_async_bind_ctx_ex,
    create_bind_ctx,
    identifiers,
    register_bind_status_callback,
    revoke_bind_status_callback,
)
from urlmon.bindctx import CALLBACK_KEY
from urlmon.constants import BINDSTATUS


def create_async(case: Case) -> None:
    callback = BindStatusCallback()
    assert create_async_bind_ctx(callback).callback is callback


def create_released(case: Case) -> None:
    class Dropped(BindStatusCallback):
        pass

    callback = Dropped()
    watched = weakref.ref(callback)
    context = create_async_bind_ctx(callback)
    del callback, context
    gc.collect()
    assert watched() is None
    assert case["expected"] == {"references_left": 0}


def create_ex_nothing(case: Case) -> None:
    check_hresult(case, "create_ex_nothing_given", attempt(create_async_bind_ctx_ex)[0])


def create_ex_options(case: Case) -> None:
    options = create_async_bind_ctx_ex().get_bind_options()
    expected = case["expected"]
    assert options.flags == flag(expected["grfFlags"])
    assert options.mode == sum(map(flag, expected["grfMode"].split("|")))
    assert options.deadline == expected["dwTickCountDeadline"]


def create_ex_with_callback(case: Case) -> None:
    callback = BindStatusCallback()
    assert create_async_bind_ctx_ex(callback=callback).callback is callback


def create_ex_wraps(case: Case) -> None:
    inner = create_bind_ctx()
    outer = create_async_bind_ctx_ex(inner)
    parameter = object()
    inner.register_object_param("test", parameter)
    assert outer.get_object_param("test") is parameter


ASYNC_CONTEXTS: dict[str, Callable[[Case], None]] = {
    "create": create_async,
    "create_released": create_released,
    "create_ex_nothing_given": create_ex_nothing,
    "create_ex_bind_options": create_ex_options,
    "create_ex_with_callback": create_ex_with_callback,
    "create_ex_wraps_given_context": create_ex_wraps,
}


@pytest.mark.parametrize("case", of_area("async_bind_ctx"))
def test_async_bind_ctx(case: Case) -> None:
    ASYNC_CONTEXTS[case["name"]](case)


def registered(callback: Any) -> BindCtx:
    context = create_bind_ctx()
    assert register_bind_status_callback(context, callback) is None
    return context


@pytest.mark.parametrize("case", of_area("register_bind_status_callback"))
def test_register_bind_status_callback(case: Case) -> None:
    name, callback, other = case["name"], BindStatusCallback(), BindStatusCallback()
    context = create_bind_ctx()
    if name == "register_over_raw_param":
        context.register_object_param(CALLBACK_KEY, callback)
        assert register_bind_status_callback(context, callback) is callback
        assert isinstance(context.get_object_param(CALLBACK_KEY), CallbackHolder)
    elif name == "param_becomes_holder":
        holder = registered(callback).get_object_param(CALLBACK_KEY)
        assert holder is not callback
        assert holder.callback is callback
    elif name == "revoke":
        context = registered(callback)
        assert revoke_bind_status_callback(context, callback).name == case["expected"][0]["hresult"]
        assert attempt(lambda: context.get_object_param(CALLBACK_KEY))[0] == case["expected"][1]["hresult"]
    elif name == "revoke_no_context":
        check_hresult(case, name, attempt(lambda: revoke_bind_status_callback(nothing, other))[0])
    elif name == "revoke_no_callback":
        check_hresult(case, name, attempt(lambda: revoke_bind_status_callback(context, None))[0])
    elif name == "register_fresh":
        assert register_bind_status_callback(context, callback) is case["expected"]["prev"]
    else:
        assert name == "register_replaces"
        context = registered(callback)
        holder = context.get_object_param(CALLBACK_KEY)
        assert register_bind_status_callback(context, other) is callback
        assert context.get_object_param(CALLBACK_KEY) is holder
        assert context.callback is other


class Watched:
    """A client that keeps what it was asked."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def get_bind_info(self) -> BindInfo:
        self.calls.append("GetBindInfo")
        return BindInfo()

    def on_progress(self, *arguments: Any) -> None:
        progress, most, status, text = arguments
        self.calls.append(f"OnProgress({progress}, {most}, BINDSTATUS_{BINDSTATUS(status).name}, {text})")

    def on_response(self, *arguments: Any) -> None:
        self.calls.append("OnResponse")

    def get_root_security_id(self) -> HRESULT:
        self.calls.append("GetRootSecurityId")
        return HRESULT.E_NOTIMPL


class WatchedEx(Watched):
    def get_bind_info_ex(self) -> tuple[BindInfo, int]:
        self.calls.append("GetBindInfoEx")
        return BindInfo(), 1


HOLDER_CALLS: dict[str, Callable[[Any], Any]] = {
    "get_bind_info": lambda holder: holder.get_bind_info(),
    "get_bind_info_ex": lambda holder: holder.get_bind_info_ex(),
    "get_bind_info_ex_falls_back": lambda holder: holder.get_bind_info_ex(),
    "on_response": lambda holder: holder.on_response(200, "", None),
    "root_security_id": lambda holder: holder.get_root_security_id(),
    "on_progress": lambda holder: holder.on_progress(0, 0, BINDSTATUS.FINDINGRESOURCE, None),
}


@pytest.mark.parametrize(
    "case", cases(MISC, lambda case: case["area"] == "callback_holder" and case["name"] in HOLDER_CALLS)
)
def test_callback_holder(case: Case) -> None:
    client = WatchedEx() if case["name"] == "get_bind_info_ex" else Watched()
    holder = registered(client).get_object_param(CALLBACK_KEY)
    answer = HOLDER_CALLS[case["name"]](holder)
    # What an interface is asked for by QueryInterface, is a method that is there or not.
    assert client.calls == [
        call for call in case["expected"]["calls_on_callback"] if not call.startswith("QueryInterface")
    ]
    hresult = answer if isinstance(answer, int) else HRESULT.S_OK
    assert HRESULT(hresult).name == case["expected"]["hresult"]
    if case["name"] == "get_bind_info_ex_falls_back":
        assert answer[1] == 0


class Refusing(Watched):
    """A client that is asked for services, and has none."""

    def query_service(self, service: Any, iid: Any) -> HRESULT:
        assert service == iid
        self.calls.append("QueryService")
        return HRESULT.E_NOINTERFACE


@pytest.mark.parametrize(
    "case", cases(MISC, lambda case: case["area"] == "callback_holder" and case["name"] not in HOLDER_CALLS)
)
def test_services_of_the_holder(case: Case) -> None:
    client, name = Refusing(), case["name"]
    holder = registered(client).get_object_param(CALLBACK_KEY)
    if name == "service_provider":
        assert callable(holder.query_service)
    elif name == "unknown_service":
        iid = identifiers.IID_IInternetProtocol
        check_hresult(case, name, attempt(lambda: holder.query_service(iid, iid))[0])
        assert client.calls == ["QueryService"]
    else:
        wanted = {
            "http_negotiate_same_object": identifiers.IID_IHttpNegotiate,
            "authenticate_same_object": identifiers.IID_IAuthenticate,
        }[name]
        assert holder.query_service(wanted, wanted) is holder
        assert client.calls == []
