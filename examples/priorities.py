"""Five downloads, two at a time: one is suspended and resumed, the last one is made the first.

Usage: python priorities.py URL FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import urlmon
from urlmon import Priority


class Download(urlmon.BindStatusCallback):
    """One file, written by the I/O thread; this class only hears how it ended."""

    binding: urlmon.Binding

    def __init__(self, target: Path) -> None:
        self.target = target

    def get_bind_info(self) -> urlmon.BindInfo:
        return urlmon.BindInfo(fail_on_http_error=True)

    def get_priority(self) -> int:
        return Priority.BELOW_NORMAL

    def on_start_binding(self, binding: urlmon.Binding) -> None:
        self.binding = binding

    def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
        print(f"{self.target.name}: {error or f'{self.binding.bytes_received} bytes'}")


def main(url: str, folder: Path) -> None:
    apartment = urlmon.Apartment.current()
    apartment.configure(max_active=2)
    moniker = urlmon.create_url_moniker(url)
    downloads = [Download(folder / f"file-{number}") for number in range(1, 6)]
    for download in downloads:
        context = urlmon.create_async_bind_ctx(download)
        moniker.bind_to_storage(context, storage=urlmon.TYMED.FILE, path=download.target)

    first, last = downloads[0].binding, downloads[-1].binding
    first.suspend()  # keeps its connection for a while and lends its place to the next one
    last.priority = Priority.HIGHEST  # overtakes all that wait, and need not wait for a place
    while any(binding is not first for binding in apartment.live_bindings):
        apartment.pump()

    print(f"file-1 is {first.state}")
    first.resume()
    apartment.run()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
