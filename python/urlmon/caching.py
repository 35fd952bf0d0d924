"""What a cache does for one request, by the flags of its client (contract 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urlmon.bindinfo import CACHED, BindInfo
from urlmon.cache import Answer, DownloadCache, Kept, Plan
from urlmon.constants import BINDF
from urlmon.exceptions import BindTimeoutError, ConnectError, DownloadError, ResolveError
from urlmon.useragent import session_user_agent

if TYPE_CHECKING:
    from pathlib import Path

    from urlmon.exceptions import BindError

NOT_MODIFIED = 304
_NET_FAILURES = (ConnectError, ResolveError, BindTimeoutError, DownloadError)
_NOT_STORED = BINDF.NOWRITECACHE | BINDF.PRAGMA_NO_CACHE
_NOT_ASKED = BINDF.OFFLINEOPERATION | BINDF.FWD_BACK
_KEPT_STATUSES = frozenset({200, 203})


_OF_ITS_OWN = frozenset(
    {"range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"}
)
_ENCODED = frozenset({"content-encoding", "content-length"})


def takes_part(info: BindInfo) -> bool:
    """Whether a cache has to do with a request by `info`: a plain GET, without conditions of the client's own."""
    return (
        info.cached == CACHED
        and info.method == "GET"
        and info.data is None
        and _OF_ITS_OWN.isdisjoint(pair[0].lower() for pair in info.headers)
    )


def cache_of(info: BindInfo) -> DownloadCache:
    """The cache that `info` names, else the user's. UnsupportedError (E_NOTIMPL) without the extra `cache`."""
    return DownloadCache() if info.cache is None else info.cache


def request_fields(info: BindInfo) -> list[tuple[str, str]]:
    """The fields that a request by `info` is going to have, as far as caches look at them."""
    fields = [*info.headers]
    names = {name.lower() for name, _ in fields}
    agent = session_user_agent() if info.user_agent is None else info.user_agent
    usual = [("User-Agent", agent), ("Accept", "*/*")]
    return fields + [pair for pair in usual if pair[0].lower() not in names]


class Caching:
    """One GET of `url` with these request fields, and what `cache` has to do with it."""

    def __init__(
        self,
        cache: DownloadCache,
        url: str,
        flags: BINDF,
        fields: list[tuple[str, str]],
        *,
        decodes: bool = False,
    ) -> None:
        """decodes: bodies are decoded before they are kept, so one that is kept as it came is of no use here."""
        self.cache = cache
        self.url = url
        self.flags = flags
        self.decodes = decodes
        # A server may have other versions for others (Vary).
        self.fields = [*fields, ("Accept-Encoding", "decoded")] if decodes else fields
        self.plan: Plan = cache.plan(
            url,
            self.fields,
            stale=bool(flags & _NOT_ASKED),
            revalidate=bool(flags & BINDF.RESYNCHRONIZE),
            newest=bool(flags & BINDF.GETNEWESTVERSION),
        )
        #: is used if the network fails
        self.spare: Kept | None = (
            cache.find(url, self.fields) if flags & BINDF.GETFROMCACHE_IF_NET_FAIL else None
        )
        if not self._is_usable(self.spare):
            self.spare = None
        if not self._is_usable(self.plan.kept):
            self.ask_anew()

    def _is_usable(self, kept: Kept | None) -> bool:
        return kept is None or not self.decodes or kept.field("content-encoding") is None

    def _as_kept(self, fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The fields of a response, as they describe its body in the cache."""
        encoded = self.decodes and any(name.lower() == "content-encoding" for name, _ in fields)
        return [pair for pair in fields if pair[0].lower() not in _ENCODED] if encoded else fields

    def _plan_for(self, url: str) -> Plan:
        """The plan by which a response from `url` is judged: where redirects led, or what was asked for."""
        return self.plan if url == self.url else self.cache.plan(url, self.fields, newest=True)

    @property
    def is_conditional(self) -> bool:
        """The request asks whether what is kept is still good."""
        return self.plan.is_conditional

    def ask_anew(self) -> None:
        """What was to be confirmed is not there any more: the next request is without conditions."""
        self.plan = self.cache.plan(self.url, self.fields, newest=True)

    @property
    def is_offline(self) -> bool:
        """What is not in the cache is not asked for."""
        return bool(self.flags & BINDF.OFFLINEOPERATION)

    @property
    def stores(self) -> bool:
        """Whether the client lets anything be kept."""
        return not self.flags & _NOT_STORED

    def added_fields(self, given: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """`given`, the client's further request fields, with those that the plan wants."""
        names = {name.lower() for name, _ in given}
        return given + [pair for pair in self.plan.fields if pair[0].lower() not in names]

    def falls_back(self, error: BindError) -> bool:
        """Whether what is kept is served in place of this error."""
        return self.spare is not None and isinstance(error, _NET_FAILURES)

    def confirms(self, status: int, url: str) -> bool:
        """Whether a response that came from `url` means: what is kept is still good.

        After a redirect it does not: it was another resource that compared.
        """
        return status == NOT_MODIFIED and url == self.url

    def may_keep(self, url: str, status: int, fields: list[tuple[str, str]]) -> bool:
        """Whether a response from `url` with this head is going to be kept."""
        wanted = self.stores and status in _KEPT_STATUSES
        return wanted and self.cache.may_keep(self._plan_for(url), status, fields)

    def confirmed(self, answer: Answer) -> Kept | None:
        """The response confirmed what is kept: that, with its new fields; None if it is not there any more."""
        path = self.cache.received(self.url, self.plan, answer._replace(fields=self._as_kept(answer.fields)))
        return None if path is None else self.cache.kept_at(self.url, path)

    def received(self, url: str, answer: Answer) -> Path | None:
        """A whole response came from `url`: keeps it as that of `url`, which is where redirects led.

        Returns the path of its body, None where the response confirms what is not there any more.
        """
        kept = answer._replace(fields=self._as_kept(answer.fields))
        return self.cache.received(url, self._plan_for(url), kept)
