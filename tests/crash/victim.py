"""The program that is killed: downloads the same URLs to the same files again and again.

python -m tests.crash.victim FOLDER URL...
"""

from __future__ import annotations

import os
import sys
from typing import Any

import urlmon


class Quiet(urlmon.BindStatusCallback):
    """Says what has stopped."""

    def __init__(self, path: str) -> None:
        self.path = path

    def on_stop_binding(self, hresult: Any, error: Any) -> None:
        if error is not None:
            print(f"{self.path}: {error}", file=sys.stderr, flush=True)


def main() -> None:
    folder, *urls = sys.argv[1:]
    print("ready", flush=True)
    while True:
        for number, url in enumerate(urls):
            path = os.path.join(folder, f"target-{number}")
            urlmon.create_url_moniker(url).bind_to_storage(
                urlmon.create_async_bind_ctx(Quiet(path)), urlmon.TYMED.FILE, path
            )
        urlmon.run()


if __name__ == "__main__":
    main()
