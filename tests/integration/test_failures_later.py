"""Failures that the I/O thread finds out, each by itself and all at once (contract 3.5 F, 12.4, 12.5)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.integration.failures import (
    STALL_BEFORE_THE_BODY,
    Case,
    Places,
    check_error,
    fixed,
    info_of,
    redirect_to,
    scripted_url,
    tls,
    trusting,
    works_again,
)
from tests.recording import Recorder, bind, download, fetch, finish
from tests.servers import ScriptedServer, payload
from urlmon import BINDSTATUS, HRESULT, TYMED, BindInfo

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
    "stall before the body": STALL_BEFORE_THE_BODY,
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
