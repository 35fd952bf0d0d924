"""Parsing, combining, comparing and asking about URLs, and the session's user agent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pycurl
import pytest

import urlmon
from urlmon import (
    HRESULT,
    PARSEACTION,
    QUERYOPTION,
    URL_FLAGS,
    URLMON_OPTION,
    BindInfo,
    Uri_CREATE,
    combine_uri,
    combine_url,
    compare_url,
    create_uri,
    parse_uri,
    parse_url,
    query_info,
)

nothing: Any = None


@pytest.mark.parametrize(
    ("action", "url", "result"),
    [
        (PARSEACTION.CANONICALIZE, "HTTP://H/a/../%7e", "http://h/~"),
        (PARSEACTION.CANONICALIZE, "no url", "no url"),
        (PARSEACTION.FRIENDLY, "http://u:p@h/", "http://h/"),
        (PARSEACTION.ROOTDOCUMENT, "https://u@h:8/a?b", "https://h:8"),
        (PARSEACTION.DOCUMENT, "http://h/a#b#c", "http://h/a"),
        (PARSEACTION.ANCHOR, "http://h/a#b#c", "#b#c"),
        (PARSEACTION.LOCATION, "http://h/a", ""),
        (PARSEACTION.ENCODE, "a%20b", "a b"),
        (PARSEACTION.DECODE, "a b%20ü", "a%20b%20%C3%BC"),
        (PARSEACTION.ESCAPE, "http://h/a b?c=<d>", "http://h/a%20b?c=%3Cd%3E"),
        (PARSEACTION.PATH_FROM_URL, "file:///tmp/a%20b", "/tmp/a b"),
        (PARSEACTION.PATH_FROM_URL, "file:/tmp/a%FF", "/tmp/a\udcff"),
        (PARSEACTION.PATH_FROM_URL, "file://localhost/tmp/a", "/tmp/a"),
        (PARSEACTION.PATH_FROM_URL, "file://server/a%20b/c", "\\\\server\\a b\\c"),
        (PARSEACTION.PATH_FROM_URL, "file:///c:/a%20b", "c:\\a b"),
        (PARSEACTION.URL_FROM_PATH, "/tmp/a b", "file:///tmp/a%20b"),
        (PARSEACTION.URL_FROM_PATH, "tmp/a", "tmp/a"),
        (PARSEACTION.SITE, "http://u@h:1/", "h"),
        (PARSEACTION.SCHEMA, "HTTP://h/", "http"),
    ],
)
def test_parse(action: PARSEACTION, url: str, result: str) -> None:
    assert parse_url(url, action) == result


@pytest.mark.parametrize(
    ("action", "url", "result"),
    [
        (PARSEACTION.FRIENDLY, "http://u:p@h/a#b", "http://h/a#b"),
        (PARSEACTION.ROOTDOCUMENT, "HTTPS://u:p@H:8/a?b", "https://h:8"),
        (PARSEACTION.ROOTDOCUMENT, "ftp://h:21/a", "ftp://h"),
        (PARSEACTION.ROOTDOCUMENT, "http:a", ""),
        (PARSEACTION.ROOTDOCUMENT, "gopher://h/a", ""),
        (PARSEACTION.DOCUMENT, "http://h/a?b#c#d", "http://h/a?b"),
        (PARSEACTION.DOCUMENT, "gopher://h/a#b", "gopher://h/a"),
        (PARSEACTION.DOCUMENT, "mailto:a@h#b", ""),
        (PARSEACTION.ANCHOR, "http://h/a#b#c", "#b#c"),
        (PARSEACTION.LOCATION, "http://h/a", ""),
        (PARSEACTION.ENCODE, "http://h/a%20b", "http://h/a b"),
        (PARSEACTION.UNESCAPE, "http://h/a%20b", "http://h/a b"),
        (PARSEACTION.DECODE, "zip://h/a b%20", "zip://h/a%20b%20"),
        (PARSEACTION.ESCAPE, "zip://h/a b%20", "zip://h/a%20b%20"),
        (PARSEACTION.PATH_FROM_URL, "file:///tmp/a%20b%FF", "/tmp/a b\udcff"),
        (PARSEACTION.PATH_FROM_URL, "file://localhost/tmp/a", "/tmp/a"),
        (PARSEACTION.URL_FROM_PATH, "http://h/a", "http://h/a"),
        (PARSEACTION.SCHEMA, "HTTP://h/", "http"),
        (PARSEACTION.SITE, "http://u@a.b.org:1/", "a.b.org"),
        (PARSEACTION.DOMAIN, "http://u@a.b.org:1/", "b.org"),
    ],
)
def test_parse_of_a_uri(action: PARSEACTION, url: str, result: str) -> None:
    assert parse_uri(create_uri(url), action) == result


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file://c:\\a%41", "c:\\a%41"),
        ("file:///c:/a%2541", "c:\\a%41"),
        ("file://server/a%20b", "\\\\server\\a b"),
    ],
)
@pytest.mark.parametrize("create", [Uri_CREATE(0), Uri_CREATE.FILE_USE_DOS_PATH])
def test_path_of_a_uri_in_either_form(url: str, path: str, create: Uri_CREATE) -> None:
    assert parse_uri(create_uri(url, create), PARSEACTION.PATH_FROM_URL) == path


@pytest.mark.parametrize(
    ("url", "flags", "result"),
    [
        ("zip://h/a/../%2e./b", 0, "zip://h/%2e./b"),
        ("zip://h/a/../b", URL_FLAGS.DONT_SIMPLIFY, "zip://h/a/../b"),
        ("zip://h/%3f%23%C3%BC%2f", URL_FLAGS.UNESCAPE, "zip://h/%3f%23ü/"),
        ("zip://h/%20 <\\", URL_FLAGS.ESCAPE_SPACES_ONLY, "zip://h/%20%20<\\"),
        ("zip://h/%20 <\\", URL_FLAGS.ESCAPE_UNSAFE, "zip://h/%20%20%3C%5C"),
        ("zip://h/%20 <\\", URL_FLAGS.ESCAPE_PERCENT, "zip://h/%2520 <\\"),
        ("zip://h/%20 <\\", URL_FLAGS.ESCAPE_PERCENT | URL_FLAGS.ESCAPE_UNSAFE, "zip://h/%2520%20%3C%5C"),
        ("zip://h/%41", URL_FLAGS.UNESCAPE | URL_FLAGS.ESCAPE_PERCENT, "zip://h/%2541"),
        ("zip://h/ ?< #<", URL_FLAGS.ESCAPE_UNSAFE, "zip://h/%20?%3C%20#%3C"),
        (
            "zip://h/ ?< #<",
            URL_FLAGS.ESCAPE_UNSAFE | URL_FLAGS.DONT_ESCAPE_EXTRA_INFO,
            "zip://h/%20?< #<",
        ),
        ("zip://h/%41?%41", URL_FLAGS.UNESCAPE | URL_FLAGS.DONT_UNESCAPE_EXTRA_INFO, "zip://h/A?%41"),
        ("http://u:p@H:80/a/./%7e<#c", 0, "http://u:p@h/a/~%3C#c"),
        ("http://h/../%7e", URL_FLAGS.DONT_SIMPLIFY, "http://h/../~"),
        ("file:///c:/../a%2541", 0, "file:///c:/a%2541"),
        ("file:c:/../a", 0, "file:c:/../a"),
        ("mk:@store:archive::/a/../b", 0, "mk:@store:archive::/b"),
    ],
)
def test_canonical_form_by_flags(url: str, flags: int, result: str) -> None:
    uri = create_uri(url, Uri_CREATE.NO_CANONICALIZE)
    before = (uri.absolute_uri, uri.path)
    assert parse_uri(uri, PARSEACTION.CANONICALIZE, flags) == result
    assert (uri.absolute_uri, uri.path) == before


@pytest.mark.parametrize("url", ["file://c:\\a%2541\\..\\b", "file:///c:/a%252541", "file://server/a%2541"])
def test_a_dos_path_is_canonical_as_it_is(url: str) -> None:
    uri = create_uri(url, Uri_CREATE.FILE_USE_DOS_PATH)
    assert parse_uri(uri, PARSEACTION.CANONICALIZE) == uri.absolute_uri


def test_dot_segments_that_combining_kept() -> None:
    uri = combine_uri(create_uri("http://h/a/b"), create_uri("../c", 1), URL_FLAGS.DONT_SIMPLIFY)
    assert uri.path == "/a/../c"
    assert parse_uri(uri, PARSEACTION.CANONICALIZE, URL_FLAGS.DONT_SIMPLIFY) == "http://h/a/../c"
    assert parse_uri(uri, PARSEACTION.CANONICALIZE) == "http://h/c"


@pytest.mark.parametrize(
    ("call", "hresult"),
    [
        (lambda: parse_url(nothing, PARSEACTION.SITE), HRESULT.E_INVALIDARG),
        (lambda: parse_url("http://h/", PARSEACTION.PATH_FROM_URL), HRESULT.E_INVALIDARG),
        (lambda: parse_url("http://h/", PARSEACTION.SECURITY_DOMAIN), HRESULT.E_FAIL),
        (lambda: parse_url("mailto:a@b", PARSEACTION.ROOTDOCUMENT), HRESULT.E_FAIL),
        (lambda: parse_url("http://h/", PARSEACTION.MIME), HRESULT.E_NOTIMPL),
        (lambda: parse_url("http://h/", 99), HRESULT.E_NOTIMPL),
        (lambda: parse_url("http://h/\ud800", PARSEACTION.ESCAPE), HRESULT.E_INVALIDARG),
        (lambda: parse_url("/\ud800", PARSEACTION.URL_FROM_PATH), HRESULT.E_INVALIDARG),
        (lambda: parse_uri(create_uri("http://h/\ud800"), PARSEACTION.DECODE), HRESULT.E_INVALIDARG),
        (lambda: parse_uri(nothing, PARSEACTION.SITE), HRESULT.E_INVALIDARG),
        (lambda: parse_uri("http://h/", PARSEACTION.SITE), HRESULT.E_INVALIDARG),  # type: ignore[arg-type]
        (lambda: parse_uri(create_uri("http://h/"), PARSEACTION.PATH_FROM_URL), HRESULT.E_INVALIDARG),
        (lambda: parse_uri(create_uri("a", 1), PARSEACTION.PATH_FROM_URL), HRESULT.E_INVALIDARG),
        (lambda: parse_uri(create_uri("http://h/"), PARSEACTION.SECURITY_URL), HRESULT.E_FAIL),
        (lambda: parse_uri(create_uri("http://h/"), PARSEACTION.SECURITY_DOMAIN), HRESULT.E_FAIL),
        (lambda: parse_uri(create_uri("http://h/"), PARSEACTION.MIME), HRESULT.E_FAIL),
        (lambda: parse_uri(create_uri("http://h/"), PARSEACTION.SERVER), HRESULT.E_FAIL),
        (lambda: parse_uri(create_uri("http://h/"), 0), HRESULT.E_NOTIMPL),
        (lambda: parse_uri(create_uri("http://h/"), 99), HRESULT.E_NOTIMPL),
        (lambda: combine_url("http://[", "a"), HRESULT.E_INVALIDARG),
        (lambda: compare_url(nothing, "a"), HRESULT.E_INVALIDARG),
        (lambda: query_info("http://h/", QUERYOPTION.IS_CACHED), HRESULT.E_FAIL),
        (lambda: urlmon.url_mk_set_session_option(URLMON_OPTION.URL_ENCODING, "x"), HRESULT.E_INVALIDARG),
        (
            lambda: urlmon.url_mk_set_session_option(URLMON_OPTION.USERAGENT, "a\r\nB: c"),
            HRESULT.E_INVALIDARG,
        ),
        (lambda: urlmon.url_mk_get_session_option(1), HRESULT.E_INVALIDARG),
    ],
)
def test_results_that_are_failures(call: Callable[[], Any], hresult: HRESULT) -> None:
    with pytest.raises(urlmon.BindError) as caught:
        call()
    assert caught.value.hresult == hresult


def test_combine() -> None:
    assert combine_url("http://h/a/%7eb/c?q", "../%7ed#e") == "http://h/a/%7ed#e"
    assert combine_url("http://h/a/b", "./../c", URL_FLAGS.DONT_SIMPLIFY) == "http://h/a/./../c"
    assert combine_url("c:\\a\\b", "c d") == "file:///c:/a/c%20d"


def test_compare() -> None:
    assert compare_url("http://H:80/%41", "http://h/A")
    assert not compare_url("http://h/a", "http://h/a/")
    assert compare_url("http://h/a", "http://h/a/", ignore_slash=True)
    assert compare_url("no url", "no url")


def test_query() -> None:
    assert query_info("https://h/", QUERYOPTION.USES_NETWORK) == 1
    assert query_info("about:blank", QUERYOPTION.USES_NETWORK) == 0


@pytest.fixture
def handler() -> Iterator[Any]:
    class Info(urlmon.InternetProtocol, urlmon.InternetProtocolInfo):
        def __call__(self) -> Any:
            return self

        def parse_url(self, url: str, action: int, flags: int = 0) -> str | None:
            return f"parsed {action}"

        def combine_url(self, base: str, relative: str, flags: int = 0) -> str | None:
            return f"{base} and {relative}"

        def compare_url(self, first: str, second: str, flags: int = 0) -> bool | None:
            return bool(flags)

        def query_info(self, url: str, option: int, flags: int = 0) -> Any:
            return option

    info = Info()
    urlmon.register_name_space("x-asked", info)
    yield info
    urlmon.unregister_name_space("x-asked", info)


@pytest.mark.usefixtures("handler")
def test_a_handler_is_asked_first() -> None:
    assert parse_url("x-asked:a", PARSEACTION.SECURITY_URL) == "parsed 3"
    assert parse_uri(create_uri("x-asked:a"), PARSEACTION.SECURITY_URL) == "parsed 3"
    assert parse_uri(create_uri("x-asked:a"), PARSEACTION.CANONICALIZE) == "parsed 1"
    assert combine_url("x-asked:a", "b") == "x-asked:a and b"
    assert not compare_url("x-asked:a", "x-asked:a")
    assert compare_url("x-asked:a", "b", ignore_slash=True)
    assert query_info("x-asked:a", 77) == 77


def test_the_session_s_user_agent_is_sent_from_then_on() -> None:
    def sent(info: BindInfo) -> Any:
        from urlmon.profiles import compile_profile

        return dict(compile_profile(info, urlmon.TYMED.ISTREAM, (), "http://h/").options)[pycurl.USERAGENT]

    info, own = BindInfo(), BindInfo(user_agent="own")
    before = sent(info)
    assert before == urlmon.obtain_user_agent_string()
    urlmon.url_mk_set_session_option(URLMON_OPTION.USERAGENT, "mine/1")
    try:
        assert sent(info) == urlmon.url_mk_get_session_option(URLMON_OPTION.USERAGENT) == "mine/1"
        assert sent(own) == "own"
    finally:
        urlmon.url_mk_set_session_option(URLMON_OPTION.USERAGENT_REFRESH)
    assert sent(info) == before
