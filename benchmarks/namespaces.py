"""Two network namespaces joined by a link of their own: a slow network on one machine.

The addresses are of TEST-NET-1 (RFC 5737); nothing outside can be reached from inside. Everything goes with
the context, also after a failure; what a killed run left behind goes with the next run. Needs root, iproute2.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Namespace", "NamespacePair", "joined_by_veth", "namespace_pair", "unavailable"]

PREFIX = "urlmon-"
SERVER_ADDRESS = "192.0.2.1"
CLIENT_ADDRESS = "192.0.2.2"
NETWORK = "192.0.2.0/24"
_numbers = itertools.count()
SHAPED = ("tbf", "rate", "100mbit", "burst", "64kb", "latency", "50ms")


def _run(*command: str) -> str:
    """Output of a command; RuntimeError with what it said where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


@dataclass(frozen=True)
class Namespace:
    """A network namespace. `address` is what the other one reaches it by, once they are joined."""

    name: str
    address: str

    def command(self, *command: str) -> list[str]:
        """The command line that runs `command` inside; it becomes that program, so signals reach it."""
        return ["ip", "netns", "exec", self.name, *command]

    def ip(self, *arguments: str) -> str:
        """Output of `ip` about this namespace."""
        return _run("ip", "-n", self.name, *arguments)

    def run(self, *command: str) -> str:
        """Output of `command` run inside."""
        return _run(*self.command(*command))

    def set(self, setting: str, value: str) -> None:
        """A kernel setting of this namespace, such as net/ipv4/tcp_rmem."""
        self.run("sh", "-c", 'printf %s "$1" > "/proc/sys/$0"', setting, value)

    def begin(self, device: str, congestion_control: str | None = None) -> None:
        """Gives the device its address and brings it up; what is sent through it is controlled as named.

        By the route, because the setting of a namespace takes only what the whole machine is allowed to use.
        """
        self.ip("address", "add", f"{self.address}/24", "dev", device)
        self.ip("link", "set", device, "up")
        if congestion_control is not None:
            self.ip(
                "route", "replace", NETWORK, "dev", device, "src", self.address, "congctl", congestion_control
            )


@dataclass(frozen=True)
class NamespacePair:
    server: Namespace
    client: Namespace


@contextlib.contextmanager
def namespace_pair(buffer_most: int | None = None) -> Iterator[NamespacePair]:
    """Two namespaces that are not joined yet.

    buffer_most: bytes that the kernel may tune a socket's buffers to; its default unless given.
    """
    _remove_stale()
    prefix = f"{PREFIX}{os.getpid()}-{next(_numbers)}"  # a process may have several pairs
    pair = NamespacePair(
        Namespace(f"{prefix}-server", SERVER_ADDRESS), Namespace(f"{prefix}-client", CLIENT_ADDRESS)
    )
    with contextlib.ExitStack() as stack:
        for namespace in (pair.server, pair.client):
            _run("ip", "netns", "add", namespace.name)
            stack.callback(_run, "ip", "netns", "delete", namespace.name)
            namespace.ip("link", "set", "lo", "up")
            # What one connection learned about the path is not to be the next one's start.
            namespace.set("net/ipv4/tcp_no_metrics_save", "1")
            if buffer_most is not None:
                namespace.set("net/ipv4/tcp_rmem", f"4096 131072 {buffer_most}")
                namespace.set("net/ipv4/tcp_wmem", f"4096 65536 {buffer_most}")
        yield pair


@contextlib.contextmanager
def joined_by_veth(
    congestion_control: str | None = None, shape: Sequence[str] | None = SHAPED
) -> Iterator[NamespacePair]:
    """Two namespaces with a direct link.

    congestion_control: the server's; the machine's unless given. shape: `tc qdisc` of what the server sends;
    None = unlimited.
    """
    with namespace_pair() as pair:
        # Both ends go with their namespaces.
        pair.server.ip(
            "link", "add", "link0", "type", "veth", "peer", "name", "link0", "netns", pair.client.name
        )
        pair.server.begin("link0", congestion_control)
        pair.client.begin("link0")
        if shape:
            pair.server.run("tc", "qdisc", "add", "dev", "link0", "root", *shape)
        yield pair


@functools.cache
def unavailable() -> str | None:
    """Why there can be no namespaces here; None where there can."""
    if sys.platform != "linux":
        return "network namespaces exist on Linux only"
    missing = [program for program in ("ip", "tc") if shutil.which(program) is None]
    if missing:
        return f"{' and '.join(missing)} not found (Debian: iproute2)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with joined_by_veth():
            return None
    except RuntimeError as error:
        return f"no network namespace can be set up: {error}"


def _remove_stale() -> None:
    """Removes namespaces of runs that were killed, and ends what still runs inside."""
    for line in _run("ip", "netns", "list").splitlines():
        name = line.split()[0]
        process = name.removeprefix(PREFIX).partition("-")[0]
        if name.startswith(PREFIX) and process.isdigit() and not os.path.exists(f"/proc/{process}"):
            for inside in _run("ip", "netns", "pids", name).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(inside), signal.SIGTERM)
            _run("ip", "netns", "delete", name)
