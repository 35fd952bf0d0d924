"""Redirects: who decides, what is sent next, and where none is followed (contract 3.5 I, 8.7)."""

from __future__ import annotations

from typing import Any

import pytest

import urlmon
from tests.integration.failures import Places
from tests.integration.services import MANUAL
from tests.recording import Recorder, bind, fetch, finish
from tests.servers import ScriptedServer, payload
from urlmon import BINDF2, BINDINFO_OPTIONS, BINDSTATUS, BINDVERB, HRESULT, BindInfo


class Guide(Recorder):
    """A Recorder that offers IBindCallbackRedirect; it cancels what holds the text `forbidden`."""

    def __init__(self, info: Any = None, forbidden: str = "nothing", **more: Any) -> None:
        super().__init__(info, **more)
        self.forbidden = forbidden

    def redirect(self, url: str) -> bool:
        self._called("redirect", url)
        return self.forbidden in url


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


def test_redirects_to_other_sites_may_be_forbidden(scripted: ScriptedServer) -> None:
    info = BindInfo(flags2=BINDF2.DISABLE_HTTP_REDIRECT_XSECURITYID)
    assert fetch(scripted.url("/redirect/chain/2"), info).body == b"arrived"
    with ScriptedServer() as other:
        recorder = fetch(scripted.url("/redirect", to=other.url()), info)
        assert recorder.hresult == HRESULT.INET_E_BLOCKED_REDIRECT_XSECURITYID
        assert len(other.requests) == 0


def test_a_redirect_that_is_not_followed_is_an_answer(places: Places) -> None:
    recorder = fetch(places.scripted.url("/redirect/chain/3"), BindInfo(max_redirects=0))
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.binding.status_code == 302
    assert recorder.binding.query_info(urlmon.HTTP_QUERY.LOCATION) == "/redirect/chain/2"
    assert recorder.body == b"hop\n"
    assert BINDSTATUS.REDIRECTING not in recorder.statuses


def test_a_redirect_without_a_location_is_an_answer(places: Places) -> None:
    recorder = fetch(places.scripted.url("/redirect/nowhere"))
    assert (recorder.hresult, recorder.binding.status_code) == (HRESULT.S_OK, 302)
    assert recorder.body == b"moved, but where?\n"


def test_one_redirect_too_many(places: Places) -> None:
    assert fetch(places.scripted.url("/redirect/chain/4"), BindInfo(max_redirects=4)).body == b"arrived"
    recorder = fetch(places.scripted.url("/redirect/chain/5"), BindInfo(max_redirects=4))
    assert isinstance(recorder.error, urlmon.RedirectError)
    assert recorder.hresult == HRESULT.INET_E_REDIRECT_FAILED
    assert len(recorder.texts(BINDSTATUS.REDIRECTING)) == 4
    assert places.scripted.url("/redirect/chain/") in recorder.error.url


def test_a_redirect_that_is_followed_to_a_failure_is_told(places: Places) -> None:
    target = places.refusing.url("/gone")
    recorder = fetch(places.scripted.url("/redirect", to=target))
    assert isinstance(recorder.error, urlmon.ConnectError)
    assert recorder.texts(BINDSTATUS.REDIRECTING) == [target]
    assert str(places.refusing.port) in str(recorder.error)
