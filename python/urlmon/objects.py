"""BindToObject: the object that a resource's media type stands for (contract 2.2, 3.5 scenario H, 7.4).

An object is made by a factory that is registered for the media type. It gets its content in one of two ways, by
the method that it has:

- `load_moniker(fully_available, moniker, context, mode)` (IPersistMoniker): it binds `moniker` itself, with a
  callback of its own registered in `context`. That joins the transfer that is running already.
- `load_stream(stream)` (IPersistStream): it is made when everything is there, and reads it from `stream`.

An object with neither is made from nothing but its factory.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from urlmon.bindctx import BindCtx, create_async_bind_ctx
from urlmon.bindinfo import DEFAULT_BIND_INFO, BindInfo
from urlmon.callback import BindStatusCallback
from urlmon.constants import BINDF, BINDINFO_OPTIONS, BINDSTATUS, BSCF, STGM, TYMED
from urlmon.errors import error_from_hresult
from urlmon.exceptions import BindError, InvalidRequestError, UnsupportedError
from urlmon.hresult import HRESULT, failed, to_hresult
from urlmon.identifiers import IID_IUnknown

if TYPE_CHECKING:
    from uuid import UUID

    from urlmon.binding import Binding
    from urlmon.moniker import URLMoniker
    from urlmon.storage import FormatEtc, StgMedium

BINDING_KEY = "CBinding Context"  # in the context of load_moniker: what a bind of the same moniker joins
_CLASSES_KEY = "_MediaTypeClasses_"
_LOAD_MODE = STGM.READWRITE | STGM.SHARE_EXCLUSIVE
_FIRST, _LAST = BSCF.FIRSTDATANOTIFICATION, BSCF.LASTDATANOTIFICATION
_PART = 1 << 16
_SYNCHRONOUS = BindInfo(flags=BINDF(0))

ObjectFactory = Callable[[], Any]


class MediaTypeClass(NamedTuple):
    """What makes objects of a media type, and the class id that BINDSTATUS.CLASSIDAVAILABLE names it by."""

    factory: ObjectFactory
    clsid: UUID


_classes: dict[str, MediaTypeClass] = {}


def register_media_type_class(
    media_types: str | Iterable[str],
    factory: ObjectFactory | None,
    clsid: UUID | None = None,
    *,
    context: BindCtx | None = None,
) -> HRESULT:
    """RegisterMediaTypeClass: `factory()` makes the objects of these media types; None takes a registration away.

    For binds with `context`, which come first there; without one, in this process. clsid: the class id, else one
    made from the factory's name. InvalidRequestError (E_INVALIDARG) without a media type. Any thread.
    """
    names = [media_types] if isinstance(media_types, str) else list(media_types)
    if not names or not all(names):
        raise InvalidRequestError("no media type", url="", hresult=HRESULT.E_INVALIDARG)
    table = _classes if context is None else _classes_of(context, make=True)
    for name in names:
        if factory is None:
            table.pop(name.lower(), None)
        else:
            table[name.lower()] = MediaTypeClass(factory, clsid or _class_id(factory))
    return HRESULT.S_OK


def find_media_type_class(media_type: str, context: BindCtx | None = None) -> MediaTypeClass | None:
    """FindMediaTypeClass: who makes objects of `media_type`, None if nobody does."""
    name = media_type.lower()
    own = {} if context is None else _classes_of(context)
    return own.get(name) or _classes.get(name)


def _classes_of(context: BindCtx, make: bool = False) -> dict[str, MediaTypeClass]:
    known: dict[str, MediaTypeClass] | None = context.find_object_param(_CLASSES_KEY)
    if known is None:
        known = {}
        if make:
            context.register_object_param(_CLASSES_KEY, known)
    return known


def _class_id(factory: ObjectFactory) -> UUID:
    name = f"{getattr(factory, '__module__', '')}.{getattr(factory, '__qualname__', repr(factory))}"
    return uuid.uuid5(uuid.NAMESPACE_OID, name)


class SharedBinding:
    """IBinding for one of the clients of a shared transfer: the client of `bind_to_object`, or the object that joined.

    As `urlmon.Binding`; `get_bind_result` is the client's own, and after its stop nothing has an effect any more.
    """

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._stopped = False
        self._result: tuple[HRESULT | int, BindError | None] = (HRESULT.S_OK, None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._binding, name)

    def stop(self, hresult: HRESULT | int, error: BindError | None) -> bool:
        """The client is about to be told of its end. False: it was told before."""
        if self._stopped:
            return False
        self._stopped = True
        self._result = (hresult, error)
        return True

    @property
    def stopped(self) -> bool:
        """The client was told of its end."""
        return self._stopped

    def abort(self) -> HRESULT:
        """As `Binding.abort`, of the whole transfer."""
        return HRESULT.INET_E_RESULT_DISPATCHED if self._stopped else self._binding.abort()

    def suspend(self) -> HRESULT:
        """As `Binding.suspend`."""
        return HRESULT.E_FAIL if self._stopped else self._binding.suspend()

    def resume(self) -> HRESULT:
        """As `Binding.resume`."""
        return HRESULT.E_FAIL if self._stopped else self._binding.resume()

    def set_priority(self, priority: int) -> HRESULT:
        """As `Binding.set_priority`."""
        return HRESULT.E_FAIL if self._stopped else self._binding.set_priority(priority)

    @property
    def priority(self) -> int:
        """As `Binding.priority`."""
        return self._binding.priority

    @priority.setter
    def priority(self, value: int) -> None:
        if self.set_priority(value) != HRESULT.S_OK:
            raise BindError("the operation has ended", url=self._binding.url, hresult=HRESULT.E_FAIL)

    def get_bind_result(self) -> tuple[HRESULT | int, BindError | None]:
        """(HRESULT given to this client's `on_stop_binding`, its error)."""
        return self._result

    def __repr__(self) -> str:
        return f"<SharedBinding of {self._binding!r}>"


class _Party:
    """One client of the transfer."""

    def __init__(self, callback: Any) -> None:
        self.callback = callback
        self.binding: SharedBinding | None = None

    def tell(self, name: str, *arguments: Any) -> Any:
        """Calls a method that the client may not have."""
        method = getattr(self.callback, name, None)
        return None if method is None else method(*arguments)

    def begin(self, binding: Binding) -> HRESULT | int:
        self.binding = SharedBinding(binding)
        return to_hresult(self.tell("on_start_binding", self.binding))

    def end(self, hresult: HRESULT | int, error: BindError | None) -> None:
        if self.binding is not None and self.binding.stop(hresult, error):
            self.tell("on_stop_binding", hresult, error)

    @property
    def is_live(self) -> bool:
        return self.binding is not None and not self.binding.stopped


class _Synchronous(BindStatusCallback):
    """In place of a client that has no callback."""

    def get_bind_info(self) -> BindInfo:
        return _SYNCHRONOUS


class ObjectBind(BindStatusCallback):
    """The callback of the transfer behind `bind_to_object`: passes on what its clients are to hear.

    First that is the client of `bind_to_object`; when the object is there and has bound the same moniker, the
    object's own callback.
    """

    def __init__(self, moniker: URLMoniker, client: Any, context: BindCtx | None, riid: Any) -> None:
        self.moniker = moniker
        self.object: Any = None
        self._context = context
        self._riid = riid
        self._client = _Party(client)
        self._joined: _Party | None = None
        self._binding: Any = None
        self._redirects: list[str | None] = []
        self._last_progress: tuple[int, int] = (0, 0)
        self._collected: io.BytesIO | None = None
        self._first_data: tuple[BSCF, int, FormatEtc, StgMedium] | None = None
        self._first_answer: HRESULT | int = HRESULT.S_FALSE  # nobody wants the data
        self._made = False
        self.is_asynchronous = False
        if hasattr(client, "on_response"):
            setattr(self, "on_response", client.on_response)  # noqa: B010 - looked for by name, on the object itself

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._client.callback, name)

    # -- what the system calls ----------------------------------------------------------------------------------------

    def get_bind_info(self) -> Any:
        info = self._client.tell("get_bind_info")
        if info is None:
            info = DEFAULT_BIND_INFO
        if isinstance(info, BindInfo):
            self.is_asynchronous = info.asynchronous
            return replace(info, options=info.options | BINDINFO_OPTIONS.BINDTOOBJECT)
        return info

    def get_priority(self) -> Any:
        return self._client.tell("get_priority")

    def on_start_binding(self, binding: Binding) -> HRESULT | int:
        self._binding = binding
        return self._client.begin(binding)

    def on_progress(self, progress: int, progress_max: int, status: BINDSTATUS, text: str | None) -> None:
        self._last_progress = (progress, progress_max)
        if status == BINDSTATUS.REDIRECTING:
            self._redirects.append(text)
        if self._joined is not None:
            if self._joined.is_live and status != BINDSTATUS.BEGINDOWNLOADDATA:
                self._joined.tell("on_progress", progress, progress_max, status, text)
        elif self._client.is_live and status != BINDSTATUS.DOWNLOADINGDATA:
            self._client.tell("on_progress", progress, progress_max, status, text)

    def on_data_available(self, flags: BSCF, size: int, format: FormatEtc, medium: StgMedium) -> Any:
        if self._joined is not None:
            return self._joined.tell("on_data_available", flags, size, format, medium)
        if self._collected is not None:
            return self._collect(flags, medium)
        self._first_data = (flags, size, format, medium)
        try:
            answer = self._make(flags, format.media_type, medium)
        except BindError as error:
            self._progress(BINDSTATUS.ENDSYNCOPERATION)
            return error.hresult
        finally:
            self._first_data = None
        return answer

    def on_stop_binding(self, hresult: HRESULT | int, error: BindError | None) -> None:
        self._client.end(hresult, error)
        if self._joined is not None:
            self._joined.end(hresult, error)

    # -- the object ---------------------------------------------------------------------------------------------------

    def _progress(self, status: BINDSTATUS, text: str | None = None) -> None:
        self._client.tell("on_progress", *self._last_progress, status, text)

    def _make(self, flags: BSCF, media_type: str | None, medium: StgMedium) -> HRESULT | int:
        known = find_media_type_class(media_type or "", self._context)
        if known is None:
            self._progress(BINDSTATUS.BEGINSYNCOPERATION)
            raise UnsupportedError(
                f"no class is registered for {media_type}",
                url=self.moniker.url,
                hresult=HRESULT.REGDB_E_CLASSNOTREG,
            )
        self._progress(BINDSTATUS.CLASSIDAVAILABLE, f"{{{str(known.clsid).upper()}}}")
        self._progress(BINDSTATUS.BEGINSYNCOPERATION)
        made = known.factory()
        put = getattr(made, "put_property", None)
        if put is not None:
            put("MIMETYPEPROP", media_type)
            put("CLASSIDPROP", known.clsid)
        self.object = made
        if hasattr(made, "load_moniker"):
            context = BindCtx()
            context.register_object_param(BINDING_KEY, self)
            try:
                answer = to_hresult(
                    made.load_moniker(bool(flags & _LAST), self.moniker, context, int(_LOAD_MODE))
                )
            finally:
                context.revoke_object_param(BINDING_KEY)
            if failed(answer):
                raise error_from_hresult(answer, url=self.moniker.url)
            self._hand_over()
            return self._first_answer
        if hasattr(made, "load_stream"):
            self._collected = io.BytesIO()
            return self._collect(flags, medium)
        self._hand_over()
        return self._first_answer

    def _collect(self, flags: BSCF, medium: StgMedium) -> HRESULT | int:
        """For an object that loads itself from a stream: everything first."""
        assert self._collected is not None
        while part := medium.stream.read(_PART):
            self._collected.write(part)
        if not flags & _LAST:
            return HRESULT.S_OK
        self._collected.seek(0)
        try:
            answer = to_hresult(self.object.load_stream(self._collected))
        except BindError as error:
            answer = error.hresult
        if failed(answer):
            self._progress(BINDSTATUS.ENDSYNCOPERATION)
            return answer
        self._hand_over()
        return HRESULT.S_OK

    def _hand_over(self) -> None:
        """The object is ready: the client of `bind_to_object` gets it, and is done."""
        self._made = True
        self._progress(BINDSTATUS.ENDSYNCOPERATION)
        self._client.tell("on_object_available", self._riid, self.object)
        self._client.end(HRESULT.S_OK, None)

    @property
    def is_made(self) -> bool:
        """The client has the object."""
        return self._made

    # -- the object's own bind ----------------------------------------------------------------------------------------

    def join(self, callback: Any, storage: TYMED) -> Any:
        """The object binds the moniker that it is being loaded from: its callback hears of the running transfer.

        Returns the stream. Raises what `on_start_binding` refuses with, UnsupportedError (E_NOTIMPL) for a storage
        other than a stream and for a second bind.
        """
        assert self._first_data is not None
        if storage != TYMED.ISTREAM or self._joined is not None:
            raise UnsupportedError(
                "an object binds the moniker it is loaded from once, and to a stream",
                url=self.moniker.url,
                hresult=HRESULT.E_NOTIMPL,
            )
        flags, size, format, medium = self._first_data
        party = _Party(callback)
        info = party.tell("get_bind_info")
        if isinstance(info, int) and failed(info):
            raise error_from_hresult(info, url=self.moniker.url)
        priority = party.tell("get_priority")
        answer = party.begin(self._binding)
        if failed(answer) and answer != HRESULT.E_NOTIMPL:
            reason = answer if answer == HRESULT.E_ABORT else HRESULT.INET_E_DOWNLOAD_FAILURE
            error = error_from_hresult(reason, url=self.moniker.url)
            party.end(reason, error)
            raise error
        if isinstance(priority, int) and priority != HRESULT.E_NOTIMPL and priority > self._binding.priority:
            self._binding.set_priority(priority)  # the transfer has two clients: the more urgent one counts
        self._joined = party
        for text in self._redirects:
            party.tell("on_progress", *self._last_progress, BINDSTATUS.REDIRECTING, text)
        party.tell("on_progress", *self._last_progress, BINDSTATUS.BEGINDOWNLOADDATA, self.moniker.url)
        if flags & _LAST:
            party.tell("on_progress", *self._last_progress, BINDSTATUS.ENDDOWNLOADDATA, self.moniker.url)
        self._first_answer = to_hresult(party.tell("on_data_available", flags, size, format, medium))
        return medium.stream


def find_running(context: BindCtx | None, url: str) -> ObjectBind | None:
    """The transfer that a bind of `url` with `context` joins: the context of an object that is being loaded."""
    running: ObjectBind | None = None if context is None else context.find_object_param(BINDING_KEY)
    return running if running is not None and running.moniker.url == url else None


def bind_to_object(moniker: URLMoniker, ctx: BindCtx | None, riid: Any) -> Any:
    """`URLMoniker.bind_to_object`."""
    client = _Synchronous() if ctx is None or ctx.callback is None else ctx.callback
    bind = ObjectBind(moniker, client, ctx, IID_IUnknown if riid is None else riid)
    try:
        moniker.bind_to_storage(create_async_bind_ctx(bind))
    except BindError:
        if not bind.is_made:
            raise
    return None if bind.is_asynchronous else bind.object
