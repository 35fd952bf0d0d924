"""Who is measured beside urlmon, each in an environment of its own under .venv-peers/.

`python -m benchmarks.peers` makes the environments, `make bench` calls it. A peer that cannot be installed, or a
program that is not there, is reported and left out; it fails nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LIMIT", "PEERS", "Peer", "limit_program", "main"]

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv-peers"
CLIENTS = ROOT / "benchmarks" / "clients"
INSTALL_TIMEOUT = 300.0  # seconds


@dataclass(frozen=True)
class Peer:
    """A library or a program.

    packages: what its environment needs; none: this environment. program: not Python. words: further
    arguments of its client. lacks: workloads that it cannot do, or not in a way that could be compared.
    """

    name: str
    client: str
    packages: tuple[str, ...] = ()
    program: str | None = None
    words: tuple[str, ...] = ()
    lacks: frozenset[str] = frozenset()

    @property
    def folder(self) -> Path:
        return HOME / re.sub(r"\W+", "-", self.name)

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python" if self.packages else Path(sys.executable)

    def unavailable(self) -> str | None:
        """Why it cannot be measured here; None if it can."""
        if self.program is not None and shutil.which(self.program) is None:
            return f"{self.program} not found"
        if self.packages and not (self.folder / ".complete").exists():
            log = self.folder / "log"
            return (
                f"not installed: {log.read_text().strip().splitlines()[-1]}"
                if log.exists()
                else "not installed"
            )
        return None

    def command(self, *arguments: str) -> list[str]:
        return [str(self.python), str(CLIENTS / f"{self.client}.py"), *self.words, *arguments]

    def install(self) -> None:
        """Makes the environment, unless it is there; what went wrong is left in its log."""
        if not self.packages or (self.folder / ".complete").exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with open(self.folder / "log", "w") as log:
            for command in (
                [sys.executable, "-m", "venv", str(self.folder)],
                [
                    str(self.folder / "bin" / "python"),
                    "-m",
                    "pip",
                    "install",
                    "--only-binary",
                    ":all:",
                    *self.packages,
                ],
            ):
                try:
                    done = subprocess.run(
                        command, stdout=log, stderr=subprocess.STDOUT, check=False, timeout=INSTALL_TIMEOUT
                    )
                except subprocess.TimeoutExpired:
                    log.write(f"\ngiven up after {INSTALL_TIMEOUT:.0f} seconds\n")
                    return
                if done.returncode:
                    return
        (self.folder / ".complete").touch()


FILES_ONLY = frozenset({"large", "work"})  # these two are to a callback
NO_HTTP2 = frozenset({"tls+h2"})  # or no way to name a certificate authority

# The limit: plain C. It has no SHA-256 of its own.
LIMIT = Peer("plain C", "limit", program="cc", lacks=frozenset({"work"}))

PEERS = (
    Peer("urlmon", "with_urlmon"),
    Peer("pycurl.CurlMulti", "with_pycurl"),
    Peer("pycurl.AsyncCurlMulti", "with_pycurl_async"),
    Peer("aiohttp + uvloop", "with_aiohttp", ("aiohttp", "uvloop"), lacks=NO_HTTP2),
    Peer("httpx2", "with_httpx2", ("httpx2[http2]",)),
    Peer("requests, threads", "with_requests", ("requests",), lacks=NO_HTTP2),
    Peer("niquests", "with_niquests", ("niquests",)),
    Peer("curl_cffi", "with_curl_cffi", ("curl_cffi",)),
    Peer("pyreqwest", "with_pyreqwest", ("pyreqwest",)),
    Peer("obstore", "with_obstore", ("obstore",), lacks=frozenset({"many hosts", "crawl"}) | NO_HTTP2),
    Peer("parfive", "with_parfive", ("parfive",), lacks=FILES_ONLY | NO_HTTP2),
    Peer("curl -Z", "with_program", program="curl", words=("curl",), lacks=FILES_ONLY),
    Peer("aria2c", "with_program", program="aria2c", words=("aria2c",), lacks=FILES_ONLY | NO_HTTP2),
    Peer("wget2", "with_program", program="wget2", words=("wget2",), lacks=FILES_ONLY),
)


def limit_program() -> Path:
    """The compiled limit.c, linked with the library that pycurl brings; RuntimeError says why there is none."""
    import pycurl

    from urlmon_core import library

    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("no C compiler")
    HOME.mkdir(exist_ok=True)
    made = HOME / "limit"
    libcurl = _shared_library(Path(str(library()["path"])), pycurl.__name__)
    done = subprocess.run(
        [compiler, "-O2", "-o", str(made), str(ROOT / "benchmarks" / "limit.c"), str(libcurl),
         f"-Wl,-rpath,{libcurl.parent}", "-Wl,--allow-shlib-undefined"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"limit.c: {done.stderr.strip().splitlines()[-1]}")
    return made


def _shared_library(loaded: Path, needed_by: str) -> Path:
    """The libcurl that is mapped into this process. `loaded` is what `needed_by` has, which may be linked with it."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = Path(line.rsplit(None, 1)[-1])
        if path.name.startswith("libcurl") and "cpython" not in path.name:  # urlmon_core has a libcurl too
            return path
    raise RuntimeError(f"no shared libcurl behind {loaded} of {needed_by}")


def main() -> None:
    for peer in PEERS:
        peer.install()
        print(f"{peer.name:24} {peer.unavailable() or 'ready'}", flush=True)


if __name__ == "__main__":
    main()
