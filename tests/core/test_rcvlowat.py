"""SO_RCVLOWAT of fast bulk transfers: when it is on, and that nobody ever waits for bytes that do not come."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from urlmon_core._selftest import RcvlowatProbe

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has the option honoured by its poller"
)

LOWAT = 128 << 10  # bytes
LEFT = 4 * LOWAT  # of a body, below which it is off
MIB = 1 << 20
TICK = 25_000_000  # ns
FAST = 4 * MIB  # bytes in a tick
SLOW = MIB
TCP_WINDOW_CLAMP = 10


@dataclass
class Connected:
    """Two ends of a TCP connection."""

    ours: socket.socket
    theirs: socket.socket

    def lowat(self) -> int:
        return self.ours.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)

    def probe(self, length: int, encoded: bool = False) -> RcvlowatProbe:
        return RcvlowatProbe(self.ours.fileno(), length, encoded)


@pytest.fixture
def connected() -> Iterator[Connected]:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as ours,
    ):
        theirs, _ = listener.accept()
        with theirs:
            yield Connected(ours, theirs)


def fast(connected: Connected, length: int = 1000 * MIB) -> RcvlowatProbe:
    """A transfer that was fast at the first look."""
    probe = connected.probe(length)
    probe.receive(FAST)
    probe.look(TICK)
    return probe


def test_on_while_it_is_fast(connected: Connected) -> None:
    probe = connected.probe(1000 * MIB)
    now = 0
    for size, wanted in [(0, 1), (SLOW, 1), (FAST, LOWAT), (FAST, LOWAT), (SLOW, 1), (FAST, LOWAT), (0, 1)]:
        probe.receive(size)
        now += TICK
        probe.look(now)
        assert connected.lowat() == wanted
        probe.look(now + 1)  # another look at once says nothing about its rate
        assert connected.lowat() == wanted


@pytest.mark.parametrize(
    ("length", "encoded"), [(-1, False), (1000 * MIB, True), (FAST + 2 * LEFT - 1, False)]
)
def test_not_where_the_end_is_unknown_or_near(connected: Connected, length: int, encoded: bool) -> None:
    probe = connected.probe(length, encoded)
    probe.receive(FAST)
    probe.look(TICK)
    assert connected.lowat() == 1


def test_few_bytes_wait_until_the_next_look(connected: Connected) -> None:
    probe = fast(connected)
    connected.theirs.sendall(bytes(LOWAT - 1))
    assert not probe.is_ready(100)
    probe.look(2 * TICK)
    assert probe.is_ready(5000), "they had come before"


def test_enough_bytes_do_not_wait(connected: Connected) -> None:
    probe = fast(connected)
    connected.theirs.sendall(bytes(LOWAT))
    assert probe.is_ready(5000)


def test_the_last_bytes_do_not_wait(connected: Connected) -> None:
    probe = fast(connected, FAST + 3 * LEFT)
    probe.receive(2 * LEFT)
    assert connected.lowat() == LOWAT
    connected.theirs.sendall(b"x")
    assert not probe.is_ready(100)
    probe.receive(1)
    assert connected.lowat() == 1
    assert probe.is_ready(5000)


def test_a_connection_that_is_closed_does_not_wait(connected: Connected) -> None:
    probe = fast(connected)
    connected.theirs.sendall(b"x")
    assert not probe.is_ready(100)
    connected.theirs.close()
    assert probe.is_ready(5000)


@pytest.mark.parametrize("first", ["window", "mark"])
def test_a_sender_that_may_not_send_more_does_not_wait(connected: Connected, first: str) -> None:
    def narrow() -> None:
        connected.ours.setsockopt(socket.IPPROTO_TCP, TCP_WINDOW_CLAMP, 16 << 10)

    if first == "window":
        narrow()
    probe = fast(connected)
    if first == "mark":
        narrow()
    connected.theirs.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while sent < 64 * MIB:
            sent += connected.theirs.send(bytes(1 << 16))
    assert sent < 64 * MIB
    assert probe.is_ready(5000)


def test_the_connection_is_left_as_it_was(connected: Connected) -> None:
    probe = fast(connected)
    assert connected.lowat() == LOWAT
    probe.end()
    assert connected.lowat() == 1


@pytest.mark.parametrize("does", ["end", "look", "receive"])
def test_a_connection_that_is_gone_is_left_alone(connected: Connected, does: str) -> None:
    """What was aborted or broke has lost it already, and its number may be that of another."""
    probe = fast(connected, FAST + 3 * LEFT)
    assert probe.is_on
    probe.lose()
    if does == "look":
        probe.look(2 * TICK)
    elif does == "receive":
        probe.receive(3 * LEFT)
    probe.end()
    assert not probe.is_on, "the next transfer with this record would take it for its own"
    assert connected.lowat() == LOWAT


def test_another_connection_of_that_number_is_left_alone(connected: Connected) -> None:
    probe = connected.probe(1000 * MIB)
    probe.lose()
    probe.receive(FAST)
    probe.look(TICK)
    assert not probe.is_on
    assert connected.lowat() == 1
