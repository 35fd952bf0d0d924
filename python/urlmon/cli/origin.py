"""The server that `urlmon demo` downloads from: generated files over HTTP/1.1 on loopback, in a process of
its own.

`python -m urlmon.cli.origin --seed N` prints its port and serves until its standard input ends, so it cannot
outlive the program that started it. A process of its own because its Python threads would otherwise share the
interpreter lock with the client whose callbacks are being shown.

File `index` of `size` bytes is a slice of one random block (made from the seed) behind a head of its own, so
both sides can make any of them at memory speed and no two are equal. Paths: `/INDEX/SIZE` and
`/INDEX/SIZE/hold`; the second sends half of the body, waits until `/release/INDEX` is asked for (at most
`HOLD_SECONDS`), then sends the rest.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import random
import socket
import sys
import threading
from collections.abc import Iterator

__all__ = ["HOLD_SECONDS", "MAX_SIZE", "Bodies", "serve"]

MAX_SIZE = 8 << 20
"""Bytes of the largest file."""

HOLD_SECONDS = 10.0
"""How long half a body waits for its release; a limit, so that no mistake can hang a connection."""

HEAD = 32
MAX_REQUEST = 1 << 16
BLOCK = MAX_SIZE + (1 << 20)


class Bodies:
    """The files of one seed; the same for the same seed in every process."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._block = memoryview(random.Random(seed).randbytes(BLOCK))

    def parts(self, index: int, size: int) -> tuple[memoryview, memoryview]:
        """The two pieces that file `index` consists of; together `size` bytes (at most `MAX_SIZE`)."""
        head = hashlib.sha256(f"{self._seed}/{index}/{size}".encode()).digest()[:size]
        start = index * 4099 % (BLOCK - MAX_SIZE)
        return memoryview(head), self._block[start : start + size - len(head)]

    def sha256(self, index: int, size: int) -> str:
        """Hex digest of file `index`."""
        digest = hashlib.sha256()
        for part in self.parts(index, size):
            digest.update(part)
        return digest.hexdigest()


class Origin:
    """Answers requests of many connections, a thread each."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._lock = threading.Lock()
        self._released: dict[int, threading.Event] = {}

    def _gate(self, index: int) -> threading.Event:
        with self._lock:
            return self._released.setdefault(index, threading.Event())

    def converse(self, connection: socket.socket) -> None:
        """Serve one connection until its client is done with it."""
        with connection, contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for path in _requests(connection):
                self._answer(connection, path)

    def _answer(self, connection: socket.socket, path: str) -> None:
        words = path.strip("/").split("/")
        if words[0] == "release" and len(words) == 2 and words[1].isdigit():
            self._gate(int(words[1])).set()
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        if (
            len(words) not in (2, 3)
            or not (words[0].isdigit() and words[1].isdigit())
            or int(words[1]) > MAX_SIZE
        ):
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        index, size = int(words[0]), int(words[1])
        head, rest = self._bodies.parts(index, size)
        header = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % size
        )
        first = header + head  # one packet for the small files
        if words[2:] == ["hold"]:
            half = len(rest) // 2
            connection.sendall(first)
            connection.sendall(rest[:half])
            self._gate(index).wait(HOLD_SECONDS)
            connection.sendall(rest[half:])
        elif len(rest) <= MAX_REQUEST:
            connection.sendall(first + rest)
        else:
            connection.sendall(first)
            connection.sendall(rest)


def _requests(connection: socket.socket) -> Iterator[str]:
    """The paths asked for on this connection, one after the other (GET without a body is all this server
    knows).
    """
    waiting = b""
    while True:
        while (end := waiting.find(b"\r\n\r\n")) < 0:
            received = connection.recv(MAX_REQUEST)
            if not received or len(waiting) > MAX_REQUEST:
                return
            waiting += received
        line = waiting[:end].split(b"\r\n", 1)[0].decode("latin-1")
        waiting = waiting[end + 4 :]
        words = line.split(" ")
        if len(words) != 3 or words[0] != "GET":
            return
        yield words[1]


def serve(seed: int) -> None:
    """Listen on a free loopback port, print it, and serve until standard input ends."""
    origin = Origin(Bodies(seed))
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        print(listener.getsockname()[1], flush=True)
        threading.Thread(target=_accept, args=(listener, origin), daemon=True).start()
        sys.stdin.buffer.read()


def _accept(listener: socket.socket, origin: Origin) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=origin.converse, args=(connection,), daemon=True).start()


def main() -> None:
    """Arguments of `python -m urlmon.cli.origin`."""
    parser = argparse.ArgumentParser(prog="python -m urlmon.cli.origin")
    parser.add_argument("--seed", type=int, default=1)
    with contextlib.suppress(KeyboardInterrupt):
        serve(parser.parse_args().seed)


if __name__ == "__main__":
    main()
