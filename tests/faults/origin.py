"""All ports of the fault server: in a thread of this process, or as a program that prints its ports as JSON.

python -m tests.faults.origin FOLDER, with FOLDER for the certificates; ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sys
from pathlib import Path

from tests.faults.http1 import answer
from tests.faults.http2 import Http2Connection
from tests.faults.scripts import TLS_FAULTS, script_of
from tests.faults.tlsports import break_handshake, relay
from tests.servers.background import BackgroundServer
from tests.servers.tls import CertificateAuthority
from tests.servers.wire import Connection

RELAYED = frozenset({"tls-slow", "tls-corrupt"})


class FaultOrigin(BackgroundServer):
    """Context manager. `ports` maps a transport of `Script` to its port; `errors` holds failures of the server."""

    def __init__(self, ca: CertificateAuthority) -> None:
        super().__init__("fault-origin")
        self.ports: dict[str, int] = {}
        self.errors: list[BaseException] = []
        self._ca = ca
        self._names: dict[int, str] = {}
        self._dice = random.Random(0)

    async def open_ports(self) -> None:
        await self._open("http")
        await self._open("https", "http/1.1")
        await self._open("poisoned", "http/1.1")
        await self._open("h2", "h2")
        await self._open("h2-clean", "h2")
        for name in TLS_FAULTS:
            await self._open(name)

    async def _open(self, name: str, alpn: str | None = None) -> None:
        context = self._ca.good.server_context((alpn,)) if alpn else None
        self.ports[name] = await self.listen(context)
        self._names[self.ports[name]] = name

    async def serve(self, connection: Connection) -> None:
        try:
            name = self._names[connection.socket.getsockname()[1]]
            if name in ("h2", "h2-clean"):
                await Http2Connection(connection).serve()
            elif name in RELAYED:
                await relay(connection, self.ports["https"], name, self._dice)
            elif name in TLS_FAULTS:
                await break_handshake(connection, name, self._dice)
            else:
                await _serve_http1(connection)
        except (OSError, asyncio.CancelledError):
            raise
        except Exception as error:
            self.errors.append(error)
            raise


async def _serve_http1(connection: Connection) -> None:
    while True:
        request = await connection.read_until(b"\r\n\r\n")
        parts = request.split(b" ", 2)[1].split(b"/")
        if len(parts) < 3 or not parts[2].isdigit():
            await connection.write(
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
            )  # a garbage redirect that was followed
            continue
        if not await answer(
            connection, script_of(int(parts[2])), request, int(parts[3]) if len(parts) > 3 else 0
        ):
            return


def main() -> None:
    """Serves until the standard input ends."""
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # that clients go away is what this is about
    with FaultOrigin(CertificateAuthority(Path(sys.argv[1]))) as origin:
        print(json.dumps(origin.ports), flush=True)
        sys.stdin.read()
        for error in origin.errors[:10]:
            print(f"the fault server itself failed: {error!r}", file=sys.stderr)
        sys.exit(bool(origin.errors))


if __name__ == "__main__":
    main()
