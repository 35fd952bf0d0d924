"""From the core's end record to what `on_stop_binding` gets."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import urlmon_core
from urlmon import (
    HRESULT,
    AbortedError,
    AddressError,
    BindError,
    BindMemoryError,
    ConnectError,
    DownloadError,
    HTTPNotFoundError,
    InvalidRequestError,
    MissingFolderError,
    StorageExistsError,
    TransferError,
)
from urlmon import outcome as module
from urlmon.outcome import error_of

BINDING: Any = SimpleNamespace(
    url="http://user:secret@h/x", path="/t/target", body_path="/t/body", status_code=206, raw_headers=b""
)


def causes() -> dict[str, int]:
    """The numbers of end_cause as the core declares them."""
    declaration = Path(urlmon_core.__file__).with_name("mailbox.pxd").read_text(encoding="utf-8")
    return {name: int(number) for name, number in re.findall(r"\bCAUSE_(\w+) = (\d+)", declaration)}


def test_numbers_are_those_of_the_core() -> None:
    declared = causes()
    assert declared.pop("NONE") == 0
    assert declared == {name: getattr(module, f"_{name}") for name in declared}
    assert max(declared.values()) == len(declared)


@pytest.mark.parametrize(
    ("cause", "code", "error_class", "hresult"),
    [
        ("CURL", 7, ConnectError, HRESULT.INET_E_CANNOT_CONNECT),
        ("HTTP", 404, HTTPNotFoundError, HRESULT.INET_E_RESOURCE_NOT_FOUND),
        ("STORAGE", errno.ENOENT, MissingFolderError, HRESULT.WIN32_E_PATH_NOT_FOUND),
        ("ABORTED", 0, AbortedError, HRESULT.E_ABORT),
        ("SHUTDOWN", 0, AbortedError, HRESULT.E_ABORT),
        ("MEMORY", 0, BindMemoryError, HRESULT.E_OUTOFMEMORY),
        ("OPTION", 48, InvalidRequestError, HRESULT.E_INVALIDARG),
        ("LOCKED", 0, StorageExistsError, HRESULT.WIN32_E_SHARING_VIOLATION),
        ("LIMIT", 0, TransferError, HRESULT.INET_E_DOWNLOAD_FAILURE),
        ("BODY", errno.ENOENT, MissingFolderError, HRESULT.WIN32_E_PATH_NOT_FOUND),
        ("LIMIT", 1, TransferError, HRESULT.INET_E_DOWNLOAD_FAILURE),
        ("LIMIT", 2, TransferError, HRESULT.INET_E_DOWNLOAD_FAILURE),
        ("ADDRESS", 0, AddressError, HRESULT.E_ACCESSDENIED),
        ("RESUME", 0, DownloadError, HRESULT.INET_E_DOWNLOAD_FAILURE),
    ],
)
def test_causes(cause: str, code: int, error_class: type[BindError], hresult: HRESULT) -> None:
    told, error = error_of(BINDING, None, causes()[cause], code, 10999, "libcurl's words")
    assert type(error) is error_class
    assert told is error.hresult is hresult
    assert error.url == "http://h/x"
    assert "secret" not in str(error)


def test_every_cause_is_tested() -> None:
    [mark] = [mark for mark in test_causes.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]
    assert {"NONE", *(row[0] for row in mark.args[1])} == set(causes())


def test_what_is_known_is_said() -> None:
    assert "10999" in str(error_of(BINDING, None, causes()["OPTION"], 48, 10999, "")[1])
    assert "/t/target.part" in str(error_of(BINDING, None, causes()["LOCKED"], 0, 0, "")[1])
    assert "libcurl's words" in str(error_of(BINDING, None, causes()["CURL"], 7, 0, "libcurl's words")[1])
    stored = error_of(BINDING, None, causes()["STORAGE"], errno.ENOENT, 0, "")[1]
    assert isinstance(stored, OSError)
    assert (stored.errno, stored.filename) == (errno.ENOENT, "/t/target")


def test_what_the_owner_ended_it_with_wins() -> None:
    given = ConnectError(url="http://h/")
    assert error_of(BINDING, given, causes()["HTTP"], 404, 0, "") == (given.hresult, given)
    told, error = error_of(BINDING, HRESULT.E_ABORT, causes()["HTTP"], 404, 0, "")
    assert told is HRESULT.E_ABORT
    assert type(error) is AbortedError
    told, error = error_of(BINDING, HRESULT.E_FAIL, causes()["NONE"], 0, 0, "")
    assert told is HRESULT.E_FAIL
    assert type(error) is BindError


def test_a_success_code_of_the_owner_is_no_error() -> None:
    assert error_of(BINDING, HRESULT.S_FALSE, causes()["ABORTED"], 0, 0, "") == (HRESULT.S_FALSE, None)
