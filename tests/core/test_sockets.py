"""The socket table: what libcurl is told of a socket that is ready, and how often."""

from __future__ import annotations

import socket
import time

from urlmon_core._selftest import SocketProbe

READABLE, WRITABLE, BROKEN = 1, 2, 4


def test_a_broken_connection_that_nobody_closes_keeps_nobody_busy() -> None:
    """It is reported without end; libcurl is told at once at first, then every ten milliseconds, and not forgotten."""
    ours, theirs = socket.socketpair()
    with ours:
        probe = SocketProbe()
        probe.interest(ours.fileno(), READABLE | WRITABLE)
        theirs.close()
        began = time.monotonic()
        for _ in range(100):
            [(fd, told)] = probe.turn(1000)
            assert fd == ours.fileno()
            assert told & BROKEN
        late = []
        while time.monotonic() < began + 0.5:
            if probe.turn(1000):
                late.append(time.monotonic())
        assert 2 <= len(late) <= 52
        # libcurl changes its mind meanwhile, or sees to it: what counts is what it wants when the rest is over.
        probe.interest(ours.fileno(), 0)
        assert probe.turn(50) == []
        probe.interest(ours.fileno(), READABLE)
        assert any(probe.turn(1000) for _ in range(2))


def test_a_connection_that_works_is_told_of_each_time() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        probe = SocketProbe()
        probe.interest(ours.fileno(), READABLE)
        theirs.send(b"x")
        assert all(probe.turn(1000) == [(ours.fileno(), READABLE)] for _ in range(300))
        probe.interest(ours.fileno(), 0)
        assert probe.turn(0) == []
