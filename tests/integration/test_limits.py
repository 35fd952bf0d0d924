"""Limits for programs that fetch what strangers name: sizes, ratios, addresses, schemes; and secrets."""

from __future__ import annotations

import gzip
import ipaddress
import socket
from pathlib import Path
from typing import Any

import pycurl
import pytest

import urlmon
from tests.recording import Recorder, bind, finish
from tests.servers.exchange import Exchange
from tests.servers.scripted import ScriptedServer
from urlmon import HRESULT, NON_PUBLIC_NETWORKS, TYMED, BindInfo

STORAGES = [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL]


def run(url: str, info: BindInfo, storage: TYMED = TYMED.ISTREAM, path: Any = None) -> Recorder:
    client = Recorder(info)
    bind(url, client, storage, path)
    finish(client)
    return client


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(
    ("size", "limit", "fits"), [(1000, 1000, True), (1001, 1000, False), (300_000, 100_000, False)]
)
def test_max_bytes(
    scripted: ScriptedServer, tmp_path: Path, *, storage: TYMED, size: int, limit: int, fits: bool
) -> None:
    target = tmp_path / "target" if storage == TYMED.FILE else None
    client = run(scripted.url(f"/payload/{size}"), BindInfo(max_bytes=limit), storage, target)
    if fits:
        assert client.hresult == HRESULT.S_OK
    else:
        assert type(client.error) is urlmon.TransferError
        assert "max_bytes" in str(client.error)
        assert list(tmp_path.iterdir()) == []


def test_max_header_bytes_counts_all_heads(scripted: ScriptedServer) -> None:
    async def wordy(exchange: Exchange) -> None:
        for _ in range(10):
            await exchange.raw(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
        await exchange.reply(200, [("X-Long", "x" * 500)], b"body")

    scripted.script("/wordy", wordy)
    assert run(scripted.url("/wordy"), BindInfo(max_header_bytes=2000)).hresult == HRESULT.S_OK
    client = run(scripted.url("/wordy"), BindInfo(max_header_bytes=700))
    assert type(client.error) is urlmon.TransferError
    assert "max_header_bytes" in str(client.error)


def test_redirects_count_for_the_head(scripted: ScriptedServer) -> None:
    url = scripted.url("/redirect/chain/20")
    assert run(url, BindInfo(max_header_bytes=4000)).hresult == HRESULT.S_OK
    assert run(scripted.url("/redirect/chain/0"), BindInfo(max_header_bytes=500)).hresult == HRESULT.S_OK
    client = run(url, BindInfo(max_header_bytes=500))
    assert "max_header_bytes" in str(client.error)


@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.HGLOBAL])
def test_max_ratio(scripted: ScriptedServer, storage: TYMED) -> None:
    bomb = gzip.compress(bytes(20 << 20))
    fair = gzip.compress(b"".join(b"%d " % number for number in range(500_000)))

    async def serve(exchange: Exchange) -> None:
        body = bomb if exchange.request.path == "/bomb" else fair
        await exchange.reply(200, [("Content-Encoding", "gzip")], body)

    scripted.script("/bomb", serve)
    scripted.script("/fair", serve)
    assert run(scripted.url("/fair"), BindInfo(max_ratio=100), storage).hresult == HRESULT.S_OK
    client = run(scripted.url("/bomb"), BindInfo(max_ratio=100), storage)
    assert type(client.error) is urlmon.TransferError
    assert "max_ratio" in str(client.error)
    assert len(client.body) < 4 << 20
    assert run(scripted.url("/bomb"), BindInfo(), storage).hresult == HRESULT.S_OK


@pytest.mark.parametrize("name", ["max_bytes", "max_header_bytes", "max_ratio"])
@pytest.mark.parametrize("value", [-1, 1 << 62])
def test_limits_are_checked(name: str, value: int) -> None:
    with pytest.raises(urlmon.InvalidRequestError, match=name):
        run("http://127.0.0.1/", BindInfo(**{name: value}))


# -- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rules",
    [
        {"deny_address": NON_PUBLIC_NETWORKS},
        {"deny_address": "127.0.0.0/8"},
        {"deny_address": [ipaddress.ip_network("127.0.0.1/32")]},
        {"deny_address": ["::ffff:127.0.0.1"]},
        {"allow_address": ["10.0.0.0/8", "2001:db8::/32"]},
        {"allow_address": []},
        {"allow_address": ["127.0.0.0/8"], "deny_address": ["127.0.0.1"]},
    ],
)
def test_a_denied_address_is_not_connected_to(scripted: ScriptedServer, rules: dict[str, Any]) -> None:
    check_denied(scripted, "127.0.0.1", rules)


@pytest.mark.parametrize("rules", [{"deny_address": NON_PUBLIC_NETWORKS}, {"allow_address": ["10.0.0.0/8"]}])
def test_a_name_whose_addresses_are_all_denied(scripted: ScriptedServer, rules: dict[str, Any]) -> None:
    check_denied(scripted, "localhost", rules)


def check_denied(scripted: ScriptedServer, host: str, rules: dict[str, Any]) -> None:
    client = run(scripted.url("/ok", host=host), BindInfo(proxy="", **rules))
    assert isinstance(client.error, urlmon.AddressError), client.error
    assert client.hresult == HRESULT.E_ACCESSDENIED
    assert "not allowed" in str(client.error)
    assert len(scripted.requests) == 0


@pytest.mark.parametrize(
    "rules",
    [
        {"allow_address": ["127.0.0.0/8"]},
        {"allow_address": "127.0.0.1", "deny_address": ["127.0.0.2/31", "::/96"]},
        {"deny_address": ["126.0.0.0/8", "128.0.0.0/1"]},
        {"allow_address": ["::ffff:127.0.0.0/104"]},
    ],
)
def test_a_permitted_address_is_connected_to(scripted: ScriptedServer, rules: dict[str, Any]) -> None:
    assert run(scripted.url("/ok"), BindInfo(proxy="", **rules)).hresult == HRESULT.S_OK


def test_a_host_of_which_one_address_is_permitted(scripted: ScriptedServer) -> None:
    if not scripted.has_ipv6:
        pytest.skip("no IPv6 loopback here")
    for denied in ("127.0.0.0/8", "::1"):
        found = {item[0] for item in socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)}
        if found != {socket.AF_INET, socket.AF_INET6}:
            pytest.skip("localhost has one address here")
        assert (
            run(scripted.url("/ok", host="localhost"), BindInfo(proxy="", deny_address=denied)).hresult
            == HRESULT.S_OK
        )


def test_a_connection_of_another_request_is_not_used(scripted: ScriptedServer) -> None:
    """It was opened without rules and is idle: no socket would be opened."""
    assert run(scripted.url("/ok"), BindInfo(proxy="")).hresult == HRESULT.S_OK
    client = run(scripted.url("/ok"), BindInfo(proxy="", deny_address=["127.0.0.0/8"]))
    assert isinstance(client.error, urlmon.AddressError)
    assert "127.0.0.1" in str(client.error)
    assert len(scripted.requests) == 1


def test_a_redirect_to_a_denied_address(scripted: ScriptedServer) -> None:
    url = scripted.url("/redirect", to=f"http://127.0.0.2:{scripted.port}/ok")
    client = run(url, BindInfo(proxy="", deny_address=["127.0.0.2"]))
    assert isinstance(client.error, urlmon.AddressError)
    assert "127.0.0.2" in str(client.error)


@pytest.mark.parametrize("network", ["10.0.0.1/8", "nonsense", "1.2.3.4/33", "::/129"])
def test_what_is_no_network(network: str) -> None:
    with pytest.raises(urlmon.InvalidRequestError):
        run("http://127.0.0.1/", BindInfo(deny_address=[network]))


def test_the_list_denies_what_is_not_public() -> None:
    networks = [ipaddress.ip_network(text) for text in NON_PUBLIC_NETWORKS]
    for text in (
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "192.168.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "ff02::1",
    ):
        address = ipaddress.ip_address(text)
        assert any(address in network for network in networks if network.version == address.version), text
    for text in ("1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450::1"):
        address = ipaddress.ip_address(text)
        assert not any(address in network for network in networks if network.version == address.version), text


# -- what goes into a request ----------------------------------------------------------------------------------------

INJECTIONS = ["a\r\nX-Injected: 1", "a\nX: 1", "a\rX", "a\0b", "\x7f"]


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize(
    "make",
    [
        lambda text: BindInfo(headers={"X-A": text}),
        lambda text: BindInfo(headers={text: "value"}),
        lambda text: BindInfo(user_agent=text),
        lambda text: BindInfo(custom_verb=text, verb=urlmon.BINDVERB.CUSTOM),
        lambda text: BindInfo(extra_info="?" + text),
        lambda text: BindInfo(proxy="http://127.0.0.1:1/" + text),
        lambda text: BindInfo(proxy=f"http://{text}:password@127.0.0.1:1"),
        lambda text: BindInfo(
            curl_options={pycurl.USERPWD: text + ":b", pycurl.HTTPAUTH: pycurl.HTTPAUTH_DIGEST}
        ),
        lambda text: BindInfo(curl_options={pycurl.USERNAME: text}),
        lambda text: BindInfo(curl_options={pycurl.REFERER: text}),
        lambda text: BindInfo(curl_options={pycurl.COOKIE: text.encode()}),
        lambda text: BindInfo(curl_options={pycurl.HTTPHEADER: ["A: " + text]}),
        lambda text: BindInfo(curl_options={10305: text}),  # AWS_SIGV4
    ],
)
def test_no_line_of_its_own(scripted: ScriptedServer, make: Any, text: str) -> None:
    with pytest.raises((urlmon.InvalidRequestError, urlmon.InvalidURLError)):
        run(scripted.url("/ok"), make(text))
    assert len(scripted.requests) == 0


def test_a_body_may_hold_anything(scripted: ScriptedServer) -> None:
    body = bytes(range(256))
    client = run(scripted.url("/ok"), BindInfo(verb=urlmon.BINDVERB.POST, data=body))
    assert client.hresult == HRESULT.S_OK
    assert scripted.requests[0].body == body


@pytest.mark.parametrize(
    "target",
    [
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "gopher://127.0.0.1:1/x",
        "dict://127.0.0.1:1/x",
        "smb://127.0.0.1/x/y",
        "data:,x",
    ],
)
@pytest.mark.parametrize("schemes", [("http", "https"), ("http",)])
def test_no_redirect_to_another_scheme(
    scripted: ScriptedServer, target: str, schemes: tuple[str, ...]
) -> None:
    async def send(exchange: Exchange) -> None:
        await exchange.reply(302, [("Location", target)])

    scripted.script("/away", send)
    client = run(scripted.url("/away"), BindInfo(schemes=schemes))
    assert isinstance(client.error, urlmon.BindError)
    assert client.body == b""


# -- secrets ---------------------------------------------------------------------------------------------------------

SECRET = "hunter2secret"


def test_secrets_are_in_no_text(scripted: ScriptedServer, capfd: pytest.CaptureFixture[str]) -> None:
    plain = scripted.url("/short", size=100, sent=10)
    url = plain.replace("http://", f"http://user:{SECRET}@")
    info = BindInfo(
        proxy="",
        headers={"Authorization": f"Bearer {SECRET}", "Cookie": f"a={SECRET}"},
        curl_options={pycurl.PROXYUSERPWD: f"user:{SECRET}", pycurl.PROXYHEADER: [f"X: {SECRET}"]},
    )
    moniker = urlmon.create_url_moniker(url)
    client = Recorder(info)
    moniker.bind_to_storage(urlmon.create_async_bind_ctx(client))
    texts = [repr(client.binding), str(client.binding)]
    finish(client)
    error = client.error
    texts += [
        repr(moniker),
        str(moniker),
        repr(info),
        str(info),
        repr(client.binding),
        repr(urlmon.Apartment.current()),
    ]
    texts += [repr(urlmon.create_uri(url)), repr(urlmon.create_uri_builder(urlmon.create_uri(url)))]
    texts += [str(error), repr(error), repr(vars(error)), repr(error.args)]
    texts += [
        repr(BindInfo(proxy=f"http://u:{SECRET}@127.0.0.1:1")),
        repr(BindInfo(proxy=f"u:{SECRET}@127.0.0.1:1")),
    ]
    texts += [
        repr(BindInfo(data=SECRET.encode())),
        repr(urlmon.Apartment.current().statistics()),
        *capfd.readouterr(),
    ]
    for text in texts:
        assert SECRET not in text
    assert scripted.requests[0].header("Authorization") is not None, "it was sent"
    assert "headers=<Authorization, Cookie>" in repr(info)
