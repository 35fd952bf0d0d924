"""The bind context: what the parties of a bind operation leave with each other (contract section 7)."""

from __future__ import annotations

from typing import Any

from urlmon.exceptions import BindError, InvalidRequestError
from urlmon.hresult import HRESULT

CALLBACK_KEY = "_BSCB_Holder_"


class BindCtx:
    """IBindCtx: a dictionary of object parameters. One context may serve several bind operations."""

    __slots__ = ("_parameters",)

    def __init__(self) -> None:
        self._parameters: dict[str, Any] = {}

    def register_object_param(self, key: str, value: object) -> None:
        """Leaves `value` under `key`, in place of what was there."""
        self._parameters[key] = value

    def get_object_param(self, key: str) -> Any:
        """What was left under `key`; BindError (E_FAIL) if nothing was."""
        try:
            return self._parameters[key]
        except KeyError:
            raise BindError(f"no object parameter {key!r}", url="", hresult=HRESULT.E_FAIL) from None

    def revoke_object_param(self, key: str) -> HRESULT:
        """Takes what was left under `key` away; S_FALSE if nothing was."""
        if key not in self._parameters:
            return HRESULT.S_FALSE
        del self._parameters[key]
        return HRESULT.S_OK

    @property
    def callback(self) -> Any:
        """The registered bind status callback, None if there is none."""
        return self._parameters.get(CALLBACK_KEY)


def create_bind_ctx() -> BindCtx:
    """A plain bind context; a callback can be registered later (contract 7.1)."""
    return BindCtx()


def create_async_bind_ctx(callback: Any) -> BindCtx:
    """A bind context with `callback` registered (contract 7.1).

    InvalidRequestError (E_INVALIDARG) for None.
    """
    context = BindCtx()
    register_bind_status_callback(context, callback)
    return context


def _need(value: object, what: str) -> None:
    if value is None:
        raise InvalidRequestError(f"{what} is None", url="", hresult=HRESULT.E_INVALIDARG)


def register_bind_status_callback(context: BindCtx, callback: Any) -> Any:
    """Registers `callback` and returns the one it takes the place of, None if there was none (contract 7.2).

    The new one alone is called; one that wants the old one to hear as well passes the calls on.
    """
    _need(context, "the bind context")
    _need(callback, "the callback")
    previous = context.callback
    context.register_object_param(CALLBACK_KEY, callback)
    return previous


def revoke_bind_status_callback(context: BindCtx, callback: Any) -> HRESULT:
    """Takes `callback` out of the context if it is the registered one; S_OK in any case (contract 7.2)."""
    _need(context, "the bind context")
    _need(callback, "the callback")
    if context.callback is callback:
        context.revoke_object_param(CALLBACK_KEY)
    return HRESULT.S_OK
