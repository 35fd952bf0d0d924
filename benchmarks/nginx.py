"""Debian's nginx with one worker and its files in memory, on loopback or inside a namespace; also for serving.py."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.namespaces import Namespace

__all__ = [
    "Nginx",
    "command",
    "folder_for_files",
    "free_port",
    "running_nginx",
    "stopping",
    "unavailable",
    "wait_until",
]

MEMORY = Path("/dev/shm")
START_TIMEOUT = 10.0

CONFIGURATION = """
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
worker_rlimit_nofile 65536;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_requests 10000000;
    keepalive_timeout 600;
    open_file_cache max=20000;
    default_type application/octet-stream;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    root {folder}/files;
    {servers}
}}
"""

PACED = """
    server {{
        listen {address}:{port} backlog=4096;
        location /paced/ {{ alias {folder}/files/; limit_rate 256k; }}
    }}
"""


@dataclass(frozen=True)
class Nginx:
    """A running server. `url` + a file's name is the file; under `url` + "paced/" it comes at 256 KiB/s."""

    url: str
    folder: Path

    def sparse(self, name: str, size: int) -> str:
        """URL of a file of `size` zeros, which take no memory."""
        with open(self.folder / "files" / name, "wb") as file:
            file.truncate(size)
        return self.url + name

    def random(self, name: str, size: int) -> str:
        """URL of a file of `size` random bytes."""
        (self.folder / "files" / name).write_bytes(os.urandom(size))
        return self.url + name


def unavailable() -> str | None:
    """Why there can be no nginx here; None where there can."""
    if shutil.which("nginx") is None:
        return "nginx not found (Debian: nginx-light)"
    if not MEMORY.is_dir():
        return f"no {MEMORY} to keep files in memory"
    return None


@contextlib.contextmanager
def running_nginx(namespace: Namespace | None = None, servers: str = "") -> Iterator[Nginx]:
    """A server that listens when the context is entered: inside the namespace if given, else on loopback.

    servers: further `server` blocks of its configuration, for the same files.
    """
    with folder_for_files("urlmon-nginx-") as folder:
        if namespace is None:
            address, port = "127.0.0.1", free_port()
        else:
            address, port = namespace.address, 80
        start = command(folder, PACED.format(folder=folder, address=address, port=port) + servers)
        with stopping(start if namespace is None else namespace.command(*start)) as process:
            # nginx writes its process number once its sockets listen.
            wait_until((folder / "pid").exists, process, folder / "error.log")
            yield Nginx(f"http://{address}:{port}/", folder)


def command(folder: Path, servers: str) -> list[str]:
    """The command that serves `folder`/files; servers: the `server` blocks of its configuration."""
    program = shutil.which("nginx")
    if program is None:
        raise RuntimeError("nginx not found")
    configuration = folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, servers=servers))
    return [program, "-c", str(configuration), "-p", str(folder), "-e", str(folder / "error.log")]


@contextlib.contextmanager
def folder_for_files(prefix: str) -> Iterator[Path]:
    """A temporary folder, in memory where that can be, with an empty folder `files` in it."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=MEMORY if MEMORY.is_dir() else None) as name:
        folder = Path(name)
        folder.chmod(0o755)  # started by root, its worker is somebody else
        (folder / "files").mkdir()
        yield folder


@contextlib.contextmanager
def stopping(start: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which is ended when the context is left; options: of Popen."""
    process = subprocess.Popen(start, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(START_TIMEOUT)


def wait_until(listens: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + START_TIMEOUT
    while not listens():
        if process.poll() is not None or time.monotonic() > limit:
            raise RuntimeError(f"the server does not start: {log.read_text() if log.exists() else 'no log'}")
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
