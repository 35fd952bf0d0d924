"""Caddy does what `caddy_config` says."""

from __future__ import annotations

import gzip
import json
import socket
from pathlib import Path

import pycurl
import pytest

from tests.servers.caddy import CaddyServer
from tests.servers.curl_client import fetch
from tests.servers.payload import payload
from tests.servers.tls import CertificateAuthority

VERSIONS = {
    "1.1": (pycurl.CURL_HTTP_VERSION_1_1, "HTTP/1.1"),
    "2": (pycurl.CURL_HTTP_VERSION_2TLS, "HTTP/2.0"),
    "3": (pycurl.CURL_HTTP_VERSION_3ONLY, "HTTP/3.0"),
}


@pytest.mark.parametrize("version", VERSIONS)
def test_https_speaks(caddy: CaddyServer, ca: CertificateAuthority, version: str) -> None:
    wanted, name = VERSIONS[version]
    response = fetch(caddy.https_url + "/echo?x=1", ca.ca_file, {pycurl.HTTP_VERSION: wanted})
    assert response.error == 0
    echo = json.loads(response.body)
    assert (echo["proto"], echo["method"], echo["uri"]) == (name, "GET", "/echo?x=1")


def test_clear_http2(caddy: CaddyServer) -> None:
    response = fetch(
        caddy.h2c_url + "/echo", options={pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE}
    )
    assert json.loads(response.body)["proto"] == "HTTP/2.0"


def test_plain_port_is_http11_only(caddy: CaddyServer) -> None:
    assert json.loads(fetch(caddy.http_url + "/echo").body)["proto"] == "HTTP/1.1"


def test_ipv6(caddy: CaddyServer) -> None:
    if not caddy.has_ipv6:
        pytest.skip("no ::1 here")
    assert fetch(caddy.http6_url + "/status/200").body == b"status 200"


def test_echo_of_headers_and_body(caddy: CaddyServer) -> None:
    response = fetch(
        caddy.http_url + "/echo/there",
        options={pycurl.POSTFIELDS: 'a "quoted" body', pycurl.HTTPHEADER: ["X-One: 1", "X-Reply: back"]},
    )
    echo = json.loads(response.body)
    assert echo["method"] == "POST"
    assert echo["body"] == 'a "quoted" body'
    assert echo["headers"]["X-One"] == ["1"]
    assert response.header("x-reply") == "back"


@pytest.mark.parametrize("code", [200, 404, 410, 500, 503])
def test_status(caddy: CaddyServer, code: int) -> None:
    response = fetch(f"{caddy.http_url}/status/{code}")
    assert (response.status, response.body) == (code, b"status %d" % code)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirect(caddy: CaddyServer, code: int) -> None:
    first = fetch(f"{caddy.http_url}/redirect/{code}/status/200")
    assert (first.status, first.header("location")) == (code, "/status/200")
    second = fetch(f"{caddy.http_url}/redirect/{code}/status/200", options={pycurl.FOLLOWLOCATION: 1})
    assert (second.status, second.url) == (200, caddy.http_url + "/status/200")


def test_files_and_ranges(caddy: CaddyServer) -> None:
    path = caddy.write("files/data.bin", payload(100_000))
    whole = fetch(caddy.http_url + path)
    assert whole.body == payload(100_000)
    assert whole.header("etag")
    assert whole.header("last-modified")
    part = fetch(caddy.http_url + path, options={pycurl.RANGE: "70000-"})
    assert (part.status, part.body) == (206, payload(100_000, start=70_000))
    assert fetch(caddy.http_url + "/no/such/file").status == 404


def test_basic_authentication(caddy: CaddyServer) -> None:
    caddy.write("secret.txt", b"secret")
    url = caddy.http_url + "/private/secret.txt"
    refused = fetch(url)
    assert refused.status == 401
    assert (refused.header("www-authenticate") or "").startswith("Basic")
    assert fetch(url, options={pycurl.USERPWD: f"{caddy.user}:{caddy.password}"}).body == b"secret"


def test_gzip(caddy: CaddyServer) -> None:
    text = b"compress me\n" * 1000
    caddy.write("text.txt", text)
    packed = fetch(caddy.http_url + "/gzip/text.txt", options={pycurl.HTTPHEADER: ["Accept-Encoding: gzip"]})
    assert packed.header("content-encoding") == "gzip"
    assert gzip.decompress(packed.body) == text
    assert fetch(caddy.http_url + "/gzip/text.txt").body == text


def test_unknown_authority_is_refused(caddy: CaddyServer, ca: CertificateAuthority) -> None:
    assert fetch(caddy.https_url, ca.unknown_ca_file).error == pycurl.E_PEER_FAILED_VERIFICATION


def test_nothing_remains_after_stop(tmp_path: Path, ca: CertificateAuthority) -> None:
    with CaddyServer(tmp_path, ca) as server:
        port = server.http_port
        with socket.create_connection(("127.0.0.1", port)):
            pass
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pass
    assert "panic" not in server.log.read_text()
