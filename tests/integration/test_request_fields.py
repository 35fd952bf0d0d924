"""Fields of a request: those that follow from flags, and the others after a redirect (contract 5.2, 8.7)."""

from __future__ import annotations

import pytest

import urlmon
from tests.integration.services import MANUAL
from tests.recording import Negotiator, bind, fetch, finish, name_of
from tests.servers import ScriptedServer
from urlmon import BINDF, BINDVERB, HRESULT, BindInfo


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
