"""Runs an example with a window, presses its buttons, and looks at what it shows: EXAMPLE PACKAGE FOLDER URL...

Everything of the program is real, but that `drive` comes before its call of the event loop, which then finds that
the window is closed. The URLs are those of `test_examples_with_windows.py`, which holds and releases what they get.
"""

from __future__ import annotations

import faulthandler
import importlib
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from tests.integration.example_programs import load

LIMIT = 40.0  # seconds; a hang ends with all tracebacks
STEP_WITHIN = 20.0


class Gui(ABC):
    """The event loop, and the widgets of a row."""

    def until(self, condition: Callable[[], bool]) -> None:
        """Lets the event loop run until `condition` holds."""
        deadline = time.monotonic() + STEP_WITHIN
        while not condition():
            assert time.monotonic() < deadline, "it takes too long"
            self.turn()

    @abstractmethod
    def turn(self) -> None:
        """Until something has happened, or for a moment."""

    @abstractmethod
    def close(self) -> int:
        """Closes the window in the program's own event loop, and returns its result."""

    @abstractmethod
    def press(self, button: Any) -> None: ...

    @abstractmethod
    def choose(self, download: Any, name: str) -> None:
        """Another priority."""

    @abstractmethod
    def text(self, download: Any) -> str:
        """What is said of its state."""

    @abstractmethod
    def fraction(self, download: Any) -> float:
        """What the progress bar shows, 0 to 1."""

    @abstractmethod
    def is_over(self, download: Any) -> bool:
        """Nothing can be done to it any more."""


class Qt(Gui):
    """PySide6 or PyQt6."""

    def __init__(self, application: Any, window: Any, package: str) -> None:
        core = importlib.import_module(f"{package}.QtCore")
        self.application = application
        self.window = window
        self.flags = core.QEventLoop.ProcessEventsFlag.WaitForMoreEvents
        self.ticks = core.QTimer()
        self.ticks.start(50)

    def turn(self) -> None:
        self.application.processEvents(self.flags)

    def close(self) -> int:
        self.ticks.timeout.connect(self.window.close)
        return int(self.application.exec())

    def press(self, button: Any) -> None:
        assert button.isEnabled()
        button.click()

    def choose(self, download: Any, name: str) -> None:
        download.priority.setCurrentText(name)

    def text(self, download: Any) -> str:
        return str(download.state.text())

    def fraction(self, download: Any) -> float:
        return float(download.bar.value() / download.bar.maximum())

    def is_over(self, download: Any) -> bool:
        return not download.abort.isEnabled()


class Tk(Gui):
    """tkinter."""

    def __init__(self, window: Any) -> None:
        self.window = window
        self.tick()

    def tick(self) -> None:
        self.ticks = self.window.after(50, self.tick)

    def turn(self) -> None:
        self.window.tk.dooneevent(0)

    def close(self) -> int:
        self.window.after_cancel(self.ticks)
        self.window.after(0, self.window.destroy)
        self.window.mainloop()
        return 0

    def press(self, button: Any) -> None:
        assert button.instate(["!disabled"])
        button.invoke()

    def choose(self, download: Any, name: str) -> None:
        download.priority.set(name)
        download.priority.event_generate("<<ComboboxSelected>>")

    def text(self, download: Any) -> str:
        return str(download.state["text"])

    def fraction(self, download: Any) -> float:
        return float(download.bar["value"]) / float(download.bar["maximum"])

    def is_over(self, download: Any) -> bool:
        return bool(download.abort.instate(["disabled"]))


def drive(gui: Gui, downloads: list[Any]) -> int:
    """Three may run: at first `paused`, `aborted` and `held`, which stop in the middle of their bodies."""
    missing, paused, aborted, held, waiting, urgent, left = downloads
    gui.until(lambda: all(0.4 < gui.fraction(each) < 0.6 for each in (paused, aborted, held)))
    assert gui.is_over(missing)
    assert gui.text(waiting) == gui.text(urgent) == "waiting"

    gui.choose(urgent, "highest")
    gui.until(lambda: gui.is_over(urgent))  # although no place is free
    assert gui.fraction(urgent) == 1
    assert gui.text(waiting) == "waiting"

    gui.press(paused.pause)
    assert gui.text(paused) == "paused"
    print("paused", flush=True)  # what it is held by goes now
    gui.until(lambda: gui.is_over(waiting) and gui.is_over(held))
    assert gui.text(paused) == "paused"
    assert 0.4 < gui.fraction(paused) < 0.6
    assert not gui.is_over(paused)

    gui.press(aborted.abort)
    assert gui.text(aborted) == "aborted"
    assert gui.is_over(aborted)

    gui.press(paused.pause)
    gui.until(lambda: gui.is_over(paused) and gui.fraction(left) > 0.4)
    print(*(gui.text(each) for each in downloads), sep="\n", flush=True)
    return gui.close()  # `left` is live


def main(example: str, package: str, *arguments: str) -> int:
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    sys.argv = [example, "-d", *arguments]
    if package == "tkinter":
        program = load(example, {"window.mainloop()": "drive(window)"})
        program.drive = lambda window: drive(Tk(window), window.downloads)
    else:
        program = load(example, {"application.exec()": "drive(application, window)", "PySide6": package})
        program.drive = lambda application, window: drive(Qt(application, window, package), window.downloads)
    return program.main() or 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
