"""The URL moniker: the immutable name of a resource, and the door to binding it (contract section 2)."""

from __future__ import annotations

import operator
import os
from typing import Any

from urlmon import negotiation, objects, profiles, urls
from urlmon.apartment import Apartment
from urlmon.bindctx import BindCtx
from urlmon.bindinfo import CACHED, DEFAULT_BIND_INFO, BindInfo
from urlmon.binding import Binding
from urlmon.body import body_of
from urlmon.cachedbind import serve_cached
from urlmon.callback import BindStatusCallback
from urlmon.constants import TYMED, Priority
from urlmon.errors import error_from_hresult
from urlmon.exceptions import BindError, BindMemoryError, InvalidRequestError, UnsupportedError
from urlmon.formats import accept_field, accepted_types
from urlmon.handlerbinding import HandlerBinding, find_handler
from urlmon.hresult import HRESULT, failed, to_hresult
from urlmon.naming import MonikerName
from urlmon.services import find_services
from urlmon.session import get_session
from urlmon_core import (
    GIVES_BIND_INFO,
    GIVES_PRIORITY,
    OFFERS_SERVICES,
    ApartmentClosedError,
    bind_quickly,
    current_apartment,
    methods_of,
)

_STORAGES = frozenset({TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL})
_ISTREAM = TYMED.ISTREAM
_FILE = TYMED.FILE
_S_OK = HRESULT.S_OK
_UNBOUNDED = 1 << 62  # high-water mark of a stream that is read only after the end

_READ_AHEAD = 1 << 18  # bytes that are fetched ahead of a client that pulls

_NOBODY = BindStatusCallback()


class URLMoniker(MonikerName):
    """Names a resource by its URL; what a name can be asked is in MonikerName.

    Holds no connection and no state; may be bound any number of times, from any thread.
    """

    __slots__ = ()

    def bind_to_storage(
        self,
        ctx: BindCtx | None = None,
        storage: TYMED = TYMED.ISTREAM,
        path: str | os.PathLike[str] | None = None,
    ) -> Any:
        """Starts a download; the calling thread becomes the apartment of the operation (contract 2.4).

        With a callback registered in `ctx` that asks for BINDF.ASYNCHRONOUS: returns None at once
        (MK_S_ASYNCHRONOUS), and everything comes through the pump. Otherwise the call lasts until the
        operation has ended, makes all callbacks meanwhile, and returns the stream (TYMED.ISTREAM), the path
        (FILE) or the memory (HGLOBAL). TYMED.FILE writes to `path`, which is replaced on success only.

        Raises a BindError by cause, after on_stop_binding if the operation was started: UnknownProtocolError,
        InvalidURLError, InvalidRequestError, whatever on_start_binding refused with, and, when synchronous,
        whatever the transfer failed with.
        """
        asked = bind_quickly(self, ctx, storage, path)
        return None if asked is True else self._bind_with_care(ctx, storage, path, asked or ())

    def _bind_with_care(
        self,
        ctx: BindCtx | None,
        storage: TYMED,
        path: str | os.PathLike[str] | None,
        asked: tuple[()] | tuple[Any],
    ) -> Any:
        """Every bind that is not an ordinary one. asked: what the client has already answered to get_bind_info."""
        if type(storage) is not TYMED:
            storage = TYMED(storage)
        callback = None if ctx is None else ctx.callback
        if callback is None:
            callback = _NOBODY
        running = objects.find_running(ctx, self.url)
        if running is not None:
            return running.join(callback, storage)
        methods = methods_of(callback)  # what a client does not have is not asked
        offers = bool(methods & OFFERS_SERVICES)
        served = offers or get_session().serves(self.url)
        target = None if storage is _ISTREAM else self._check_target(storage, path, served)
        apartment: Apartment = current_apartment(Apartment)
        info = DEFAULT_BIND_INFO
        if methods & GIVES_BIND_INFO:
            info = _bind_info(asked[0] if asked else callback.get_bind_info(), self.url)
        priority = _ask_priority(callback) if methods & GIVES_PRIORITY else 0
        handled, brought = find_handler(callback, self.url, info.flags) if served else (False, None)
        if info.cached and not handled and (storage is not _FILE or info.cached == CACHED):
            handled, brought, info = serve_cached(info, storage, self.url)
        if not handled and storage is not _ISTREAM:
            self._check_target(storage, path, False)  # libcurl needs one
        asynchronous = callback is not _NOBODY and info.asynchronous
        if not asynchronous:
            priority = max(priority, Priority.HIGHEST)  # the thread waits for it
        kind = HandlerBinding if handled else Binding
        binding: Any = apartment.prepare(kind, callback, methods, self, self.url, target, priority)
        if handled:
            binding.prepare_handler(apartment, callback, storage)
        answer = binding.begin()
        if answer is not _S_OK:
            raise_refusal(binding, answer)
        try:
            stream = None
            if handled:
                ahead = _UNBOUNDED if not asynchronous else 0 if info.pulls else apartment.high_water
                stream = binding.run_handler(
                    brought, info, ahead, not asynchronous, tuple(accepted_types(ctx))
                )
            else:
                offering = callback if offers else None
                self._hand_over(apartment, binding, offering, info, storage, ctx, priority, asynchronous)
            return stream if asynchronous else _wait(apartment, binding, storage)
        except BaseException:
            _give_up(binding, asynchronous)
            raise

    def _hand_over(  # noqa: PLR0917 - what a request is made of
        self,
        apartment: Apartment,
        binding: Any,
        offering: Any,
        info: BindInfo,
        storage: TYMED,
        ctx: BindCtx | None,
        priority: int,
        asynchronous: bool,
    ) -> None:
        """Makes the request of an operation that was started, for libcurl. offering: who may have services."""
        try:
            url = info.target(self.url)
            wire, key, scheme = urls.prepare(url, info.schemes)
            body = body_of(info, self.url)
            services = None if offering is None else find_services(offering)
            additional = () if services is None else _additional_fields(services.beginning, self.url)
            additional += accept_field(ctx, (*info.headers, *additional))
            if priority and scheme == "https":
                additional += profiles.priority_field(priority, additional)
            amendment, negotiating = negotiation.begin(services, info, storage, additional, url, body)
            profile = profiles.compile_profile(info, storage, additional, self.url, amendment)
            key = profiles.host_key(key, info)
            high_water = apartment.high_water if asynchronous or storage is not _ISTREAM else _UNBOUNDED
            pulls = info.pulls and storage is _ISTREAM and asynchronous
            where = None if binding.path is None else os.fsencode(os.path.abspath(binding.path))
            binding.submit(
                profile,
                wire,
                key,
                storage,
                where,
                min(high_water, _READ_AHEAD) if pulls else high_water,
                keeps=not asynchronous,
                pulls=pulls,
                pump=apartment.pump_once if asynchronous and info.blocks else None,
                services=negotiating,
                asks=0 if negotiating is None else negotiating.asks,
                body=body,
            )
        except BaseException as problem:
            tell_stop(binding, problem, self.url)
            raise
        if _is_ordinary(info, asynchronous, scheme) and not (additional or negotiating or body):
            info.quick.keep(int(storage), profile)

    def bind_to_object(self, ctx: BindCtx | None = None, riid: Any = None) -> Any:
        """The object that the resource's media type stands for (contract 2.2, scenario H).

        It is made by the factory that `urlmon.register_media_type_class` was given for the type; see objects.py
        for how it gets its content. Asynchronous (None is returned) or not as `bind_to_storage`; the callback hears
        of the object by `on_object_available(riid, object)`, and never of data. A bind of this moniker by the
        object that is being loaded joins the transfer that is running.

        Raises a BindError by cause; UnsupportedError (REGDB_E_CLASSNOTREG) where no factory is registered.
        """
        return objects.bind_to_object(self, ctx, riid)

    def _check_target(
        self, storage: TYMED, path: str | os.PathLike[str] | None, optional: bool
    ) -> str | None:
        if storage not in _STORAGES:
            raise UnsupportedError(
                f"a URL is not bound to TYMED.{storage.name}", url=self.url, hresult=HRESULT.E_NOTIMPL
            )
        if storage != TYMED.FILE or (path is None and optional):
            return None
        target = os.fspath(path) if path is not None else ""
        if not target or "\0" in target:
            raise InvalidRequestError(
                "TYMED.FILE needs the path of a target", url=self.url, hresult=HRESULT.E_INVALIDARG
            )
        return target


def _is_ordinary(info: BindInfo, asynchronous: bool, scheme: str) -> bool:
    """Whether the next bind with `info` may take the quick way, if its client has no services and adds nothing."""
    return (
        asynchronous
        and scheme in profiles.FOLLOWED_SCHEMES
        and profiles.FOLLOWED_SCHEMES.issubset(info.schemes)
        and not (info.pulls or info.blocks or info.extra_info or info.cached)
        and info.proxy is None
    )


def raise_refusal(binding: Binding, answer: HRESULT | int) -> None:
    """Raises what on_start_binding refused the operation with, if `answer` is a refusal (contract 3.3).

    E_ABORT is kept, any other failure becomes a download failure.
    """
    if failed(answer) and answer != HRESULT.E_NOTIMPL:
        raise binding.refuse(answer if answer == HRESULT.E_ABORT else HRESULT.INET_E_DOWNLOAD_FAILURE)


def tell_stop(binding: Binding, problem: BaseException, url: str) -> None:
    """The stop of an operation that was started and could not be handed over, for `problem`.

    BindMemoryError in its place where memory is out.
    """
    if isinstance(problem, BindError):
        binding.refuse(problem)
    elif isinstance(problem, MemoryError):
        raise binding.refuse(BindMemoryError(url=url)) from problem
    elif isinstance(problem, ApartmentClosedError):
        binding.refuse(HRESULT.E_ABORT)  # the I/O thread was stopped meanwhile
    else:
        binding.refuse(HRESULT.E_UNEXPECTED)


def _bind_info(info: Any, url: str) -> BindInfo:
    """What a client has answered to get_bind_info."""
    if info is None:
        return DEFAULT_BIND_INFO
    if isinstance(info, BindInfo):
        return info
    if isinstance(info, int) and failed(info):
        # Contract 3.3: neither on_start_binding nor on_stop_binding is called.
        raise error_from_hresult(to_hresult(info), url=url)
    raise TypeError(f"get_bind_info returned {type(info).__name__}, not a BindInfo")


def _ask_priority(callback: Any) -> int:
    answer = callback.get_priority()
    if answer is None or answer == HRESULT.E_NOTIMPL:
        return 0
    return operator.index(answer)


def _additional_fields(service: Any, url: str) -> tuple[tuple[str, str], ...]:
    """What IHttpNegotiate::BeginningTransaction adds to the request (contract 8.1)."""
    if service is None:
        return ()
    answer = service.beginning_transaction(url, None)
    if isinstance(answer, int):
        hresult = to_hresult(answer)
        if hresult != HRESULT.S_OK:
            raise error_from_hresult(hresult, url=url)
        return ()
    return profiles.parse_fields(answer, url)


def _give_up(binding: Binding, asynchronous: bool) -> None:
    """The caller of a synchronous bind will not hear of it any more (Ctrl-C, or another binding's callback raised)."""
    if not asynchronous and not binding.stopped:
        binding.abort()


def _wait(apartment: Apartment, binding: Binding, storage: TYMED) -> Any:
    """The wait of a synchronous bind; what it returns, or raises."""
    stream = binding.stream_for_client() if storage == TYMED.ISTREAM else None
    apartment.run_until_stopped(binding)
    hresult, error = binding.get_bind_result()
    if error is not None:
        raise error
    if hresult == HRESULT.S_FALSE:
        return None  # contract 2.4: a success, but nothing to give
    if stream is not None:
        return stream
    return binding.path if storage == TYMED.FILE else memoryview(binding.memory_for_client())
