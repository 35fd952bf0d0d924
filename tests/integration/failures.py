"""Failures that tests bring about, and what holds for the error of each (contract 3.5 F, 12.4, 12.5; design 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

import urlmon
from tests.recording import fetch
from tests.servers import CertificateAuthority, RefusingPort, ScriptedServer, SilentPort, payload
from urlmon import HRESULT, BindInfo


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


STALL_BEFORE_THE_BODY = Case(
    scripted_url("/hang-body", at=0),
    urlmon.BindTimeoutError,
    HRESULT.INET_E_CONNECTION_TIMEOUT,
    "too slow",
    {"stall_time": 1},
)


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
