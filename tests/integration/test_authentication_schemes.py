"""What a server offers for authentication, and what libcurl and the client make of it (contract 8.2)."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest

import urlmon
from tests.integration.services import LOGIN, Authenticator
from tests.recording import Recorder, bind, finish
from tests.servers import CertificateAuthority, Exchange, ScriptedServer, payload
from tests.servers.caddy import CaddyServer
from tests.servers.caddy_config import PASSWORD, USER
from urlmon import AUTHENTICATEF, BINDF2, HRESULT, BindInfo, libcurl_info
from urlmon.authschemes import offered_schemes, why_not_authenticated

NTLM = "NTLM" in libcurl_info()["features"]  # type: ignore[operator]

DIGEST = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


def script_digest(server: ScriptedServer) -> str:
    """A path for Digest authentication (RFC 7616, MD5, qop=auth) of LOGIN."""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    async def digest(exchange: Exchange) -> None:
        sent = exchange.request.header("Authorization") or ""
        found = {name: quoted or bare for name, quoted, bare in DIGEST.findall(sent)}
        if sent.startswith("Digest "):
            secret = md5(f"{LOGIN[0]}:digest:{LOGIN[1]}")
            content = md5(f"{exchange.request.method}:{found['uri']}")
            middle = f"{found['nonce']}:{found['nc']}:{found['cnonce']}:auth"
            if found["username"] == LOGIN[0] and found["response"] == md5(f"{secret}:{middle}:{content}"):
                await exchange.reply(200, [("Content-Type", "text/plain")], b"welcome")
                return
        challenge = 'Digest realm="digest", nonce="abc", qop="auth", algorithm=MD5'
        await exchange.reply(401, [("WWW-Authenticate", challenge)], b"who are you?\n")

    server.script("/digest", digest)
    return server.url("/digest")


def script_offer(scripted: ScriptedServer, offer: str, status: int = 401) -> str:
    async def refuse(exchange: Exchange) -> None:
        await exchange.reply(status, [("WWW-Authenticate", offer)], b"who are you?")

    scripted.script("/door", refuse)
    return scripted.url("/door")


@pytest.mark.parametrize("offer", ["NTLM", "ntlm, Bearer", "NTLM TlRMTVNTUAAB"])
def test_ntlm_where_libcurl_has_it(scripted: ScriptedServer, offer: str) -> None:
    """Where it has not, nobody is asked for a password that could not be used, and an error says why."""
    url = script_offer(scripted, offer)
    recorder = bind(url, Authenticator(LOGIN))
    finish(recorder)
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.body == b"who are you?"
    assert ("authenticate" in recorder.methods) is NTLM
    sent = [request.header("Authorization") for request in scripted.requests]
    assert any((value or "").startswith("NTLM ") for value in sent) is NTLM
    with pytest.raises(urlmon.HTTPStatusError) as caught:
        urlmon.url_open_blocking_stream(url, Authenticator(LOGIN))
    assert caught.value.hresult == HRESULT.INET_E_AUTHENTICATION_REQUIRED
    assert ("offers ntlm only, which this libcurl was built without" in str(caught.value)) is not NTLM


@pytest.mark.parametrize("offer", ['NTLM, Basic realm="x"', 'Basic realm="NTLM, x", ntlm'])
def test_another_scheme_beside_ntlm(scripted: ScriptedServer, offer: str) -> None:
    recorder = bind(script_offer(scripted, offer), Authenticator(LOGIN, info=BindInfo()))
    finish(recorder)
    assert recorder.methods.count("authenticate") == 3
    if not NTLM:
        login = "Basic dXNlcjpzZWNyZXQ="
        assert [request.header("Authorization") for request in scripted.requests] == [None, *[login] * 3]


def test_negotiate_is_left_to_libcurl(scripted: ScriptedServer) -> None:
    """Without a ticket nothing can be offered to the server; that is no failure of the bind."""
    recorder = bind(script_offer(scripted, "Negotiate"), Authenticator(LOGIN))
    finish(recorder)
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.body == b"who are you?"
    asked = "SPNEGO" in libcurl_info()["features"]  # type: ignore[operator]
    assert recorder.methods.count("authenticate") == (3 if asked else 0)


@pytest.mark.parametrize(
    ("offer", "status", "expected"),
    [
        ("NTLM", 401, 8),
        ("Negotiate, NTLM", 401, 12),
        ('Digest realm="a, NTLM", Basic realm="x"', 401, 3),
        ("Bearer", 401, 0),
        ("Basic", 407, 0),
        ("", 401, 0),
    ],
)
def test_what_a_response_offers(offer: str, status: int, expected: int) -> None:
    head = f"HTTP/1.1 {status} x\r\nWWW-Authenticate: {offer}\r\n\r\n".encode()
    assert offered_schemes(head, status) == expected


def test_why_nobody_was_authenticated(monkeypatch: pytest.MonkeyPatch) -> None:
    head = b"HTTP/1.1 407 x\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate\r\n\r\n"
    monkeypatch.setattr("urlmon.authschemes.known_schemes", lambda: 3)
    assert why_not_authenticated(head, 407) == (
        "the server offers ntlm and negotiate only, which this libcurl was built without"
    )
    assert why_not_authenticated(head, 401) == why_not_authenticated(head, 404) == ""
    monkeypatch.setattr("urlmon.authschemes.known_schemes", lambda: 4)
    assert why_not_authenticated(head, 407) == ""


def test_digest(scripted: ScriptedServer) -> None:
    recorder = bind(script_digest(scripted), Authenticator(("user", "wrong"), LOGIN))
    finish(recorder)
    assert recorder.body == b"welcome"
    assert recorder.methods.count("authenticate") == 2


def test_basic_of_a_real_server(caddy: CaddyServer, ca: CertificateAuthority) -> None:
    path = caddy.write("services/file", payload(100_000))
    info = BindInfo(ca_file=str(ca.ca_file))
    for url in (caddy.http_url, caddy.https_url):
        recorder = bind(f"{url}/private{path}", Authenticator((USER, "wrong"), (USER, PASSWORD), info=info))
        finish(recorder)
        assert recorder.body == payload(100_000)
        assert recorder.methods.count("authenticate") == 2


def test_a_scheme_that_nobody_can(scripted: ScriptedServer) -> None:
    async def strange(exchange: Exchange) -> None:
        await exchange.reply(401, [("WWW-Authenticate", 'Hobbit realm="Basic, not"')], b"no")

    scripted.script("/strange", strange)
    recorder = bind(scripted.url("/strange"), Authenticator(LOGIN))
    finish(recorder)
    assert "authenticate" not in recorder.methods
    assert recorder.body == b"no"


def test_basic_over_plain_http_may_be_forbidden(scripted: ScriptedServer) -> None:
    info = BindInfo(flags2=BINDF2.DISABLEBASICOVERHTTP)
    recorder = bind(scripted.url("/basic"), Authenticator(LOGIN, info=info))
    finish(recorder)
    assert "authenticate" not in recorder.methods
    second = bind(script_digest(scripted), Authenticator(LOGIN, info=info))
    finish(second)
    assert second.body == b"welcome"


def test_authenticate_ex_gets_flags(scripted: ScriptedServer) -> None:
    seen: list[AUTHENTICATEF] = []

    class Extended(Recorder):
        def authenticate_ex(self, flags: AUTHENTICATEF) -> Any:
            seen.append(flags)
            return LOGIN

        def authenticate(self) -> Any:
            raise AssertionError("the extended one is preferred")

    recorder = bind(scripted.url("/basic"), Extended())
    finish(recorder)
    assert recorder.body == b"welcome"
    finish(bind(script_digest(scripted), Extended()))
    assert seen == [AUTHENTICATEF.HTTP | AUTHENTICATEF.BASIC, AUTHENTICATEF.HTTP]
