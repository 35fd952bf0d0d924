"""How each kind of loop is run: `drive(name, begin)` has the loop call `begin(stop, caught)` and run until `stop()`.

`caught` is the list to which the driver adds what the loop's own convention did with exceptions of callbacks;
where they leave the loop, they are caught there and the loop is entered again. The package of a loop is imported
in its driver alone.
"""

from __future__ import annotations

import asyncio
import gc
import select
import selectors
import sys
from collections.abc import Callable
from typing import Any

import urlmon

Begin = Callable[[Callable[[], None], list[BaseException]], None]


def _asyncio(begin: Begin, caught: list[BaseException], new_loop: Any = None, seen: Any = None) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: caught.append(context["exception"]))
        over = asyncio.Event()
        with urlmon.attach() as attachment:
            if seen is not None:
                seen.append(type(attachment).__name__)
            assert urlmon.attach() is attachment
            begin(over.set, caught)
            await over.wait()
        assert not attachment.is_open

    if new_loop is None:
        asyncio.run(main())
        return
    loop = new_loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


def _uvloop(begin: Begin, caught: list[BaseException]) -> None:
    import uvloop

    _asyncio(begin, caught, uvloop.new_event_loop)


class WithoutReaders(asyncio.SelectorEventLoop):
    """A loop in which `add_reader` is what AbstractEventLoop has: not implemented."""

    add_reader = asyncio.AbstractEventLoop.add_reader
    remove_reader = asyncio.AbstractEventLoop.remove_reader


def _asyncio_without_readers(begin: Begin, caught: list[BaseException]) -> None:
    seen: list[str] = []
    _asyncio(begin, caught, WithoutReaders, seen)
    assert seen == ["TimerAttachment"]


def _trio(begin: Begin, caught: list[BaseException]) -> None:
    import trio

    async def main() -> None:
        over = trio.Event()
        with urlmon.attach() as attachment:
            assert urlmon.attach() is attachment
            begin(over.set, caught)
            await over.wait()

    trio.run(main)


def _trio_nursery(begin: Begin, caught: list[BaseException]) -> None:
    import trio

    async def main() -> None:
        over = trio.Event()
        begun = False
        while not over.is_set():
            try:
                async with trio.open_nursery() as nursery:
                    with urlmon.attach(nursery) as attachment:
                        if not begun:
                            begun = True
                            begin(over.set, caught)
                        await over.wait()
                    assert not attachment.is_open
            except BaseException as error:
                caught.extend(leaves(error))

    trio.run(main)


def leaves(error: BaseException) -> list[BaseException]:
    """The exceptions in a group, those of groups in it too."""
    if not hasattr(error, "exceptions"):
        return [error]
    return [leaf for inner in error.exceptions for leaf in leaves(inner)]


def _anyio(begin: Begin, caught: list[BaseException], backend: str) -> None:
    import anyio

    async def main() -> None:
        over = anyio.Event()
        begun = False
        while not over.is_set():
            try:
                async with anyio.create_task_group() as group:
                    with urlmon.attach(group):
                        if not begun:
                            begun = True
                            begin(over.set, caught)
                        await over.wait()
            except BaseException as error:
                caught.extend(leaves(error))

    anyio.run(main, backend=backend)


def _qt(begin: Begin, caught: list[BaseException], package: str) -> None:
    import importlib

    core = importlib.import_module(f"{package}.QtCore")
    application = core.QCoreApplication.instance() or core.QCoreApplication([])
    sys.excepthook = lambda kind, error, trace: caught.append(error)
    with urlmon.attach() as attachment:
        assert urlmon.attach(application) is attachment
        core.QTimer.singleShot(0, lambda: begin(application.quit, caught))
        application.exec()


def _tk_once(begin: Begin, caught: list[BaseException]) -> None:
    import tkinter

    root = tkinter.Tk()
    root.report_callback_exception = lambda kind, error, trace: caught.append(error)  # type: ignore[method-assign]
    with urlmon.attach():
        root.after(0, lambda: begin(root.quit, caught))
        root.mainloop()
    root.destroy()


def _tk(begin: Begin, caught: list[BaseException]) -> None:
    _tk_once(begin, caught)
    gc.collect()  # Tcl ends the process when another thread's collection lets go of what it has left behind


def _selector(begin: Begin, caught: list[BaseException]) -> None:
    over: list[bool] = []
    with selectors.DefaultSelector() as selector, urlmon.attach(selector):
        begin(lambda: over.append(True), caught)
        while not over:
            for key, _ in selector.select(10):
                try:
                    key.data()
                except Exception as error:
                    caught.append(error)


def _poll(begin: Begin, caught: list[BaseException], kind: str) -> None:
    over: list[bool] = []
    poll = getattr(select, kind)()
    with urlmon.attach(poll) as attachment:
        begin(lambda: over.append(True), caught)
        while not over:
            for descriptor, _ in poll.poll(10_000 if kind == "poll" else 10):
                assert descriptor == attachment.fileno()
                try:
                    attachment.turn()
                except Exception as error:
                    caught.append(error)


def _armed(begin: Begin, caught: list[BaseException]) -> None:
    """By hand: fileno, arm and pump."""
    over: list[bool] = []
    apartment = urlmon.Apartment.current()
    begin(lambda: over.append(True), caught)
    while not over:
        if apartment.arm():
            select.select([apartment], [], [], 10)
        try:
            apartment.pump(0)
        except Exception as error:
            caught.append(error)


def _pump(begin: Begin, caught: list[BaseException]) -> None:
    over: list[bool] = []
    begin(lambda: over.append(True), caught)
    while not over:
        try:
            urlmon.pump()
        except Exception as error:
            caught.append(error)


# name -> (what it needs installed, the driver)
DRIVERS: dict[str, tuple[str, Callable[[Begin, list[BaseException]], None]]] = {
    "asyncio": ("asyncio", _asyncio),
    "asyncio without add_reader": ("asyncio", _asyncio_without_readers),
    "uvloop": ("uvloop", _uvloop),
    "trio": ("trio", _trio),
    "trio nursery": ("trio", _trio_nursery),
    "anyio on asyncio": ("anyio", lambda begin, caught: _anyio(begin, caught, "asyncio")),
    "anyio on trio": ("anyio", lambda begin, caught: _anyio(begin, caught, "trio")),
    "PySide6": ("PySide6.QtCore", lambda begin, caught: _qt(begin, caught, "PySide6")),
    "PyQt6": ("PyQt6.QtCore", lambda begin, caught: _qt(begin, caught, "PyQt6")),
    "tk": ("tkinter", _tk),
    "selectors": ("selectors", _selector),
    "poll": ("select", lambda begin, caught: _poll(begin, caught, "poll")),
    "epoll": ("select", lambda begin, caught: _poll(begin, caught, "epoll")),
    "arm": ("select", _armed),
    "pump": ("select", _pump),
}

# Where an exception of a callback ends the run of the loop: a system task of trio must not raise.
ENDS_WITH_AN_EXCEPTION = {"trio"}


def drive(name: str, begin: Begin) -> list[BaseException]:
    """Runs the loop `name`; returns what its convention did with exceptions of callbacks."""
    caught: list[BaseException] = []
    DRIVERS[name][1](begin, caught)
    return caught
