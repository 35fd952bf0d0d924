"""The end of an operation as a `concurrent.futures.Future`."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from urlmon.apartment import Apartment
from urlmon.constants import TYMED
from urlmon.exceptions import AbortedError
from urlmon_core import ApartmentClosedError

if TYPE_CHECKING:
    from urlmon.binding import Binding


class _Ending:
    """Settles the future of one binding when it has stopped; called by the core, once."""

    def __init__(self) -> None:
        self.future: Future[Any] = Future()

    def __call__(self, binding: Binding) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        hresult, error = binding.end_state()
        if hresult is None:
            error = AbortedError("its apartment was closed, or its thread has ended", url=binding.url)
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(_content(binding))


def _content(binding: Binding) -> Any:
    if binding.storage == TYMED.FILE:
        return binding.path
    return memoryview(binding.memory_for_client()) if binding.storage == TYMED.HGLOBAL else None


def future_of(binding: Binding) -> Future[Any]:
    """Owner's thread. The future of `binding`."""
    binding.get_priority()  # raises on another thread
    hook = binding.end_hook
    if isinstance(hook, _Ending):
        return hook.future
    ending = _Ending()
    if binding.stopped:
        ending(binding)
        return ending.future
    binding.end_hook = ending
    apartment = Apartment.current()

    def abort(future: Future[Any]) -> None:
        if future.cancelled():
            with contextlib.suppress(ApartmentClosedError):  # then it is aborted already
                apartment.post(binding.abort)

    ending.future.add_done_callback(abort)
    return ending.future
