"""Servers the tests talk to. All of them listen on loopback only.

- ``tls``: a certificate authority of our own with good and bad leaf certificates;
- ``caddy``: Caddy, for what a real server does (HTTP/1.1, 2, 3, files, compression, authentication);
- ``scripted``: a server in a thread of this process for what no real server will do (faults, holds);
- ``proxy``: a small recording HTTP proxy (CONNECT and forwarding);
- ``ports``: a port that refuses and a port that never answers.
"""

from __future__ import annotations

from tests.servers.caddy import CaddyServer
from tests.servers.exchange import Exchange, Request
from tests.servers.payload import lines, payload, payload_sha256
from tests.servers.ports import RefusingPort, SilentPort
from tests.servers.proxy import ProxyServer
from tests.servers.recording import RecordedRequest, RequestLog
from tests.servers.scripted import ScriptedServer
from tests.servers.tls import CertificateAuthority, Leaf

__all__ = [
    "CaddyServer",
    "CertificateAuthority",
    "Exchange",
    "Leaf",
    "ProxyServer",
    "RecordedRequest",
    "RefusingPort",
    "Request",
    "RequestLog",
    "ScriptedServer",
    "SilentPort",
    "lines",
    "payload",
    "payload_sha256",
]
