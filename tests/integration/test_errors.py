"""What fails, and how it is told: a typed error that names URL and cause; the target and the process are unharmed.

Expected classes and HRESULTs: contract 3.5 F, 12.4, 12.5; design 6.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

import urlmon
from tests.recording import Negotiator, Recorder, bind, download, fetch, finish, nothing_comes, pump_until
from tests.servers import CertificateAuthority, RefusingPort, ScriptedServer, SilentPort, payload
from urlmon import BINDSTATUS, BINDVERB, HRESULT, TYMED, BindInfo


class Places:
    """Where things go wrong; made when they are asked for."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request

    @property
    def scripted(self) -> ScriptedServer:
        server: ScriptedServer = self._request.getfixturevalue("scripted")
        return server

    @property
    def refusing(self) -> RefusingPort:
        port: RefusingPort = self._request.getfixturevalue("refusing_port")
        return port

    @property
    def silent(self) -> SilentPort:
        port: SilentPort = self._request.getfixturevalue("silent_port")
        return port

    @property
    def ca(self) -> CertificateAuthority:
        authority: CertificateAuthority = self._request.getfixturevalue("ca")
        return authority


@pytest.fixture
def places(request: pytest.FixtureRequest) -> Places:
    return Places(request)


class Case(NamedTuple):
    """A failure. `url` is made from the places; `info` may be made from them too. `cause` is in the message."""

    url: Callable[[Places], str]
    error: type[urlmon.BindError]
    hresult: HRESULT
    cause: str
    info: Any = MappingProxyType({})
    base: type[BaseException] = Exception  # what else the error is


def scripted_url(path: str, **query: object) -> Callable[[Places], str]:
    return lambda places: places.scripted.url(path, **query)


def redirect_to(target: str) -> Callable[[Places], str]:
    return scripted_url("/redirect", to=target)


def tls(leaf: str) -> Callable[[Places], str]:
    return lambda places: places.scripted.tls_url("/ok", leaf=leaf)


def fixed(url: str) -> Callable[[Places], str]:
    return lambda places: url


def headers(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"headers": pairs}


def trusting(places: Places) -> dict[str, Any]:
    return {"ca_file": str(places.ca.ca_file)}


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

# Found out by the I/O thread.
LATER = {
    "unresolvable host": Case(
        fixed("http://no-such-host.invalid/x"),
        urlmon.ResolveError,
        HRESULT.INET_E_RESOURCE_NOT_FOUND,
        "could not resolve the host name",
        base=ConnectionError,
    ),
    "unresolvable proxy": Case(
        scripted_url("/ok"),
        urlmon.ResolveError,
        HRESULT.INET_E_RESOURCE_NOT_FOUND,
        "could not resolve the name of the proxy",
        {"proxy": "http://no-such-proxy.invalid:1"},
    ),
    "refused connection": Case(
        lambda places: places.refusing.url("/x"),
        urlmon.ConnectError,
        HRESULT.INET_E_CANNOT_CONNECT,
        "connect",
        base=ConnectionError,
    ),
    "refused connection to the proxy": Case(
        scripted_url("/ok"),
        urlmon.ConnectError,
        HRESULT.INET_E_CANNOT_CONNECT,
        "proxy",
        lambda places: {"proxy": places.refusing.url()},
    ),
    "connect timeout": Case(
        lambda places: places.silent.url("/x"),
        urlmon.BindTimeoutError,
        HRESULT.INET_E_CONNECTION_TIMEOUT,
        "timed out after",
        {"connect_timeout": 0.2},
        TimeoutError,
    ),
    "TLS handshake that is not answered": Case(
        lambda places: places.scripted.url("/ok").replace("http:", "https:"),
        urlmon.BindTimeoutError,
        HRESULT.INET_E_CONNECTION_TIMEOUT,
        "timed out",
        {"connect_timeout": 0.3},
    ),
    "stall before the head": Case(
        scripted_url("/hang"),
        urlmon.BindTimeoutError,
        HRESULT.INET_E_CONNECTION_TIMEOUT,
        "too slow",
        {"stall_time": 1},
        TimeoutError,
    ),
    "stall before the body": Case(
        scripted_url("/hang-body", at=0),
        urlmon.BindTimeoutError,
        HRESULT.INET_E_CONNECTION_TIMEOUT,
        "too slow",
        {"stall_time": 1},
    ),
    "reset before the head": Case(
        scripted_url("/reset", at=-1), urlmon.DownloadError, HRESULT.INET_E_DOWNLOAD_FAILURE, "reset by peer"
    ),
    "reset in mid-body": Case(
        scripted_url("/reset", size=300_000),
        urlmon.DownloadError,
        HRESULT.INET_E_DOWNLOAD_FAILURE,
        "reset by peer",
        base=ConnectionError,
    ),
    "short body": Case(
        scripted_url("/short", size=300_000, sent=100_000),
        urlmon.DownloadError,
        HRESULT.INET_E_DOWNLOAD_FAILURE,
        "closed before the end",
        base=ConnectionError,
    ),
    "no answer": Case(
        scripted_url("/no-answer"), urlmon.DownloadError, HRESULT.INET_E_DOWNLOAD_FAILURE, "sent nothing"
    ),
    "unknown version of HTTP": Case(
        scripted_url("/status-line", line="HTTP/9.9 200 OK"),
        urlmon.UnknownProtocolError,
        HRESULT.INET_E_UNKNOWN_PROTOCOL,
        "version",
    ),
    "status that is no number": Case(
        scripted_url("/status-line", line="HTTP/1.1 abc OK"),
        urlmon.UnknownProtocolError,
        HRESULT.INET_E_UNKNOWN_PROTOCOL,
        "protocol",
    ),
    **{
        f"bad header: {kind}": Case(
            scripted_url(f"/bad-header/{kind}"),
            urlmon.DownloadError,
            HRESULT.INET_E_DOWNLOAD_FAILURE,
            "makes no sense",
        )
        for kind in ("no-colon", "nul", "two-lengths", "bad-length", "negative-length")
    },
    "endless headers": Case(
        scripted_url("/endless-headers"),
        urlmon.DownloadError,
        HRESULT.INET_E_DOWNLOAD_FAILURE,
        "Too large response",
    ),
    "header that is too long": Case(
        scripted_url("/long-header", size=1_000_000),
        urlmon.TransferError,
        HRESULT.INET_E_DOWNLOAD_FAILURE,
        "too large",
    ),
    **{
        f"bad chunk: {kind}": Case(
            scripted_url(f"/bad-chunk/{kind}"), urlmon.DownloadError, HRESULT.INET_E_DOWNLOAD_FAILURE, "", {}
        )
        for kind in ("size", "no-line-end", "huge", "cut", "no-end")
    },
    "bad gzip": Case(
        scripted_url("/bad-gzip"),
        urlmon.DownloadError,
        HRESULT.INET_E_DOWNLOAD_FAILURE,
        "content encoding",
        {"decode": True},
    ),
    "redirect loop": Case(
        scripted_url("/redirect/loop"),
        urlmon.RedirectError,
        HRESULT.INET_E_REDIRECT_FAILED,
        "Maximum (30) redirects",
    ),
    **{
        f"redirect to {scheme}:": Case(
            redirect_to(f"{scheme}://127.0.0.1/etc/hosts"),
            urlmon.UnknownProtocolError,
            HRESULT.INET_E_UNKNOWN_PROTOCOL,
            f'"{scheme}" is disabled',
        )
        for scheme in ("file", "ftp", "gopher", "ldap")
    },
    "redirect to file: though file: may be bound": Case(
        redirect_to("file:///etc/hosts"),
        urlmon.UnknownProtocolError,
        HRESULT.INET_E_UNKNOWN_PROTOCOL,
        '"file" is disabled',
        {"schemes": ("http", "https", "file", "ftp")},
    ),
    "redirect to no URL": Case(
        redirect_to("http:///"), urlmon.InvalidURLError, HRESULT.INET_E_INVALID_URL, "redirect target"
    ),
    "wrong host name in the certificate": Case(
        tls("wrong_host"),
        urlmon.CertificateError,
        HRESULT.INET_E_INVALID_CERTIFICATE,
        "matches target hostname",
        trusting,
    ),
    "expired certificate": Case(
        tls("expired"), urlmon.CertificateError, HRESULT.INET_E_INVALID_CERTIFICATE, "expired", trusting
    ),
    "unknown authority": Case(
        tls("unknown"), urlmon.CertificateError, HRESULT.INET_E_INVALID_CERTIFICATE, "issuer", trusting
    ),
    "authority of the tests, which nobody trusts by default": Case(
        tls("good"), urlmon.CertificateError, HRESULT.INET_E_INVALID_CERTIFICATE, "certificate"
    ),
    "CA file that is missing": Case(
        tls("good"),
        urlmon.CertificateError,
        HRESULT.INET_E_INVALID_CERTIFICATE,
        "CA certificates",
        {"ca_file": "/nonexistent/ca.pem"},
    ),
    "401": Case(
        scripted_url("/basic"),
        urlmon.HTTPAuthenticationError,
        HRESULT.INET_E_AUTHENTICATION_REQUIRED,
        "HTTP 401",
        {"fail_on_http_error": True},
        PermissionError,
    ),
    "407": Case(
        scripted_url("/status/407"),
        urlmon.HTTPAuthenticationError,
        HRESULT.INET_E_AUTHENTICATION_REQUIRED,
        "HTTP 407",
        {"fail_on_http_error": True},
    ),
    **{
        f"{status}": Case(
            scripted_url(f"/status/{status}", size=100_000),
            urlmon.HTTPNotFoundError,
            HRESULT.INET_E_RESOURCE_NOT_FOUND,
            f"HTTP {status}",
            {"fail_on_http_error": True},
            FileNotFoundError,
        )
        for status in (404, 410)
    },
    **{
        f"{status}": Case(
            scripted_url(f"/status/{status}", size=100),
            urlmon.HTTPStatusError,
            HRESULT.INET_E_DOWNLOAD_FAILURE,
            f"HTTP {status}",
            {"fail_on_http_error": True},
        )
        for status in (400, 403, 429, 500, 503)
    },
}


def info_of(case: Case, places: Places) -> BindInfo:
    return BindInfo(**(case.info(places) if callable(case.info) else case.info))


def check_error(case: Case, error: Any, url: str) -> None:
    assert type(error) is case.error, repr(error)
    assert isinstance(error, case.base)
    assert error.hresult == case.hresult
    assert case.cause in str(error)
    assert error.url == url + (case.info.get("extra_info", "") if isinstance(case.info, Mapping) else "")
    shown = url.replace("\r", "\\x0d").replace("\n", "\\x0a").replace("\0", "\\x00")
    assert shown in str(error)
    assert "\n" not in str(error)


def works_again(places: Places) -> None:
    assert fetch(places.scripted.url("/payload/70000")).body == payload(70_000)
    assert fetch(places.scripted.tls_url("/ok"), BindInfo(**trusting(places))).body == b"ok"


@pytest.fixture(autouse=True)
def no_surprises(scripted: ScriptedServer) -> Any:
    """A TLS handshake sent to the plain port is a request that the scripted server cannot read."""
    yield
    scripted.errors.clear()


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


@pytest.mark.parametrize("name", LATER)
@pytest.mark.parametrize(
    "storage", [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL], ids=["stream", "file", "memory"]
)
def test_what_fails_later(places: Places, tmp_path: Path, name: str, storage: TYMED) -> None:
    case = LATER[name]
    url = case.url(places)
    target = tmp_path / "target"
    target.write_bytes(b"old")
    recorder = fetch(url, info_of(case, places), storage, target)
    assert recorder.hresult == case.hresult, repr(recorder.error)
    check_error(case, recorder.error, url)
    assert BINDSTATUS.ENDDOWNLOADDATA not in recorder.statuses
    if storage != TYMED.ISTREAM:
        assert recorder.of("on_data_available") == []
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert target.read_bytes() == b"old"
    works_again(places)


@pytest.mark.parametrize(
    "name", ["refused connection", "short body", "redirect loop", "404", "expired certificate"]
)
def test_a_synchronous_bind_raises(places: Places, name: str) -> None:
    case = LATER[name]
    url = case.url(places)
    info = info_of(case, places)

    class Synchronous(urlmon.BindStatusCallback):
        def get_bind_info(self) -> BindInfo:
            return BindInfo(
                flags=urlmon.BINDF(0), ca_file=info.ca_file, fail_on_http_error=info.fail_on_http_error
            )

    with pytest.raises(case.error) as caught:
        urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(Synchronous()))
    check_error(case, caught.value, url)
    works_again(places)


@pytest.mark.parametrize("line", ["GARBAGE AND MORE", "200 OK", "\x00\x01", "HTP/1.1 200 OK"])
@pytest.mark.parametrize("connection", ["new", "used"])
def test_a_malformed_status_line(places: Places, tmp_path: Path, line: str, connection: str) -> None:
    """libcurl takes it for HTTP/0.9 on a new connection, and for nonsense on a used one."""
    with ScriptedServer() as server:
        if connection == "used":
            fetch(server.url("/ok"))
        url = server.url("/status-line", line=line)
        recorder = download(url, tmp_path / "target")
    case = Case(
        fixed(url),
        *(
            (urlmon.UnknownProtocolError, HRESULT.INET_E_UNKNOWN_PROTOCOL, "HTTP/0.9")
            if connection == "new"
            else (urlmon.DownloadError, HRESULT.INET_E_DOWNLOAD_FAILURE, "makes no sense")
        ),
    )
    check_error(case, recorder.error, url)
    assert recorder.hresult == case.hresult
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/short", "/reset", "/bad-chunk/cut"])
def test_a_failure_while_the_client_reads_is_told_by_the_stop(places: Places, path: str) -> None:
    """The loop of every client: `while chunk := stream.read()`. What it meets inside a callback is "nothing now",
    never the error of the transfer, which is for on_stop_binding."""

    def wait_and_read(recorder: Recorder, *args: Any) -> None:
        # By the time of the second read the transfer has failed.
        record = places.scripted.requests.wait_for(
            lambda seen: seen.path == path and seen.outcome != "running"
        )
        assert record.outcome in ("done", "reset")
        deadline = time.monotonic() + 0.1
        while time.monotonic() < deadline:
            recorder.read_all()

    for _ in range(5):
        places.scripted.requests.clear()
        recorder = fetch(places.scripted.url(path), on_data_available=wait_and_read)
        assert recorder.hresult == HRESULT.INET_E_DOWNLOAD_FAILURE
        assert not recorder.ended


def test_what_came_before_a_failure_is_delivered(places: Places) -> None:
    recorder = fetch(places.scripted.url("/short", size=300_000, sent=100_000))
    assert recorder.body == payload(100_000)
    assert not recorder.ended
    assert all(not flag & urlmon.BSCF.LASTDATANOTIFICATION for flag in recorder.flags)


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


def test_a_stall_in_the_body(places: Places) -> None:
    recorder = fetch(
        places.scripted.url("/hang-body", size=10_000_000, at=5_000_000), BindInfo(stall_time=1), timeout=12
    )
    check_error(LATER["stall before the body"], recorder.error, recorder.binding.url)
    assert recorder.body == payload(5_000_000)


def test_stalls_of_several_transfers(places: Places) -> None:
    """Each has its own clock, whatever the others do."""
    longest = bind(places.scripted.url("/hang"), Recorder(BindInfo(stall_time=60)))
    recorders = [
        bind(places.scripted.url(path), Recorder(BindInfo(stall_time=stall_time)))
        for path in ("/hang", "/hang-body?size=1000&at=0")
        for stall_time in (2, 1)
    ]
    finish(*recorders, timeout=8)
    assert {type(recorder.error) for recorder in recorders} == {urlmon.BindTimeoutError}
    assert not longest.stopped
    longest.binding.abort()
    finish(longest)


def test_a_stall_that_is_switched_off(places: Places) -> None:
    recorder = bind(places.scripted.url("/hold/late"), Recorder(BindInfo(stall_time=0)))
    other = fetch(places.scripted.url("/hang"), BindInfo(stall_time=1), timeout=8)
    assert isinstance(other.error, urlmon.BindTimeoutError)
    assert not recorder.stopped
    places.scripted.release("late")
    finish(recorder)
    assert recorder.body == payload(1000)


def test_a_slow_transfer_is_no_stall(places: Places) -> None:
    recorder = fetch(
        places.scripted.url("/drip", size=15, chunk=1, interval=0.1), BindInfo(stall_time=1, stall_speed=1)
    )
    assert recorder.body == payload(15)


def test_a_suspended_transfer_is_no_stall(places: Places) -> None:
    recorder = bind(
        places.scripted.url("/hold-body/rest", size=10_000_000, at=5_000_000),
        Recorder(BindInfo(stall_time=1)),
    )
    pump_until(lambda: len(recorder.body) == 5_000_000)
    recorder.binding.suspend()
    assert urlmon.pump(2.5) == 0  # the subject is time
    assert not recorder.stopped
    recorder.binding.resume()
    places.scripted.release("rest")
    finish(recorder)
    assert recorder.body == payload(10_000_000)


def test_errors_do_not_hold_one_another_up(places: Places) -> None:
    """All failures at once, and good ones between them."""
    quick = [name for name in LATER if "stall" not in name and "not answered" not in name]
    recorders = []
    for name in quick:
        case = LATER[name]
        recorders.append((case, bind(case.url(places), Recorder(info_of(case, places)))))
        recorders.append((None, bind(places.scripted.url("/payload/5000"), Recorder())))
    finish(*(recorder for _, recorder in recorders))
    for case, recorder in recorders:
        if case is None:
            assert recorder.body == payload(5000)
        else:
            assert type(recorder.error) is case.error
            assert recorder.hresult == case.hresult
