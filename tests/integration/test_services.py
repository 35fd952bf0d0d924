"""The client's optional services, and what they make of a request (contract 7.6, section 8)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

import urlmon
from tests.recording import Negotiator, Recorder, bind, fetch, finish, name_of, nothing_comes, pump_until
from tests.servers import CertificateAuthority, Exchange, ProxyServer, ScriptedServer, payload
from tests.servers.caddy import CaddyServer
from tests.servers.caddy_config import PASSWORD, USER
from urlmon import (
    AUTHENTICATEF,
    BINDF,
    BINDF2,
    BINDINFO_OPTIONS,
    BINDSTATUS,
    BINDSTRING,
    BINDVERB,
    HRESULT,
    INTERNET_ERROR,
    TYMED,
    BindInfo,
    libcurl_info,
)
from urlmon.authschemes import offered_schemes, why_not_authenticated
from urlmon.identifiers import (
    IID_IAuthenticate,
    IID_IBindCallbackRedirect,
    IID_IHttpNegotiate,
    IID_IHttpSecurity,
    IID_IInternetBindInfo,
    IID_IInternetProtocol,
)

LOGIN = ("user", "secret")
DIGEST = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


class Authenticator(Recorder):
    """A Recorder that offers IAuthenticate; `logins` are its answers, the last one for ever."""

    def __init__(self, *logins: Any, info: Any = None, **more: Any) -> None:
        super().__init__(info, **more)
        self.logins = list(logins)

    def authenticate(self) -> Any:
        self._called("authenticate")
        return self.logins.pop(0) if len(self.logins) > 1 else self.logins[0]


class Guard(Recorder):
    """A Recorder that offers IHttpSecurity; `answers` by problem, None for those that are not named."""

    def __init__(self, answers: dict[INTERNET_ERROR, Any], info: Any = None, **more: Any) -> None:
        super().__init__(info, **more)
        self.answers = answers

    def on_security_problem(self, problem: INTERNET_ERROR) -> Any:
        self._called("on_security_problem", problem)
        return self.answers.get(problem)


class Guide(Recorder):
    """A Recorder that offers IBindCallbackRedirect; it cancels what holds the text `forbidden`."""

    def __init__(self, info: Any = None, forbidden: str = "nothing", **more: Any) -> None:
        super().__init__(info, **more)
        self.forbidden = forbidden

    def redirect(self, url: str) -> bool:
        self._called("redirect", url)
        return self.forbidden in url


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


# -- how a service is found (contract 7.6) ---------------------------------------------------------------------------


class Provider(Recorder):
    """Offers nothing itself, but knows who does."""

    def __init__(self, services: dict[UUID, Any], **more: Any) -> None:
        super().__init__(**more)
        self.services = services
        self.asked: list[UUID] = []

    def query_service(self, service: UUID, iid: UUID) -> Any:
        assert service == iid
        self.asked.append(iid)
        return self.services.get(iid)


NTLM = "NTLM" in libcurl_info()["features"]  # type: ignore[operator]


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


def test_services_are_found_through_query_service(scripted: ScriptedServer) -> None:
    service = Authenticator(LOGIN)
    negotiator = Negotiator(beginning_transaction=lambda *args: {"X-From": "service"})
    provider = Provider({IID_IAuthenticate: service, IID_IHttpNegotiate: negotiator})
    finish(bind(scripted.url("/basic"), provider))
    assert provider.body == b"welcome"
    assert service.methods == ["authenticate"]
    assert negotiator.methods == ["beginning_transaction", "on_response"]
    assert scripted.requests[0].header("X-From") == "service"
    assert {call.thread for call in service.calls + negotiator.calls} == {provider.thread}
    # Each is asked for once.
    assert sorted(provider.asked) == sorted(
        [
            IID_IAuthenticate,
            IID_IBindCallbackRedirect,
            IID_IHttpNegotiate,
            IID_IHttpSecurity,
            IID_IInternetBindInfo,
            IID_IInternetProtocol,
        ]
    )


def test_the_callback_itself_comes_first(scripted: ScriptedServer) -> None:
    class Both(Authenticator):
        def query_service(self, service: UUID, iid: UUID) -> Any:
            assert iid != IID_IAuthenticate
            return None

    recorder = bind(scripted.url("/basic"), Both(LOGIN))
    finish(recorder)
    assert recorder.body == b"welcome"


@pytest.mark.parametrize("through", ["itself", "query_service"])
def test_services_of_a_callback_that_others_stand_before(
    scripted: ScriptedServer, tmp_path: Any, through: str
) -> None:
    """The convenience functions have a callback of their own in front of the client's."""
    service = Authenticator(LOGIN, info=BindInfo(flags=BINDF(0)))
    client = service if through == "itself" else Provider({IID_IAuthenticate: service})
    path = urlmon.url_download_to_file(scripted.url("/basic"), tmp_path / "target", client)
    assert (tmp_path / "target").read_bytes() == b"welcome"
    assert str(path) == str(tmp_path / "target")
    assert service.methods.count("authenticate") == 1


def test_a_provider_of_nothing(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/basic"), Provider({}))
    finish(recorder)
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, b"who are you?\n")


# -- IAuthenticate (contract 8.2) ------------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL], ids=name_of)
def test_credentials_are_asked_for_when_they_are_wanted(
    scripted: ScriptedServer, tmp_path: Any, storage: TYMED
) -> None:
    recorder = bind(scripted.url("/basic"), Authenticator(LOGIN), storage, tmp_path / "target")
    finish(recorder)
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.binding.status_code == 200
    names = [name for name in recorder.sequence if name not in ("FINDINGRESOURCE", "CONNECTING")]
    assert names[3:7] == ["SENDINGREQUEST", "authenticate", "SENDINGREQUEST", "MIMETYPEAVAILABLE"]
    assert recorder.methods.count("on_data_available") == 1
    medium = recorder.medium
    match storage:
        case TYMED.ISTREAM:
            assert recorder.body == b"welcome"
        case TYMED.FILE:
            assert (tmp_path / "target").read_bytes() == b"welcome"
        case _:
            assert medium.data == b"welcome"
    assert [request.header("Authorization") is not None for request in scripted.requests] == [False, True]
    assert (
        scripted.connections_opened == 1
    )  # the body of the refusal was read, so its connection served again


def test_the_wrong_password_is_tried_three_times(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/basic"), Authenticator(("user", "wrong")))
    finish(recorder)
    assert recorder.methods.count("authenticate") == 3
    assert len(scripted.requests) == 4
    # A status is no failure of a bind.
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, b"who are you?\n")
    assert recorder.binding.status_code == 401


def test_the_right_password_at_the_third_try(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/basic"), Authenticator(("user", "a"), ("other", "secret"), LOGIN))
    finish(recorder)
    assert recorder.body == b"welcome"
    assert recorder.methods.count("authenticate") == 3


@pytest.mark.parametrize("answer", [None, HRESULT.S_OK, HRESULT.S_FALSE, HRESULT.E_NOTIMPL], ids=name_of)
def test_a_client_without_credentials_gets_the_response(scripted: ScriptedServer, answer: Any) -> None:
    recorder = bind(scripted.url("/basic"), Authenticator(answer))
    finish(recorder)
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, b"who are you?\n")
    assert recorder.methods.count("authenticate") == 1
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    "answer", [HRESULT.E_ACCESSDENIED, HRESULT.E_ABORT, HRESULT.E_INVALIDARG], ids=name_of
)
def test_a_client_that_gives_up(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = bind(scripted.url("/basic"), Authenticator(answer))
    finish(recorder)
    assert recorder.hresult == answer
    assert recorder.sequence[-2:] == ["authenticate", "on_stop_binding"]


def test_an_exception_in_authenticate(scripted: ScriptedServer) -> None:
    def buggy(*args: Any) -> Any:
        raise ZeroDivisionError

    recorder = bind(scripted.url("/basic"), Authenticator(LOGIN, authenticate=buggy))
    with pytest.raises(ZeroDivisionError):
        urlmon.run()
    finish(recorder)
    assert recorder.hresult == HRESULT.E_UNEXPECTED


def test_abort_suspend_and_pump_inside_authenticate(scripted: ScriptedServer) -> None:
    other = bind(scripted.url("/payload/1000"), Recorder())
    recorder = bind(
        scripted.url("/basic"), Authenticator(LOGIN, authenticate=lambda recorder: recorder.binding.abort())
    )
    finish(recorder)
    assert recorder.hresult == HRESULT.E_ABORT

    def pump(recorder: Recorder) -> None:
        pump_until(lambda: other.stopped)
        assert recorder.binding.suspend() == HRESULT.S_OK

    second = bind(scripted.url("/basic"), Authenticator(LOGIN, authenticate=pump))
    pump_until(lambda: "authenticate" in second.methods)
    assert nothing_comes(0.1)
    assert second.binding.resume() == HRESULT.S_OK
    finish(second, other)
    assert second.body == b"welcome"


def test_a_question_that_waits_for_its_pump(scripted: ScriptedServer) -> None:
    """The owner is busy; the I/O thread waits with this transfer, and with no other."""
    recorder = bind(scripted.url("/basic"), Authenticator(LOGIN))
    stream = urlmon.create_url_moniker(scripted.url("/payload/100000"))
    others = [bind(scripted.url("/payload/100000"), Recorder()) for _ in range(5)]
    assert stream.bind_to_storage().read() == payload(100_000)
    finish(recorder, *others)
    assert recorder.body == b"welcome"


def test_aborted_with_the_question_unasked(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/basic"), Authenticator(LOGIN))
    scripted.requests.wait_outcome(*scripted.requests.wait_count(1))
    assert recorder.binding.abort() == HRESULT.S_OK
    finish(recorder)
    assert "authenticate" not in recorder.methods
    assert recorder.hresult == HRESULT.E_ABORT


@pytest.mark.parametrize("size", [0, 1000, 10_000_000])
def test_the_body_of_the_refusal_is_not_delivered(scripted: ScriptedServer, size: int) -> None:
    async def guarded(exchange: Exchange) -> None:
        if exchange.request.header("Authorization"):
            await exchange.reply(200, [("Content-Type", "text/plain")], b"welcome")
        else:
            await exchange.reply(401, [("WWW-Authenticate", "Basic")], payload(size))

    scripted.script("/guarded", guarded)
    recorder = bind(scripted.url("/guarded"), Authenticator(LOGIN))
    finish(recorder)
    assert recorder.body == b"welcome"
    assert recorder.binding.bytes_received == 7


@pytest.mark.parametrize("size", [0, 1000, 5_000_000])
def test_the_body_of_a_refusal_that_is_accepted(scripted: ScriptedServer, size: int) -> None:
    """It waited for the answer; nothing of it is lost."""

    async def guarded(exchange: Exchange) -> None:
        await exchange.reply(401, [("WWW-Authenticate", "Basic"), ("Content-Type", "a/b")], payload(size))

    scripted.script("/guarded", guarded)
    recorder = bind(scripted.url("/guarded"), Authenticator(None))
    finish(recorder)
    assert recorder.body == payload(size)
    assert recorder.flags[-1] & urlmon.BSCF.LASTDATANOTIFICATION


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


@pytest.fixture
def guarded_proxy() -> Iterator[ProxyServer]:
    with ProxyServer(LOGIN) as server:
        yield server


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_credentials_of_a_proxy(
    scripted: ScriptedServer, guarded_proxy: ProxyServer, ca: CertificateAuthority, scheme: str
) -> None:
    """407, both as a response and as the refusal of a tunnel."""
    url = scripted.url() if scheme == "http" else scripted.tls_url()
    info = BindInfo(proxy=guarded_proxy.url, ca_file=str(ca.ca_file))
    recorder = bind(url, Authenticator(("user", "wrong"), LOGIN, info=info))
    finish(recorder)
    assert recorder.body == b"ok"
    assert recorder.methods.count("authenticate") == 2
    assert len(scripted.requests) == 1
    assert scripted.requests[0].header("Proxy-Authorization") is None


def test_a_proxy_and_a_client_without_credentials(
    scripted: ScriptedServer, guarded_proxy: ProxyServer, ca: CertificateAuthority
) -> None:
    info = BindInfo(proxy=guarded_proxy.url, ca_file=str(ca.ca_file))
    recorder = bind(scripted.tls_url(), Authenticator(None, info=info))
    finish(recorder)
    assert urlmon.failed(recorder.hresult)
    assert recorder.methods.count("authenticate") == 1


def test_credentials_do_not_follow_a_redirect_to_another_site(scripted: ScriptedServer) -> None:
    """The first site gets them, asked for by it; the second one has to ask for its own."""
    with ScriptedServer() as other:

        async def guarded(exchange: Exchange) -> None:
            if exchange.request.header("Authorization"):
                await exchange.reply(302, [("Location", other.url("/basic"))], b"moved")
            else:
                await exchange.reply(401, [("WWW-Authenticate", "Basic")], b"who?")

        scripted.script("/guarded", guarded)
        recorder = bind(scripted.url("/guarded"), Authenticator(("first", "password"), LOGIN))
        finish(recorder)
        assert recorder.body == b"welcome"
        assert recorder.methods.count("authenticate") == 2
        assert [request.header("Authorization") is not None for request in other.requests] == [False, True]
        # The request with the second pair went where it belongs, and not through the redirect again.
        assert len(scripted.requests) == 2


def test_credentials_from_bind_strings(scripted: ScriptedServer) -> None:
    strings = {BINDSTRING.USERNAME: LOGIN[0], BINDSTRING.PASSWORD: LOGIN[1]}

    class Stringer(Recorder):
        def get_bind_string(self, which: BINDSTRING) -> str | None:
            return strings.get(which)

    info = BindInfo(options=BINDINFO_OPTIONS.USEBINDSTRINGCREDS)
    recorder = bind(scripted.url("/basic"), Stringer(info))
    finish(recorder)
    assert recorder.body == b"welcome"
    assert fetch(scripted.url("/basic")).binding.status_code == 401
    plain = bind(scripted.url("/basic"), Stringer())
    finish(plain)
    assert plain.binding.status_code == 401


def test_a_post_is_repeated_with_its_body(scripted: ScriptedServer) -> None:
    body = payload(300_000)

    async def guarded(exchange: Exchange) -> None:
        if exchange.request.header("Authorization"):
            await exchange.reply(200, [("Content-Type", "text/plain")], exchange.record.body[:10])
        else:
            await exchange.reply(401, [("WWW-Authenticate", "Basic")], b"who?")

    scripted.script("/guarded", guarded)
    info = BindInfo(verb=BINDVERB.POST, data=body)
    recorder = bind(scripted.url("/guarded"), Authenticator(LOGIN, info=info))
    finish(recorder)
    assert recorder.body == body[:10]
    assert [(request.method, request.body_length) for request in scripted.requests] == [("POST", 300_000)] * 2


# -- IHttpNegotiate::OnResponse (contract 8.1) -----------------------------------------------------------------------


def script_picky(server: ScriptedServer, status: int = 412) -> str:
    """A path that wants "X-Ticket: valid", and answers `status` else."""

    async def picky(exchange: Exchange) -> None:
        if exchange.request.header("X-Ticket") == "valid":
            await exchange.reply(200, [("Content-Type", "text/plain")], b"welcome")
        else:
            await exchange.reply(status, [("Content-Type", "text/plain")], b"no ticket\n")

    server.script("/picky", picky)
    return server.url("/picky")


@pytest.mark.parametrize(
    "additional", [{"X-Ticket": "valid"}, "X-Ticket: valid\r\n", [("x-ticket", "valid")]]
)
@pytest.mark.parametrize("status", [400, 401, 500])
def test_the_request_is_sent_again_with_additional_headers(
    scripted: ScriptedServer, additional: Any, status: int
) -> None:
    url = script_picky(scripted, status)
    recorder = bind(
        url,
        Negotiator(
            BindInfo(headers={"X-Kept": "1", "X-Ticket": "old"}),
            beginning_transaction=lambda *args: {"X-Begin": "2"},
            on_response=lambda recorder, code, head, sent: additional if code == status else None,
        ),
    )
    finish(recorder)
    assert recorder.body == b"welcome"
    responses = recorder.of("on_response")
    assert [code for code, _, _ in responses] == [status, 200]
    assert responses[0][2] == "X-Kept: 1\r\nX-Ticket: old\r\nX-Begin: 2\r\n"
    assert responses[1][2] is None
    again = scripted.requests[1]
    assert (again.header("X-Kept"), again.header("X-Begin")) == ("1", "2")
    assert again.header_all("X-Ticket") == ["valid"]
    # The head of the refusal is forgotten, and its body was never the client's.
    assert recorder.sequence.count("MIMETYPEAVAILABLE") == 1
    assert recorder.binding.query_info(urlmon.HTTP_QUERY.STATUS_CODE) == "200"


def test_additional_headers_for_ever(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/status/403"), Negotiator(on_response=lambda *args: {"X-Please": "yes"}))
    finish(recorder)
    assert recorder.methods.count("on_response") == 11
    assert len(scripted.requests) == 11
    assert recorder.binding.status_code == 403
    assert recorder.hresult == HRESULT.S_OK


def test_additional_headers_of_a_success_mean_nothing(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url(), Negotiator(on_response=lambda *args: {"X-Please": "yes"}))
    finish(recorder)
    assert recorder.body == b"ok"
    assert len(scripted.requests) == 1


def test_additional_headers_that_break_the_request(scripted: ScriptedServer) -> None:
    recorder = bind(
        script_picky(scripted), Negotiator(on_response=lambda *args: {"X-Ticket": "valid\r\nX-Evil: 1"})
    )
    finish(recorder)
    assert recorder.hresult == HRESULT.INET_E_INVALID_REQUEST
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("answer", [HRESULT.E_ABORT, HRESULT.E_FAIL, HRESULT.S_FALSE], ids=name_of)
def test_on_response_ends_it(scripted: ScriptedServer, status: int, answer: HRESULT) -> None:
    recorder = bind(scripted.url(f"/status/{status}"), Negotiator(on_response=lambda *args: answer))
    finish(recorder)
    assert recorder.hresult == answer
    assert recorder.sequence[-2:] == ["on_response", "on_stop_binding"]


def test_credentials_come_before_the_response(scripted: ScriptedServer) -> None:
    """A 401 that credentials mend is not final: on_response is told of what follows."""

    class Both(Authenticator):
        def on_response(self, status: int, head: str, sent: Any) -> Any:
            return self._called("on_response", status)

    recorder = bind(scripted.url("/basic"), Both(LOGIN))
    finish(recorder)
    assert recorder.of("on_response") == [(200,)]
    second = bind(scripted.url("/basic"), Both(None))
    finish(second)
    assert second.of("on_response") == [(401,)]


def test_fail_on_http_error_after_the_services_were_asked(scripted: ScriptedServer) -> None:
    info = BindInfo(fail_on_http_error=True)
    recorder = bind(scripted.url("/basic"), Authenticator(LOGIN, info=info))
    finish(recorder)
    assert recorder.body == b"welcome"
    second = bind(scripted.url("/basic"), Authenticator(None, info=info))
    finish(second)
    assert isinstance(second.error, urlmon.HTTPAuthenticationError)
    assert second.of("on_data_available") == []


# -- redirects (contract 3.5 I, 8.7) ---------------------------------------------------------------------------------

MANUAL = BindInfo(options=BINDINFO_OPTIONS.DISABLEAUTOREDIRECTS)


def test_redirects_that_the_client_lets_pass(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/redirect/chain/3"), Guide(MANUAL))
    finish(recorder)
    hops = [scripted.url(f"/redirect/chain/{left}") for left in (2, 1, 0)]
    assert recorder.of("redirect") == [(hop,) for hop in hops]
    assert recorder.texts(BINDSTATUS.REDIRECTING) == hops
    assert recorder.body == b"arrived"
    assert recorder.binding.url == hops[-1]
    names = [name for name in recorder.sequence if name not in ("FINDINGRESOURCE", "CONNECTING")]
    assert names[3:-1] == [
        *["SENDINGREQUEST", "redirect", "REDIRECTING"] * 3,
        *["SENDINGREQUEST", "MIMETYPEAVAILABLE", "BEGINDOWNLOADDATA", "ENDDOWNLOADDATA", "on_data_available"],
    ]


def test_a_redirect_that_the_client_cancels(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/redirect/chain/3"), Guide(MANUAL, "/chain/1"))
    finish(recorder)
    assert recorder.hresult == HRESULT.INET_E_REDIRECT_FAILED
    assert isinstance(recorder.error, urlmon.RedirectError)
    assert recorder.error.http_status == 302
    assert recorder.sequence[-2:] == ["redirect", "on_stop_binding"]
    assert scripted.requests.paths() == ["/redirect/chain/3", "/redirect/chain/2"]


def test_manual_redirects_without_anybody_to_ask(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/redirect/chain/3"), MANUAL)
    assert recorder.body == b"arrived"
    assert len(recorder.texts(BINDSTATUS.REDIRECTING)) == 3


def test_the_client_is_not_asked_about_automatic_ones(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/redirect/chain/3"), Guide())
    finish(recorder)
    assert recorder.of("redirect") == []
    assert recorder.body == b"arrived"


@pytest.mark.parametrize("info", [MANUAL, BindInfo()], ids=["manual", "automatic"])
@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, BINDVERB.POST, ("GET", 0)),
        (302, BINDVERB.POST, ("GET", 0)),
        (303, BINDVERB.POST, ("GET", 0)),
        (307, BINDVERB.POST, ("POST", 1000)),
        (308, BINDVERB.POST, ("POST", 1000)),
        (302, BINDVERB.GET, ("GET", 0)),
        (301, BINDVERB.PUT, ("PUT", 1000)),
        (303, BINDVERB.PUT, ("GET", 0)),
        (307, BINDVERB.PUT, ("PUT", 1000)),
        (303, BINDVERB.CUSTOM, ("GET", 0)),
        (307, BINDVERB.CUSTOM, ("DELETE", 0)),
    ],
)
def test_methods_after_redirects(
    scripted: ScriptedServer, info: BindInfo, status: int, method: BINDVERB, expected: tuple[str, int]
) -> None:
    """RFC 9110 15.4; followed by libcurl and by us in the same way."""
    data = payload(1000) if method in (BINDVERB.POST, BINDVERB.PUT) else None
    recorder = fetch(
        scripted.url("/redirect", to="/echo", status=status),
        BindInfo(verb=method, custom_verb="DELETE", data=data, options=info.options),
    )
    assert recorder.hresult == HRESULT.S_OK
    last = scripted.requests[1]
    assert (last.method, last.body_length) == expected
    assert recorder.binding.query_info(urlmon.HTTP_QUERY.REQUEST_METHOD) == last.method


@pytest.mark.parametrize("by", ["headers", "service"])
@pytest.mark.parametrize(("status", "kept"), [(301, False), (302, False), (303, False), (307, True)])
def test_fields_that_describe_a_body_go_with_it(
    scripted: ScriptedServer, status: int, kept: bool, by: str
) -> None:
    """What goes over the wire when a POST becomes a GET (RFC 9110 15.4)."""
    described = {"Content-Type": "application/json", "content-language": "en", "Digest": "x"}
    fields = {**described, "X-Other": "stays"}
    info = BindInfo(verb=BINDVERB.POST, data=b"{}", headers=fields if by == "headers" else ())
    recorder = Negotiator(info, beginning_transaction=lambda *_: fields if by == "service" else None)
    bind(scripted.url("/redirect", to="/echo", status=status), recorder)
    finish(recorder)
    assert recorder.hresult == HRESULT.S_OK
    first, last = scripted.requests
    assert {name: first.header(name) for name in fields} == fields
    assert last.header("X-Other") == "stays"
    wanted = described if kept else dict.fromkeys(described)
    assert {name: last.header(name) for name in described} == wanted
    assert (last.method, last.body) == (("POST", b"{}") if kept else ("GET", b""))
    assert last.header("Content-Length") == ("2" if kept else None)


def test_manual_redirects_have_their_limit(scripted: ScriptedServer) -> None:
    info = BindInfo(options=BINDINFO_OPTIONS.DISABLEAUTOREDIRECTS, max_redirects=5)
    recorder = fetch(scripted.url("/redirect/loop"), info)
    assert recorder.hresult == HRESULT.INET_E_REDIRECT_FAILED
    assert len(scripted.requests) == 6


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://", "http://[oops/"])
def test_manual_redirects_to_where_nothing_is_followed(scripted: ScriptedServer, target: str) -> None:
    recorder = fetch(scripted.url("/redirect", to=target), MANUAL)
    assert recorder.hresult == HRESULT.INET_E_REDIRECT_FAILED
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("info", [MANUAL, BindInfo()], ids=["manual", "automatic"])
def test_fields_for_one_site_do_not_go_to_another(scripted: ScriptedServer, info: BindInfo) -> None:
    with ScriptedServer() as other:
        recorder = fetch(
            scripted.url("/redirect", to=other.url("/echo")),
            BindInfo(
                headers={"Authorization": "Bearer x", "Cookie": "a=b", "X-Free": "1"}, options=info.options
            ),
        )
        assert recorder.hresult == HRESULT.S_OK
        seen = other.requests[0]
        assert (seen.header("Authorization"), seen.header("Cookie"), seen.header("X-Free")) == (
            None,
            None,
            "1",
        )


def test_redirects_to_other_sites_may_be_forbidden(scripted: ScriptedServer) -> None:
    info = BindInfo(flags2=BINDF2.DISABLE_HTTP_REDIRECT_XSECURITYID)
    assert fetch(scripted.url("/redirect/chain/2"), info).body == b"arrived"
    with ScriptedServer() as other:
        recorder = fetch(scripted.url("/redirect", to=other.url()), info)
        assert recorder.hresult == HRESULT.INET_E_BLOCKED_REDIRECT_XSECURITYID
        assert len(other.requests) == 0


# -- IHttpSecurity (contract 8.4) ------------------------------------------------------------------------------------

LEAVES = {
    "expired": INTERNET_ERROR.SEC_CERT_DATE_INVALID,
    "wrong_host": INTERNET_ERROR.SEC_CERT_CN_INVALID,
    "unknown": INTERNET_ERROR.INVALID_CA,
}


@pytest.mark.parametrize("answer", [HRESULT.S_OK, HRESULT.RPC_E_RETRY], ids=name_of)
@pytest.mark.parametrize("leaf", LEAVES)
def test_a_problem_that_the_client_puts_up_with(
    scripted: ScriptedServer, ca: CertificateAuthority, leaf: str, answer: HRESULT
) -> None:
    info = BindInfo(ca_file=str(ca.ca_file))
    recorder = bind(scripted.tls_url(leaf=leaf), Guard({LEAVES[leaf]: answer}, info))
    finish(recorder)
    assert recorder.of("on_security_problem") == [(LEAVES[leaf],)]
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, b"ok")
    # For this operation and for no other: neither its verification nor its connection is anybody else's.
    second = fetch(scripted.tls_url(leaf=leaf), info)
    assert second.hresult == HRESULT.INET_E_INVALID_CERTIFICATE
    third = bind(scripted.tls_url(leaf=leaf), Guard({}, info))
    finish(third)
    assert third.of("on_security_problem") == [(LEAVES[leaf],)]
    assert third.hresult == HRESULT.INET_E_INVALID_CERTIFICATE
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    ("answer", "hresult"),
    [
        (None, HRESULT.INET_E_INVALID_CERTIFICATE),
        (HRESULT.S_FALSE, HRESULT.INET_E_INVALID_CERTIFICATE),
        (HRESULT.E_FAIL, HRESULT.INET_E_INVALID_CERTIFICATE),
        (HRESULT.E_ABORT, HRESULT.E_ABORT),
    ],
    ids=name_of,
)
def test_a_problem_that_the_client_does_not_put_up_with(
    scripted: ScriptedServer, ca: CertificateAuthority, answer: Any, hresult: HRESULT
) -> None:
    recorder = bind(
        scripted.tls_url(leaf="expired"),
        Guard({INTERNET_ERROR.SEC_CERT_DATE_INVALID: answer}, BindInfo(ca_file=str(ca.ca_file))),
    )
    finish(recorder)
    assert recorder.hresult == hresult
    assert recorder.sequence[-2:] == ["on_security_problem", "on_stop_binding"]
    assert len(scripted.requests) == 0


def test_one_problem_permitted_is_not_another(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    """A client that puts up with the date is asked about the issuer all the same."""
    info = BindInfo(
        flags=BINDF.IGNORESECURITYPROBLEM | urlmon.bindinfo.DEFAULT_FLAGS, ca_file=str(ca.ca_file)
    )
    for leaf in ("expired", "wrong_host"):
        recorder = fetch(scripted.tls_url(leaf=leaf), info)
        assert recorder.body == b"ok"
    recorder = fetch(scripted.tls_url(leaf="unknown"), info)
    assert recorder.hresult == HRESULT.INET_E_INVALID_CERTIFICATE
    assert len(scripted.requests) == 2
    guard = bind(scripted.tls_url(leaf="unknown"), Guard({INTERNET_ERROR.INVALID_CA: HRESULT.S_OK}, info))
    finish(guard)
    assert guard.of("on_security_problem") == [(INTERNET_ERROR.INVALID_CA,)]
    assert guard.body == b"ok"


@pytest.mark.parametrize("leaf", LEAVES)
def test_all_problems_may_be_ignored_once(
    scripted: ScriptedServer, ca: CertificateAuthority, leaf: str
) -> None:
    info = BindInfo(options=BINDINFO_OPTIONS.IGNORE_SSLERRORS_ONCE, ca_file=str(ca.ca_file))
    assert fetch(scripted.tls_url(leaf=leaf), info).body == b"ok"
    strict = fetch(scripted.tls_url(leaf=leaf), BindInfo(ca_file=str(ca.ca_file)))
    assert strict.hresult == HRESULT.INET_E_INVALID_CERTIFICATE


def test_a_good_certificate_is_no_problem(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    recorder = bind(scripted.tls_url(), Guard({}, BindInfo(ca_file=str(ca.ca_file))))
    finish(recorder)
    assert recorder.of("on_security_problem") == []
    assert recorder.body == b"ok"


@pytest.mark.parametrize(
    ("answer", "hresult"),
    [
        (HRESULT.S_OK, HRESULT.S_OK),
        (HRESULT.RPC_E_RETRY, HRESULT.S_OK),
        (None, HRESULT.INET_E_REDIRECT_FAILED),
        (HRESULT.S_FALSE, HRESULT.INET_E_REDIRECT_FAILED),
        (HRESULT.E_ABORT, HRESULT.E_ABORT),
    ],
    ids=name_of,
)
@pytest.mark.parametrize("up", [True, False])
def test_redirects_between_http_and_https(
    scripted: ScriptedServer, ca: CertificateAuthority, answer: Any, hresult: HRESULT, up: bool
) -> None:
    plain, secure = scripted.url(), scripted.tls_url()
    url = scripted.url("/redirect", to=secure) if up else scripted.tls_url("/redirect", to=plain)
    problem = INTERNET_ERROR.HTTP_TO_HTTPS_ON_REDIR if up else INTERNET_ERROR.HTTPS_TO_HTTP_ON_REDIR
    recorder = bind(url, Guard({problem: answer}, BindInfo(ca_file=str(ca.ca_file))))
    finish(recorder)
    assert recorder.of("on_security_problem") == [(problem,)]
    assert recorder.hresult == hresult
    assert len(scripted.requests) == (2 if hresult == HRESULT.S_OK else 1)


def test_crossings_that_nobody_is_asked_about(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    url = scripted.url("/redirect", to=scripted.tls_url())
    for info in (
        BindInfo(options=BINDINFO_OPTIONS.IGNOREHTTPHTTPSREDIRECTS, ca_file=str(ca.ca_file)),
        BindInfo(flags=BINDF.IGNORESECURITYPROBLEM | urlmon.bindinfo.DEFAULT_FLAGS, ca_file=str(ca.ca_file)),
    ):
        recorder = bind(url, Guard({}, info))
        finish(recorder)
        assert recorder.of("on_security_problem") == []
        assert recorder.body == b"ok"


def test_a_permission_does_not_follow_a_redirect_to_another_site(
    scripted: ScriptedServer, ca: CertificateAuthority
) -> None:
    first = scripted.tls_url("/redirect", leaf="expired", to=scripted.tls_url(leaf="wrong_host"))
    answers = {
        INTERNET_ERROR.SEC_CERT_DATE_INVALID: HRESULT.S_OK,
        INTERNET_ERROR.SEC_CERT_CN_INVALID: HRESULT.E_FAIL,
    }
    recorder = bind(first, Guard(answers, BindInfo(ca_file=str(ca.ca_file))))
    finish(recorder)
    assert [problem for (problem,) in recorder.of("on_security_problem")] == list(answers)
    assert recorder.hresult == HRESULT.INET_E_INVALID_CERTIFICATE


# -- fields that follow from flags (contract 5.2) --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "name", "value"),
    [
        (BINDF.GETNEWESTVERSION, "Cache-Control", "no-cache"),
        (BINDF.RESYNCHRONIZE, "Cache-Control", "max-age=0"),
        (BINDF.PRAGMA_NO_CACHE, "Pragma", "no-cache"),
    ],
    ids=name_of,
)
def test_flags_that_ask_for_fresh_data(scripted: ScriptedServer, flag: BINDF, name: str, value: str) -> None:
    fetch(scripted.url(), BindInfo(flags=urlmon.bindinfo.DEFAULT_FLAGS | flag))
    assert scripted.requests[0].header_all(name) == [value]
    fetch(scripted.url(), BindInfo(flags=urlmon.bindinfo.DEFAULT_FLAGS | flag, headers={name: "mine"}))
    assert scripted.requests[1].header_all(name) == ["mine"]
    fetch(scripted.url())
    assert scripted.requests[2].header(name) is None
