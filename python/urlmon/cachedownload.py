"""URLDownloadToCacheFile (contract section 9), by the cache flags of the client (contract 5.2)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from urlmon.bindinfo import BindInfo
from urlmon.cache import Answer, DownloadCache, Kept
from urlmon.caching import NOT_MODIFIED, Caching, request_fields
from urlmon.constants import BINDF, BINDSTATUS, PARSEACTION, TYMED
from urlmon.convenience import (
    FILE_STATUSES,
    KEPT_FLAGS,
    TO_FILE,
    ReportingFront,
    bind_front,
    has_method,
)
from urlmon.exceptions import (
    AbortedError,
    BindError,
    DownloadError,
    InvalidRequestError,
    ResourceNotFoundError,
)
from urlmon.hresult import HRESULT, to_hresult
from urlmon.profiles import parse_fields
from urlmon.urlfunctions import parse_url

if TYPE_CHECKING:
    from urlmon.binding import Binding


class _CacheFront(ReportingFront):
    """The callback of a download into the cache, in front of the client's.

    It does not tell of the end where what is kept is used then: because the server confirmed it, or because the network
    failed.
    """

    passed = ()

    def __init__(self, client: Any) -> None:
        super().__init__(
            client, TO_FILE, kept=KEPT_FLAGS, statuses=FILE_STATUSES | {BINDSTATUS.USINGCACHEDCOPY}
        )
        self.caching: Caching | None = None  # None before the request
        self.given: list[tuple[str, str]] = []  # request fields that the client added
        self.binding: Binding | None = None
        self.flags = BINDF(0)  # the client's
        self._info: Any = None

    def get_bind_info(self) -> Any:
        if self._info is None:
            ask = getattr(self._client, "get_bind_info", None)
            answer = None if ask is None else ask()
            self.flags = answer.flags if isinstance(answer, BindInfo) else BINDF(0)
            self._info = self.adapted(answer)
        return self._info

    def beginning_transaction(self, url: str, headers: Any) -> Any:
        ask = getattr(self._client, "beginning_transaction", None)
        answer = None if ask is None else ask(url, headers)
        if isinstance(answer, int) and answer != HRESULT.S_OK:
            return answer
        self.given = [] if isinstance(answer, int) else [*parse_fields(answer, url)]
        return self.given if self.caching is None else self.caching.added_fields(self.given)

    def on_response(self, status: int, response_headers: str, request_headers: Any) -> Any:
        tell = getattr(self._client, "on_response", None)
        return (
            None if tell is None or self._is_confirmed() else tell(status, response_headers, request_headers)
        )

    def on_start_binding(self, binding: Binding) -> Any:
        self.binding = binding
        return super().on_start_binding(binding)

    def on_progress(self, progress: int, progress_max: int, status: BINDSTATUS, text: str | None) -> None:
        if has_method(self._client, "on_progress") and not self._is_confirmed():
            super().on_progress(progress, progress_max, status, text)

    def on_stop_binding(self, hresult: int, error: BindError | None) -> None:
        again = self._is_confirmed() if error is None else self._falls_back(error)
        if not again:
            self._tell_stop(hresult, error)

    def _tell_stop(self, hresult: int, error: BindError | None) -> None:
        if has_method(self._client, "on_stop_binding"):
            self._client.on_stop_binding(hresult, error)

    def serve(self, url: str, kept: Kept) -> str:
        """Tells the client that what is kept is used (contract 3.5 D), and ends the operation if there was one."""
        error: AbortedError | None = None
        if has_method(self._client, "on_progress"):
            size = kept.path.stat().st_size
            media_type = (kept.field("content-type") or "").partition(";")[0].strip().lower()
            for status, text in (
                (BINDSTATUS.USINGCACHEDCOPY, None),
                (BINDSTATUS.MIMETYPEAVAILABLE, media_type or None),
                (BINDSTATUS.BEGINDOWNLOADDATA, url),
                (BINDSTATUS.CACHEFILENAMEAVAILABLE, str(kept.path)),
                (BINDSTATUS.ENDDOWNLOADDATA, url),
            ):
                if to_hresult(self._client.on_progress(size, size, status, text)) == HRESULT.E_ABORT:
                    error = AbortedError("aborted", url=url)
                    break
        if self.binding is not None:
            self._tell_stop(HRESULT.S_OK if error is None else error.hresult, error)
        if error is not None:
            raise error
        return str(kept.path)

    def _falls_back(self, error: BindError) -> bool:
        return self.caching is not None and self.caching.falls_back(error)

    def _is_confirmed(self) -> bool:
        return self.binding is not None and self.binding.status_code == NOT_MODIFIED


def url_download_to_cache_file(
    url: str, callback: Any = None, *, caller: Any = None, cache: DownloadCache | None = None
) -> str:
    """URLDownloadToCacheFile: downloads into a cache, None = the user's, and returns the path (contract section 9).

    What is kept is used again as RFC 9111 allows, and as the flags of the client's BindInfo say: OFFLINEOPERATION
    nothing else, FWD_BACK also if it is stale, RESYNCHRONIZE only if the server confirms it, GETNEWESTVERSION never,
    GETFROMCACHE_IF_NET_FAIL in place of a failure of the network; NOWRITECACHE and PRAGMA_NO_CACHE keep nothing, and
    the file stays for a day; so does what came through redirects, since they may lead elsewhere tomorrow. file: URLs
    give their own path. Otherwise as `url_download_to_file`; where what is kept is used, `on_progress` begins
    with USINGCACHEDCOPY, and without a request there is no binding to start or to stop.

    Raises UnsupportedError (E_NOTIMPL) without the extra `cache`, ResourceNotFoundError for what is not there offline.
    """
    if not isinstance(url, str):
        raise InvalidRequestError("a URL is needed as text", url="", hresult=HRESULT.E_INVALIDARG)
    if url[:5].lower() == "file:":
        return _own_path(url)
    cache = DownloadCache() if cache is None else cache
    front = _CacheFront(callback)
    info = front.get_bind_info()
    if not isinstance(info, BindInfo):
        info = BindInfo()  # the bind raises what the client answered
    caching = front.caching = Caching(cache, info.target(url), front.flags, request_fields(info))
    if caching.plan.kept is not None:
        return front.serve(url, caching.plan.kept)
    if caching.is_offline:
        raise ResourceNotFoundError("it is not in the cache", url=url)
    return _download(front, url, caching, caller)


def _download(front: _CacheFront, url: str, caching: Caching, caller: Any) -> str:
    cache = caching.cache
    body = cache.new_body(url)
    try:
        bind_front(caller, url, front, TYMED.FILE, body)
    except BindError as error:
        if caching.spare is None or not caching.falls_back(error):
            raise
        return front.serve(url, caching.spare)
    binding = front.binding
    assert binding is not None
    status = binding.status_code
    came_from = caching.url if binding.url == url else binding.url
    if status != NOT_MODIFIED and (came_from != caching.url or not caching.stores):
        cache.trim(keep=body)
        return str(body)
    answer = Answer(status, binding.headers, caching.fields + front.given, body)
    if status != NOT_MODIFIED:
        return str(caching.received(came_from, answer))
    kept = caching.confirmed(answer) if caching.confirms(status, came_from) else None
    if kept is not None:
        return front.serve(url, kept)
    body.unlink(missing_ok=True)
    if not caching.is_conditional:
        raise DownloadError(
            "the server confirms what it was not asked about",
            url=url,
            http_status=status,
            hresult=HRESULT.INET_E_DOWNLOAD_FAILURE,
        )
    caching.ask_anew()
    return _download(front, url, caching, caller)


def _own_path(url: str) -> str:
    path = Path(parse_url(url, PARSEACTION.PATH_FROM_URL))
    if not path.is_file():
        raise ResourceNotFoundError("there is no such file", url=url)
    return str(path)
