"""Ports where the TLS handshake, or the records after it, go wrong; some are relays to a port where all is well."""

from __future__ import annotations

import asyncio
import contextlib
import random

from tests.faults.http1 import PATIENCE
from tests.servers.wire import Connection

ALERTS = (10, 20, 40, 42, 45, 47, 48, 70, 71, 80, 86, 90, 112)


async def break_handshake(connection: Connection, fault: str, dice: random.Random) -> None:
    """Reads the client's hello and answers it with the fault."""
    await connection.read_some()
    if fault == "tls-alert":
        await connection.write(b"\x15\x03\x03\x00\x02\x02" + bytes([dice.choice(ALERTS)]))
    elif fault == "tls-garbage":
        await connection.write(dice.randbytes(dice.randrange(1, 2000)))
    elif fault == "tls-stall":
        await asyncio.sleep(PATIENCE)
    elif fault == "tls-reset":
        connection.reset()


async def relay(connection: Connection, port: int, fault: str, dice: random.Random) -> None:
    """Passes everything on to `port`; slowly at first, or with one byte changed somewhere."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    descriptor = writer.get_extra_info("socket").fileno()
    connection.server.upstream_descriptors.add(descriptor)
    upwards = asyncio.ensure_future(_upwards(connection, writer))
    flip = dice.choice((100, 1500, 3000, 6000, 30_000)) if fault == "tls-corrupt" else -1
    flip = dice.randrange(flip) if flip > 0 else -1
    passed = 0
    try:
        while data := await reader.read(1 << 16):
            if passed <= flip < passed + len(data):
                place = flip - passed
                data = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
            passed += len(data)
            if fault == "tls-slow" and passed < 5000:
                for start in range(0, len(data), 200):
                    await connection.write(data[start : start + 200])
                    await asyncio.sleep(0.002)
            else:
                await connection.write(data)
    except ConnectionError:
        pass
    finally:
        upwards.cancel()
        writer.close()
        connection.server.upstream_descriptors.discard(descriptor)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()


async def _upwards(connection: Connection, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(await connection.read_some())
            await writer.drain()
