"""URLDownloadToCacheFile (contract section 9), by the cache flags of the client (contract 5.2)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from urlmon.bindinfo import BindInfo
from urlmon.cache import Answer, DownloadCache, Kept, Plan
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
    BindTimeoutError,
    ConnectError,
    DownloadError,
    InvalidRequestError,
    ResolveError,
    ResourceNotFoundError,
)
from urlmon.hresult import HRESULT, to_hresult
from urlmon.profiles import parse_fields
from urlmon.urlfunctions import parse_url
from urlmon.useragent import session_user_agent

if TYPE_CHECKING:
    from urlmon.binding import Binding

_NET_FAILURES = (ConnectError, ResolveError, BindTimeoutError, DownloadError)
_NOT_STORED = BINDF.NOWRITECACHE | BINDF.PRAGMA_NO_CACHE
_NOT_ASKED = BINDF.OFFLINEOPERATION | BINDF.FWD_BACK
_NOT_MODIFIED = 304


def request_fields(info: BindInfo) -> list[tuple[str, str]]:
    """The fields that a request by `info` is going to have, as far as caches look at them."""
    fields = [*info.headers]
    names = {name.lower() for name, _ in fields}
    agent = session_user_agent() if info.user_agent is None else info.user_agent
    usual = [("User-Agent", agent), ("Accept", "*/*")]
    return fields + [pair for pair in usual if pair[0].lower() not in names]


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
        self.added: list[tuple[str, str]] = []  # request fields that the cache wants
        self.given: list[tuple[str, str]] = []  # request fields that the client added
        self.spare: Kept | None = None  # is served if the network fails
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
        names = {name.lower() for name, _ in self.given}
        return self.given + [pair for pair in self.added if pair[0].lower() not in names]

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
        again = self._is_confirmed() if error is None else self.falls_back(error)
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

    def falls_back(self, error: BindError) -> bool:
        """Whether what is kept is served in place of this error."""
        return self.spare is not None and isinstance(error, _NET_FAILURES)

    def _is_confirmed(self) -> bool:
        return self.binding is not None and self.binding.status_code == _NOT_MODIFIED


def url_download_to_cache_file(
    url: str, callback: Any = None, *, caller: Any = None, cache: DownloadCache | None = None
) -> str:
    """URLDownloadToCacheFile: downloads into a cache, None = the user's, and returns the path (contract section 9).

    What is kept is used again as RFC 9111 allows, and as the flags of the client's BindInfo say: OFFLINEOPERATION
    nothing else, FWD_BACK also if it is stale, RESYNCHRONIZE only if the server confirms it, GETNEWESTVERSION never,
    GETFROMCACHE_IF_NET_FAIL in place of a failure of the network; NOWRITECACHE and PRAGMA_NO_CACHE keep nothing, and
    the file stays for a day. file: URLs give their own path. Otherwise as `url_download_to_file`; where what is kept is
    used, `on_progress` begins with USINGCACHEDCOPY, and without a request there is no binding to start or to stop.

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
    fields, flags = request_fields(info), front.flags
    plan = cache.plan(
        url,
        fields,
        stale=bool(flags & _NOT_ASKED),
        revalidate=bool(flags & BINDF.RESYNCHRONIZE),
        newest=bool(flags & BINDF.GETNEWESTVERSION),
    )
    if plan.kept is not None:
        return front.serve(url, plan.kept)
    if flags & BINDF.OFFLINEOPERATION:
        raise ResourceNotFoundError("it is not in the cache", url=url)
    if flags & BINDF.GETFROMCACHE_IF_NET_FAIL:
        front.spare = cache.find(url, fields)
    return _download(front, url, caller, cache, plan, fields)


def _download(  # noqa: PLR0917 - the second half of the function above
    front: _CacheFront, url: str, caller: Any, cache: DownloadCache, plan: Plan, fields: list[tuple[str, str]]
) -> str:
    front.added = plan.fields
    body = cache.new_body(url)
    try:
        bind_front(caller, url, front, TYMED.FILE, body)
    except BindError as error:
        if front.spare is None or not front.falls_back(error):
            raise
        return front.serve(url, front.spare)
    binding = front.binding
    assert binding is not None
    status = binding.status_code
    if front.flags & _NOT_STORED and status != _NOT_MODIFIED:
        cache.trim(keep=body)
        return str(body)
    path = cache.received(url, plan, Answer(status, binding.headers, fields + front.given, body))
    kept = cache.kept_at(url, path) if path is not None and status == _NOT_MODIFIED else None
    if kept is not None:
        return front.serve(url, kept)
    if path is None or status == _NOT_MODIFIED:  # confirmed what is not there any more
        return _download(front, url, caller, cache, cache.plan(url, fields, newest=True), fields)
    return str(path)


def _own_path(url: str) -> str:
    path = Path(parse_url(url, PARSEACTION.PATH_FROM_URL))
    if not path.is_file():
        raise ResourceNotFoundError("there is no such file", url=url)
    return str(path)
