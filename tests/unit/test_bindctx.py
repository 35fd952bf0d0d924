"""The bind context and its callback."""

from __future__ import annotations

import gc
import weakref

import pytest

import urlmon
from urlmon import (
    HRESULT,
    BindCtx,
    BindError,
    BindStatusCallback,
    InvalidRequestError,
    create_async_bind_ctx,
    create_bind_ctx,
    register_bind_status_callback,
    revoke_bind_status_callback,
)
from urlmon.bindctx import CALLBACK_KEY


def test_object_parameters() -> None:
    context = create_bind_ctx()
    first, second = object(), object()
    context.register_object_param("key", first)
    assert context.get_object_param("key") is first
    context.register_object_param("key", second)
    assert context.get_object_param("key") is second
    assert context.revoke_object_param("key") is HRESULT.S_OK
    assert context.revoke_object_param("key") is HRESULT.S_FALSE
    with pytest.raises(BindError, match="'key'") as caught:
        context.get_object_param("key")
    assert caught.value.hresult is HRESULT.E_FAIL
    assert caught.value.__cause__ is None


def test_any_value_can_be_left() -> None:
    context = BindCtx()
    for value in (None, 0, "", context):
        context.register_object_param("key", value)
        assert context.get_object_param("key") is value
        assert context.revoke_object_param("key") is HRESULT.S_OK


def test_contexts_share_nothing() -> None:
    one, other = create_bind_ctx(), create_bind_ctx()
    one.register_object_param("key", 1)
    with pytest.raises(BindError):
        other.get_object_param("key")


def test_a_plain_context_has_no_callback() -> None:
    context = create_bind_ctx()
    assert context.callback is None
    with pytest.raises(BindError):
        context.get_object_param(CALLBACK_KEY)


def test_an_asynchronous_context_has_one() -> None:
    callback = BindStatusCallback()
    context = create_async_bind_ctx(callback)
    assert context.callback is callback
    assert context.get_object_param("_BSCB_Holder_").callback is callback


def test_registering_again_replaces_and_returns_the_old_one() -> None:
    context = create_bind_ctx()
    first, second = BindStatusCallback(), BindStatusCallback()
    assert register_bind_status_callback(context, first) is None
    assert register_bind_status_callback(context, second) is first
    assert register_bind_status_callback(context, second) is second
    assert context.callback is second


def test_a_foreign_object_under_the_key_is_the_previous_one() -> None:
    context = create_bind_ctx()
    foreign = object()
    context.register_object_param(CALLBACK_KEY, foreign)
    assert register_bind_status_callback(context, BindStatusCallback()) is foreign


def test_revoking() -> None:
    callback = BindStatusCallback()
    context = create_async_bind_ctx(callback)
    assert revoke_bind_status_callback(context, callback) is HRESULT.S_OK
    assert context.callback is None
    with pytest.raises(BindError):
        context.get_object_param(CALLBACK_KEY)
    assert revoke_bind_status_callback(context, callback) is HRESULT.S_OK  # contract 7.2: observed


def test_revoking_another_one_leaves_the_registered_one() -> None:
    callback = BindStatusCallback()
    context = create_async_bind_ctx(callback)
    assert revoke_bind_status_callback(context, BindStatusCallback()) is HRESULT.S_OK
    assert context.callback is callback


class Equal:
    """A client whose class compares by value."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal)

    __hash__ = None  # type: ignore[assignment]


def test_callbacks_are_told_apart_by_identity() -> None:
    callback = Equal()
    context = create_async_bind_ctx(callback)
    revoke_bind_status_callback(context, Equal())
    assert context.callback is callback


def test_nothing_in_place_of_context_or_callback() -> None:
    context = create_bind_ctx()
    callback = BindStatusCallback()
    nothing: BindCtx = None  # type: ignore[assignment]
    for call in (
        lambda: create_async_bind_ctx(None),
        lambda: register_bind_status_callback(context, None),
        lambda: register_bind_status_callback(nothing, callback),
        lambda: revoke_bind_status_callback(context, None),
        lambda: revoke_bind_status_callback(nothing, callback),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            call()
        assert caught.value.hresult is HRESULT.E_INVALIDARG
    assert context.callback is None


def test_one_context_serves_several_monikers() -> None:
    context = create_async_bind_ctx(BindStatusCallback())
    for url in ("nothing:a", "nothing:b"):
        with pytest.raises(urlmon.UnknownProtocolError):
            urlmon.create_url_moniker(url).bind_to_storage(context)
    assert context.callback is not None


def test_what_a_holder_answers_for_a_client_that_has_no_methods() -> None:
    context = create_async_bind_ctx(object())
    holder = context.get_object_param(CALLBACK_KEY)
    assert holder.get_bind_info() == urlmon.BindInfo()
    assert holder.get_bind_info_ex() == (urlmon.BindInfo(), 0)
    assert holder.on_progress(0, 0, urlmon.BINDSTATUS.CONNECTING, None) is HRESULT.S_OK
    assert holder.beginning_transaction("http://h/", None) is None
    assert holder.on_response(200, "", None) is None
    assert holder.get_root_security_id() is HRESULT.E_FAIL
    assert holder.authenticate() is HRESULT.E_NOTIMPL
    with pytest.raises(AttributeError):
        holder.get_window()


def test_a_holder_passes_everything_else_on() -> None:
    class Client:
        def get_window(self, reason: int) -> int:
            return reason + 1

    assert create_async_bind_ctx(Client()).get_object_param(CALLBACK_KEY).get_window(1) == 2


def test_a_wrapper_shares_parameters_and_bound_objects_but_not_options() -> None:
    inner = create_bind_ctx()
    callback = BindStatusCallback()
    outer = urlmon.create_async_bind_ctx_ex(inner, 0, callback, [urlmon.FormatEtc()])
    assert inner.callback is callback
    assert sorted(inner.enum_object_param()) == ["_BSCB_Holder_", "_EnumFORMATETC_"]
    outer.register_object_bound(callback)
    assert inner.revoke_object_bound(callback) is HRESULT.S_OK
    assert outer.revoke_object_bound(callback) is HRESULT.MK_E_NOTBOUND
    inner.set_bind_options(urlmon.BindOptions(deadline=5))
    assert outer.get_bind_options().deadline == 0
    assert inner.get_bind_options().deadline == 5


def test_bound_objects_live_as_long_as_the_context_wants() -> None:
    class Bound:
        pass

    bound = Bound()
    watched = weakref.ref(bound)
    context = create_bind_ctx()
    context.register_object_bound(bound)
    del bound
    gc.collect()
    assert watched() is not None
    context.release_bound_objects()
    gc.collect()
    assert watched() is None
