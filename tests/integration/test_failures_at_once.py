"""Failures that are known before anything is sent: the bind raises, after its stop was told (contract 3.5 F, 12.4)."""

from __future__ import annotations

from pathlib import Path

import pytest

import urlmon
from tests.integration.failures import (
    Case,
    Places,
    check_error,
    fixed,
    headers,
    info_of,
    scripted_url,
    works_again,
)
from tests.recording import Recorder, bind, nothing_comes
from urlmon import BINDVERB, HRESULT, TYMED

# Judged before anything is sent: the bind itself raises, after on_stop_binding.
AT_ONCE = {
    "unknown scheme": Case(
        fixed("nosuch://127.0.0.1/x"),
        urlmon.UnknownProtocolError,
        HRESULT.INET_E_UNKNOWN_PROTOCOL,
        "'nosuch'",
    ),
    "scheme that was not asked for": Case(
        fixed("file:///etc/hosts"), urlmon.UnknownProtocolError, HRESULT.INET_E_UNKNOWN_PROTOCOL, "'file'"
    ),
    "scheme not allowed here": Case(
        scripted_url("/ok"),
        urlmon.UnknownProtocolError,
        HRESULT.INET_E_UNKNOWN_PROTOCOL,
        "'http' is not one of https",
        {"schemes": ["https"]},
    ),
    "no scheme": Case(
        fixed("127.0.0.1/x"), urlmon.UnknownProtocolError, HRESULT.INET_E_UNKNOWN_PROTOCOL, "no scheme"
    ),
    "empty": Case(fixed(""), urlmon.InvalidURLError, HRESULT.MK_E_SYNTAX, "empty", base=ValueError),
    "no host": Case(
        fixed("http:///x"), urlmon.InvalidURLError, HRESULT.INET_E_INVALID_URL, "no host", base=ValueError
    ),
    "no slashes": Case(fixed("http:127.0.0.1"), urlmon.InvalidURLError, HRESULT.INET_E_INVALID_URL, "//"),
    "port out of range": Case(
        fixed("http://127.0.0.1:65536/"), urlmon.InvalidURLError, HRESULT.INET_E_INVALID_URL, "port"
    ),
    "port that is no number": Case(
        fixed("http://127.0.0.1:http/"), urlmon.InvalidURLError, HRESULT.INET_E_INVALID_URL, "port"
    ),
    "address without its bracket": Case(
        fixed("http://[::1/"), urlmon.InvalidURLError, HRESULT.INET_E_INVALID_URL, "bracket"
    ),
    "space in the host": Case(
        fixed("http://a b/"), urlmon.InvalidURLError, HRESULT.INET_E_INVALID_URL, "host name"
    ),
    "host that cannot be encoded": Case(
        fixed("http://\u2e2e\u200d.invalid/"), urlmon.InvalidURLError, HRESULT.INET_E_INVALID_URL, "host name"
    ),
    "line break in the URL": Case(
        lambda places: places.scripted.url("/ok") + "\r\nX-Evil: 1",
        urlmon.InvalidURLError,
        HRESULT.INET_E_INVALID_URL,
        "line break",
    ),
    "line feed at the end of the URL": Case(
        lambda places: places.scripted.url("/ok") + "\n",
        urlmon.InvalidURLError,
        HRESULT.INET_E_INVALID_URL,
        "line break",
    ),
    "NUL in the URL": Case(
        lambda places: places.scripted.url("/ok") + "\0",
        urlmon.InvalidURLError,
        HRESULT.INET_E_INVALID_URL,
        "control",
    ),
    "line break in the extra information": Case(
        scripted_url("/ok"),
        urlmon.InvalidURLError,
        HRESULT.INET_E_INVALID_URL,
        "line break",
        {"extra_info": "?a\r\nX-Evil: 1"},
    ),
    "line break in a header": Case(
        scripted_url("/ok"),
        urlmon.InvalidRequestError,
        HRESULT.INET_E_INVALID_REQUEST,
        "X-Good holds a line break",
        headers(("X-Good", "a\r\nX-Evil: 1")),
        ValueError,
    ),
    "line feed in a header": Case(
        scripted_url("/ok"),
        urlmon.InvalidRequestError,
        HRESULT.INET_E_INVALID_REQUEST,
        "line break",
        headers(("X-Good", "a\nX-Evil: 1")),
    ),
    "line break in the name of a header": Case(
        scripted_url("/ok"),
        urlmon.InvalidRequestError,
        HRESULT.INET_E_INVALID_REQUEST,
        "no name of a header",
        headers(("X-Evil: 1\r\nX-Good", "a")),
    ),
    "colon in the name of a header": Case(
        scripted_url("/ok"),
        urlmon.InvalidRequestError,
        HRESULT.INET_E_INVALID_REQUEST,
        "no name of a header",
        headers(("X-Evil:", "a")),
    ),
    "line break in the user agent": Case(
        scripted_url("/ok"),
        urlmon.InvalidRequestError,
        HRESULT.INET_E_INVALID_REQUEST,
        "line break",
        {"user_agent": "me\r\nX-Evil: 1"},
    ),
    "method that is none": Case(
        scripted_url("/ok"),
        urlmon.InvalidRequestError,
        HRESULT.INET_E_INVALID_REQUEST,
        "no HTTP method",
        {"verb": BINDVERB.CUSTOM, "custom_verb": "GET /evil HTTP/1.1\r\nX:"},
    ),
    "method that is missing": Case(
        scripted_url("/ok"),
        urlmon.InvalidRequestError,
        HRESULT.INET_E_INVALID_REQUEST,
        "no HTTP method",
        {"verb": BINDVERB.CUSTOM},
    ),
}


@pytest.mark.parametrize("name", AT_ONCE)
@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE], ids=["stream", "file"])
def test_what_is_wrong_from_the_start(places: Places, tmp_path: Path, name: str, storage: TYMED) -> None:
    case = AT_ONCE[name]
    url = case.url(places)
    target = tmp_path / "target"
    target.write_bytes(b"old")
    recorder = Recorder(info_of(case, places))
    with pytest.raises(urlmon.BindError) as caught:
        bind(url, recorder, storage, target)
    check_error(case, caught.value, url)
    assert recorder.sequence == ["get_bind_info", "get_priority", "on_start_binding", "on_stop_binding"]
    recorder.check()
    assert recorder.error is caught.value
    assert nothing_comes(0)
    assert len(places.scripted.requests) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert target.read_bytes() == b"old"
    works_again(places)
