"""Ways to authenticate: which of them a response offers, and which this libcurl can do (contract 8.2)."""

from __future__ import annotations

import re
from functools import lru_cache

import pycurl

from urlmon.headers import parse_head
from urlmon_core import libcurl_info

_SCHEMES = {
    "basic": pycurl.HTTPAUTH_BASIC,
    "digest": pycurl.HTTPAUTH_DIGEST,
    "ntlm": pycurl.HTTPAUTH_NTLM,
    "negotiate": pycurl.HTTPAUTH_NEGOTIATE,
}
_FEATURES = {"NTLM": pycurl.HTTPAUTH_NTLM, "SPNEGO": pycurl.HTTPAUTH_NEGOTIATE}
BASIC = pycurl.HTTPAUTH_BASIC
BASIC_AND_DIGEST = pycurl.HTTPAUTH_BASIC | pycurl.HTTPAUTH_DIGEST
WITH_PASSWORD = BASIC_AND_DIGEST | pycurl.HTTPAUTH_NTLM
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_FIELDS = {401: "www-authenticate", 407: "proxy-authenticate"}


def offered_schemes(head: bytes, status: int) -> int:
    """What the head of a 401 or 407 offers, of the schemes that libcurl may know, as bits of CURLOPT_HTTPAUTH."""
    mask = 0
    for found, value in parse_head(head):
        if found.lower() == _FIELDS.get(status):
            for part in _QUOTED.sub('""', value).split(","):
                word = part.split(maxsplit=1)[:1]
                mask |= _SCHEMES.get(word[0].lower(), 0) if word else 0
    return mask


@lru_cache(maxsize=1)
def known_schemes() -> int:
    """What this libcurl can do, as bits of CURLOPT_HTTPAUTH."""
    features = libcurl_info()["features"]
    assert isinstance(features, list)
    return BASIC_AND_DIGEST | sum(bit for name, bit in _FEATURES.items() if name in features)


def why_not_authenticated(head: bytes, status: int) -> str:
    """What to say of a 401 or 407 that offers nothing but what this libcurl lacks; "" for all others."""
    offered = offered_schemes(head, status)
    if not offered or offered & known_schemes():
        return ""
    names = " and ".join(name for name, bit in _SCHEMES.items() if offered & bit)
    return f"the server offers {names} only, which this libcurl was built without"
