"""IHttpSecurity: certificates and crossings that a client may put up with (contract 8.4)."""

from __future__ import annotations

from typing import Any

import pytest

import urlmon
from tests.recording import Recorder, bind, fetch, finish, name_of
from tests.servers import CertificateAuthority, ScriptedServer
from urlmon import BINDF, BINDINFO_OPTIONS, HRESULT, INTERNET_ERROR, BindInfo


class Guard(Recorder):
    """A Recorder that offers IHttpSecurity; `answers` by problem, None for those that are not named."""

    def __init__(self, answers: dict[INTERNET_ERROR, Any], info: Any = None, **more: Any) -> None:
        super().__init__(info, **more)
        self.answers = answers

    def on_security_problem(self, problem: INTERNET_ERROR) -> Any:
        self._called("on_security_problem", problem)
        return self.answers.get(problem)


LEAVES = {
    "expired": INTERNET_ERROR.SEC_CERT_DATE_INVALID,
    "wrong_host": INTERNET_ERROR.SEC_CERT_CN_INVALID,
    "unknown": INTERNET_ERROR.INVALID_CA,
}


@pytest.mark.parametrize("answer", [HRESULT.S_OK, HRESULT.RPC_E_RETRY], ids=name_of)
@pytest.mark.parametrize("leaf", LEAVES)
def test_a_problem_that_the_client_puts_up_with(
    scripted: ScriptedServer, ca: CertificateAuthority, leaf: str, answer: HRESULT
) -> None:
    info = BindInfo(ca_file=str(ca.ca_file))
    recorder = bind(scripted.tls_url(leaf=leaf), Guard({LEAVES[leaf]: answer}, info))
    finish(recorder)
    assert recorder.of("on_security_problem") == [(LEAVES[leaf],)]
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, b"ok")
    # For this operation and for no other: neither its verification nor its connection is anybody else's.
    second = fetch(scripted.tls_url(leaf=leaf), info)
    assert second.hresult == HRESULT.INET_E_INVALID_CERTIFICATE
    third = bind(scripted.tls_url(leaf=leaf), Guard({}, info))
    finish(third)
    assert third.of("on_security_problem") == [(LEAVES[leaf],)]
    assert third.hresult == HRESULT.INET_E_INVALID_CERTIFICATE
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    ("answer", "hresult"),
    [
        (None, HRESULT.INET_E_INVALID_CERTIFICATE),
        (HRESULT.S_FALSE, HRESULT.INET_E_INVALID_CERTIFICATE),
        (HRESULT.E_FAIL, HRESULT.INET_E_INVALID_CERTIFICATE),
        (HRESULT.E_ABORT, HRESULT.E_ABORT),
    ],
    ids=name_of,
)
def test_a_problem_that_the_client_does_not_put_up_with(
    scripted: ScriptedServer, ca: CertificateAuthority, answer: Any, hresult: HRESULT
) -> None:
    recorder = bind(
        scripted.tls_url(leaf="expired"),
        Guard({INTERNET_ERROR.SEC_CERT_DATE_INVALID: answer}, BindInfo(ca_file=str(ca.ca_file))),
    )
    finish(recorder)
    assert recorder.hresult == hresult
    assert recorder.sequence[-2:] == ["on_security_problem", "on_stop_binding"]
    assert len(scripted.requests) == 0


def test_one_problem_permitted_is_not_another(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    """A client that puts up with the date is asked about the issuer all the same."""
    info = BindInfo(
        flags=BINDF.IGNORESECURITYPROBLEM | urlmon.bindinfo.DEFAULT_FLAGS, ca_file=str(ca.ca_file)
    )
    for leaf in ("expired", "wrong_host"):
        recorder = fetch(scripted.tls_url(leaf=leaf), info)
        assert recorder.body == b"ok"
    recorder = fetch(scripted.tls_url(leaf="unknown"), info)
    assert recorder.hresult == HRESULT.INET_E_INVALID_CERTIFICATE
    assert len(scripted.requests) == 2
    guard = bind(scripted.tls_url(leaf="unknown"), Guard({INTERNET_ERROR.INVALID_CA: HRESULT.S_OK}, info))
    finish(guard)
    assert guard.of("on_security_problem") == [(INTERNET_ERROR.INVALID_CA,)]
    assert guard.body == b"ok"


@pytest.mark.parametrize("leaf", LEAVES)
def test_all_problems_may_be_ignored_once(
    scripted: ScriptedServer, ca: CertificateAuthority, leaf: str
) -> None:
    info = BindInfo(options=BINDINFO_OPTIONS.IGNORE_SSLERRORS_ONCE, ca_file=str(ca.ca_file))
    assert fetch(scripted.tls_url(leaf=leaf), info).body == b"ok"
    strict = fetch(scripted.tls_url(leaf=leaf), BindInfo(ca_file=str(ca.ca_file)))
    assert strict.hresult == HRESULT.INET_E_INVALID_CERTIFICATE


def test_a_good_certificate_is_no_problem(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    recorder = bind(scripted.tls_url(), Guard({}, BindInfo(ca_file=str(ca.ca_file))))
    finish(recorder)
    assert recorder.of("on_security_problem") == []
    assert recorder.body == b"ok"


@pytest.mark.parametrize(
    ("answer", "hresult"),
    [
        (HRESULT.S_OK, HRESULT.S_OK),
        (HRESULT.RPC_E_RETRY, HRESULT.S_OK),
        (None, HRESULT.INET_E_REDIRECT_FAILED),
        (HRESULT.S_FALSE, HRESULT.INET_E_REDIRECT_FAILED),
        (HRESULT.E_ABORT, HRESULT.E_ABORT),
    ],
    ids=name_of,
)
@pytest.mark.parametrize("up", [True, False])
def test_redirects_between_http_and_https(
    scripted: ScriptedServer, ca: CertificateAuthority, answer: Any, hresult: HRESULT, up: bool
) -> None:
    plain, secure = scripted.url(), scripted.tls_url()
    url = scripted.url("/redirect", to=secure) if up else scripted.tls_url("/redirect", to=plain)
    problem = INTERNET_ERROR.HTTP_TO_HTTPS_ON_REDIR if up else INTERNET_ERROR.HTTPS_TO_HTTP_ON_REDIR
    recorder = bind(url, Guard({problem: answer}, BindInfo(ca_file=str(ca.ca_file))))
    finish(recorder)
    assert recorder.of("on_security_problem") == [(problem,)]
    assert recorder.hresult == hresult
    assert len(scripted.requests) == (2 if hresult == HRESULT.S_OK else 1)


def test_crossings_that_nobody_is_asked_about(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    url = scripted.url("/redirect", to=scripted.tls_url())
    for info in (
        BindInfo(options=BINDINFO_OPTIONS.IGNOREHTTPHTTPSREDIRECTS, ca_file=str(ca.ca_file)),
        BindInfo(flags=BINDF.IGNORESECURITYPROBLEM | urlmon.bindinfo.DEFAULT_FLAGS, ca_file=str(ca.ca_file)),
    ):
        recorder = bind(url, Guard({}, info))
        finish(recorder)
        assert recorder.of("on_security_problem") == []
        assert recorder.body == b"ok"


def test_a_permission_does_not_follow_a_redirect_to_another_site(
    scripted: ScriptedServer, ca: CertificateAuthority
) -> None:
    first = scripted.tls_url("/redirect", leaf="expired", to=scripted.tls_url(leaf="wrong_host"))
    answers = {
        INTERNET_ERROR.SEC_CERT_DATE_INVALID: HRESULT.S_OK,
        INTERNET_ERROR.SEC_CERT_CN_INVALID: HRESULT.E_FAIL,
    }
    recorder = bind(first, Guard(answers, BindInfo(ca_file=str(ca.ca_file))))
    finish(recorder)
    assert [problem for (problem,) in recorder.of("on_security_problem")] == list(answers)
    assert recorder.hresult == HRESULT.INET_E_INVALID_CERTIFICATE
