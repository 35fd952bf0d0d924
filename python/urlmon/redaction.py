"""Keeping passwords out of messages: URLs and texts without user names and passwords."""

from __future__ import annotations

import re

# What stands before the authority: a scheme and slashes (libcurl takes one to three), or two slashes. A
# scheme of one letter would be a drive letter. Control characters are let through, because URL clean-up may
# remove them later.
_BEFORE_AUTHORITY = re.compile(r"[^/\\?#@:]{2,}:([/\\]+)|\s*//")
_AFTER_AUTHORITY = re.compile(r"[/?#]")
_AFTER_FILE_AUTHORITY = re.compile(r"[/\\?#]")
_FILE = re.compile(r"\s*file:", re.IGNORECASE)
_IN_TEXT = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/?#'\"<>]*@")

# Schemes whose part after the colon is a name with a legal "@", no authority; and drive letters.
_OPAQUE = re.compile(
    r"\s*((about|acct|blob|cid|data|its|javascript|mailto|mid|mk|ms-its|news|res|sips?|tel|urn|xmpp):"
    r"|[a-z]:\\)",
    re.IGNORECASE,
)


def redact_url(url: str) -> str:
    """`url` without user name and password; everything else stays as it is. Never raises on malformed input,
    and in doubt removes too much: text before an "@" that some parser might take for user info does not stay.
    """
    before = _BEFORE_AUTHORITY.match(url)
    if before is None:
        return _redact_without_slashes(url)
    if _FILE.match(url):
        if before.group(1) not in ("//", "\\\\"):
            return url  # file:///a@b: a path after an empty authority
        after = _AFTER_FILE_AUTHORITY.search(url, before.end())
        end = after.start() if after else len(url)
    else:
        end = _end_of_authority(url, before.end())
    at = url.rfind("@", before.end(), end)
    return url if at < 0 else url[: before.end()] + url[at + 1 :]


def _end_of_authority(url: str, start: int) -> int:
    """Where the authority that begins at `start` ends, as far as user info is concerned."""
    after = _AFTER_AUTHORITY.search(url, start)
    if after is None:
        return len(url)
    authority = url[start : after.start()]
    port = authority.rpartition(":")[2] if ":" in authority else ""
    if "@" not in authority and port and not port.isdigit() and "]" not in port:
        # "http://user:pa/ss@host/": "pa" is no port, so it must be a password with an unescaped delimiter.
        return len(url)
    return after.start()


def _redact_without_slashes(url: str) -> str:
    """A URL without slashes after its first colon: mailto:a@b stays, user:password@host/x (which libcurl
    would take for http) loses all up to the "@".
    """
    after = _AFTER_AUTHORITY.search(url)
    head = url[: after.start()] if after else url
    if "@" not in head.partition(":")[2] or _OPAQUE.match(url):
        return url
    return url[head.rfind("@") + 1 :]


def redact_text(text: str) -> str:
    """`text` with the user info removed from every URL in it."""
    return _IN_TEXT.sub(r"\1", text)
