"""Binds that a cache, or a file, takes part in: the http protocol serves them as a handler (contract 5.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from urlmon.bindinfo import CACHED
from urlmon.caching import cache_of
from urlmon.constants import TYMED
from urlmon.exceptions import UnsupportedError
from urlmon.hresult import HRESULT
from urlmon.protocols.http import HttpProtocol

if TYPE_CHECKING:
    from urlmon.bindinfo import BindInfo
    from urlmon.protocol import InternetProtocol


def serve_cached(info: BindInfo, storage: TYMED, url: str) -> tuple[bool, InternetProtocol | None, BindInfo]:
    """Who serves a bind of `url` by `info`, whose `cached` is set: whether a handler does, which, and what it is told.

    UnsupportedError (E_NOTIMPL) where there is no cache that `info` needs: without the extra `cache`, and for URLs that
    are not http or https.
    """
    is_http = url.partition(":")[0].lower() in {"http", "https"}
    if info.cached != CACHED:  # a file is needed
        if not is_http:
            return False, None, info
    elif not is_http:
        raise UnsupportedError("only http and https are cached", url=url, hresult=HRESULT.E_NOTIMPL)
    else:
        info = replace(info, cache=cache_of(info))
    if info.decode is None:
        info = replace(info, decode=storage != TYMED.FILE)
    return True, HttpProtocol(is_sure=True), info
