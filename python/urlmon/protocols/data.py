"""data: URLs (RFC 2397): the resource is in the URL itself."""

from __future__ import annotations

import binascii
import re
from urllib.parse import unquote, unquote_to_bytes

from urlmon.exceptions import InvalidURLError
from urlmon.protocols.memory import MemoryProtocol

_SPACE = re.compile(rb"[\t\n\f\r ]+")
_DIGITS = re.compile(rb"[A-Za-z0-9+/]*")
_BASE64 = re.compile(r";[ ]*base64[ ]*$", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[!#$%&'*+.^_`|~A-Za-z0-9\-]+/[!#$%&'*+.^_`|~A-Za-z0-9\-]+")


class DataProtocol(MemoryProtocol):
    """Handler of data:[<media type>][;base64],<data>. Without a media type it is text/plain, as RFC 2397 says."""

    def find(self, url: str) -> tuple[str, bytes]:
        """Raises InvalidURLError (INET_E_INVALID_URL) without a comma, and for what is no base64."""
        head, comma, body = url.partition("#")[0].partition(":")[2].partition(",")
        if not comma:
            raise InvalidURLError("a data: URL has a comma before its data", url=url)
        try:
            content = unquote_to_bytes(body)
        except UnicodeEncodeError as problem:
            raise InvalidURLError("a lone surrogate is no character", url=url) from problem
        declared = unquote(head)
        if _BASE64.search(declared):
            content = self._decoded(content, url)
        media_type = _BASE64.sub("", declared).split(";", 1)[0].strip().lower()
        return media_type if _MEDIA_TYPE.fullmatch(media_type) else "text/plain", content

    @staticmethod
    def _decoded(content: bytes, url: str) -> bytes:
        """Base64 with or without its padding; white space does not count."""
        digits = _SPACE.sub(b"", content).rstrip(b"=")
        if _DIGITS.fullmatch(digits) is None or len(digits) % 4 == 1:
            raise InvalidURLError("the data are no base64", url=url)
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
