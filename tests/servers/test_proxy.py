"""The proxy and the ports without a server do what they say."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json

import pycurl
import pytest

from tests.servers.curl_client import fetch
from tests.servers.payload import payload
from tests.servers.ports import RefusingPort, SilentPort
from tests.servers.proxy import ProxyServer
from tests.servers.scripted import ScriptedServer
from tests.servers.tls import CertificateAuthority


def test_proxy_forwards_and_tunnels(
    proxy: ProxyServer, scripted: ScriptedServer, ca: CertificateAuthority
) -> None:
    options: dict[int, object] = {pycurl.PROXY: proxy.url, pycurl.NOPROXY: ""}
    assert fetch(scripted.url("/payload/100000"), options=options).body == payload(100_000)
    assert scripted.requests[0].header("via") == "1.1 test-proxy"
    options[pycurl.POSTFIELDS] = payload(70_000)
    assert json.loads(fetch(scripted.url("/upload"), options=options).body)["length"] == 70_000
    assert json.loads(fetch(scripted.tls_url("/upload"), ca.ca_file, options).body)["length"] == 70_000
    methods = [(record.method, record.target.split("?")[0]) for record in proxy.requests]
    assert methods == [
        ("GET", scripted.url("/payload/100000")),
        ("POST", scripted.url("/upload")),
        ("CONNECT", f"localhost:{scripted.tls_ports['good']}"),
    ]
    proxy.refuse = 503
    assert fetch(scripted.tls_url("/ok"), ca.ca_file, options).error == pycurl.E_COULDNT_CONNECT


def test_proxy_refuses_strangers_and_the_rest_of_the_world(scripted: ScriptedServer) -> None:
    with ProxyServer(credentials=("me", "pass")) as proxy:
        options: dict[int, object] = {pycurl.PROXY: proxy.url, pycurl.NOPROXY: ""}
        assert fetch(scripted.url("/ok"), options=options).status == 407
        options[pycurl.PROXYUSERPWD] = "me:pass"
        assert fetch(scripted.url("/ok"), options=options).body == b"ok"
        assert scripted.requests[-1].header("proxy-authorization") is None
        assert fetch("http://192.0.2.1/", options=options).status == 502


def test_an_upstream_connection_is_forgotten_although_its_client_goes_away_meanwhile(
    proxy: ProxyServer, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the guards take whatever gets its number next for a socket of the proxy."""

    async def cancelled(writer: asyncio.StreamWriter) -> None:
        raise asyncio.CancelledError

    async def connect() -> None:
        async with proxy.upstream("127.0.0.1", scripted.port):
            pass

    monkeypatch.setattr(asyncio.StreamWriter, "wait_closed", cancelled)
    with pytest.raises(concurrent.futures.CancelledError):
        proxy.run(connect())
    assert proxy.upstream_descriptors == set()


def test_ports(refusing_port: RefusingPort, silent_port: SilentPort) -> None:
    assert fetch(refusing_port.url()).error == pycurl.E_COULDNT_CONNECT
    options = {pycurl.CONNECTTIMEOUT_MS: 200}
    assert fetch(silent_port.url(), options=options).error == pycurl.E_OPERATION_TIMEDOUT
