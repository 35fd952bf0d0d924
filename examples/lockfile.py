"""Fetches what a lock file names, as a package manager does; one package is needed first, and overtakes.

Usage: python lockfile.py [-d FOLDER] [--first NAME] LOCKFILE

The lock file is JSON: {"packages": [{"name": "left-pad", "url": "https://…/left-pad-1.3.0.tgz", "sha256": "…"}, …]}
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import NamedTuple

import urlmon
from urlmon import BSCF, HRESULT, FormatEtc, Priority, StgMedium


class Package(NamedTuple):
    """An entry of the lock file."""

    name: str
    url: str
    sha256: str


class Download(urlmon.BindStatusCallback):
    """One package, hashed and written while it comes; its file gets its name when the digest is right."""

    binding: urlmon.Binding | None = None

    def __init__(self, package: Package, folder: Path) -> None:
        self.package = package
        self.target = folder / package.name
        self.partial = folder / f".{package.name}.partial"
        self.partial.unlink(missing_ok=True)  # of a run that was killed
        self.sha256 = hashlib.sha256()
        self.succeeded = False

    def start(self) -> None:
        """Binds the URL, which returns at once."""
        try:
            moniker = urlmon.create_url_moniker(self.package.url)
            moniker.bind_to_storage(urlmon.create_async_bind_ctx(self))
        except urlmon.BindError as error:
            print(f"{self.package.name}: {error}")

    def get_bind_info(self) -> urlmon.BindInfo:
        return urlmon.BindInfo(fail_on_http_error=True)

    def on_start_binding(self, binding: urlmon.Binding) -> None:
        self.binding = binding

    def on_data_available(self, flags: BSCF, size: int, format: FormatEtc, medium: StgMedium) -> None:
        with self.partial.open("ab") as file:
            while view := medium.stream.read_view():  # what is there, without a copy
                self.sha256.update(view)
                file.write(view)

    def on_stop_binding(self, hresult: HRESULT, error: urlmon.BindError | None) -> None:
        if error is None and self.sha256.hexdigest() == self.package.sha256:
            self.partial.replace(self.target)
            self.succeeded = True
            print(f"{self.package.name}: {self.target.stat().st_size} bytes", flush=True)
        else:
            self.partial.unlink(missing_ok=True)
            print(f"{self.package.name}: {error or 'wrong digest'}", flush=True)


def read_lock_file(path: Path) -> list[Package]:
    """The packages. ValueError if it is no lock file."""
    try:
        packages = [
            Package(str(entry["name"]), str(entry["url"]), str(entry["sha256"]))
            for entry in json.loads(path.read_text())["packages"]
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a lock file: {error!r}") from error
    taken = {"", ".."}
    for package in packages:
        if package.name in taken or Path(package.name).name != package.name:
            raise ValueError(f"{path}: {package.name!r} is no name of a file, or is there twice")
        taken.add(package.name)
    return packages


def install(packages: list[Package], folder: Path, first: str | None) -> bool:
    """Downloads all of it; whether everything is there."""
    downloads = [Download(package, folder) for package in packages]
    for download in downloads:
        download.start()
    for download in downloads:
        if download.package.name == first and download.binding is not None:
            # Waiting or running, from here on it goes before all others, and need not wait for a place.
            download.binding.priority = Priority.HIGHEST
    urlmon.run()
    return all(download.succeeded for download in downloads)


def main() -> int:
    parser = argparse.ArgumentParser(description="Download the packages of a lock file.")
    parser.add_argument("lockfile", type=Path, metavar="LOCKFILE")
    parser.add_argument("-d", "--directory", type=Path, default=Path(), metavar="FOLDER")
    parser.add_argument("--first", metavar="NAME", help="the package that the rest waits for")
    options = parser.parse_args()
    try:
        packages = read_lock_file(options.lockfile)
        if options.first is not None and options.first not in [package.name for package in packages]:
            raise ValueError(f"there is no package called {options.first!r}")
        options.directory.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    return 0 if install(packages, options.directory, options.first) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:  # a disk that is full
        sys.exit(str(error))
