"""From a BindInfo to libcurl options: what is set, what is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import pycurl
import pytest

from urlmon.bindinfo import BindInfo
from urlmon.constants import BINDF, BINDVERB, TYMED
from urlmon.exceptions import InvalidRequestError
from urlmon.hresult import HRESULT
from urlmon.profiles import MOST_COMPILED, check_field, compile_profile, parse_fields
from urlmon.useragent import library_user_agent

URL = "http://user:secret@h/x"

PROTOCOLS_STR = 10318
REDIR_PROTOCOLS_STR = 10319


def compiled(
    info: BindInfo, storage: TYMED = TYMED.ISTREAM, additional: tuple[tuple[str, str], ...] = ()
) -> dict[int, Any]:
    """The options as libcurl keeps them: the last one of a number counts."""
    return dict(compile_profile(info, storage, additional, URL).options)


def lines(info: BindInfo, additional: tuple[tuple[str, str], ...] = ()) -> tuple[str, ...]:
    """The request fields, as given to libcurl."""
    found: tuple[str, ...] = compiled(info, additional=additional).get(pycurl.HTTPHEADER, ())
    return found


def refusal(info: BindInfo) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        compile_profile(info, TYMED.ISTREAM, (), URL)
    assert "secret" not in str(caught.value)
    assert caught.value.url == "http://h/x"
    assert not info.compiled
    return caught.value


# == fields ==


@pytest.mark.parametrize(
    "value",
    ["a\r\nX-Injected: 1", "a\nX-Injected: 1", "a\rX", "a\0b", "\n", "\x1b[31m", "a\x7f", "a\x0bb", "a\x08"],
)
def test_values_that_would_break_out_of_their_line(value: str) -> None:
    error = refusal(BindInfo(headers={"X-A": value}))
    assert error.hresult == HRESULT.INET_E_INVALID_REQUEST
    assert "X-A" in error.reason
    assert "Injected" not in str(error)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "A B",
        "A:",
        "A: b\r\nC",
        "A\r\n",
        "A\n",
        "Ä",
        "A;",
        "A(",
        "A\0",
        "@",
        '"A"',
        "A\t",
        " A",
        "A ",
    ],
)
def test_names_that_are_no_tokens(name: str) -> None:
    assert refusal(BindInfo(headers=[(name, "x")])).hresult == HRESULT.INET_E_INVALID_REQUEST


@pytest.mark.parametrize("name", ["A", "x-a", "!#$%&'*+-.^_`|~09az"])
@pytest.mark.parametrize("value", ["b", "b\tc", 'b: c; d="e"', "café", "日本", "'"])
def test_fields_that_can_be_sent(name: str, value: str) -> None:
    check_field(name, value, URL)
    assert lines(BindInfo(headers=[(name, value)])) == (f"{name}: {value}",)


@pytest.mark.parametrize("value", ["", " ", "\t", "  \t "])
def test_a_field_without_a_value_is_sent_as_such(value: str) -> None:
    assert lines(BindInfo(headers={"X-Empty": value})) == ("X-Empty;",)  # "X-Empty:" would remove it


def test_fields_keep_order_and_repetition() -> None:
    assert lines(BindInfo(headers=[("B", "1"), ("A", "2"), ("B", "3")])) == ("B: 1", "A: 2", "B: 3")


def test_fields_of_beginning_transaction_win() -> None:
    info = BindInfo(headers=[("A", "1"), ("B", "2"), ("a", "3")])
    assert lines(info, (("A", "9"), ("C", "8"))) == ("B: 2", "A: 9", "C: 8")
    assert lines(info) == ("A: 1", "B: 2", "a: 3")


@pytest.mark.parametrize("given", [None, "", (), [], {}])
def test_no_additional_fields(given: Any) -> None:
    assert parse_fields(given, URL) == ()


@pytest.mark.parametrize(
    "given",
    [
        {"A": "1", "B": "2"},
        [("A", "1"), ("B", "2")],
        iter([("A", "1"), ("B", " 2\t")]),
        "A: 1\r\nB:2",
        "A: 1\r\nB: 2\r\n",
        "A: 1\nB:  2 \n\n",
        "A: 1\r\n\r\nB: 2\r\n\r\n",
    ],
)
def test_forms_of_additional_fields(given: Any) -> None:
    assert parse_fields(given, URL) == (("A", "1"), ("B", "2"))


@pytest.mark.parametrize(
    "given", ["nonsense", "A: b\r\n folded", "A: b\rC: d", ": x", "A : b", "GET / HTTP/1.1"]
)
def test_malformed_lines_of_additional_fields(given: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_fields(given, URL)
    assert caught.value.hresult == HRESULT.INET_E_INVALID_REQUEST


# == text that libcurl copies into the request ==


@pytest.mark.parametrize("text", ["x\r\nX-Injected: 1", "x\nX-Injected: 1", "x\ry", "x\0y"])
def test_no_line_break_through_the_user_agent(text: str) -> None:
    assert refusal(BindInfo(user_agent=text)).hresult == HRESULT.INET_E_INVALID_REQUEST


@pytest.mark.parametrize(
    "option",
    [
        pycurl.USERAGENT,
        pycurl.REFERER,
        pycurl.COOKIE,
        pycurl.RANGE,
        pycurl.CUSTOMREQUEST,
        pycurl.ENCODING,
        pycurl.XOAUTH2_BEARER,
        10266,  # REQUEST_TARGET
    ],
)
def test_no_line_break_through_other_options(option: int) -> None:
    for text in ("x\r\nX-Injected: 1", b"x\nX-Injected: 1", bytearray(b"x\r")):
        assert refusal(BindInfo(curl_options={option: text})).hresult == HRESULT.INET_E_INVALID_REQUEST


@pytest.mark.parametrize("option", [pycurl.HTTPHEADER, pycurl.PROXYHEADER])
def test_no_line_break_through_lists_of_fields(option: int) -> None:
    refusal(BindInfo(curl_options={option: ["A: b", "C: d\r\nX-Injected: 1"]}))
    refusal(BindInfo(curl_options={option: ("A: b", b"C: d\nX-Injected: 1")}))
    assert compiled(BindInfo(curl_options={option: ["A: b"]}))[option] == ["A: b"]


# == options ==


@pytest.mark.parametrize(
    "option",
    [
        pycurl.URL,
        pycurl.WRITEDATA,
        pycurl.READDATA,
        pycurl.WRITEHEADER,  # HEADERDATA
        pycurl.NOPROGRESS,
        pycurl.NOSIGNAL,
        pycurl.SHARE,
        10010,  # ERRORBUFFER
        10103,  # PRIVATE
        10024,  # HTTPPOST
        10037,  # STDERR
        10269,  # MIMEPOST
    ],
)
@pytest.mark.parametrize("value", [0, 1, "x", b"x", ["x"]])
def test_options_of_the_core_are_reserved(option: int, value: object) -> None:
    error = refusal(BindInfo(curl_options={option: value}))
    assert error.hresult == HRESULT.E_INVALIDARG
    assert str(option) in error.reason


@pytest.mark.parametrize(
    "option",
    [pycurl.WRITEFUNCTION, pycurl.XFERINFOFUNCTION, pycurl.OPENSOCKETFUNCTION, 20000, 40309, 1 << 30],
)
def test_functions_and_blobs_are_refused(option: int) -> None:
    assert refusal(BindInfo(curl_options={option: b"x"})).hresult == HRESULT.E_INVALIDARG


@pytest.mark.parametrize(
    ("option", "value"),
    [
        (pycurl.TIMEOUT_MS, "soon"),
        (pycurl.TIMEOUT_MS, None),
        (pycurl.TIMEOUT_MS, 1 << 64),
        (pycurl.COOKIE, 1),
        (pycurl.COOKIE, None),
        (pycurl.COOKIE, "\ud800"),
        (pycurl.PASSWORD, "a\0b"),
        (pycurl.HTTPHEADER, [1]),
        (pycurl.MAXFILESIZE_LARGE, -(1 << 64)),
    ],
)
def test_values_that_do_not_fit_their_option(option: int, value: object) -> None:
    error = refusal(BindInfo(curl_options={option: value}))
    assert isinstance(error, ValueError)


def test_options_of_the_client_are_applied_last() -> None:
    info = BindInfo(user_agent="a", curl_options={pycurl.USERAGENT: "b", pycurl.TIMEOUT_MS: 5})
    options = compile_profile(info, TYMED.ISTREAM, (), URL).options
    assert options[-2:] == ((pycurl.USERAGENT, "b"), (pycurl.TIMEOUT_MS, 5))


# == method ==


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (BindInfo(), {}),
        (BindInfo(custom_verb="IGNORED"), {}),
        (
            BindInfo(verb=BINDVERB.POST, data=b"a"),
            {pycurl.POST: 1},
        ),
        (BindInfo(verb=BINDVERB.POST), {pycurl.POST: 1}),
        (
            BindInfo(verb=BINDVERB.PUT, data=b"a"),
            {pycurl.POST: 1, pycurl.CUSTOMREQUEST: "PUT"},
        ),
        (
            BindInfo(data=b"a"),
            {pycurl.POST: 1, pycurl.CUSTOMREQUEST: "GET"},
        ),
        (BindInfo(verb=BINDVERB.CUSTOM, custom_verb="DELETE"), {pycurl.CUSTOMREQUEST: "DELETE"}),
        (BindInfo(verb=BINDVERB.CUSTOM, custom_verb="get"), {pycurl.CUSTOMREQUEST: "get"}),
        (BindInfo(verb=BINDVERB.CUSTOM, custom_verb="HEAD"), {pycurl.NOBODY: 1}),
        (BindInfo(verb=BINDVERB.CUSTOM, custom_verb="GET"), {}),
        (
            BindInfo(verb=BINDVERB.CUSTOM, custom_verb="PROPFIND", data=b"a"),
            {
                pycurl.POST: 1,
                pycurl.CUSTOMREQUEST: "PROPFIND",
            },
        ),
    ],
)
def test_methods(info: BindInfo, expected: dict[int, object]) -> None:
    about = (pycurl.POST, pycurl.POSTFIELDS, pycurl.CUSTOMREQUEST, pycurl.NOBODY)
    options = compiled(info)
    assert {option: options[option] for option in about if option in options} == expected


@pytest.mark.parametrize("verb", [None, "", " ", "GET /", "GET\r\nX: y", "G(T", "GÊT", "A:B", "A\0"])
def test_no_methods(verb: str | None) -> None:
    error = refusal(BindInfo(verb=BINDVERB.CUSTOM, custom_verb=verb))
    assert error.hresult == HRESULT.INET_E_INVALID_REQUEST


def test_fields_that_libcurl_would_add_to_a_body() -> None:
    assert lines(BindInfo(verb=BINDVERB.PUT, data=b"a")) == ("Content-Type:", "Expect:")
    assert lines(BindInfo(verb=BINDVERB.POST, data=b"a")) == ("Expect:",)
    assert lines(BindInfo(verb=BINDVERB.PUT, data=b"a", headers={"content-TYPE": "x/y", "expect": "z"})) == (
        "content-TYPE: x/y",
        "expect: z",
    )
    assert lines(BindInfo()) == ()


# == the rest of BindInfo ==


def test_what_a_plain_bind_sets() -> None:
    options = compiled(BindInfo())
    assert options[pycurl.USERAGENT] == library_user_agent()
    assert options[pycurl.CONNECTTIMEOUT_MS] == 30_000
    assert pycurl.LOW_SPEED_LIMIT not in options  # the core has a stall rule of its own
    assert (options[pycurl.FOLLOWLOCATION], options[pycurl.MAXREDIRS]) == (2, 30)
    assert pycurl.PROXY not in options
    assert pycurl.NETRC not in options
    assert pycurl.HTTP_VERSION not in options


def test_user_agent() -> None:
    assert library_user_agent().startswith("urlmon/")
    assert " libcurl/" in library_user_agent()
    assert compiled(BindInfo(user_agent=""))[pycurl.USERAGENT] == ""


@pytest.mark.parametrize(
    ("storage", "decode", "encoded"),
    [
        (TYMED.ISTREAM, None, True),
        (TYMED.HGLOBAL, None, True),
        (TYMED.FILE, None, False),
        (TYMED.FILE, True, True),
        (TYMED.ISTREAM, False, False),
    ],
)
def test_content_encoding(storage: TYMED, decode: bool | None, encoded: bool) -> None:
    assert (pycurl.ENCODING in compiled(BindInfo(decode=decode), storage)) == encoded


@pytest.mark.parametrize(
    ("schemes", "first", "redirected"),
    [
        (("http", "https"), "http,https", "http,https"),
        (("HTTPS",), "https", "https"),
        (("http",), "http", "http"),
        (("http", "file", "ftp"), "http,file,ftp", "http"),  # never from the network to a file
    ],
)
def test_schemes(schemes: tuple[str, ...], first: str, redirected: str) -> None:
    options = compiled(BindInfo(schemes=schemes))
    assert options[PROTOCOLS_STR] == first
    assert options[REDIR_PROTOCOLS_STR] == redirected


@pytest.mark.parametrize(("limit", "follows"), [(0, 0), (1, 2), (-1, 2)])
def test_redirects(limit: int, follows: int) -> None:
    options = compiled(BindInfo(max_redirects=limit))
    assert (options[pycurl.FOLLOWLOCATION], options[pycurl.MAXREDIRS]) == (follows, limit)


@pytest.mark.parametrize(("seconds", "milliseconds"), [(30, 30_000), (0.25, 250), (0.0001, 1)])
def test_connect_timeout(seconds: float, milliseconds: int) -> None:
    assert compiled(BindInfo(connect_timeout=seconds))[pycurl.CONNECTTIMEOUT_MS] == milliseconds


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), float("-inf"), -1])
def test_no_seconds(seconds: float) -> None:
    for info in (BindInfo(connect_timeout=seconds), BindInfo(stall_time=seconds)):
        assert refusal(info).hresult == HRESULT.E_INVALIDARG


@pytest.mark.parametrize("info", [BindInfo(stall_speed=0), BindInfo(stall_time=0)])
def test_stalls_may_be_ignored(info: BindInfo) -> None:
    assert pycurl.LOW_SPEED_TIME not in compiled(info)


def test_trusted_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    options = compiled(BindInfo(ca_file="/f", ca_path="/p"))
    assert options[pycurl.CAINFO] == options[pycurl.PROXY_CAINFO] == "/f"
    assert options[pycurl.CAPATH] == options[pycurl.PROXY_CAPATH] == "/p"
    monkeypatch.setenv("SSL_CERT_FILE", "/environment")
    assert compiled(BindInfo())[pycurl.CAINFO] == "/environment"
    options = compiled(BindInfo(ca_path="/p"))
    assert pycurl.CAINFO not in options  # what the caller names is all that is trusted
    assert options[pycurl.CAPATH] == "/p"


def test_proxy_netrc_and_version() -> None:
    options = compiled(BindInfo(proxy="", netrc=True, http_version=pycurl.CURL_HTTP_VERSION_1_1))
    assert options[pycurl.PROXY] == ""
    assert options[pycurl.NETRC] == pycurl.NETRC_OPTIONAL
    assert options[pycurl.HTTP_VERSION] == pycurl.CURL_HTTP_VERSION_1_1


# == compiled once ==


def test_a_profile_is_compiled_once() -> None:
    info = BindInfo(headers={"A": "b"})
    profile = compile_profile(info, TYMED.ISTREAM, (), URL)
    assert compile_profile(info, TYMED.ISTREAM, (), "http://other/") is profile
    assert compile_profile(info, TYMED.FILE, (), URL) is not profile
    added = compile_profile(info, TYMED.ISTREAM, (("C", "d"),), URL)
    assert added is not profile
    assert compile_profile(info, TYMED.ISTREAM, (("C", "d"),), URL) is added
    assert compile_profile(BindInfo(headers={"A": "b"}), TYMED.ISTREAM, (), URL) is not profile


def test_fields_that_differ_each_time_are_not_kept_for_ever() -> None:
    info = BindInfo()
    for number in range(MOST_COMPILED + 10):
        options = compiled(info, additional=(("X-Number", str(number)),))
        assert options[pycurl.HTTPHEADER] == (f"X-Number: {number}",)
    assert len(info.compiled) == MOST_COMPILED


def test_a_changed_copy_is_compiled_anew() -> None:
    info = BindInfo(user_agent="a")
    assert compiled(info)[pycurl.USERAGENT] == "a"
    assert compiled(dataclasses.replace(info, user_agent="b"))[pycurl.USERAGENT] == "b"


def test_bind_info_is_normalised() -> None:
    info = BindInfo(
        headers={"A": "b"},
        curl_options={pycurl.COOKIE: "c"},
        schemes=("HTTP",),
        data=bytearray(b"d"),  # type: ignore[arg-type]
    )
    assert info.headers == (("A", "b"),)
    assert info.curl_options == ((pycurl.COOKIE, "c"),)
    assert info.schemes == ("http",)
    assert type(info.data) is bytes
    assert info == dataclasses.replace(info)
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.netrc = True  # type: ignore[misc]


def test_asynchronous_unless_told_otherwise() -> None:
    assert BindInfo().asynchronous
    assert not BindInfo(flags=BINDF(0)).asynchronous
    assert not BindInfo(flags=BINDF.ASYNCSTORAGE).asynchronous
