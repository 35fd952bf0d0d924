"""No user name and no password leaves in an error, whatever the URL looks like."""

from __future__ import annotations

import errno
import pickle
import traceback

import pytest

from urlmon.errors import error_from_curl, error_from_errno, error_from_hresult, error_from_http
from urlmon.exceptions import (
    BindError,
    UnexpectedError,
)
from urlmon.hresult import HRESULT
from urlmon.redaction import redact_url


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("http://user:secret@h/x", "http://h/x"),
        ("http://user@h/x", "http://h/x"),
        ("http://:secret@h", "http://h"),
        ("HTTPS://user:secret@h:8443/x?q=a@b#f@g", "HTTPS://h:8443/x?q=a@b#f@g"),
        ("http://user:s@cret@h/x", "http://h/x"),
        ("http://user:secret@[::1]:80/x@y", "http://[::1]:80/x@y"),
        ("http://user:sec%40ret@h?x", "http://h?x"),
        ("http://user:sec/ret@h/x", "http://h/x"),
        ("http://user:sec?ret@h/x", "http://h/x"),
        ("http://user:sec#ret@h/x", "http://h/x"),
        ("http://user:sec\\ret@h/x", "http://h/x"),
        ("http:/user:secret@h/x", "http:/h/x"),
        ("http:///user:secret@h/x", "http:///h/x"),
        ("http:\\\\user:secret@h/x", "http:\\\\h/x"),
        ("  http://user:secret@h/x", "  http://h/x"),
        ("ht\ttp://user:secret@h/x", "ht\ttp://h/x"),
        ("//user:secret@h/x", "//h/x"),
        ("user:secret@h/x", "h/x"),
        ("http:user:secret@h/x", "h/x"),
        ("ftp://user:secret@h;type=i", "ftp://h;type=i"),
        ("http://user:secret@", "http://"),
        ("file://user:secret@h/x", "file://h/x"),
    ],
)
def test_user_info_is_removed(url: str, redacted: str) -> None:
    assert redact_url(url) == redacted
    assert redact_url(redacted) == redacted


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "http://h/x",
        "http://h:80/a@b",
        "http://h:/a@b",
        "http://h/a@b:c@d",
        "http://h?a@b",
        "http://[fe80::1%25eth0]/a@b",
        "mailto:user@h",
        "urn:a@b",
        "mk:@MSITStore:c:\\x.chm::/a@b",
        "file:///home/a@b",
        "file://c:\\dir\\a@b",
        "c:\\dir\\a@b",
        "/tmp/a@b",
        "dir/a@b",
        "a@b/c",
        "localhost:8080/a@b",
        "?a:b@c",
        "#a:b@c",
    ],
)
def test_the_rest_stays(url: str) -> None:
    assert redact_url(url) == url


@pytest.mark.parametrize(
    "url", ["http://", "://", "@", ":@", "//@", "http://[", "http://[::1", "\ud800:@", "\x00" * 3]
)
def test_redaction_never_raises(url: str) -> None:
    assert isinstance(redact_url(url), str)
    assert isinstance(str(BindError(url=url)), str)


@pytest.mark.parametrize(
    "make",
    [
        lambda url, detail: error_from_curl(6, url=url, detail=detail),
        lambda url, detail: error_from_http(404, url=url, detail=detail),
        lambda url, detail: error_from_hresult(HRESULT.E_FAIL, url=url, detail=detail),
        lambda url, detail: error_from_errno(errno.EIO, url=url, path="/t/x", detail=detail),
        lambda url, detail: UnexpectedError(url=url, detail=detail),
    ],
)
@pytest.mark.parametrize("url", ["http://user:hunter2@h/x", "http://user:hun/ter2@h/x", "user:hunter2@h/x"])
def test_no_form_of_an_error_has_the_password(make, url: str) -> None:  # type: ignore[no-untyped-def]
    error = make(url, f"bad thing at {url}, redirected from ftp://mallory:hunter2@other/y")
    forms = [str(error), repr(error), error.url, error.detail, repr(error.args), repr(vars(error))]
    forms += traceback.format_exception(type(error), error, None)
    forms.append(pickle.dumps(error).decode("latin-1"))
    assert not [form for form in forms if "ter2" in form or "mallory" in form]
    assert "ftp://other/y" in error.detail


def test_redaction_of_long_texts_is_quick() -> None:
    BindError(url="http://" + "a:" * 100_000, detail="a" * 200_000 + "://" + "b" * 200_000)
