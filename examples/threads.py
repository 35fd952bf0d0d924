"""Three threads download at the same time; each one's callbacks come on that thread, and on no other.

Usage: python threads.py URL
"""

from __future__ import annotations

import hashlib
import sys
import threading

import urlmon

THREADS = 3
DOWNLOADS = 4  # of each thread


class Digest(urlmon.BindStatusCallback):
    """The SHA-256 of a body, and whether every call came on the thread that started the bind."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.at_home = True
        self.sha256 = hashlib.sha256()

    def on_data_available(
        self, flags: urlmon.BSCF, size: int, format: urlmon.FormatEtc, medium: urlmon.StgMedium
    ) -> None:
        self.at_home = self.at_home and threading.get_ident() == self.thread
        while view := medium.stream.read_view():  # the next bytes without a copy
            self.sha256.update(view)


def work(url: str, home: urlmon.Apartment, report: list[str]) -> None:
    """The body of a thread: no lock anywhere, since nobody else calls its callbacks."""
    digests = [Digest() for _ in range(DOWNLOADS)]
    for digest in digests:
        urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(digest))
    urlmon.run()  # this thread's bindings only
    found = {digest.sha256.hexdigest()[:12] for digest in digests}
    stayed = all(digest.at_home for digest in digests)
    line = f"{threading.current_thread().name}: {', '.join(sorted(found))}, all calls here: {stayed}"
    home.post(lambda: report.append(line))  # the one method of an apartment for other threads


def main(url: str) -> None:
    report: list[str] = []
    home = urlmon.Apartment.current()
    threads = [
        threading.Thread(target=work, args=(url, home, report), name=f"thread {number}")
        for number in range(1, THREADS + 1)
    ]
    for thread in threads:
        thread.start()
    while len(report) < THREADS:
        home.pump()
    for thread in threads:
        thread.join()
    print("\n".join(sorted(report)))


if __name__ == "__main__":
    main(sys.argv[1])
