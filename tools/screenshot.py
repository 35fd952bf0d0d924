"""Draws docs/qt_downloads.png: the window of examples/qt_downloads.py with downloads from a server on loopback.

Usage: python -m tools.screenshot FILE (or `make screenshot`)
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

from tests.integration.example_programs import load
from tests.integration.press_buttons import Qt
from tests.servers import ScriptedServer

MEGABYTE = 1_000_000


def pose(gui: Qt, window: Any) -> None:
    """Presses buttons until there is something of everything to be seen."""
    manual, kernel, dataset, music, _missing, photos, image, nightly = window.downloads
    gui.choose(kernel, "highest")
    gui.choose(nightly, "lowest")
    gui.until(lambda: gui.fraction(dataset) >= 0.37)
    gui.press(dataset.pause)
    gui.until(lambda: gui.fraction(photos) >= 0.16)
    gui.press(photos.abort)
    gui.until(
        lambda: gui.fraction(image) >= 0.23 and gui.fraction(kernel) >= 0.7 and gui.fraction(music) >= 0.54
    )
    assert gui.is_over(manual)


def main(target: str) -> int:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with ScriptedServer() as server, tempfile.TemporaryDirectory() as folder:

        def held(name: str, size: int, percent: int) -> str:
            return server.url(f"/hold-body/{name}", size=size, at=size * percent // 100)

        urls = [
            server.url("/hold-body/manual.pdf", size=4 * MEGABYTE, at=0),
            held("kernel.tar.xz", 148 * MEGABYTE, 71),
            held("dataset.parquet", 96 * MEGABYTE, 38),
            held("music.flac", 31 * MEGABYTE, 55),
            server.url("/missing.txt"),
            held("photos.zip", 64 * MEGABYTE, 17),
            held("image.iso", 120 * MEGABYTE, 24),
            held("nightly.img", 80 * MEGABYTE, 10),
        ]
        server.release("manual.pdf")

        def drive(application: Any, window: Any) -> int:
            gui = Qt(application, window, "PySide6")
            pose(gui, window)
            window.resize(880, window.height())
            gui.turn()
            assert window.grab().save(target)
            return gui.close()

        program = load("qt_downloads.py", {"application.exec()": "drive(application, window)"})
        program.drive = drive
        sys.argv = ["qt_downloads.py", "-d", folder, *urls]
        return int(program.main())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
