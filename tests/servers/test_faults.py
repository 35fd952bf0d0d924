"""The faults of the scripted server are the faults they claim to be."""

from __future__ import annotations

import socket
import urllib.parse

import pycurl
import pytest

from tests.servers.curl_client import fetch
from tests.servers.faults import BAD_CHUNKS, BAD_HEADERS
from tests.servers.payload import payload
from tests.servers.scripted import ScriptedServer
from tests.servers.tls import CertificateAuthority


def ask(server: ScriptedServer, path: str, **query: int) -> bytes:
    """All bytes of the raw answer to a GET; what a reset leaves when it comes to that."""
    target = server.url(path).split("/", 3)[3] + "?" + urllib.parse.urlencode(query)
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        connection.sendall(f"GET /{target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        try:
            while data := connection.recv(1 << 16):
                answer += data
        except ConnectionResetError:
            answer += b"<reset>"
    return answer


def test_short_body(scripted: ScriptedServer) -> None:
    response = fetch(scripted.url("/short", size=1000, sent=10))
    assert (response.error, response.body) == (pycurl.E_PARTIAL_FILE, payload(10))


@pytest.mark.parametrize("at", [-1, 0, 10, 300_000])
def test_reset_comes_after_exactly_so_many_bytes(scripted: ScriptedServer, at: int) -> None:
    answer = ask(scripted, "/reset", size=400_000, at=at)
    assert answer.endswith(b"<reset>")
    assert answer.removesuffix(b"<reset>").partition(b"\r\n\r\n")[2] == payload(max(at, 0))
    assert scripted.requests[0].outcome == "reset"


def test_reset_over_tls(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    response = fetch(scripted.tls_url("/reset", size=1000, at=600), ca.ca_file)
    assert (response.error, response.body) == (pycurl.E_RECV_ERROR, payload(600))


@pytest.mark.parametrize("how", ["reset", "short"])
def test_flaky_then_resumed(scripted: ScriptedServer, how: str) -> None:
    url = scripted.url(f"/flaky/{how}/1000", at=400, how=how)
    first = fetch(url)
    assert first.error in (pycurl.E_RECV_ERROR, pycurl.E_PARTIAL_FILE)
    second = fetch(url, options={pycurl.RANGE: f"{len(first.body)}-"})
    assert (second.status, first.body + second.body) == (206, payload(1000))
    assert [record.bytes_sent for record in scripted.requests] == [400, 600]


def test_no_answer(scripted: ScriptedServer) -> None:
    assert fetch(scripted.url("/no-answer")).error == pycurl.E_GOT_NOTHING


def test_status_line(scripted: ScriptedServer) -> None:
    assert fetch(scripted.url("/status-line", line="Nonsense")).error != 0
    assert fetch(scripted.url("/status-line", line="HTTP/1.1 299 Odd")).status == 299


@pytest.mark.parametrize("kind", BAD_HEADERS)
def test_bad_headers_are_sent(scripted: ScriptedServer, kind: str) -> None:
    head, _, body = ask(scripted, f"/bad-header/{kind}").partition(b"\r\n\r\n")
    assert BAD_HEADERS[kind].strip() in head
    assert body == b"ok"


def test_headers_without_end(scripted: ScriptedServer) -> None:
    assert fetch(scripted.url("/endless-headers")).error != 0
    scripted.requests.wait_for(lambda seen: seen.outcome == "disconnected")
    assert fetch(scripted.url("/long-header", size=200_000)).error != 0
    assert fetch(scripted.url("/long-header", size=5_000)).header("x-long") == "x" * 5_000


@pytest.mark.parametrize("kind", BAD_CHUNKS)
def test_bad_chunks(scripted: ScriptedServer, kind: str) -> None:
    response = fetch(scripted.url(f"/bad-chunk/{kind}"))
    assert response.error != 0
    assert response.body.startswith(payload(100))


def test_extra_bytes(scripted: ScriptedServer) -> None:
    assert fetch(scripted.url("/extra-bytes")).body == payload(100)
    assert ask(scripted, "/extra-bytes").endswith(payload(110))
