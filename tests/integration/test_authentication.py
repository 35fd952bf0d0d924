"""IAuthenticate: when credentials are asked for, and where they are sent (contract 8.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import urlmon
from tests.integration.services import LOGIN, Authenticator
from tests.recording import Recorder, bind, fetch, finish, name_of, nothing_comes, pump_until
from tests.servers import CertificateAuthority, Exchange, ProxyServer, ScriptedServer, payload
from urlmon import BINDINFO_OPTIONS, BINDSTRING, BINDVERB, HRESULT, TYMED, BindInfo


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
