"""The functions that open or download a URL in one call, each with rules of its own (contract section 9).

What they have in common: HTTP error statuses are failures, the client's `get_bind_info` is asked but its flags do not
count, and E_ABORT from `on_progress` ends the operation with it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from urlmon.bindctx import create_async_bind_ctx
from urlmon.bindinfo import DEFAULT_BIND_INFO, BindInfo
from urlmon.callback import BindStatusCallback
from urlmon.constants import BINDF, BINDSTATUS, TYMED
from urlmon.exceptions import InvalidRequestError
from urlmon.hresult import HRESULT, to_hresult
from urlmon.memorystream import MemoryStream
from urlmon.moniker import URLMoniker

if TYPE_CHECKING:
    from urlmon.binding import Binding

_PUSH = BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE
_PULL = _PUSH | BINDF.PULLDATA
_BLOCKING = BINDF(0)
TO_FILE = BINDF.PULLDATA | BINDF.NEEDFILE
KEPT_FLAGS = BINDF.ENFORCERESTRICTED  # the one of the client's flags that a download to a file passes on

# Contract section 9, URLDownloadToFile: what its client hears of.
FILE_STATUSES = frozenset(
    {
        BINDSTATUS.CONNECTING,
        BINDSTATUS.SENDINGREQUEST,
        BINDSTATUS.MIMETYPEAVAILABLE,
        BINDSTATUS.BEGINDOWNLOADDATA,
        BINDSTATUS.DOWNLOADINGDATA,
        BINDSTATUS.ENDDOWNLOADDATA,
        BINDSTATUS.CACHEFILENAMEAVAILABLE,
    }
)
_ALL_STATUSES = frozenset(BINDSTATUS)

# Never the client's by way of Front.__getattr__: it has them as attributes of its own, or not at all.
_HELD_BACK = frozenset({"on_data_available", "on_progress", "on_stop_binding", "on_response"})


class Front:
    """The callback of such an operation, in front of the client's. It has only what the client has: the core looks for
    some methods by their names.
    """

    passed: tuple[str, ...] = ("on_stop_binding", "on_response")  # as they are

    def __init__(
        self,
        client: Any,
        flags: BINDF,
        *,
        data: bool = False,
        kept: BINDF = _BLOCKING,
        statuses: frozenset[BINDSTATUS] = _ALL_STATUSES,
    ) -> None:
        self._client = client
        self._flags = flags
        self._kept = kept
        self._statuses = statuses
        for name in (*self.passed, *(["on_data_available"] if data else [])):
            if has_method(client, name):
                setattr(self, name, getattr(client, name))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in _HELD_BACK:
            raise AttributeError(name)
        return getattr(self._client, name)

    def get_bind_info(self) -> Any:
        ask = getattr(self._client, "get_bind_info", None)
        return self.adapted(None if ask is None else ask())

    def adapted(self, info: Any) -> Any:
        """The client's answer with the flags of this operation, or its HRESULT."""
        if info is None:
            info = DEFAULT_BIND_INFO
        if not isinstance(info, BindInfo):
            return info
        return replace(info, flags=self._flags | (info.flags & self._kept), fail_on_http_error=True)


class ReportingFront(Front):
    """In front of a client that hears of progress, and may end the operation by its answer."""

    _binding: Binding | None = None

    def on_start_binding(self, binding: Binding) -> Any:
        self._binding = binding
        tell = getattr(self._client, "on_start_binding", None)
        return None if tell is None else tell(binding)

    def on_progress(self, progress: int, progress_max: int, status: BINDSTATUS, text: str | None) -> None:
        if status not in self._statuses:
            return
        answer = to_hresult(self._client.on_progress(progress, progress_max, status, text))
        if answer == HRESULT.E_ABORT and self._binding is not None:
            self._binding.end_with(HRESULT.E_ABORT)


def front_of(client: Any, flags: BINDF, **rules: Any) -> Front:
    """The front for `client`; it hears of progress if the client wants to."""
    return (ReportingFront if has_method(client, "on_progress") else Front)(client, flags, **rules)


def has_method(client: Any, name: str) -> bool:
    """Whether `client` has a method of its own called so."""
    method = getattr(type(client), name, None)
    base = getattr(BindStatusCallback, name, None)
    return (method is not None and method is not base) or name in getattr(client, "__dict__", ())


def bind_front(caller: Any, url: str, front: Front, storage: TYMED = TYMED.ISTREAM, path: Any = None) -> Any:
    """Binds `url`, through the IBindHost that `caller` is, if it is one (contract 8.6)."""
    if not isinstance(url, str):
        raise InvalidRequestError("a URL is needed as text", url="", hresult=HRESULT.E_INVALIDARG)
    context = create_async_bind_ctx(front)
    if hasattr(caller, "moniker_bind_to_storage"):
        moniker = caller.create_moniker(url, context)
        return caller.moniker_bind_to_storage(moniker, context, front, storage, path)
    return URLMoniker(url).bind_to_storage(context, storage, path)


def _tell_disinterest(front: Front) -> None:
    """Has a client that answers E_NOTIMPL to the start told of a success as S_FALSE (contract section 9)."""
    start, stop = front.on_start_binding, front.on_stop_binding
    answered: list[Any] = []

    def on_start_binding(binding: Binding) -> Any:
        answered.append(start(binding))
        return answered[0]

    def on_stop_binding(hresult: int, error: Any) -> Any:
        uninterested = hresult == HRESULT.S_OK and answered == [HRESULT.E_NOTIMPL]
        return stop(HRESULT.S_FALSE if uninterested else hresult, error)

    vars(front).update(on_start_binding=on_start_binding, on_stop_binding=on_stop_binding)


def url_open_stream(url: str, callback: Any = None, *, caller: Any = None) -> None:
    """URLOpenStream: a download whose data come as fast as they can, through `on_data_available` (contract section 9).

    Returns at once; everything is told by the pump of this thread. caller: an IBindHost, which makes and binds the
    moniker. Raises what starting the bind raises, and InvalidRequestError (E_INVALIDARG) for a URL that is no text.
    """
    bind_front(caller, url, front_of(callback, _PUSH, data=True))


def url_open_pull_stream(url: str, callback: Any = None, *, caller: Any = None) -> None:
    """URLOpenPullStream: as `url_open_stream`, but that more is fetched only when the client has read to None, that is
    "nothing now" (contract section 9).
    """
    bind_front(caller, url, front_of(callback, _PULL, data=True))


def url_open_blocking_stream(url: str, callback: Any = None, *, caller: Any = None) -> MemoryStream:
    """URLOpenBlockingStream: downloads all and returns it as a seekable stream (contract section 9).

    `on_data_available` is never called; other bindings of the thread go on meanwhile. caller: as in `url_open_stream`.
    Raises a BindError by cause, as a synchronous bind does; AbortedError (E_ABORT) if `on_progress` said so.
    """
    return MemoryStream(bind_front(caller, url, front_of(callback, _BLOCKING), TYMED.HGLOBAL))


def url_download_to_file(
    url: str, path: str | os.PathLike[str], callback: Any = None, *, caller: Any = None
) -> str:
    """URLDownloadToFile: downloads to `path`, which is replaced on success only, and returns it (contract section 9).

    Synchronous; other bindings of the thread go on meanwhile. caller: as in `url_open_stream`. `on_data_available` is
    never called, `on_progress` for CONNECTING, SENDINGREQUEST, MIMETYPEAVAILABLE, BEGIN-, DOWNLOADING- and
    ENDDOWNLOADDATA, CACHEFILENAMEAVAILABLE. Raises a BindError by cause, after `on_stop_binding`; AbortedError
    (E_ABORT) if `on_progress` or `on_start_binding` said so. E_NOTIMPL from `on_start_binding` refuses nothing; a
    success is told to such a client as S_FALSE.
    """
    front = front_of(callback, TO_FILE, kept=KEPT_FLAGS, statuses=FILE_STATUSES)
    if has_method(callback, "on_start_binding") and has_method(callback, "on_stop_binding"):
        _tell_disinterest(front)
    written: str = bind_front(caller, url, front, TYMED.FILE, path)
    return written
