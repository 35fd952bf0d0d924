"""A cache of downloads: whole responses as files, kept and used again by RFC 9111 (contract 5.2 and section 9).

The rules are those of hishel's state machine, which the extra `cache` brings. What is kept is two files for each
response: `<id>.json` with the heads, which is written last, and `<id>` with the body. A body without its heads does
not count.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from urlmon.exceptions import UnsupportedError
from urlmon.hresult import HRESULT
from urlmon.redaction import redact_url

if TYPE_CHECKING:
    import types

    from hishel import Entry, Headers

_VERSION = 1
_UNKEPT_LIFE = (
    24 * 3600.0
)  # seconds that a body which must not be used again stays for the one who downloaded it
_HEADS = ".json"
_OPTIONS: Any = {"shared": False, "supported_methods": ["GET"]}

Fields = Iterable[tuple[str, str]]


def _rules() -> types.ModuleType:
    """hishel; UnsupportedError (E_NOTIMPL) without the extra."""
    try:
        import hishel
    except ImportError as problem:
        raise UnsupportedError(
            "a download cache needs the extra: pip install 'pyurlmon[cache]'",
            url="",
            hresult=HRESULT.E_NOTIMPL,
        ) from problem
    return hishel


def default_folder() -> Path:
    """urlmon/downloads in $XDG_CACHE_HOME, or in ~/.cache (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "urlmon" / "downloads"


class Kept(NamedTuple):
    """A response that is in the cache. `fields` are its header fields, `path` is where its body is."""

    id: uuid.UUID
    path: Path
    status: int
    fields: list[tuple[str, str]]
    request_fields: list[tuple[str, str]]
    stored: int  # when, in nanoseconds

    def field(self, name: str) -> str | None:
        """The first field called `name`, in any case."""
        return next((value for known, value in self.fields if known.lower() == name.lower()), None)


class Plan(NamedTuple):
    """What is to be done for a request: use `kept`, or send the request with `fields` added."""

    kept: Kept | None
    fields: list[tuple[str, str]]
    state: Any = None

    @property
    def is_conditional(self) -> bool:
        """The request asks whether what is kept is still good."""
        return isinstance(self.state, _rules().NeedRevalidation)


class Answer(NamedTuple):
    """A response that was received, with the header fields of its request; `body` is the file with its body."""

    status: int
    fields: list[tuple[str, str]]
    request_fields: list[tuple[str, str]]
    body: Path


class DownloadCache:
    """Responses on disk, in `folder` (None: the user's cache folder), at most `max_bytes` of bodies.

    It is a private cache (RFC 9111 1): it keeps what is the user's alone, in folders that only the user can read. Any
    thread and any number of processes may use one folder. UnsupportedError (E_NOTIMPL) without the extra `cache`.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, max_bytes: int = 1 << 30) -> None:
        _rules()
        self.folder = default_folder() if folder is None else Path(folder).absolute()
        self.max_bytes = max_bytes

    def __repr__(self) -> str:
        return f"<DownloadCache {self.folder}>"

    # -- what url_download_to_cache_file goes by -------------------------------------------------------------------

    def plan(
        self,
        url: str,
        fields: Fields,
        *,
        stale: bool = False,
        revalidate: bool = False,
        newest: bool = False,
    ) -> Plan:
        """What to do for a GET of `url` with these request fields.

        stale: what is kept may be used although it is stale, unless its server forbade that. revalidate: what is kept
        is used only if the server confirms it. newest: it is not used at all, nor what other caches keep.
        """
        hishel = _rules()
        known = [] if newest else self._entries(url)
        request_fields = [*fields, *([("Cache-Control", "no-cache")] if revalidate or newest else [])]
        request = hishel.Request("GET", url, _headers(request_fields))
        state = hishel.IdleClient(options={**_OPTIONS, "allow_stale": stale}).next(
            request, [_entry(url, kept) for kept in known]
        )
        if isinstance(state, hishel.FromCache):
            kept = next(kept for kept in known if kept.id == state.entry.id)
            with contextlib.suppress(OSError):  # another process may take it away just now
                os.utime(self._heads_of(kept.path))
            return Plan(kept, [])
        given = {name.lower() for name, _ in fields}
        added = [(name, value) for name, value in state.request.headers.items() if name.lower() not in given]
        return Plan(None, added, state)

    def new_body(self, url: str) -> Path:
        """Where the body of a response to be received goes."""
        folder = self._folder_of(url)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder / str(uuid.uuid4())

    def may_keep(self, plan: Plan, status: int, fields: Fields) -> bool:
        """Whether a response with this head, to what was planned, is going to be kept."""
        hishel = _rules()
        state = plan.state.next(hishel.Response(status, _headers(_dated(fields))))
        while isinstance(state, hishel.InvalidateEntries):
            state = state.next()
        return isinstance(state, hishel.StoreAndUse)

    def received(self, url: str, plan: Plan, answer: Answer) -> Path | None:
        """A response to what was planned is here: keeps it, or what it confirms.

        Returns the path of the body to use, None if it has to be asked for again without conditions. A body that must
        not be used again stays for a day.
        """
        hishel = _rules()
        body = answer.body
        have = _dated(answer.fields)
        state = plan.state.next(hishel.Response(answer.status, _headers(have)))
        while isinstance(state, hishel.InvalidateEntries):
            for gone in state.entry_ids:
                self._forget(self._folder_of(url) / str(gone))
            state = state.next()
        if isinstance(state, hishel.NeedToBeUpdated):
            return self._confirmed(url, state, body)
        if isinstance(state, hishel.StoreAndUse):
            stored = [pair for pair in have if pair[0].lower() in state.response.headers]
            self._write(url, body, answer.status, stored, answer.request_fields)
        if isinstance(state, hishel.CacheMiss):  # confirmed what is not kept
            body.unlink(missing_ok=True)
            return None
        self.trim(keep=body)
        return body

    # -- for everybody ---------------------------------------------------------------------------------------------

    def find(self, url: str, fields: Fields = ()) -> Kept | None:
        """What would be used for `url` without asking its server, stale or not; None if there is nothing."""
        return self.plan(url, fields, stale=True).kept

    def kept_at(self, url: str, path: Path) -> Kept | None:
        """What is kept for `url` with its body at `path`."""
        return next((kept for kept in self._entries(url) if kept.path == path), None)

    def remove(self, url: str) -> int:
        """Takes everything kept for `url` away; how many responses that were."""
        known = self._entries(url)
        for kept in known:
            self._forget(kept.path)
        return len(known)

    def clear(self) -> None:
        """Takes everything away."""
        for body in [*self._all_bodies()]:
            self._forget(body)

    def trim(self, keep: Path | None = None) -> None:
        """Takes away what was not used for the longest time, until the bodies are at most `max_bytes`; never `keep`.

        Bodies without heads go after a day, as do partial ones.
        """
        self._remove_leftovers()
        used: list[tuple[float, int, Path]] = []
        for body in self._all_bodies():
            with contextlib.suppress(FileNotFoundError):
                size = body.stat().st_size
                try:
                    used.append((self._heads_of(body).stat().st_mtime, size, body))
                except FileNotFoundError:
                    if body != keep and body.stat().st_mtime < time.time() - _UNKEPT_LIFE:
                        body.unlink()
        total = sum(size for _, size, _ in used)
        for _, size, body in sorted(used):
            if total <= self.max_bytes:
                return
            if body != keep:
                self._forget(body)
                total -= size

    # -- files -----------------------------------------------------------------------------------------------------

    def _folder_of(self, url: str) -> Path:
        digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / digest[:2] / digest[2:]

    def _heads_of(self, body: Path) -> Path:
        return body.with_name(body.name + _HEADS)

    def _all_bodies(self) -> Iterator[Path]:
        return (path for path in self.folder.glob("??/*/*") if not path.suffix)

    def _remove_leftovers(self) -> None:
        """What processes that were killed left: partial bodies, and heads that were being written."""
        for path in self.folder.glob("??/*/*.*"):
            with contextlib.suppress(FileNotFoundError):
                if path.suffix != _HEADS and path.stat().st_mtime < time.time() - _UNKEPT_LIFE:
                    path.unlink()

    def _entries(self, url: str) -> list[Kept]:
        """What is kept for `url`, the latest first: of responses of one second, that one is used.

        Damaged pairs are taken away.
        """
        found = []
        for heads in self._folder_of(url).glob(f"*{_HEADS}"):
            body = heads.with_suffix("")
            try:
                found.append(_parse(json.loads(heads.read_text(encoding="utf-8")), body))
            except FileNotFoundError:
                continue  # taken away meanwhile
            except (ValueError, KeyError, TypeError, OSError):
                self._forget(body)
        return sorted(found, key=lambda kept: -kept.stored)

    def _write(self, url: str, body: Path, status: int, fields: Fields, request: Fields) -> None:
        content = {
            "version": _VERSION,
            "url": redact_url(url),
            "status": status,
            "fields": [*fields],
            "request": [*request],
            "size": body.stat().st_size,
            "stored": time.time_ns(),
        }
        heads = self._heads_of(body)
        draft = heads.with_suffix(".new")
        draft.write_text(json.dumps(content), encoding="utf-8")
        os.replace(draft, heads)

    def _confirmed(self, url: str, state: Any, body: Path) -> Path:
        """The server confirmed what is kept: its new header fields are taken over."""
        body.unlink(missing_ok=True)
        known = {kept.id: kept for kept in self._entries(url)}
        used = body
        for entry in state.updating_entries:
            kept = known.get(entry.id)
            if kept is not None:
                self._write(url, kept.path, kept.status, _pairs(entry.response.headers), kept.request_fields)
                used = kept.path
        return used

    def _forget(self, body: Path) -> None:
        self._heads_of(body).unlink(missing_ok=True)
        body.unlink(missing_ok=True)


def _parse(content: Any, body: Path) -> Kept:
    """ValueError, KeyError or TypeError for what is no heads, or not those of the body that is there."""
    if content["version"] != _VERSION or body.stat().st_size != content["size"]:
        raise ValueError("another version, or another body")
    fields, request = (
        [(str(name), str(value)) for name, value in content[key]] for key in ("fields", "request")
    )
    return Kept(uuid.UUID(body.name), body, int(content["status"]), fields, request, int(content["stored"]))


def _dated(fields: Fields) -> list[tuple[str, str]]:
    """The fields of a response that just came; the recipient of one without a date adds it (RFC 9110 6.6.1)."""
    have = [*fields]
    if not any(name.lower() == "date" for name, _ in have):
        have.append(("Date", formatdate(usegmt=True)))
    return have


def _headers(fields: Fields) -> Headers:
    collected: dict[str, list[str]] = {}
    for name, value in fields:
        collected.setdefault(name.lower(), []).append(value)
    headers: Headers = _rules().Headers(collected)
    return headers


def _pairs(headers: Headers) -> list[tuple[str, str]]:
    return [(name, value) for name in headers for value in headers.get_list(name) or ()]


def _entry(url: str, kept: Kept) -> Entry:
    hishel = _rules()
    entry: Entry = hishel.Entry(
        kept.id,
        hishel.Request("GET", url, _headers(kept.request_fields)),
        hishel.Response(kept.status, _headers(kept.fields)),
    )
    return entry
