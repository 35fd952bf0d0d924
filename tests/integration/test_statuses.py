"""Statuses of HTTP: answers, unless the client wants them to be failures."""

from __future__ import annotations

from pathlib import Path

import pytest

import urlmon
from tests.integration.failures import Places
from tests.integration.services import LOGIN, Authenticator
from tests.recording import Negotiator, bind, download, fetch, finish
from tests.servers import ScriptedServer, payload
from urlmon import HRESULT, BindInfo


@pytest.mark.parametrize("status", [400, 401, 404, 410, 500, 503])
def test_a_status_is_no_failure_unless_asked(places: Places, tmp_path: Path, status: int) -> None:
    url = places.scripted.url(f"/status/{status}", size=70_000)
    recorder = fetch(url)
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, payload(70_000))
    assert recorder.binding.status_code == status
    assert recorder.binding.query_info(urlmon.HTTP_QUERY.STATUS_CODE) == str(status)
    download(url, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == payload(70_000)


def test_a_status_that_fails_is_seen_by_on_response(places: Places) -> None:
    recorder: Negotiator = bind(
        places.scripted.url("/status/404", header="X-Why: gone"),
        Negotiator(BindInfo(fail_on_http_error=True)),
    )
    finish(recorder)
    assert [args[0] for args in recorder.of("on_response")] == [404]
    assert recorder.error.http_status == 404
    assert recorder.binding.status_code == 404
    assert recorder.of("on_data_available") == []


def test_a_connection_is_kept_after_a_status_that_fails(places: Places) -> None:
    fetch(places.scripted.url("/ok"))
    for _ in range(5):
        recorder = fetch(places.scripted.url("/status/404"), BindInfo(fail_on_http_error=True))
        assert recorder.error.http_status == 404
    assert places.scripted.connections_opened == 1


def test_an_endless_body_of_a_status_that_fails_is_not_awaited(places: Places) -> None:
    recorder = fetch(places.scripted.url("/status/500", size=1 << 22), BindInfo(fail_on_http_error=True))
    assert recorder.error.http_status == 500
    assert places.scripted.requests[0].bytes_sent <= 1 << 22


def test_fail_on_http_error_after_the_services_were_asked(scripted: ScriptedServer) -> None:
    info = BindInfo(fail_on_http_error=True)
    recorder = bind(scripted.url("/basic"), Authenticator(LOGIN, info=info))
    finish(recorder)
    assert recorder.body == b"welcome"
    second = bind(scripted.url("/basic"), Authenticator(None, info=info))
    finish(second)
    assert isinstance(second.error, urlmon.HTTPAuthenticationError)
    assert second.of("on_data_available") == []
