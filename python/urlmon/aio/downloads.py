"""`download` and `gather_downloads`: files that appear when they are complete."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from urlmon.aio.client import Client
from urlmon.aio.response import make_info
from urlmon.aio.waiting import hang_bell
from urlmon.constants import TYMED
from urlmon.exceptions import BindError

if TYPE_CHECKING:
    from urlmon.aio.waiting import Bell
    from urlmon.bindinfo import BindInfo

Path = str | os.PathLike[str]


class Item(NamedTuple):
    """One file to download: from where, to where, and how urgently. A plain tuple of two or three will do."""

    url: str
    path: Path
    priority: int = 0


class Downloaded(NamedTuple):
    """One file that was downloaded. url: after redirects. status: of HTTP, 0 where there is none."""

    url: str
    path: str
    bytes: int
    status: int


async def download(
    url: str, path: Path, *, priority: int = 0, info: BindInfo | None = None, **options: Any
) -> Downloaded:
    """Downloads `url` to the file `path`, which appears, or is replaced, when it is complete.

    Arguments as those of `open`; 4xx and 5xx are failures. Raises the BindError of what went wrong. When the
    task is cancelled nothing is left behind.
    """
    client = _begin(hang_bell(), Item(url, path, priority), _failing(info, options))
    try:
        await client.bell.until(lambda: client.is_over)
    except BaseException:
        await client.abandon()
        raise
    return _result(client, path)


@overload
async def gather_downloads(
    items: Iterable[Item | tuple[str, Path] | tuple[str, Path, int]],
    *,
    limit: int = 64,
    return_exceptions: Literal[False] = False,
    info: BindInfo | None = None,
    **options: Any,
) -> list[Downloaded]: ...


@overload
async def gather_downloads(
    items: Iterable[Item | tuple[str, Path] | tuple[str, Path, int]],
    *,
    limit: int = 64,
    return_exceptions: bool,
    info: BindInfo | None = None,
    **options: Any,
) -> list[Downloaded | BindError]: ...


async def gather_downloads(
    items: Iterable[Any],
    *,
    limit: int = 64,
    return_exceptions: bool = False,
    info: BindInfo | None = None,
    **options: Any,
) -> Any:
    """Downloads many files; returns what became of them, in the order of `items` (`Item`s or tuples like them).

    limit: operations begun at once, from which the apartment chooses by priority; further items are taken as
    others end, so that `items` may be a long or lazy one. The first failure aborts the others and is raised in an
    ExceptionGroup, as a TaskGroup would; on Python 3.10 in that of the package exceptiongroup, which trio and
    anyio bring, and as the plain BindError where it is not installed. With return_exceptions nothing is
    raised and errors stand in the list in the place of results. Other arguments as those of `download`.
    """
    if limit < 1:
        raise ValueError("limit is 1 or more")
    gathering = _Gathering(hang_bell(), _failing(info, options), limit, stop_at_failure=not return_exceptions)
    try:
        await gathering.run(enumerate(Item(*item) for item in items))
    except BaseException:
        await gathering.abandon()
        raise
    failures = [found for found in gathering.found.values() if isinstance(found, BindError)]
    if failures and not return_exceptions:
        await gathering.abandon()
        raise _group(failures)
    return [gathering.found[number] for number in range(len(gathering.found))]


class _Gathering:
    """The operations of one `gather_downloads`."""

    def __init__(self, bell: Bell, info: BindInfo, limit: int, *, stop_at_failure: bool) -> None:
        self.bell = bell
        self.info = info
        self.limit = limit
        self.stop_at_failure = stop_at_failure
        self.running: dict[int, tuple[Client, Path]] = {}
        self.found: dict[int, Downloaded | BindError] = {}
        self.failed = False

    async def run(self, items: Iterable[tuple[int, Item]]) -> None:
        """Until all are over, or one has failed and that is the end of it."""
        left = iter(items)
        while not (self.failed and self.stop_at_failure):
            for number, item in left:
                self._start(number, item)
                if len(self.running) >= self.limit or (self.failed and self.stop_at_failure):
                    break
            if not self.running:
                return
            await self.bell.until(lambda: any(client.is_over for client, _ in self.running.values()))
            self._settle()

    def _start(self, number: int, item: Item) -> None:
        try:
            self.running[number] = (_begin(self.bell, item, self.info), item.path)
        except BindError as error:
            self._note(number, error)

    def _settle(self) -> None:
        for number in [number for number, (client, _) in self.running.items() if client.is_over]:
            client, path = self.running.pop(number)
            try:
                self._note(number, _result(client, path))
            except BindError as error:
                self._note(number, error)

    def _note(self, number: int, found: Downloaded | BindError) -> None:
        self.found[number] = found
        self.failed = self.failed or isinstance(found, BindError)

    async def abandon(self) -> None:
        """Aborts what runs, all at once, and waits for the ends."""
        clients = [client for client, _ in self.running.values() if not client.is_over]
        for client in clients:
            client.binding.abort()
        await self.bell.until_shielded(lambda: all(client.is_over for client in clients))


def _failing(info: BindInfo | None, options: dict[str, Any]) -> BindInfo:
    return make_info(info, {"fail_on_http_error": True, **options})


def _begin(bell: Bell, item: Item, info: BindInfo) -> Client:
    client = Client(bell, info, item.priority)
    client.start(item.url, TYMED.FILE, item.path)
    return client


def _result(client: Client, path: Path) -> Downloaded:
    client.check()
    binding = client.binding
    return Downloaded(binding.url, os.fspath(path), binding.bytes_received, binding.status_code)


def _group(failures: list[BindError]) -> Exception:
    if sys.version_info < (3, 11):
        try:
            from exceptiongroup import ExceptionGroup
        except ImportError:
            return failures[0]
    else:
        from builtins import ExceptionGroup
    group: Exception = ExceptionGroup("downloads failed", failures)
    return group
