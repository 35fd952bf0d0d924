"""Apartments in event loops: once attached, the loop of a thread does what `pump` does.

One file for each kind of loop, which only says how that loop watches a descriptor. What a loop is called for is
bounded: about a millisecond of callbacks, then it turns to its other work and comes back.
"""

from __future__ import annotations

import sys
from typing import Any

from urlmon.apartment import Apartment
from urlmon.loops.attachment import Attachment

__all__ = ["Attachment", "attach"]


def attach(loop: Any = None) -> Attachment:
    """Has `loop` deliver what reaches the calling thread's apartment, from now on; returns the attachment.

    loop: an asyncio event loop, a trio nursery, an anyio task group, a Qt application (or any QObject of this
    thread), a Tk widget, a selector of `selectors`, or what `select.poll()`, `epoll()` and `kqueue()` return.
    None: the loop that runs in this thread (asyncio, trio, anyio above either), else its Qt application, else
    the Tk root. RuntimeError if there is none; TypeError for something that is no loop.

    A thread has one attachment: attaching it to the same loop again gives the same one, to another loop ends
    the one before. `close` (or leaving it as a context manager) ends it; live bindings stay, for `pump` or the
    next attachment. An exception that leaves a callback goes where the convention of the loop has it go.
    """
    from urlmon.loops import anyio_loop, asyncio_loop, qt_loop, selector_loop, tk_loop, trio_loop

    apartment = Apartment.current()
    current: Attachment | None = apartment.attachment
    if loop is None:
        if current is not None and current.serves_running_loop():
            return current
        loop = _find_loop()
    if current is not None:
        if current.loop is loop and current.is_open:
            return current
        current.close()
    for adapter in (asyncio_loop, trio_loop, anyio_loop, qt_loop, tk_loop, selector_loop):
        attachment: Attachment | None = adapter.attach(apartment, loop)
        if attachment is not None:
            return attachment
    raise TypeError(f"{type(loop).__name__} is no event loop that urlmon can be attached to")


def _find_loop() -> Any:
    """The loop of the calling thread. Only a library that the program has imported can be running one."""
    from urlmon.loops import asyncio_loop, qt_loop, tk_loop, trio_loop

    for library, adapter in (
        ("trio", trio_loop),
        ("asyncio", asyncio_loop),
        ("PySide6.QtCore", qt_loop),
        ("PyQt6.QtCore", qt_loop),
        ("tkinter", tk_loop),
    ):
        loop = adapter.find() if library in sys.modules else None
        if loop is not None:
            return loop
    raise RuntimeError("no event loop in this thread; give one to attach(), or use urlmon.run()")
