"""Tk: a file handler. Exceptions of callbacks go to `report_callback_exception`, as those of all Tk callbacks."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from urlmon.loops.attachment import Attachment

if TYPE_CHECKING:
    from urlmon.apartment import Apartment


def find() -> Any:
    """The default root; Tk belongs to the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return None
    return getattr(sys.modules["tkinter"], "_default_root", None)


def attach(apartment: Apartment, loop: Any) -> Attachment | None:
    """The attachment if `loop` is a widget; any widget of the application will do."""
    tkinter = sys.modules.get("tkinter")
    if tkinter is None or not isinstance(loop, tkinter.Misc):
        return None
    return TkAttachment(apartment, loop)


class TkAttachment(Attachment):
    """A file handler of the Tcl notifier."""

    def _start(self) -> None:
        import tkinter

        self._root = self.loop.winfo_toplevel()._root()
        self._tk = self._root.tk
        self._tk.createfilehandler(self.descriptor, tkinter.READABLE, self._readable)

    def _readable(self, *_: object) -> None:
        idle = False
        try:
            idle = self.turn()
        except Exception:  # whatever a callback of the client raises
            self._root.report_callback_exception(*sys.exc_info())
        if not idle and self.is_open:
            # Tk redraws when it has nothing else to do, and a descriptor that stays readable is something else.
            self._root.update_idletasks()

    def _stop(self) -> None:
        self._tk.deletefilehandler(self.descriptor)
