"""Which protocol handler serves a moniker, and what it is started with (contract section 11)."""

from __future__ import annotations

from typing import Any

import pytest

import urlmon
from tests.protocol_handlers import URL, Bringing, Scripted, served, start
from tests.recording import PULL, Negotiator, Recorder, bind, finish
from urlmon import BINDF, BINDSTATUS, HRESULT, BindInfo
from urlmon.identifiers import IID_IHttpNegotiate, IID_IHttpNegotiate2, IID_IInternetProtocol
from urlmon.protocol_constants import PI

# -- finding the handler ---------------------------------------------------------------------------------------------


def test_nobody_serves_the_scheme() -> None:
    recorder = Recorder(PULL)
    with pytest.raises(urlmon.UnknownProtocolError):
        bind(URL, recorder)
    recorder.check()
    assert recorder.hresult == HRESULT.INET_E_UNKNOWN_PROTOCOL


def test_the_client_s_handler_comes_first() -> None:
    brought = Scripted([b"mine"], start=lambda self: self.tell_all(4))
    registered = Scripted()
    client = Bringing(brought, PULL)
    start(registered, client)
    client.check()
    assert client.body == b"mine"
    assert client.asked[0] == IID_IInternetProtocol
    assert registered.calls == []


def test_a_handler_may_leave_the_url_to_the_default_one() -> None:
    declining = Scripted(start=lambda self: HRESULT.INET_E_USE_DEFAULT_PROTOCOLHANDLER)
    with served("data", declining):
        assert urlmon.create_url_moniker("data:,x").bind_to_storage().read() == b"x"
    assert declining.calls == ["set_priority", "start"]


def test_the_default_handler_may_be_preferred() -> None:
    never = Scripted()
    client = Recorder(BindInfo(flags=PULL.flags | BINDF.PREFERDEFAULTHANDLER))
    with served("data", never):
        bind_data = urlmon.create_url_moniker("data:,x").bind_to_storage(urlmon.create_async_bind_ctx(client))
    assert bind_data is client.stream
    assert client.body == b"x"
    assert never.calls == []


# -- redirects from one to another -----------------------------------------------------------------------------------


def test_a_handler_s_redirect_starts_another_one() -> None:
    second = Scripted([b"there"], start=lambda self: self.tell_all(5))
    first = Scripted(
        start=lambda self: self.sink.report_result(HRESULT.INET_E_REDIRECT_FAILED, 0, "x-other:1") and None
    )
    with served("x-other", second):
        client, _ = start(first)
        finish(client)
    assert client.texts(BINDSTATUS.REDIRECTING) == ["x-other:1"]
    assert client.body == b"there"
    assert first.calls[-1] == "terminate"


def test_a_redirect_that_goes_round_ends() -> None:
    def away(self: Scripted) -> None:
        self.sink.report_result(HRESULT.INET_E_REDIRECT_FAILED, 0, URL)

    handlers = [Scripted(start=away) for _ in range(40)]
    client = Recorder(PULL)
    with served("x-test", *handlers), pytest.raises(urlmon.RedirectError):
        bind(URL, client)
    client.check()
    assert client.hresult == HRESULT.INET_E_REDIRECT_FAILED
    assert len(client.texts(BINDSTATUS.REDIRECTING)) == 30


# -- what a handler sees ---------------------------------------------------------------------------------------------


def test_what_a_handler_is_started_with() -> None:
    seen: dict[str, Any] = {}

    def begin(self: Scripted) -> None:
        seen["info"] = self.bind_info.get_bind_info()
        seen["accept"] = self.bind_info.get_bind_string(urlmon.BINDSTRING.ACCEPT_MIMES)
        seen["url"] = self.bind_info.get_bind_string(urlmon.BINDSTRING.URL)
        for kind in (urlmon.BINDSTRING.USER_AGENT, urlmon.BINDSTRING.OS):
            with pytest.raises(urlmon.UnsupportedError) as caught:
                self.bind_info.get_bind_string(kind)
            seen[kind.name] = caught.value.hresult
        negotiate = self.sink.query_service(IID_IHttpNegotiate)
        seen["fields"] = negotiate.beginning_transaction(self.url, None)
        seen["response"] = negotiate.on_response(200, "HTTP/1.1 200 OK\r\n\r\n", None)
        seen["security id"] = self.bind_info.query_service(IID_IHttpNegotiate2).get_root_security_id()
        self.tell_all(0)

    client = Negotiator(
        BindInfo(flags=PULL.flags, user_agent=None), beginning_transaction=lambda *_: {"A": "b"}
    )
    handler = Scripted(start=begin)
    start(handler, client)
    flags, info = seen["info"]
    assert flags == PULL.flags | BINDF.FROMURLMON | BINDF.NEEDFILE
    assert info is client.info
    assert handler.start_arguments == (PI(0), None)
    assert handler.url == URL
    assert seen["accept"] == ["*/*"]
    assert seen["url"] == [URL]
    assert seen["USER_AGENT"] == HRESULT.E_NOINTERFACE
    assert seen["OS"] == HRESULT.E_NOTIMPL
    assert seen["fields"] == {"A": "b"}
    assert client.of("on_response") == [(200, "HTTP/1.1 200 OK\r\n\r\n", None)]
    assert seen["security id"] == HRESULT.E_FAIL
