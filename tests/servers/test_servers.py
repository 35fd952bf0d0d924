"""The scripted server does what it says; asked with pycurl."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pycurl
import pytest

from tests.servers.curl_client import fetch
from tests.servers.exchange import Exchange
from tests.servers.payload import lines, payload, payload_pieces, payload_sha256
from tests.servers.scripted import ScriptedServer
from tests.servers.tls import CertificateAuthority


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


def test_payload_is_deterministic_and_seekable() -> None:
    whole = payload(200_000, seed=3)
    assert whole == payload(200_000, seed=3)
    assert whole != payload(200_000, seed=4)
    assert payload(200_000, seed=3, start=123_456) == whole[123_456:]
    assert whole[:65536] != whole[65536:131072]
    assert payload_sha256(200_000, 3) == hashlib.sha256(whole).hexdigest()
    assert max(map(len, payload_pieces(200_000))) <= 65536


def test_record_of_a_request(scripted: ScriptedServer) -> None:
    fetch(scripted.url("/ok", x="a b"), options={pycurl.HTTPHEADER: ["X-One: 1", "X-One: 2"]})
    record = scripted.requests.wait_for(lambda seen: seen.outcome == "done")
    assert (record.method, record.path, record.target) == ("GET", "/ok", "/ok?x=a%20b")
    assert record.header_all("x-one") == ["1", "2"]
    assert (record.order, record.bytes_sent, len(scripted.requests)) == (0, 2, 1)


def test_keep_alive_and_reset_of_connections(scripted: ScriptedServer) -> None:
    curl = pycurl.Curl()
    for _ in range(3):
        assert fetch(scripted.url("/ok"), reuse=curl).body == b"ok"
    assert scripted.connections_opened == 1
    assert {record.connection for record in scripted.requests} == {0}
    scripted.reset()
    assert fetch(scripted.url("/ok"), reuse=curl).body == b"ok"
    assert (scripted.connections_opened, len(scripted.requests)) == (1, 1)
    curl.close()


def test_hosts_and_ipv6(scripted: ScriptedServer) -> None:
    for host in ("127.0.0.1", "localhost", *(["[::1]"] if scripted.has_ipv6 else [])):
        assert fetch(scripted.url("/ok", host=host)).status == 200
        assert scripted.requests[-1].header("host") == f"{host}:{scripted.port}"


def test_tls_leaves(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    assert fetch(scripted.tls_url("/ok"), ca.ca_file).body == b"ok"
    assert fetch(scripted.tls_url("/ok", host="127.0.0.1"), ca.ca_file).body == b"ok"
    assert scripted.requests[0].tls
    for leaf in ("expired", "wrong_host", "unknown"):
        response = fetch(scripted.tls_url("/ok", leaf=leaf), ca.ca_file)
        assert response.error == pycurl.E_PEER_FAILED_VERIFICATION, leaf
    assert fetch(scripted.tls_url("/ok", leaf="unknown"), ca.unknown_ca_file).body == b"ok"
    assert len(scripted.requests) == 3


def test_bad_leaves_are_bad_for_one_reason_each(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    reasons = {}
    for leaf, port in scripted.tls_ports.items():
        context = ssl.create_default_context(cafile=str(ca.ca_file))
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            try:
                context.wrap_socket(plain, server_hostname="localhost").close()
            except ssl.SSLCertVerificationError as error:
                reasons[leaf] = error.verify_code
    assert reasons == {"expired": 10, "wrong_host": 62, "unknown": 20}


def test_big_body(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    size = 20_000_000
    for url in (scripted.url(f"/payload/{size}"), scripted.tls_url(f"/payload/{size}")):
        response = fetch(url, ca.ca_file)
        assert hashlib.sha256(response.body).hexdigest() == payload_sha256(size)


def test_ranges_and_conditions(scripted: ScriptedServer) -> None:
    url = scripted.url("/payload/1000")
    whole = fetch(url)
    etag = whole.header("etag") or ""
    part = fetch(url, options={pycurl.RANGE: "100-199"})
    assert (part.status, part.header("content-range")) == (206, "bytes 100-199/1000")
    assert part.body == payload(200, start=100) == whole.body[100:200]
    assert fetch(url, options={pycurl.RANGE: "-10"}).body == whole.body[-10:]
    assert fetch(url, options={pycurl.RANGE: "1000-"}).status == 416
    assert fetch(scripted.url("/payload/1000", ranges=0), options={pycurl.RANGE: "100-"}).status == 200
    for header, status in (
        (f"If-None-Match: {etag}", 304),
        (f"If-Modified-Since: {whole.header('last-modified')}", 304),
        (f"If-Range: {etag}", 206),
        ('If-Range: "other"', 200),
    ):
        options: dict[int, object] = {pycurl.HTTPHEADER: [header]}
        if header.startswith("If-Range"):
            options[pycurl.RANGE] = "500-"
        assert fetch(url, options=options).status == status, header


def test_versions_change_content_and_validators(scripted: ScriptedServer) -> None:
    first = fetch(scripted.url("/versioned/thing/1000"))
    scripted.set_version("thing", 1)
    second = fetch(scripted.url("/versioned/thing/1000"))
    assert first.body == payload(1000)
    assert second.body == payload(1000, seed=1)
    assert first.header("etag") != second.header("etag")
    assert first.header("last-modified") != second.header("last-modified")


@pytest.mark.parametrize("code", [204, 304, 404, 500])
def test_status(scripted: ScriptedServer, code: int) -> None:
    response = fetch(scripted.url(f"/status/{code}", header="Retry-After:7"))
    assert (response.error, response.status, response.header("retry-after")) == (0, code, "7")
    assert response.body == (b"" if code in (204, 304) else b"status %d\n" % code)


def test_head(scripted: ScriptedServer) -> None:
    curl = pycurl.Curl()
    response = fetch(scripted.url("/payload/1000"), options={pycurl.NOBODY: 1}, reuse=curl)
    assert (response.error, response.body, response.header("content-length")) == (0, b"", "1000")
    assert scripted.requests[0].method == "HEAD"
    assert fetch(scripted.url("/ok"), options={pycurl.NOBODY: 0, pycurl.HTTPGET: 1}, reuse=curl).body == b"ok"
    assert scripted.connections_opened == 1
    curl.close()


@pytest.mark.parametrize("headers", [[], ["Expect: 100-continue"], ["Transfer-Encoding: chunked"]])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_upload(scripted: ScriptedServer, method: str, headers: list[str]) -> None:
    body = payload(150_000)
    options = {pycurl.POSTFIELDS: body, pycurl.CUSTOMREQUEST: method, pycurl.HTTPHEADER: headers}
    seen = json.loads(fetch(scripted.url("/upload"), options=options).body)
    assert (seen["method"], seen["length"], seen["sha256"]) == (method, len(body), payload_sha256(len(body)))
    assert scripted.requests[0].body == body


def test_upload_refused_and_held(scripted: ScriptedServer, pool: ThreadPoolExecutor) -> None:
    options: dict[int, object] = {
        pycurl.POSTFIELDS: payload(1000),
        pycurl.HTTPHEADER: ["Expect: 100-continue"],
    }
    assert fetch(scripted.url("/upload/refused", status=413), options=options).status == 413
    held = pool.submit(fetch, scripted.url("/upload/held", gate="up"), options=options)
    scripted.gates.get("up").wait_waiting()
    assert scripted.requests[-1].body_length == 0
    scripted.release("up")
    assert json.loads(held.result(10).body)["length"] == 1000


def test_interim_answers(scripted: ScriptedServer) -> None:
    response = fetch(scripted.url("/interim", count=2))
    assert (response.status, response.body) == (200, b"ok")
    assert [name for name, _ in response.headers].count("link") == 2


def test_chunks_and_trailers(scripted: ScriptedServer) -> None:
    response = fetch(scripted.url("/chunked", size=1050, chunk=100, trailers=1))
    assert (response.body, response.header("x-checksum")) == (payload(1050), "abc")
    assert fetch(scripted.url("/chunked")).header("x-checksum") is None


def test_until_close(scripted: ScriptedServer) -> None:
    response = fetch(scripted.url("/until-close", size=5000))
    assert (response.body, response.header("content-length")) == (payload(5000), None)


def test_gzip(scripted: ScriptedServer) -> None:
    accept = {pycurl.ACCEPT_ENCODING: "gzip"}
    packed = fetch(scripted.url("/gzip", size=50_000))
    assert gzip.decompress(packed.body) == lines(50_000)
    assert fetch(scripted.url("/gzip", size=50_000), options=accept).body == lines(50_000)
    assert fetch(scripted.url("/gzip", size=50_000, negotiate=1)).header("content-encoding") is None
    cut = fetch(scripted.url("/gzip", size=50_000, keep=500))
    assert zlib.decompressobj(31).decompress(cut.body) != b""
    assert cut.body == packed.body[:500]
    assert fetch(scripted.url("/bad-gzip"), options=accept).error == pycurl.E_BAD_CONTENT_ENCODING


def test_disposition(scripted: ScriptedServer) -> None:
    value = "attachment; filename=\"a b.txt\"; filename*=UTF-8''%e2%82%ac.txt"
    assert fetch(scripted.url("/disposition", value=value)).header("content-disposition") == value


def test_drip(scripted: ScriptedServer) -> None:
    assert fetch(scripted.url("/drip", size=35, chunk=10, interval=0.001)).body == payload(35)


def test_gates(scripted: ScriptedServer, pool: ThreadPoolExecutor) -> None:
    head = pool.submit(fetch, scripted.url("/hold/a", size=10))
    body = pool.submit(fetch, scripted.url("/hold-body/b", size=100_000, at=70_000))
    any_path = pool.submit(fetch, scripted.url("/status/404", gate="a"))
    scripted.gates.get("a").wait_waiting(2)
    scripted.gates.get("b").wait_waiting()
    assert not any(held.done() for held in (head, body, any_path))
    assert scripted.requests.wait_for(lambda seen: seen.path == "/hold-body/b").bytes_sent == 70_000
    scripted.release("a")
    assert (head.result(10).body, any_path.result(10).status) == (payload(10), 404)
    assert fetch(scripted.url("/hold/a")).status == 200
    scripted.release("b")
    assert body.result(10).body == payload(100_000)
    assert not scripted.hold("a").released.is_set()


def test_client_that_goes_away_is_noticed(scripted: ScriptedServer) -> None:
    for count, path in enumerate(("/hang", "/hang-body", "/hold/never", "/hold-body/never"), 1):
        with socket.create_connection(("127.0.0.1", scripted.port)) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\n\r\n".encode())
            record = scripted.requests.wait_count(count)[-1]
        scripted.requests.wait_outcome(record, "disconnected")


def test_redirects(scripted: ScriptedServer) -> None:
    follow: dict[int, object] = {
        pycurl.FOLLOWLOCATION: 1,
        pycurl.MAXREDIRS: 6,
        pycurl.REDIR_PROTOCOLS: pycurl.PROTO_HTTP,
    }
    assert fetch(scripted.url("/redirect/chain/6"), options=follow).body == b"arrived"
    assert fetch(scripted.url("/redirect/chain/7"), options=follow).error == pycurl.E_TOO_MANY_REDIRECTS
    assert fetch(scripted.url("/redirect/loop"), options=follow).error == pycurl.E_TOO_MANY_REDIRECTS
    for location in ("file:///etc/hosts", "ftp://127.0.0.1/x", "gopher://x/"):
        response = fetch(scripted.url("/redirect", to=location, status=307), options=follow)
        assert (response.status, response.header("location")) == (307, location)
        assert response.error == pycurl.E_UNSUPPORTED_PROTOCOL
    assert fetch(scripted.url("/redirect/nowhere"), options=follow).status == 302


def test_redirect_to_another_host_shows_its_headers(scripted: ScriptedServer) -> None:
    target = scripted.url("/echo", host="localhost")
    options = {pycurl.FOLLOWLOCATION: 1, pycurl.USERPWD: "user:secret"}
    assert fetch(scripted.url("/redirect", to=target), options=options).status == 200
    first, second = scripted.requests.wait_count(2)
    assert (first.header("host"), second.header("host")) == (
        f"127.0.0.1:{scripted.port}",
        f"localhost:{scripted.port}",
    )
    assert first.header("authorization")
    assert second.header("authorization") is None


def test_basic_authentication(scripted: ScriptedServer) -> None:
    assert fetch(scripted.url("/basic")).status == 401
    assert fetch(scripted.url("/basic"), options={pycurl.USERPWD: "user:wrong"}).status == 401
    assert fetch(scripted.url("/basic"), options={pycurl.USERPWD: "user:secret"}).body == b"welcome"
    assert [bool(record.header("authorization")) for record in scripted.requests] == [False, True, True]


def test_script_of_a_test(scripted: ScriptedServer) -> None:
    async def mine(exchange: Exchange) -> None:
        await exchange.reply(200, [("X-Mine", exchange.request.text("x"))], b"mine")

    scripted.script("/mine/", mine)
    assert fetch(scripted.url("/mine/a", x=5)).header("x-mine") == "5"
    scripted.reset()
    assert fetch(scripted.url("/mine/a")).status == 404


def test_error_in_a_script_is_kept(scripted: ScriptedServer) -> None:
    async def broken(exchange: Exchange) -> None:
        raise KeyError("bug")

    scripted.script("/broken", broken)
    assert fetch(scripted.url("/broken")).error == pycurl.E_GOT_NOTHING
    scripted.requests.wait_for(lambda seen: seen.outcome == "failed")
    assert [str(error) for error in scripted.errors] == ["'bug'"]
    scripted.errors.clear()


def test_many_clients_at_once(scripted: ScriptedServer) -> None:
    with ThreadPoolExecutor(16) as pool:
        futures = [pool.submit(fetch, scripted.url("/payload/1000", gate="all")) for _ in range(16)]
        scripted.gates.get("all").wait_waiting(16)
        scripted.release("all")
        assert {future.result(10).body for future in futures} == {payload(1000)}
    assert scripted.connections_opened == 16


def test_waiting_for_a_request_has_a_limit(scripted: ScriptedServer) -> None:
    with pytest.raises(TimeoutError, match="seen: \\[\\]"):
        scripted.requests.wait_for(lambda seen: True, timeout=0.01)


def test_stop_ends_the_thread_and_open_requests(pool: ThreadPoolExecutor) -> None:
    before = threading.active_count()
    with ScriptedServer() as server:
        future = pool.submit(fetch, server.url("/hang"))
        server.requests.wait_count(1)
    assert future.result(10).error in (pycurl.E_GOT_NOTHING, pycurl.E_RECV_ERROR)
    assert threading.active_count() <= before + 1
