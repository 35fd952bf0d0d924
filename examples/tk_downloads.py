"""A Tk window with a list of downloads: a progress bar for each, pause, abort, and a priority that counts at once.

Usage: python tk_downloads.py [-d FOLDER] URL...
"""

from __future__ import annotations

import argparse
import posixpath
import tkinter
from collections.abc import Sequence
from pathlib import Path
from tkinter import ttk
from urllib.parse import unquote, urlsplit

import urlmon
from urlmon import BINDSTATUS, TYMED, Priority

PRIORITIES = {
    priority.name.lower(): priority for priority in (Priority.HIGHEST, Priority.NORMAL, Priority.LOWEST)
}


class Download(urlmon.BindStatusCallback):
    """One file and its row of widgets. Its methods are called by Tk's event loop, so they may touch the widgets."""

    binding: urlmon.Binding | None = None

    def __init__(self, window: tkinter.Misc, url: str, target: Path) -> None:
        self.url = url
        self.target = target
        self.name = ttk.Label(window, text=target.name)
        self.bar = ttk.Progressbar(window, length=240)
        self.state = ttk.Label(window, text="waiting", width=20)
        self.priority = ttk.Combobox(window, values=list(PRIORITIES), state="readonly", width=8)
        self.priority.set("normal")
        self.priority.bind("<<ComboboxSelected>>", self.on_priority)
        self.pause = ttk.Button(window, text="Pause", command=self.on_pause)
        self.abort = ttk.Button(window, text="Abort", command=self.on_abort)

    def start(self) -> None:
        """Binds the URL, which returns at once."""
        try:
            moniker = urlmon.create_url_moniker(self.url)
            context = urlmon.create_async_bind_ctx(self)
            moniker.bind_to_storage(context, storage=TYMED.FILE, path=self.target)
        except urlmon.BindError as error:  # not even begun: no URL, or a folder that is not there
            self.finish(str(error))

    def finish(self, state: str) -> None:
        """Nothing can be done to the download any more."""
        self.state["text"] = state
        for control in (self.priority, self.pause, self.abort):
            control.state(["disabled"])

    # -- what the user does ------------------------------------------------------------------------------------------

    def on_priority(self, event: object) -> None:
        if self.binding is not None:
            self.binding.priority = PRIORITIES[self.priority.get()]

    def on_pause(self) -> None:
        if self.binding is None:
            return
        if self.binding.is_suspended:
            self.binding.resume()
        else:
            self.binding.suspend()
        paused = self.binding.is_suspended
        self.pause["text"] = "Resume" if paused else "Pause"
        self.state["text"] = "paused" if paused else "waiting"

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
            self.state["text"] = f"{progress:,} bytes"
            self.bar.configure(value=progress, maximum=progress_max or 2 * progress)

    def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
        if error is None:
            self.bar.configure(value=1, maximum=1)
            self.finish(f"{self.target.stat().st_size:,} bytes")
        elif not isinstance(error, urlmon.AbortedError):
            self.finish(str(error))


class Window(tkinter.Tk):
    """The list of downloads."""

    def __init__(self, urls: Sequence[str], folder: Path) -> None:
        super().__init__()
        self.title("Downloads")
        self.columnconfigure(1, weight=1)
        self.downloads = [Download(self, url, folder / file_name(url)) for url in urls]
        for row, download in enumerate(self.downloads):
            widgets = (
                *(download.name, download.bar, download.state),
                *(download.priority, download.pause, download.abort),
            )
            for column, widget in enumerate(widgets):
                widget.grid(row=row, column=column, sticky="ew", padx=4, pady=4)
        for download in self.downloads:
            download.start()


def file_name(url: str) -> str:
    """The last part of the path of `url`."""
    return posixpath.basename(unquote(urlsplit(url).path)) or "index.html"


def main() -> None:
    parser = argparse.ArgumentParser(description="Download files in a window.")
    parser.add_argument("urls", nargs="+", metavar="URL")
    parser.add_argument("-d", "--directory", type=Path, default=Path(), metavar="FOLDER")
    options = parser.parse_args()
    with urlmon.Apartment.current() as apartment:  # at its end, what is still live is aborted
        apartment.configure(max_active=3)  # the others wait, and a higher priority lets them overtake
        window = Window(options.urls, options.directory)
        urlmon.attach(window)  # from here on, Tk's event loop makes the calls
        window.mainloop()


if __name__ == "__main__":
    main()
