"""Two downloads of one URL: the urgent one is bound last and gets the link all the same.

Usage: python first_program.py URL
"""

from __future__ import annotations

import sys

import urlmon


class Download(urlmon.BindStatusCallback):
    """Counts the bytes as they come, and says so when it is over."""

    def __init__(self, name: str, priority: int) -> None:
        self.name = name
        self.priority = priority
        self.received = 0

    def get_priority(self) -> int:
        return self.priority

    def on_start_binding(self, binding: urlmon.Binding) -> None:
        self.binding = binding  # .abort(), .suspend(), .resume(), .priority

    def on_data_available(
        self, flags: urlmon.BSCF, size: int, format: urlmon.FormatEtc, medium: urlmon.StgMedium
    ) -> None:
        while chunk := medium.stream.read(1 << 16):  # None: nothing more now; b"": the end
            self.received += len(chunk)

    def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
        print(f"{self.name}: {error or f'HTTP {self.binding.status_code}'}, {self.received} bytes")


moniker = urlmon.create_url_moniker(sys.argv[1])
for download in (
    Download("bulk", urlmon.Priority.BELOW_NORMAL),
    Download("urgent", urlmon.Priority.HIGHEST),
):
    moniker.bind_to_storage(urlmon.create_async_bind_ctx(download))  # returns at once
urlmon.run()  # makes the calls, on this thread, until both are over
