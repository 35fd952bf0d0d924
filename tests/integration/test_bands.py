"""Transfers of different priorities, each on a connection of its own: what is left of being held back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import sys

import pytest

from tests.integration.controls import MIB
from tests.recording import Recorder, bind, pump_until
from tests.servers import Exchange, ScriptedServer, payload
from urlmon import HRESULT

LOW = 16 * MIB
PIECE = 4 << 10


def _windows(scripted: ScriptedServer) -> list[int]:
    """TCP_WINDOW_CLAMP, in bytes, of the connections of this process to the server."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        path = f"/proc/self/fd/{name}"
        if not os.path.exists(path) or not stat.S_ISSOCK(os.stat(path).st_mode):
            continue
        with socket.socket(fileno=os.dup(int(name))) as one, contextlib.suppress(OSError):
            if one.family == socket.AF_INET and one.getpeername()[1] == scripted.port:
                found.append(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="receive windows are managed on Linux only")
def test_the_window_that_was_lent_is_given_back(scripted: ScriptedServer) -> None:
    """Below a higher band a transfer is released for a few bytes at a time, with a window no larger, for no longer."""
    body = payload(LOW)

    async def low(exchange: Exchange) -> None:
        """In pieces, so that it never uses up what it is promised; then as fast as it is taken."""
        sent = 0
        await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LOW)
        while not exchange.server.gates.get("low").released.is_set():
            await exchange.raw(body[sent : sent + PIECE])
            sent += PIECE
            await asyncio.sleep(0.005)
        await exchange.raw(body[sent:])

    async def high(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while not exchange.server.gates.get("high").released.is_set():
            await exchange.raw(bytes(64 << 10))
            await asyncio.sleep(0.002)
        exchange.close = True

    scripted.script("/low", low)
    scripted.script("/high", high)
    slow = bind(scripted.url("/low"), Recorder(priority=1))
    pump_until(lambda: len(slow.body) > 20 * PIECE)  # it is bulk
    urgent = bind(scripted.url("/high"), Recorder(priority=2))
    pump_until(lambda: urgent.body)
    before = len(slow.body)
    pump_until(lambda: len(urgent.body) > MIB and len(slow.body) > before + 20 * PIECE)
    scripted.release("high")
    pump_until(lambda: urgent.stopped)
    before = len(slow.body)
    pump_until(lambda: len(slow.body) > before + 2 * PIECE)
    windows = _windows(scripted)
    assert windows
    assert min(windows) > MIB
    scripted.release("low")
    pump_until(lambda: slow.stopped, timeout=5)
    assert (urgent.hresult, slow.hresult) == (HRESULT.S_OK, HRESULT.S_OK)
    assert bytes(slow.body) == body
