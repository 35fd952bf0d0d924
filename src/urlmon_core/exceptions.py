"""The errors that the core raises itself."""

from __future__ import annotations

from collections.abc import Callable


class LibcurlUnavailableError(ImportError):
    """No libcurl could be loaded; the message lists what was tried and why each was refused."""


class WrongApartmentError(RuntimeError):
    """A method of an apartment or binding was called on a thread that does not own it: RPC_E_WRONG_THREAD."""


class ApartmentClosedError(RuntimeError):
    """The apartment was closed, its thread ended, or it belongs to the parent of a forked process."""


_make_wrong_apartment: Callable[[str], WrongApartmentError] = WrongApartmentError


def wrong_apartment(message: str) -> WrongApartmentError:
    """The error to raise on a foreign thread: the package on top may have given its own subclass."""
    return _make_wrong_apartment(message)


def use_wrong_apartment(factory: Callable[[str], WrongApartmentError]) -> None:
    """Has `factory` make the errors of `wrong_apartment`; called once, by the package on top."""
    global _make_wrong_apartment  # noqa: PLW0603 - one hook, set at import
    _make_wrong_apartment = factory
