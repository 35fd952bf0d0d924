"""http_proxy and its relatives: the environment as it is when a request is made, unless BindInfo says something."""

from __future__ import annotations

import pytest

from tests.integration.services import MANUAL
from tests.recording import fetch
from tests.servers import ProxyServer, ScriptedServer
from urlmon import HRESULT, BindInfo

# Read by libcurl for http: URLs. Not HTTP_PROXY, which a web server sets from a request's field.
NAMES = ["http_proxy", "all_proxy", "ALL_PROXY"]


def asked_of(scripted: ScriptedServer, proxy: ProxyServer, info: BindInfo | None = None) -> int:
    """Makes one request; how many the proxy has had of it."""
    before = len(proxy.requests)
    recorder = fetch(scripted.url(), info)
    assert recorder.hresult == HRESULT.S_OK
    return len(proxy.requests) - before


@pytest.mark.parametrize("name", NAMES)
def test_it_is_read_for_each_request(
    scripted: ScriptedServer, proxy: ProxyServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests with one profile, so that easy handles are used again."""
    assert asked_of(scripted, proxy) == 0
    for _ in range(2):
        monkeypatch.setenv(name, proxy.url)
        assert asked_of(scripted, proxy) == 1
        monkeypatch.delenv(name)
        assert asked_of(scripted, proxy) == 0


def test_exceptions(scripted: ScriptedServer, proxy: ProxyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("NO_PROXY", "example.org,127.0.0.1")
    assert asked_of(scripted, proxy) == 0
    monkeypatch.setenv("NO_PROXY", "example.org")
    assert asked_of(scripted, proxy) == 1


def test_an_empty_name_is_none(
    scripted: ScriptedServer, proxy: ProxyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "")
    assert asked_of(scripted, proxy) == 0


def test_what_bind_info_says_counts_more(
    scripted: ScriptedServer, proxy: ProxyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, none = BindInfo(proxy=proxy.url), BindInfo(proxy="")
    assert asked_of(scripted, proxy, named) == 1
    assert asked_of(scripted, proxy) == 0
    assert asked_of(scripted, proxy, named) == 1
    monkeypatch.setenv("http_proxy", proxy.url)
    assert asked_of(scripted, proxy, none) == 0
    assert asked_of(scripted, proxy) == 1
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert asked_of(scripted, proxy, named) == 1


def test_of_a_request_after_a_redirect(
    scripted: ScriptedServer, proxy: ProxyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By libcurl, and by ourselves: another request of the same operation."""
    monkeypatch.setenv("http_proxy", proxy.url)
    for info in (BindInfo(), MANUAL):
        before = len(proxy.requests)
        recorder = fetch(scripted.url("/redirect", to="/echo"), info)
        assert recorder.hresult == HRESULT.S_OK
        assert len(proxy.requests) - before == 2
