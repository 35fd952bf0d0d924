"""Scripts by path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.servers.exchange import Exchange

Script = Callable[[Exchange], Awaitable[None]]


@dataclass(frozen=True)
class Entry:
    """A script, and whether it reads the request body itself (otherwise the server reads it first)."""

    script: Script
    reads_body: bool = False


class Catalogue:
    """A path ending in "/" stands for everything below it; the longest match wins."""

    def __init__(self, *parts: Catalogue) -> None:
        self._entries: dict[str, Entry] = {}
        for part in parts:
            self._entries.update(part._entries)

    def add(self, path: str, script: Script, reads_body: bool = False) -> None:
        """Let `script` answer `path`."""
        self._entries[path] = Entry(script, reads_body)

    def script(self, *paths: str, reads_body: bool = False) -> Callable[[Script], Script]:
        """Decorator: `add` for each of `paths`."""

        def register(script: Script) -> Script:
            for path in paths:
                self.add(path, script, reads_body)
            return script

        return register

    def find(self, path: str) -> Entry | None:
        """The entry for `path`, or None."""
        if path in self._entries:
            return self._entries[path]
        above = [
            prefix for prefix in tuple(self._entries) if prefix.endswith("/") and path.startswith(prefix)
        ]
        return self._entries[max(above, key=len)] if above else None
