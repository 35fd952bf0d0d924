"""Traces of monikers over the built-in protocols, and of the helper functions."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import urlmon
from tests.conformance.trace_client import Client
from tests.conformance.traces import Log, check, check_result
from tests.conformance.vectors import Case, attempt
from tests.recording import pump_until
from tests.servers.scripted import ScriptedServer
from tests.servers.tls import CertificateAuthority
from urlmon import TYMED
from urlmon.protocols import AboutProtocol, FileProtocol

PAGE = b"<html><body>" + b"a page that comes in pieces. " * 3000 + b"</body></html>"
SHORT_PAGE = b"<HTML></HTML>"  # 13 bytes, as the vectors have it
CLSID = urlmon.identifiers.CLSID_HTMLDocument


class Document:
    """The class of text/html, for binds to an object."""


@contextlib.contextmanager
def handlers() -> Iterator[None]:
    """Those that are not registered by themselves."""
    registered = (("file", FileProtocol), ("about", AboutProtocol))
    for scheme, factory in registered:
        urlmon.register_name_space(scheme, factory)
    urlmon.register_media_type_class("text/html", Document, CLSID)
    try:
        yield
    finally:
        urlmon.register_media_type_class("text/html", None)
        for scheme, factory in registered:
            urlmon.unregister_name_space(scheme, factory)


async def _page(exchange: Any) -> None:
    await exchange.reply(200, [("Content-Type", "text/html")], PAGE)


def local(url: str, server: ScriptedServer, folder: Path) -> str:
    """The local counterpart of a URL of the vectors."""
    for path in ("/tests/data.php", "/tests/hello.html", "/robots.txt"):
        server.script(path, _page)
    if "names another host" in url:
        return server.tls_url("/robots.txt", leaf="wrong_host")
    if url.startswith("file:"):
        slashes = re.match(r"file:(/*)", url)
        name = "test.winetest" if "test.winetest" in url else "index.html"
        content = bytes(range(256)) if name == "test.winetest" else SHORT_PAGE
        (folder / name).write_bytes(content)
        return f"file:{slashes.group(1)[:2] if slashes else ''}{folder / name}"
    at = re.match(r"(https?)://[^/]+(/.*)", url)
    if at is None:
        return url
    return server.tls_url(at.group(2)) if at.group(1) == "https" else server.url(at.group(2))


def facts_of(url: str, client: Client | None = None) -> dict[str, Any]:
    """What words of the vectors stand for."""
    path = url.partition("#")[0].removeprefix("file://").removeprefix("file:")
    return {
        "the moniker URL": url,
        "the URL": url,
        "the file path": path,
        "the MIME type": lambda text: text is not None and re.fullmatch(r"[\w.+-]+/[\w.+-]+", text),
        "the class id": f"{{{str(CLSID).upper()}}}",
        "reported type": lambda: client and client.reported_type,
    }


class _Warm(urlmon.BindStatusCallback):
    """Wants nothing but the connection."""

    def __init__(self, info: urlmon.BindInfo) -> None:
        self.info = replace(info, flags=urlmon.BINDF.ASYNCHRONOUS)

    def get_bind_info(self) -> urlmon.BindInfo:
        return self.info


def open_connection(url: str, info: urlmon.BindInfo) -> None:
    """Leaves a connection open that goes where `url` goes."""
    urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(_Warm(info)))
    urlmon.run()


def is_first_connection(case: Case) -> bool:
    """Whether the case sees the host being looked up."""
    looked_up = [one for one in case["expected_calls"] if one.get("status") == "BINDSTATUS_FINDINGRESOURCE"]
    return any(one["min"] for one in looked_up)


def play(case: Case, server: ScriptedServer, ca: CertificateAuthority, folder: Path) -> None:
    """A moniker is bound as the case says."""
    given = case["given"]
    log = Log()
    url = local(given["url"], server, folder)
    client = Client(case, log, ca_file=str(ca.ca_file))
    if "IHttpSecurity" in str(given.get("callback", "")):
        client.on_security_problem = lambda problem: client._seen(
            "IHttpSecurity.OnSecurityProblem", problem=problem
        )
    seeks = "Seek" in str(given.get("callback", ""))
    if seeks:
        client.hooks["OnDataAvailable"] = lambda: _check_seeking(client.stream)
    context = urlmon.create_bind_ctx()
    if "no callback" not in given["bind_context"]:
        context = urlmon.create_async_bind_ctx(client)
    moniker = urlmon.create_url_moniker(url)
    if client.is_http and not is_first_connection(case):
        open_connection(url, client.info)
    with handlers():
        if given["api"] == "IMoniker::BindToObject":
            name, returned = attempt(lambda: moniker.bind_to_object(context))
        elif given["tymed"] == "TYMED_FILE":
            name, returned = attempt(lambda: moniker.bind_to_storage(context, TYMED.FILE, folder / "target"))
        else:
            name, returned = attempt(lambda: moniker.bind_to_storage(context))
        if name == "S_OK" and returned is None and client.info.asynchronous:
            name = "MK_S_ASYNCHRONOUS"
        if context.callback is not None:
            pump_until(lambda: client.stopped)
    check_result(case, name, returned)
    check(case, log, facts_of(url, client))
    stream = returned if hasattr(returned, "read") else None
    if (
        "read to the end afterwards" in str(given.get("callback", ""))
        or "no callback" in given["bind_context"]
    ):
        assert stream is not None
        if seeks:
            _check_seeking(stream)
        body = b""
        while part := stream.read(100):
            body += part
        assert body == (PAGE if seeks else body)
        assert stream.read() == b""
    elif client.stream is not None:
        assert client.body


def _check_seeking(stream: Any) -> None:
    """Positions at the beginning and at the end; another origin is refused, and moves nothing."""
    assert stream.seek(0) == 0
    assert stream.seek(0, 2) > 0
    position = stream.tell()
    for refused in (100,):
        with contextlib.suppress(ValueError, OSError):
            stream.seek(0, refused)
            raise AssertionError("an unknown origin is accepted")
    assert stream.tell() == position
    stream.seek(0)


# -- the helper functions ---------------------------------------------------------------------------------------------

_FUNCTIONS = {
    "URLDownloadToFile": "url_download_to_file",
    "URLOpenBlockingStream": "url_open_blocking_stream",
    "URLOpenStream": "url_open_stream",
}


def play_helper(case: Case, server: ScriptedServer, folder: Path) -> None:
    """A helper function is called as the case says."""
    play_function(case, server, folder, Log())


def play_function(case: Case, server: ScriptedServer, folder: Path, log: Log, protocol: Any = None) -> Client:
    """The same with a protocol that the callback brings, or None; returns the callback."""
    given = case["given"]
    client = Client(case, log, protocol)
    url = given["url"] and local(given["url"], server, folder)
    arguments = [url, *([str(folder / given["target"])] if "target" in given else [])]
    callback = None if given["callback"] is None else client
    function = getattr(urlmon, _FUNCTIONS[given["api"]])
    with handlers():
        name, returned = attempt(lambda: function(*arguments, callback))
        if given["api"] == "URLOpenStream" and name == "S_OK":
            assert client.stopped or "every call, OnStopBinding included" not in str(case.get("note", ""))
            pump_until(lambda: client.stopped)
    result = case["result"]
    assert name == result["hresult"]
    if result.get("target_file_exists"):
        assert (folder / given["target"]).exists()
    if "stream" in result:
        assert returned.read(256) == SHORT_PAGE
    del returned
    facts = facts_of(url or "", client)
    if "target" in given:
        facts["the file path"] = str(
            folder / given["target"]
        )  # no cache file in between: what is written is named
    check(case, log, facts)
    return client
