"""What a binding says of its request and its response, and from when on (contract 8.8)."""

from __future__ import annotations

from typing import Any

import urlmon
from tests.recording import Negotiator, Recorder, bind, fetch, finish
from tests.servers import ScriptedServer
from urlmon import BindInfo


def test_query_info_of_the_request(scripted: ScriptedServer) -> None:
    """What the server saw, but for what libcurl adds by itself."""
    of_request = urlmon.HTTP_QUERY.FLAG_REQUEST_HEADERS
    fields = {"Accept": "text/html", "X-Two": "a", "x-two": "b", "X-Empty": "", "Content-Type": "text/css"}
    info = BindInfo(verb=urlmon.BINDVERB.POST, data=b"{}", headers=fields.items(), user_agent="me/1")
    recorder = bind(scripted.url("/echo?query"), Recorder(info))
    finish(recorder)
    (request,) = scripted.requests
    ask = recorder.binding.query_info
    assert ask(urlmon.HTTP_QUERY.REQUEST_METHOD) == "POST"
    for name in ("Accept", "User-Agent", "Host", "X-Empty", "Content-Type"):
        assert ask(urlmon.HTTP_QUERY.CUSTOM | of_request, name) == request.header(name), name
    assert ask(urlmon.HTTP_QUERY.ACCEPT | of_request) == "text/html"
    assert ask(urlmon.HTTP_QUERY.CUSTOM | of_request, "X-Two", 1) == "b"
    assert ask(urlmon.HTTP_QUERY.CUSTOM | of_request | urlmon.HTTP_QUERY.FLAG_COALESCE, "X-Two") == "a, b"
    assert ask(urlmon.HTTP_QUERY.CUSTOM | of_request, "Content-Length") is None
    assert ask(urlmon.HTTP_QUERY.STATUS_CODE | of_request) is None
    head = ask(urlmon.HTTP_QUERY.RAW_HEADERS_CRLF | of_request)
    assert head.startswith("POST /echo?query HTTP/1.1\r\nHost: ")
    assert head.endswith("\r\n\r\n")
    assert ask(urlmon.HTTP_QUERY.RAW_HEADERS | of_request) == head.replace("\r\n", "\0")


def test_query_info_of_an_ordinary_request(scripted: ScriptedServer) -> None:
    for _ in range(2):  # the second one goes the straight way
        recorder = fetch(scripted.url("/ok"))
        ask = recorder.binding.query_info
        assert ask(urlmon.HTTP_QUERY.REQUEST_METHOD) == "GET"
        agent = ask(urlmon.HTTP_QUERY.USER_AGENT | urlmon.HTTP_QUERY.FLAG_REQUEST_HEADERS)
        assert agent == scripted.requests[-1].header("User-Agent")


def test_query_info_before_the_request(scripted: ScriptedServer) -> None:
    seen: list[Any] = []

    def start(recorder: Recorder, binding: Any) -> None:
        seen.append(binding.query_info(urlmon.HTTP_QUERY.REQUEST_METHOD))
        seen.append(
            binding.query_info(urlmon.HTTP_QUERY.RAW_HEADERS_CRLF | urlmon.HTTP_QUERY.FLAG_REQUEST_HEADERS)
        )

    finish(bind(scripted.url("/ok"), Recorder(on_start_binding=start)))
    assert seen == [None, None]


def test_query_info_from_the_response_on(scripted: ScriptedServer) -> None:
    seen: dict[str, object] = {}

    def ask(recorder: Recorder, *args: Any) -> None:
        name = recorder.sequence[-1]
        seen.setdefault(name, recorder.binding.query_info(urlmon.HTTP_QUERY.STATUS_CODE))

    recorder = bind(
        scripted.url("/payload/5"),
        Negotiator(on_start_binding=ask, on_progress=ask, on_response=ask, on_data_available=ask),
    )
    finish(recorder)
    assert seen["on_start_binding"] == "0"
    assert seen["SENDINGREQUEST"] == "0"
    assert {seen[name] for name in ("on_response", "MIMETYPEAVAILABLE", "on_data_available")} == {"200"}
