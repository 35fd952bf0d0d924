"""The bind context: what the parties of a bind operation leave with each other (contract section 7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from urlmon.constants import BIND_FLAGS, STGM
from urlmon.exceptions import BindError, InvalidRequestError
from urlmon.formats import register_format_enumerator
from urlmon.holder import CallbackHolder
from urlmon.hresult import HRESULT
from urlmon.storage import FormatEtc
from urlmon_core import ContextBase

CALLBACK_KEY = "_BSCB_Holder_"


_NO_FLAGS = BIND_FLAGS(0)


@dataclass(frozen=True)
class BindOptions:
    """BIND_OPTS (contract 7.1). No bind looks at them; they are kept for those who pass them on.

    flags: BIND_FLAGS. mode: STGM. deadline: milliseconds, 0 = none.
    """

    flags: BIND_FLAGS = _NO_FLAGS
    mode: STGM = STGM.READWRITE
    deadline: int = 0


_USUAL_OPTIONS = BindOptions()
_ASYNCHRONOUS_OPTIONS = BindOptions(BIND_FLAGS.MAYBOTHERUSER, STGM.READWRITE | STGM.SHARE_EXCLUSIVE)


class BindCtx(ContextBase):
    """IBindCtx: object parameters, bound objects and options. One context may serve several bind operations."""

    __slots__ = ()

    def _table(self) -> dict[str, Any]:
        """The object parameters, the holder of the callback among them."""
        if self._parameters is None:
            self._parameters = {}
            if self._callback is not None:
                self._parameters[CALLBACK_KEY] = CallbackHolder(self._callback)
                self._callback = None
        return self._parameters

    def _kept(self) -> list[Any]:
        """The bound objects."""
        if self._bound is None:
            self._bound = []
        return self._bound

    def register_object_param(self, key: str, value: object) -> None:
        """Leaves `value` under `key`, in place of what was there."""
        self._table()[key] = value

    def get_object_param(self, key: str) -> Any:
        """What was left under `key`; BindError (E_FAIL) if nothing was."""
        try:
            return self._table()[key]
        except KeyError:
            raise BindError(f"no object parameter {key!r}", url="", hresult=HRESULT.E_FAIL) from None

    def find_object_param(self, key: str) -> Any:
        """What was left under `key`, None if nothing was."""
        if self._parameters is None and key != CALLBACK_KEY:
            return None
        return self._table().get(key)

    def revoke_object_param(self, key: str) -> HRESULT:
        """Takes what was left under `key` away; S_FALSE if nothing was."""
        parameters = self._table()
        if key not in parameters:
            return HRESULT.S_FALSE
        del parameters[key]
        return HRESULT.S_OK

    def enum_object_param(self) -> list[str]:
        """The keys under which something was left."""
        return list(self._table())

    def get_bind_options(self) -> BindOptions:
        """The options of binds with this context."""
        return _USUAL_OPTIONS if self._options is None else self._options

    def set_bind_options(self, options: BindOptions) -> None:
        """Replaces the options."""
        self._options = options

    def register_object_bound(self, obj: object) -> None:
        """Keeps `obj` alive as long as the context, or until it is revoked as often as it was registered."""
        self._kept().append(obj)

    def revoke_object_bound(self, obj: object) -> HRESULT:
        """Undoes one `register_object_bound`; MK_E_NOTBOUND if there was none."""
        bound = self._kept()
        for index, known in enumerate(bound):
            if known is obj:
                del bound[index]
                return HRESULT.S_OK
        return HRESULT.MK_E_NOTBOUND

    def release_bound_objects(self) -> None:
        """Lets go of all that was registered as bound."""
        self._kept().clear()

    @property
    def callback(self) -> Any:
        """The registered bind status callback, None if there is none."""
        if self._parameters is None:
            return self._callback
        holder = self._parameters.get(CALLBACK_KEY)
        return holder.callback if isinstance(holder, CallbackHolder) else holder


class AsyncBindCtx(BindCtx):
    """IAsyncBindCtx: shares the object parameters and bound objects of the context that it wraps (contract 7.1)."""

    __slots__ = ()

    def __init__(self, wrapped: BindCtx | None = None) -> None:
        if wrapped is not None:
            self._parameters = wrapped._table()
            self._bound = wrapped._kept()
        self._options = _ASYNCHRONOUS_OPTIONS


def create_bind_ctx() -> BindCtx:
    """A plain bind context; a callback can be registered later (contract 7.1)."""
    return BindCtx()


def create_async_bind_ctx(callback: Any, formats: Iterable[FormatEtc] | None = None) -> BindCtx:
    """CreateAsyncBindCtx: a bind context with `callback` and perhaps a format enumerator registered (contract 7.1).

    InvalidRequestError (E_INVALIDARG) without a callback.
    """
    if callback is None:
        _need(callback, "the callback")
    context = BindCtx()
    context._options = _ASYNCHRONOUS_OPTIONS
    context._callback = callback
    if formats is not None:
        register_format_enumerator(context, formats)
    return context


def create_async_bind_ctx_ex(
    context: BindCtx | None = None,
    options: int = 0,
    callback: Any = None,
    formats: Iterable[FormatEtc] | None = None,
) -> AsyncBindCtx:
    """CreateAsyncBindCtxEx: around `context`, whose object parameters it shares, or a new one (contract 7.1).

    Otherwise as `create_async_bind_ctx`, but that nothing is needed. `options` are not used.
    """
    wrapper = AsyncBindCtx(context)
    if callback is not None:
        register_bind_status_callback(wrapper, callback)
    if formats is not None:
        register_format_enumerator(wrapper, formats)
    return wrapper


def _need(value: object, what: str) -> None:
    if value is None:
        raise InvalidRequestError(f"{what} is None", url="", hresult=HRESULT.E_INVALIDARG)


def register_bind_status_callback(context: BindCtx, callback: Any) -> Any:
    """Registers `callback` and returns the one it takes the place of, None if there was none (contract 7.2).

    The new one alone is called; one that wants the old one to hear as well passes the calls on. What stands in the
    context is a CallbackHolder, the same one as long as callbacks replace each other.
    """
    _need(context, "the bind context")
    _need(callback, "the callback")
    previous = context.callback
    if context._parameters is None:
        context._callback = callback
        return previous
    holder = context.find_object_param(CALLBACK_KEY)
    if isinstance(holder, CallbackHolder):
        holder.callback = callback
    else:
        context.register_object_param(CALLBACK_KEY, CallbackHolder(callback))
    return previous


def revoke_bind_status_callback(context: BindCtx, callback: Any) -> HRESULT:
    """Takes `callback` out of the context if it is the registered one; S_OK in any case (contract 7.2)."""
    _need(context, "the bind context")
    _need(callback, "the callback")
    if context.callback is callback:
        context.revoke_object_param(CALLBACK_KEY)
    return HRESULT.S_OK
