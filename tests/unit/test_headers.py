"""Header blocks of responses."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urlmon.constants import HTTP_QUERY
from urlmon.headers import FIELD_NAMES, find_field, head_of, parse_head, query

HEAD = (
    b"HTTP/1.1 206 Partial Content\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n"
    b"Content-Length: 1234\r\n"
    b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    b"Expires: 0\r\n"
    b"Set-Cookie: a=1\r\n"
    b"set-cookie: b=2, c=3\r\n"
    b'ETag: "x"\r\n'
    b"X-Empty:\r\n"
    b"X-Text: caf\xe9\r\n"
    b"Retry-After: 120\r\n"
    b"X-Digits: 007\r\n"
    b"\r\n"
)


def ask(what: int, name: str | None = None, index: int = 0, head: bytes = HEAD) -> object:
    return query(HTTP_QUERY(what), head, name, index)


def fields(*lines: str) -> list[tuple[str, str]]:
    return parse_head(
        ("HTTP/1.1 200 OK\r\n" + "".join(line + "\r\n" for line in lines) + "\r\n").encode("latin-1")
    )


def test_fields_in_order() -> None:
    assert parse_head(HEAD) == [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", "1234"),
        ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("Expires", "0"),
        ("Set-Cookie", "a=1"),
        ("set-cookie", "b=2, c=3"),
        ("ETag", '"x"'),
        ("X-Empty", ""),
        ("X-Text", "café"),
        ("Retry-After", "120"),
        ("X-Digits", "007"),
    ]


@pytest.mark.parametrize("head", [b"", b"\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 200 OK", b"A: b\r\n"])
def test_heads_without_fields(head: bytes) -> None:
    assert parse_head(head) == []  # the first line never is one


def test_white_space_around_names_and_values() -> None:
    assert fields("A:b", "A: \t b \t", "A :b", "A:") == [("A", "b"), ("A", "b"), ("A", "b"), ("A", "")]


def test_values_with_colons_and_separators() -> None:
    assert fields("Location: http://h:80/a:b", 'X: a;b="c: d"') == [
        ("Location", "http://h:80/a:b"),
        ("X", 'a;b="c: d"'),
    ]


def test_folded_lines_are_joined() -> None:
    assert fields("A: b", " c", "\t d ", "E: f") == [("A", "b c d"), ("E", "f")]
    assert fields("A:", " b") == [("A", "b")]
    assert fields("A: b", " ") == [("A", "b")]
    assert fields(" a: b", "C: d") == [("C", "d")]  # nothing to be joined to


def test_lines_that_are_no_fields_are_left_out() -> None:
    assert fields("nonsense", ": value", "A: b", "::") == [("A", "b")]


def test_lines_ended_by_a_bare_line_feed() -> None:
    assert parse_head(b"HTTP/1.0 200 OK\nA: b\nC: d\r\n\n") == [("A", "b"), ("C", "d")]


def test_a_carriage_return_ends_no_line() -> None:
    assert parse_head(b"HTTP/1.0 200 OK\r\nA: b\rInjected: c\r\n\r\n") == [("A", "b\rInjected: c")]


@given(st.binary(max_size=200))
def test_any_bytes_can_be_parsed(head: bytes) -> None:
    for name, value in parse_head(b"HTTP/1.1 200 OK\r\n" + head):
        assert name
        assert "\n" not in name + value
    for attribute in (19, 20, 21, 22, 5, 9):
        for modifier in (0, HTTP_QUERY.FLAG_NUMBER, HTTP_QUERY.FLAG_SYSTEMTIME, HTTP_QUERY.FLAG_COALESCE):
            ask(attribute | modifier, head=head)


def test_find_field() -> None:
    found = parse_head(HEAD)
    assert find_field(found, "CONTENT-type") == "text/html; charset=utf-8"
    assert [find_field(found, "Set-Cookie", index) for index in range(3)] == ["a=1", "b=2, c=3", None]
    assert find_field(found, "content") is None
    assert find_field([], "a") is None


def test_status_line() -> None:
    assert ask(HTTP_QUERY.VERSION) == "HTTP/1.1"
    assert ask(HTTP_QUERY.STATUS_CODE) == "206"
    assert ask(HTTP_QUERY.STATUS_CODE | HTTP_QUERY.FLAG_NUMBER) == 206
    assert ask(HTTP_QUERY.STATUS_TEXT) == "Partial Content"


def test_status_line_without_a_reason() -> None:
    for head in (b"HTTP/2 200\r\n\r\n", b"HTTP/2 200 \r\n\r\n"):
        assert ask(HTTP_QUERY.VERSION, head=head) == "HTTP/2"
        assert ask(HTTP_QUERY.STATUS_CODE | HTTP_QUERY.FLAG_NUMBER, head=head) == 200
        assert ask(HTTP_QUERY.STATUS_TEXT, head=head) == ""


def test_before_the_response() -> None:
    for attribute in HTTP_QUERY:
        if attribute.modifiers == 0:
            expected = "0" if attribute == HTTP_QUERY.STATUS_CODE else None
            assert ask(attribute, name="Date", head=b"") == expected
    assert ask(HTTP_QUERY.STATUS_CODE | HTTP_QUERY.FLAG_NUMBER, head=b"") == 0


def test_fields_by_attribute() -> None:
    assert ask(HTTP_QUERY.CONTENT_TYPE) == "text/html; charset=utf-8"
    assert ask(HTTP_QUERY.CONTENT_LENGTH) == "1234"
    assert ask(HTTP_QUERY.ETAG) == '"x"'
    assert ask(HTTP_QUERY.RETRY_AFTER) == "120"
    assert ask(HTTP_QUERY.LOCATION) is None


@pytest.mark.parametrize(
    ("attribute", "name"),
    [
        (HTTP_QUERY.DATE, "date"),
        (HTTP_QUERY.LAST_MODIFIED, "last-modified"),
        (HTTP_QUERY.CONTENT_ENCODING, "content-encoding"),
        (HTTP_QUERY.WWW_AUTHENTICATE, "www-authenticate"),
        (HTTP_QUERY.CONTENT_MD5, "content-md5"),
        (HTTP_QUERY.ETAG, "etag"),
    ],
)
def test_names_of_attributes(attribute: HTTP_QUERY, name: str) -> None:
    assert FIELD_NAMES[attribute] == name


def test_attributes_that_are_no_fields_have_no_name() -> None:
    assert HTTP_QUERY.CUSTOM not in FIELD_NAMES
    assert HTTP_QUERY.STATUS_CODE not in FIELD_NAMES
    assert HTTP_QUERY.REQUEST_METHOD not in FIELD_NAMES
    assert not [attribute for attribute in FIELD_NAMES if attribute.modifiers]


def test_repeated_fields() -> None:
    assert [ask(HTTP_QUERY.SET_COOKIE, index=index) for index in range(3)] == ["a=1", "b=2, c=3", None]
    assert ask(HTTP_QUERY.SET_COOKIE | HTTP_QUERY.FLAG_COALESCE) == "a=1, b=2, c=3"
    assert ask(HTTP_QUERY.LOCATION | HTTP_QUERY.FLAG_COALESCE) is None


def test_custom_field() -> None:
    assert ask(HTTP_QUERY.CUSTOM, "x-text") == "café"
    assert ask(HTTP_QUERY.CUSTOM, "X-Empty") == ""
    assert ask(HTTP_QUERY.CUSTOM, "x-missing") is None
    assert ask(HTTP_QUERY.CUSTOM) is None
    assert ask(HTTP_QUERY.CUSTOM, "set-cookie", 1) == "b=2, c=3"
    assert ask(HTTP_QUERY.CUSTOM | HTTP_QUERY.FLAG_NUMBER, "x-digits") == 7


def test_the_name_counts_for_custom_only() -> None:
    assert ask(HTTP_QUERY.CONTENT_LENGTH, "x-text") == "1234"


def test_raw_headers() -> None:
    text = HEAD.decode("latin-1")
    assert ask(HTTP_QUERY.RAW_HEADERS_CRLF) == text
    assert ask(HTTP_QUERY.RAW_HEADERS) == text.replace("\r\n", "\0")


def test_numbers() -> None:
    for flag in (HTTP_QUERY.FLAG_NUMBER, HTTP_QUERY.FLAG_NUMBER64):
        assert ask(HTTP_QUERY.CONTENT_LENGTH | flag) == 1234
        assert ask(HTTP_QUERY.CONTENT_TYPE | flag) is None
        assert ask(HTTP_QUERY.CUSTOM | flag, "x-empty") is None
        assert ask(HTTP_QUERY.LOCATION | flag) is None


@pytest.mark.parametrize("value", ["-1", "+1", "1.0", "1 2", "0x10", "1_000", "\xb2", "9" * 21, "9" * 5000])
def test_no_numbers(value: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: " + value.encode("latin-1") + b"\r\n\r\n"
    assert ask(HTTP_QUERY.CONTENT_LENGTH | HTTP_QUERY.FLAG_NUMBER64, head=head) is None


def test_large_numbers() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"
    assert ask(HTTP_QUERY.CONTENT_LENGTH | HTTP_QUERY.FLAG_NUMBER64, head=head) == (1 << 64) - 1


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",  # RFC 850
        "Sun Nov  6 08:49:37 1994",  # asctime
        "Sun, 06 Nov 1994 08:49:37 -0000",
    ],
)
def test_dates(text: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nLast-Modified: {text}\r\n\r\n".encode()
    date = ask(HTTP_QUERY.LAST_MODIFIED | HTTP_QUERY.FLAG_SYSTEMTIME, head=head)
    assert date == datetime(1994, 11, 6, 8, 49, 37, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text", ["0", "", "-1", "soon", "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT"]
)
def test_no_dates(text: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nExpires: {text}\r\n\r\n".encode()
    assert ask(HTTP_QUERY.EXPIRES | HTTP_QUERY.FLAG_SYSTEMTIME, head=head) is None


def test_heads_of_requests() -> None:
    head = b"PUT /x HTTP/1.1\r\nContent-Type: a/b\r\n\r\n"
    of_request = HTTP_QUERY.FLAG_REQUEST_HEADERS
    assert query(HTTP_QUERY.CONTENT_TYPE | of_request, head, None, 0) == "a/b"
    assert query(HTTP_QUERY.RAW_HEADERS_CRLF | of_request, head, None, 0) == head.decode()
    assert query(HTTP_QUERY.REQUEST_METHOD, head, None, 0) == "PUT"
    for of_responses in (HTTP_QUERY.STATUS_CODE, HTTP_QUERY.STATUS_TEXT, HTTP_QUERY.VERSION):
        assert query(of_responses | of_request, head, None, 0) is None


@pytest.mark.parametrize("status", [200, 404, 999])
def test_a_head_that_was_made_is_read_again(status: int) -> None:
    fields = [("X-One", "1"), ("x-two", ""), ("X-One", "zwölf")]
    made = head_of(status, fields)
    assert parse_head(made) == fields
    assert query(HTTP_QUERY.STATUS_CODE | HTTP_QUERY.FLAG_NUMBER, made, None, 0) == status


def test_numbers_without_a_name() -> None:
    assert ask(1000) is None
    assert ask(1000, "date") is None
