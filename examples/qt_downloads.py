"""A Qt window with a list of downloads: a progress bar for each, pause, abort, and a priority that counts at once.

Usage: python qt_downloads.py [-d FOLDER] URL...

With PyQt6 it is the same program; change the name of the package in the imports.
"""

from __future__ import annotations

import argparse
import posixpath
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QGridLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QWidget,
)

import urlmon
from urlmon import BINDSTATUS, TYMED, Priority

PRIORITIES = (Priority.HIGHEST, Priority.NORMAL, Priority.LOWEST)
STEPS = 1000  # of a progress bar, whose numbers are too small for bytes


class Download(urlmon.BindStatusCallback):
    """One file and its row of widgets. Its methods are called by Qt's event loop, so they may touch the widgets."""

    binding: urlmon.Binding | None = None

    def __init__(self, url: str, target: Path) -> None:
        self.url = url
        self.target = target
        self.bar = QProgressBar()
        self.priority = QComboBox()
        for priority in PRIORITIES:
            self.priority.addItem(priority.name.lower(), priority)
        self.priority.setCurrentIndex(PRIORITIES.index(Priority.NORMAL))
        self.pause = QPushButton("Pause")
        self.pause.setCheckable(True)
        self.abort = QPushButton("Abort")
        self.state = QLabel("waiting")
        self.state.setMinimumWidth(120)
        self.priority.currentIndexChanged.connect(self.on_priority)
        self.pause.toggled.connect(self.on_pause)
        self.abort.clicked.connect(self.on_abort)

    def start(self) -> None:
        """Binds the URL, which returns at once."""
        try:
            moniker = urlmon.create_url_moniker(self.url)
            context = urlmon.create_async_bind_ctx(self)
            moniker.bind_to_storage(context, storage=TYMED.FILE, path=self.target)
        except urlmon.BindError as error:  # not even begun: no URL, or a folder that is not there
            self.fail(error)

    def fail(self, error: urlmon.BindError) -> None:
        """As `finish`, with the whole story where the mouse points."""
        self.finish("failed")
        self.state.setToolTip(str(error))

    def finish(self, state: str) -> None:
        """Nothing can be done to the download any more."""
        self.bar.setRange(0, STEPS)
        self.state.setText(state)
        for control in (self.priority, self.pause, self.abort):
            control.setEnabled(False)

    # -- what the user does ------------------------------------------------------------------------------------------

    def on_priority(self, index: int) -> None:
        if self.binding is not None:
            self.binding.priority = self.priority.itemData(index)

    def on_pause(self, paused: bool) -> None:
        if self.binding is not None:
            if paused:
                self.binding.suspend()
            else:
                self.binding.resume()
            self.pause.setText("Resume" if paused else "Pause")
            self.state.setText("paused" if paused else "waiting")

    def on_abort(self) -> None:
        if self.binding is not None:
            self.binding.abort()
            self.finish("aborted")

    # -- what the download tells -------------------------------------------------------------------------------------

    def get_bind_info(self) -> urlmon.BindInfo:
        return urlmon.BindInfo(fail_on_http_error=True)

    def on_start_binding(self, binding: urlmon.Binding) -> None:
        self.binding = binding

    def on_progress(self, progress: int, progress_max: int, status: BINDSTATUS, text: str | None) -> None:
        if status in (BINDSTATUS.BEGINDOWNLOADDATA, BINDSTATUS.DOWNLOADINGDATA):
            self.state.setText(f"{progress:,} bytes")
            if progress_max:
                self.bar.setRange(0, STEPS)
                self.bar.setValue(STEPS * progress // progress_max)
            else:
                self.bar.setRange(0, 0)  # the server has not said how much there is

    def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
        if error is None:
            self.bar.setRange(0, STEPS)
            self.bar.setValue(STEPS)
            self.finish(f"{self.target.stat().st_size:,} bytes")
        elif not isinstance(error, urlmon.AbortedError):
            self.fail(error)


class Window(QWidget):
    """The list of downloads."""

    def __init__(self, urls: Sequence[str], folder: Path) -> None:
        super().__init__()
        self.setWindowTitle("Downloads")
        self.downloads = [Download(url, folder / file_name(url)) for url in urls]
        grid = QGridLayout(self)
        grid.setColumnStretch(1, 1)
        for row, download in enumerate(self.downloads):
            name = QLabel(download.target.name)
            widgets = (name, download.bar, download.state, download.priority, download.pause, download.abort)
            for column, widget in enumerate(widgets):
                grid.addWidget(widget, row, column)
        for download in self.downloads:
            download.start()


def file_name(url: str) -> str:
    """The last part of the path of `url`."""
    return posixpath.basename(unquote(urlsplit(url).path)) or "index.html"


def main() -> int:
    parser = argparse.ArgumentParser(description="Download files in a window.")
    parser.add_argument("urls", nargs="+", metavar="URL")
    parser.add_argument("-d", "--directory", type=Path, default=Path(), metavar="FOLDER")
    options = parser.parse_args()
    application = QApplication(sys.argv[:1])
    with urlmon.Apartment.current() as apartment:  # at its end, what is still live is aborted
        apartment.configure(max_active=3)  # the others wait, and a higher priority lets them overtake
        urlmon.attach(application)  # from here on, Qt's event loop makes the calls
        window = Window(options.urls, options.directory)
        window.show()
        return application.exec()


if __name__ == "__main__":
    sys.exit(main())
