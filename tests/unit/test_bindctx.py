"""The bind context and its callback."""

from __future__ import annotations

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
    assert context.get_object_param("_BSCB_Holder_") is callback


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
