"""Certificates that do not pass: which problem it is, and how libcurl is told to put up with it (contract 8.4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pycurl

from urlmon.constants import INTERNET_ERROR
from urlmon_core import library

# Results of the verification (OpenSSL's x509_vfy.h). libcurl compares the host name itself and says "unspecified" then.
_HOST = frozenset({0, 1, 62})
_DATE = frozenset({9, 10, 11, 12})
_ISSUER = frozenset({2, 18, 19, 20, 21, 24, 26, 27})
_REVOCATION = frozenset({3, 4, 23, 33, 36, 44})


def _results_are_known() -> bool:
    """Whether the results are OpenSSL's numbers; other TLS libraries have their own."""
    return str(library()["ssl_version"]).startswith(("OpenSSL", "LibreSSL", "BoringSSL", "quictls", "AWS-LC"))


def problem_of(result: int) -> INTERNET_ERROR:
    """The problem that a verification result stands for."""
    if not _results_are_known():
        return INTERNET_ERROR.SEC_CERT_ERRORS
    if result in _HOST:
        return INTERNET_ERROR.SEC_CERT_CN_INVALID
    if result in _DATE:
        return INTERNET_ERROR.SEC_CERT_DATE_INVALID
    if result in _ISSUER:
        return INTERNET_ERROR.INVALID_CA
    if result in _REVOCATION:
        return INTERNET_ERROR.SEC_CERT_REV_FAILED
    return INTERNET_ERROR.SEC_CERT_ERRORS


def tolerance_options(problems: Iterable[INTERNET_ERROR]) -> list[tuple[int, Any]]:
    """The options that have libcurl put up with `problems`, and with no others where that can be told apart.

    A certificate from an unknown issuer may say anything but the host name, which is verified on. Over such a
    connection nothing else is ever sent: it is new, not kept, not multiplexed, and its TLS session is
    not resumed. The date is left to the core (Profile, ignores_dates).
    """
    problems = frozenset(problems)
    if not problems:
        return []
    options: list[tuple[int, Any]] = [
        (pycurl.FRESH_CONNECT, 1),
        (pycurl.FORBID_REUSE, 1),
        (pycurl.SSL_SESSIONID_CACHE, 0),
        (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
    ]
    chain = problems - {INTERNET_ERROR.SEC_CERT_CN_INVALID, INTERNET_ERROR.SEC_CERT_DATE_INVALID}
    if chain:
        options.append((pycurl.SSL_VERIFYPEER, 0))
    if problems & {INTERNET_ERROR.SEC_CERT_CN_INVALID, INTERNET_ERROR.SEC_CERT_ERRORS}:
        options.append((pycurl.SSL_VERIFYHOST, 0))
    return options
