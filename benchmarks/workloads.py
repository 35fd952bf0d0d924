"""The throughput workloads: what is fetched, how many at once, and what is done with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.serving import Site

__all__ = ["WORKLOADS", "Prepared", "Workload"]

KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Workload:
    """`files` of `size` bytes, `at_once` at a time. says: one line for the report."""

    name: str
    says: str
    files: int
    size: int
    at_once: int
    to_files: bool = False
    digest: bool = False
    http2: bool = False
    hosts: int = 1
    in_a_row: bool = False  # all of a host, then the next; else each host in turn
    rate_in_bytes: bool = False

    def quick(self) -> Workload:
        """The same with a tenth of the files (of large ones: a tenth of the size)."""
        if self.size >= 64 * MIB:
            return replace(self, size=self.size // 16, says=f"{self.says}; here a sixteenth of the size")
        return replace(
            self,
            files=self.files // 10,
            hosts=max(1, self.hosts // 10),
            says=f"{self.says}; here a tenth of the files",
        )

    @contextmanager
    def prepared(self, site: Site, folder: Path) -> Iterator[Prepared]:
        """Its files on the server, and what a client has to be told."""
        names = site.random_files(
            self.name.replace(" ", "-").replace("+", "-"),
            self.files if self.hosts == 1 else self.files // self.hosts,
            self.size,
        )
        hosts = range(1, self.hosts + 1)
        if self.in_a_row:
            urls = [site.url(name, host) for host in hosts for name in names]
        elif self.hosts > 1:
            urls = [site.url(name, host) for name in names for host in hosts]
        else:
            urls = [site.secure_url(name) if self.http2 else site.url(name) for name in names]
        listed = folder / "urls"
        listed.write_text("\n".join(urls) + "\n")
        digest = 0
        if self.digest:
            for name in names:
                one = hashlib.sha256((site.folder / "files" / name).read_bytes())
                digest ^= int.from_bytes(one.digest(), "big")
        words = [str(listed), "--at-once", str(self.at_once)]
        if self.digest:
            words.append("--digest")
        if self.http2:
            words += ["--http2", "--cafile", site.cafile]
        try:
            yield Prepared(self, words, f"{digest:064x}", site.folder / "files", names)
        finally:
            site.remove(names)


@dataclass(frozen=True)
class Prepared:
    """What clients are told, and what they must have received."""

    workload: Workload
    words: list[str]
    digest: str
    source: Path
    names: list[str]

    def complaint(self, result: dict[str, object], into: Path | None) -> str | None:
        """What is wrong with the work of a client; None if it is complete."""
        work = self.workload
        if result["files"] != work.files or result["bytes"] != work.files * work.size:
            return f"{result['files']} files and {result['bytes']} bytes, not {work.files} and {work.files * work.size}"
        if work.digest and result["digest"] != self.digest:
            return "the digests differ"
        if into is not None:
            for name in self.names[:: max(1, len(self.names) // 50)]:
                if (into / name).read_bytes() != (self.source / name).read_bytes():
                    return f"{name} differs"
        return None


WORKLOADS = (
    Workload("small", "10,000 x 1 KiB, 64 at once, each through three Python callbacks", 10_000, KIB, 64),
    Workload("medium", "2,000 x 256 KiB to files in memory, 16 at once", 2_000, 256 * KIB, 16, to_files=True,
             rate_in_bytes=True),
    Workload("large", "8 x 256 MiB to a callback, 4 at once", 8, 256 * MIB, 4, rate_in_bytes=True),
    Workload("work", "the same with SHA-256 in the callback", 8, 256 * MIB, 4, digest=True, rate_in_bytes=True),
    Workload("tls+h2", "5,000 x 4 KiB from one HTTP/2 host, 64 at once", 5_000, 4 * KIB, 64, http2=True),
    Workload("many hosts", "200 hosts x 50 files of 1 KiB, 64 at once", 10_000, KIB, 64, hosts=200),
    Workload("crawl", "2,000 hosts, 5 files of 1 KiB in a row of each, 64 at once", 10_000, KIB, 64, hosts=2000,
             in_a_row=True),
)  # fmt: skip
