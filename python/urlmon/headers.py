"""Header blocks of responses: split into fields, and asked by WinInet's attribute numbers (contract 8.8)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import responses

from urlmon.constants import HTTP_QUERY

_NO_FIELDS = frozenset(
    {
        HTTP_QUERY.VERSION,
        HTTP_QUERY.STATUS_CODE,
        HTTP_QUERY.STATUS_TEXT,
        HTTP_QUERY.RAW_HEADERS,
        HTTP_QUERY.RAW_HEADERS_CRLF,
        HTTP_QUERY.REQUEST_METHOD,
        HTTP_QUERY.CUSTOM,
    }
)

_OF_RESPONSES = frozenset({HTTP_QUERY.VERSION, HTTP_QUERY.STATUS_CODE, HTTP_QUERY.STATUS_TEXT})

# Attributes that are plain fields, by their name in the message.
FIELD_NAMES = {
    attribute: attribute.name.lower().replace("_", "-")
    for attribute in HTTP_QUERY
    if not attribute.modifiers and attribute not in _NO_FIELDS
}

_DIGITS_OF_64_BITS = 20


def parse_head(head: bytes) -> list[tuple[str, str]]:
    """The fields of a header block, in order.

    Lines that are no fields are left out; folded lines are joined (RFC 9112 5.2).
    """
    fields: list[tuple[str, str]] = []
    for line in head.decode("iso-8859-1").split("\n")[1:]:
        if line[:1] in (" ", "\t"):
            if fields:
                name, value = fields[-1]
                fields[-1] = (name, f"{value} {line.strip()}".strip())
            continue
        name, colon, value = line.partition(":")
        if colon and name.strip():
            fields.append((name.strip(), value.strip()))
    return fields


def head_of(status: int, fields: Iterable[tuple[str, str]]) -> bytes:
    """A header block as `parse_head` takes it, for a response that is not received."""
    lines = [
        f"HTTP/1.1 {status} {responses.get(status, '')}".rstrip(),
        *(f"{name}: {value}" for name, value in fields),
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("iso-8859-1", "replace")


def find_field(fields: Iterable[tuple[str, str]], name: str, index: int = 0) -> str | None:
    """The value of the field called `name`, counting repeated ones from 0; None if there are not so many."""
    wanted = name.lower()
    for found, value in fields:
        if found.lower() == wanted:
            if index == 0:
                return value
            index -= 1
    return None


def _status_line(head: bytes) -> tuple[str, str, str]:
    """(version, status code, reason phrase), empty texts before the response."""
    version, _, rest = head.partition(b"\n")[0].decode("iso-8859-1").strip().partition(" ")
    code, _, reason = rest.strip().partition(" ")
    return version, code, reason.strip()


def query(what: HTTP_QUERY, head: bytes, name: str | None, index: int) -> object:
    """One attribute of a response head in the form that the modifiers of `what` ask for, None if it has none.

    `name` is the field that HTTP_QUERY.CUSTOM asks for, `index` counts repeated fields, unless FLAG_COALESCE
    asks for all of them, joined by commas. `head` is that of the request, if `asks_for_request(what)`.
    """
    attribute = what.attribute
    version, code, reason = _status_line(head)
    text: str | None
    if attribute == HTTP_QUERY.REQUEST_METHOD:
        text = version or None  # the first word of a request
    elif asks_for_request(what) and attribute in _OF_RESPONSES:
        return None
    elif attribute == HTTP_QUERY.STATUS_CODE:
        text = code or "0"
    elif attribute == HTTP_QUERY.STATUS_TEXT:
        text = reason if code else None
    elif attribute == HTTP_QUERY.VERSION:
        text = version or None
    elif attribute == HTTP_QUERY.RAW_HEADERS_CRLF:
        text = head.decode("iso-8859-1") or None
    elif attribute == HTTP_QUERY.RAW_HEADERS:
        text = head.decode("iso-8859-1").replace("\r\n", "\0") or None
    else:
        field = name if attribute == HTTP_QUERY.CUSTOM else FIELD_NAMES.get(attribute)
        text = _field(what, head, field, index)
    return _in_form(what, text)


def asks_for_request(what: HTTP_QUERY) -> bool:
    """Whether an attribute is one of the request."""
    return bool(what & HTTP_QUERY.FLAG_REQUEST_HEADERS) or what.attribute == HTTP_QUERY.REQUEST_METHOD


def _field(what: HTTP_QUERY, head: bytes, name: str | None, index: int) -> str | None:
    if name is None:
        return None
    fields = parse_head(head)
    if not what & HTTP_QUERY.FLAG_COALESCE:
        return find_field(fields, name, index)
    return ", ".join(value for found, value in fields if found.lower() == name.lower()) or None


def _in_form(what: HTTP_QUERY, text: str | None) -> str | int | datetime | None:
    if text is None:
        return None
    if what & (HTTP_QUERY.FLAG_NUMBER | HTTP_QUERY.FLAG_NUMBER64):
        # Longer ones are no 64-bit numbers, and int() refuses very long ones with an error.
        return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_OF_64_BITS else None
    if what & HTTP_QUERY.FLAG_SYSTEMTIME:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return None
        # RFC 9110 5.6.7: every date is in UTC, whether it says so or not.
        return date if date.tzinfo else date.replace(tzinfo=timezone.utc)
    return text
