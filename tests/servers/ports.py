"""Ports without a server behind them: one that refuses connections and one that never answers."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class RefusingPort:
    """A loopback port that refuses: bound, so that nobody else gets it, but not listening."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def url(self, path: str = "/", scheme: str = "http") -> str:
        """A URL whose connection is refused."""
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()


class SilentPort:
    """A loopback port on which a connection attempt hangs: its queue of unaccepted connections is full.

    Linux drops the SYN then, so the client waits until its connect timeout.
    """

    def __init__(self) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._fillers: list[socket.socket] = []
        for _ in range(16):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self._fillers.append(filler)
            filler.settimeout(0.1)
            try:
                filler.connect(("127.0.0.1", self.port))
            except TimeoutError:
                return
        self.close()
        raise RuntimeError("this system accepts connections beyond the backlog")

    def url(self, path: str = "/", scheme: str = "http") -> str:
        """A URL whose connection attempt gets no answer."""
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        """Close everything."""
        with contextlib.ExitStack() as stack:
            for held in (self._listener, *self._fillers):
                stack.callback(held.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
