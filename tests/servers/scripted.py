"""A scripted HTTP/1.1 server in a thread of this process, plain and TLS, IPv4 and IPv6.

The scripts are in `content`, `redirects` and `faults`; each says in its docstring which path and query it
answers. On every path the query may further hold

- `gate=NAME`: the request, once read, waits until the test calls `release(NAME)` before it is answered;
- `header=Name:Value` (repeatable): a further response header.

Tests write `server.url("/short", size=1000, sent=10)`, hold requests with gates instead of sleeping, and look
into `server.requests` afterwards. A script of a test's own is added with `server.script("/mine", function)`.
"""

from __future__ import annotations

import asyncio
import urllib.parse
from collections import Counter

from tests.servers.background import BackgroundServer
from tests.servers.catalogue import Catalogue, Script
from tests.servers.content import CONTENT
from tests.servers.exchange import Exchange, Request
from tests.servers.faults import FAULTS
from tests.servers.gates import Gate, Gates
from tests.servers.recording import RecordedRequest, RequestLog
from tests.servers.redirects import REDIRECTS
from tests.servers.tls import CertificateAuthority
from tests.servers.wire import Connection


class ScriptedServer(BackgroundServer):
    """Context manager. With a CA it also listens on one TLS port for each leaf of the CA.

    `requests` records what arrived; `errors` holds exceptions raised by scripts and requests that are no
    HTTP/1: always a bug, of the test or of the client.
    """

    def __init__(self, ca: CertificateAuthority | None = None) -> None:
        super().__init__("scripted-server")
        self.requests = RequestLog()
        self.errors: list[Exception] = []
        self.gates = Gates(self.loop)
        self.versions: dict[str, int] = {}
        self.attempts: Counter[str] = Counter()
        self.port = 0
        self.tls_ports: dict[str, int] = {}
        self._ca = ca
        self._catalogue = Catalogue(CONTENT, REDIRECTS, FAULTS)
        self._order = 0

    def url(self, path: str = "/ok", host: str = "127.0.0.1", **query: object) -> str:
        """The plain URL of `path`. Other hosts: "localhost", "[::1]"; they count as different sites."""
        return _url("http", host, self.port, path, query)

    def tls_url(self, path: str = "/ok", host: str = "localhost", leaf: str = "good", **query: object) -> str:
        """The https URL of `path` on the port that shows `leaf`: good, expired, wrong_host or unknown."""
        return _url("https", host, self.tls_ports[leaf], path, query)

    def hold(self, name: str) -> Gate:
        """Close the gate `name`: requests that come to it wait. A gate never released is closed anyway."""
        return self.gates.close(name)

    def release(self, name: str) -> None:
        """Open the gate `name` for those who wait and all who come."""
        self.gates.get(name).open()

    def set_version(self, name: str, version: int) -> None:
        """From now on /versioned/<name>/… and /flaky/<name>/… have other content, ETag and date."""
        self.versions[name] = version

    def script(self, path: str, script: Script, reads_body: bool = False) -> None:
        """Answer `path` (or all below it, when it ends in "/") with `script` until the next `reset`."""
        self._catalogue.add(path, script, reads_body)

    def reset(self) -> None:
        """Between tests: drop connections, forget records, gates, versions and the scripts of the test."""
        super().reset()
        self._order = 0
        self.gates.open_all()
        self.requests.clear()
        self.errors.clear()
        self.versions.clear()
        self.attempts.clear()
        self._catalogue = Catalogue(CONTENT, REDIRECTS, FAULTS)

    def stop(self) -> None:
        """Open all gates and stop."""
        if not self.loop.is_closed():
            self.gates.open_all()
        super().stop()

    async def open_ports(self) -> None:
        self.port = await self.listen()
        for leaf in self._ca.leaves if self._ca else ():
            self.tls_ports[leaf.name] = await self.listen(leaf.server_context())

    async def serve(self, connection: Connection) -> None:
        while True:
            try:
                request = Request.parse((await connection.read_until(b"\r\n\r\n"))[:-2])
            except ValueError as error:
                self.errors.append(error)
                return
            record = RecordedRequest(
                order=self._order,
                connection=connection.number,
                tls=connection.tls,
                method=request.method,
                target=request.target,
                path=request.path,
                headers=list(request.headers),
            )
            self._order += 1
            self.requests.add(record)
            if not await self._answer(Exchange(self, connection, request, record)):
                return

    async def _answer(self, exchange: Exchange) -> bool:
        """Run the script; whether the connection goes on."""
        outcome = "done"
        entry = self._catalogue.find(exchange.request.path)
        assert entry is not None, "the catalogue answers every path"
        try:
            if not entry.reads_body:
                await exchange.read_body()
                if gate := exchange.request.text("gate"):
                    await exchange.passed(gate)
            await entry.script(exchange)
        except asyncio.CancelledError:
            outcome = "disconnected"
            raise
        except Exception as error:
            outcome = "failed"
            self.errors.append(error)
        finally:
            if exchange.record.outcome == "running":
                self.requests.update(exchange.record, outcome=outcome)
        return outcome == "done" and not exchange.close and not exchange.body_unread


def _url(scheme: str, host: str, port: int, path: str, query: dict[str, object]) -> str:
    encoded = urllib.parse.urlencode(query, quote_via=urllib.parse.quote, doseq=True)
    return f"{scheme}://{host}:{port}{path}" + (f"?{encoded}" if encoded else "")
