"""FindMimeFromData: which media type some bytes have, whatever was declared (contract 10.4)."""

from __future__ import annotations

import mimetypes
import re

from urlmon.exceptions import InvalidRequestError, UnsupportedError
from urlmon.hresult import HRESULT
from urlmon.uri_constants import FMFD

_TYPES = mimetypes.MimeTypes().types_map[True]  # by extension; the standard library's own, not the system's
_CONSIDERED = 255  # bytes
_TEXT = "text/plain"
_BINARY = "application/octet-stream"
_MARKUP = ("text/html", "text/xml")
_AMBIGUOUS = frozenset({"", _TEXT, _BINARY})
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_HTML = re.compile(rb"<(?:html|head|body).", re.IGNORECASE | re.DOTALL)
_XML = re.compile(rb"<\?xml .", re.IGNORECASE | re.DOTALL)

# In the order in which they are tried; a signature needs a byte more than itself, where the pattern ends in a dot.
_SIGNATURES: dict[str, re.Pattern[bytes]] = {
    name: re.compile(pattern, re.DOTALL)
    for name, pattern in {
        "text/richtext": rb"\{\\rtf.",
        "audio/basic": rb"\.snd.",
        "audio/wav": rb"RIFF....WAVE.",
        "image/gif": rb"(?i:gif87a|gif89a)",
        "image/pjpeg": rb"\xff\xd8.",
        "image/tiff": rb"MM\x00\x2a|II\x2a\xff",
        "image/x-png": rb"\x89PNG\r\n\x1a\n.",
        "image/bmp": rb"BM....\x00\x00\x00\x00....",
        "video/avi": rb"RIFF....AVI .",
        "video/mpeg": rb"\x00\x00\x01[\xb3\xba].",
        "application/postscript": rb"%!.",
        "application/pdf": rb"%PDF.",
        "application/x-zip-compressed": rb"PK.",
        "application/x-gzip-compressed": rb"\x1f\x8b.",
        "application/java": rb"\xca\xfe\xba\xbe.",
        "application/x-msdownload": rb"MZ.",
    }.items()
}
_KNOWN = frozenset({*_MARKUP, *_SIGNATURES, _TEXT, _BINARY})
_NEWER = {"image/x-png": "image/png", "image/pjpeg": "image/jpeg"}


def _is_text(data: bytes) -> bool:
    return _NO_TEXT.search(data[:-1]) is None


def _markup(data: bytes) -> str | None:
    """Whichever comes first."""
    html, xml = _HTML.search(data), _XML.search(data)
    if html is None:
        return None if xml is None else "text/xml"
    return "text/xml" if xml is not None and xml.start() < html.start() else "text/html"


def _signature(data: bytes) -> str:
    for name, pattern in _SIGNATURES.items():
        if pattern.match(data):
            return name
    return _TEXT if _is_text(data) else _BINARY


def _is(name: str, data: bytes) -> bool:
    if name == "text/html":
        return _HTML.search(data) is not None
    if name == "text/xml":
        return _XML.search(data) is not None
    return _SIGNATURES[name].match(data) is not None


def _extension(url: str | None) -> str:
    """The extension of `url` with its dot, without query and fragment; "" if it has none."""
    path = re.split(r"[?#]", url or "", maxsplit=1)[0]
    name = re.split(r"[/\\]", path)[-1]
    dot = name.rfind(".")
    return name[dot:].lower() if dot >= 0 else ""


def _sniff(data: bytes, proposed: str, keep_text: bool) -> str:
    markup = _markup(data)
    if proposed in _AMBIGUOUS and not (keep_text and proposed == _TEXT):
        return markup or _signature(data)
    if proposed == _TEXT or _is(proposed, data):
        return proposed
    if proposed in _MARKUP:
        found = markup or _signature(data)
        return proposed if found in _AMBIGUOUS else found
    found = _signature(data)
    if found == _BINARY:
        leading = _NO_TEXT.split(data, maxsplit=1)[0]
        return _TEXT if _markup(leading) else proposed
    return found


def find_mime_from_data(
    url: str | None, data: bytes | None = None, proposed: str | None = None, flags: int = 0
) -> str:
    """The media type of `data`, the beginning of what is at `url`, declared as `proposed`; flags: FMFD.

    Known types are looked for where nothing, plain text or unknown bytes were declared; a declared type that is
    known has to look like itself; another one is believed. At most 255 bytes count. Types are named as of old
    (image/pjpeg, image/x-png) unless FMFD.RETURNUPDATEDIMGMIMES is given. Without `data`, the declared type or
    that of the extension.

    InvalidRequestError (E_INVALIDARG) with neither URL nor data, UnsupportedError where nothing is known:
    E_FAIL for empty data or a URL without extension, the HRESULT of a file that was not found for an extension.
    """
    if url is None and data is None:
        raise InvalidRequestError("neither a URL nor data", url="", hresult=HRESULT.E_INVALIDARG)
    declared = None if proposed is None else proposed.split(";", 1)[0].strip()
    if data is None:
        extension = _extension(url)
        found = declared or _TYPES.get(extension)
        if found is None:
            raise UnsupportedError(
                "no type is known for its extension",
                url=url or "",
                hresult=HRESULT.WIN32_E_FILE_NOT_FOUND if extension else HRESULT.E_FAIL,
            )
        return found
    if not data:
        if declared:
            return declared
        raise UnsupportedError("there are no bytes to judge by", url=url or "", hresult=HRESULT.E_FAIL)
    name = (declared or "").lower()
    if name and (name not in _KNOWN or (flags & FMFD.SERVERMIME and not flags & FMFD.IGNOREMIMETEXTPLAIN)):
        return declared or ""
    found = _sniff(data[:_CONSIDERED], name, bool(flags & FMFD.RESPECTTEXTPLAIN))
    if found in {_TEXT, _BINARY}:
        registered = _TYPES.get(_extension(url))
        if registered is not None and registered not in _KNOWN:
            found = registered
    return _NEWER.get(found, found) if flags & FMFD.RETURNUPDATEDIMGMIMES else found
