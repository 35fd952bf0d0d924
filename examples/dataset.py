"""Fetches a data set with several threads: what is complete already is left alone, everything is checked.

Usage: python dataset.py [-d FOLDER] [--threads N] MANIFEST

The manifest has a line for each file, as sha256sum writes them, but with a URL: `DIGEST  URL`.
"""

from __future__ import annotations

import argparse
import hashlib
import posixpath
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import urlmon
from urlmon import TYMED


class Item(NamedTuple):
    """One file of the data set."""

    url: str
    target: Path
    sha256: str


def read_manifest(manifest: Path, folder: Path) -> list[Item]:
    """The files of the data set. ValueError for a line that is none."""
    items = []
    for number, line in enumerate(manifest.read_text().splitlines(), 1):
        digest, _, url = line.partition("  ")
        name = posixpath.basename(unquote(urlsplit(url).path))
        if len(digest) != 64 or name in ("", ".", ".."):
            raise ValueError(f"{manifest}:{number}: not a digest, two spaces and the URL of a file")
        items.append(Item(url, folder / name, digest.lower()))
    return items


def digest_of(path: Path) -> str:
    """Hex SHA-256 of a file. The interpreter's lock is not held meanwhile, so threads do this side by side."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
    return sha256.hexdigest()


class Download(urlmon.BindStatusCallback):
    """One file, which gets its name when it was found to be right."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.unchecked = item.target.with_name(item.target.name + ".unchecked")
        self.outcome = "nothing was heard of it"

    def start(self) -> None:
        """Binds the URL, which returns at once."""
        try:
            moniker = urlmon.create_url_moniker(self.item.url)
            context = urlmon.create_async_bind_ctx(self)
            moniker.bind_to_storage(context, storage=TYMED.FILE, path=self.unchecked)
        except urlmon.BindError as error:
            self.outcome = str(error)

    def get_bind_info(self) -> urlmon.BindInfo:
        return urlmon.BindInfo(fail_on_http_error=True)

    def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
        if error is not None:
            self.outcome = str(error)
        elif digest_of(self.unchecked) == self.item.sha256:
            self.unchecked.replace(self.item.target)
            self.outcome = "fetched"
        else:
            self.unchecked.unlink()
            self.outcome = "wrong digest"


def abort_all() -> None:
    """Ends what the calling thread downloads."""
    for binding in urlmon.Apartment.current().live_bindings:
        binding.abort()


def fetch(items: Sequence[Item], apartments: list[urlmon.Apartment]) -> list[tuple[Item, str]]:
    """What became of each file. Runs in a thread of its own, on which all calls of its downloads come."""
    apartments.append(urlmon.Apartment.current())
    outcomes = []
    downloads = []
    for item in items:
        if item.target.exists() and digest_of(item.target) == item.sha256:
            outcomes.append((item, "complete"))
        else:
            downloads.append(Download(item))
            downloads[-1].start()
    urlmon.run()  # this thread's downloads only
    return outcomes + [(download.item, download.outcome) for download in downloads]


def main() -> int:
    parser = argparse.ArgumentParser(description="Fetch and check the files of a manifest.")
    parser.add_argument("manifest", type=Path, metavar="MANIFEST")
    parser.add_argument("-d", "--directory", type=Path, default=Path(), metavar="FOLDER")
    parser.add_argument(
        "--threads", type=int, choices=range(1, 65), default=4, metavar="N", help="so many (4)"
    )
    options = parser.parse_args()
    try:
        items = read_manifest(options.manifest, options.directory)
        options.directory.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    apartments: list[urlmon.Apartment] = []
    with ThreadPoolExecutor(options.threads) as threads:
        shares = [items[number :: options.threads] for number in range(options.threads)]
        try:
            running = [threads.submit(fetch, share, apartments) for share in shares]
            outcomes = [outcome for share in running for outcome in share.result()]
        except BaseException:  # Ctrl-C, or a disk that is full
            for apartment in apartments:
                apartment.post(abort_all)  # the one method of an apartment for other threads
            raise
    for item, outcome in sorted(outcomes):
        print(f"{item.target.name}: {outcome}")
    return 0 if all(outcome in ("fetched", "complete") for _, outcome in outcomes) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
