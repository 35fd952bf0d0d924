"""Every case of bind_traces.json: which calls are made, in which order, with what, on which thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance import (
    trace_binding,
    trace_dialog,
    trace_http,
    trace_local,
    trace_moniker,
    trace_session,
)
from tests.conformance.vectors import Case, cases
from tests.servers.scripted import ScriptedServer
from tests.servers.tls import CertificateAuthority

FILE = "bind_traces.json"


def of(level: str) -> Any:
    return cases(FILE, lambda case: case["level"] == level)


@pytest.mark.parametrize("case", of("moniker"))
def test_moniker(case: Case, scripted: ScriptedServer, ca: CertificateAuthority, tmp_path: Path) -> None:
    trace_moniker.play(case, scripted, ca, tmp_path)


@pytest.mark.parametrize("case", of("emulated protocol"))
def test_emulated_protocol(case: Case, tmp_path: Path) -> None:
    trace_dialog.play(case, tmp_path)


def driven(api: str) -> Any:
    return cases(FILE, lambda case: case["level"] == "protocol" and case["given"]["api"].startswith(api))


@pytest.mark.parametrize("case", driven("file protocol"))
def test_file_protocol(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace_local.play_file(case, tmp_path, monkeypatch)


@pytest.mark.parametrize("case", driven("about protocol"))
def test_about_protocol(case: Case) -> None:
    trace_local.play_about(case)


@pytest.mark.parametrize("case", driven("res protocol"))
def test_res_protocol(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace_local.play_res(case, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "case", [*driven("http protocol"), *driven("IInternetSession::CreateBinding, then Start")]
)
def test_http_protocol(case: Case, scripted: ScriptedServer, tmp_path: Path) -> None:
    if case["name"] == "http_protocol_from_cache":
        pytest.importorskip("hishel", reason="the extra `cache` is not installed")
        trace_http.play_cached(case, scripted, tmp_path)
    else:
        trace_http.play_http(case, scripted)


@pytest.mark.parametrize(
    "case", [case for case in driven("") if case.values[0]["name"].startswith("create_binding_")]
)
def test_session_binding(case: Case) -> None:
    if case["name"].endswith("after_terminate"):
        trace_session.play_after_terminate(case)
    else:
        trace_session.play_create_binding(case)


@pytest.mark.parametrize("case", driven("CreateBinding, Start with PI_MIMEVERIFICATION"))
def test_binding_with_a_protocol(case: Case) -> None:
    trace_binding.play(case)


@pytest.mark.parametrize("case", of("helper API"))
def test_helper_function(case: Case, scripted: ScriptedServer, tmp_path: Path) -> None:
    if "protocol" in case["given"]:
        trace_dialog.play_helper(case, scripted, tmp_path)
    else:
        trace_moniker.play_helper(case, scripted, tmp_path)
