"""Qt, through PySide6 or PyQt6: a QSocketNotifier.

Exceptions of callbacks are those of a slot: PySide6 prints them, PyQt6 gives them to sys.excepthook if the
program has set one, and ends the process if not.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from urlmon.loops.attachment import Attachment

if TYPE_CHECKING:
    from urlmon.apartment import Apartment


def _imported() -> list[Any]:
    """The QtCore modules that the program uses."""
    found = (sys.modules.get(f"{package}.QtCore") for package in ("PySide6", "PyQt6"))
    return [core for core in found if core is not None]


def find() -> Any:
    """The application, if it lives in this thread."""
    for core in _imported():
        application = core.QCoreApplication.instance()
        if application is not None and application.thread() is core.QThread.currentThread():
            return application
    return None


def attach(apartment: Apartment, loop: Any) -> Attachment | None:
    """The attachment if `loop` is a QObject."""
    for core in _imported():
        if isinstance(loop, core.QObject):
            return QtAttachment(apartment, loop, core)
    return None


class QtAttachment(Attachment):
    """A notifier in the event dispatcher of this thread."""

    def __init__(self, apartment: Apartment, loop: Any, core: Any) -> None:
        if loop.thread() is not core.QThread.currentThread():
            raise RuntimeError("this QObject lives in another thread")
        self._core = core
        super().__init__(apartment, loop)

    def _start(self) -> None:
        notifier = self._core.QSocketNotifier
        self._notifier = notifier(self.descriptor, notifier.Type.Read)
        self._notifier.activated.connect(self._activated)

    def _activated(self, *_: object) -> None:
        self.turn()

    def _stop(self) -> None:
        # Not deleted at once: it may be its own signal that we are in.
        self._notifier.setEnabled(False)
        self._notifier.deleteLater()
