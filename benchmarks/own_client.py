"""The measuring program of bench_own.py: one JSON line of results about urlmon alone.

`slow`: memory while a client reads more slowly than its server sends. `many`: processor time per file of `count`
bindings bound at once. `latency`: from a server's send to the callback, with an owner that waits in `pump`. `queue`:
notifications per second through the queue alone, and through what Python programs use instead.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import queue
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import urlmon

STAMPS = 2000
STAMP_PAUSE = 0.004  # seconds between two stamps: the owner and the I/O thread sleep in between


def bind(url: str, callback: urlmon.BindStatusCallback) -> None:
    urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(callback))


def resident_peak() -> int:
    """Bytes: the most memory that this process ever had (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    raise RuntimeError("no VmHWM in /proc/self/status")


def slow(url: str, active: int, seconds: float) -> dict[str, object]:
    """Memory above the start, while `active` transfers are read at 1 MiB/s each."""

    class Reader(urlmon.BindStatusCallback):
        def on_start_binding(self, binding: urlmon.Binding) -> None:
            self.binding = binding

        def on_data_available(
            self, flags: object, size: int, format: object, medium: urlmon.StgMedium
        ) -> None:
            self.stream = medium.stream

    apartment = urlmon.Apartment.current()
    apartment.configure(max_active=active, max_per_host=active)
    readers = [Reader() for _ in range(active)]
    before = resident_peak()
    for reader in readers:
        bind(url, reader)
    end = time.perf_counter() + seconds
    read = 0
    while time.perf_counter() < end:
        apartment.pump(0.05)
        for reader in readers:
            stream = getattr(reader, "stream", None)
            if stream is not None:
                read += len(stream.read(50 << 10) or b"")
    peak = resident_peak() - before
    received = sum(reader.binding.bytes_received for reader in readers)
    for reader in readers:
        reader.binding.abort()
    apartment.run()
    return {"peak": peak, "high_water": apartment.high_water, "read": read, "received": received}


def many(url: str, count: int, total: int) -> dict[str, object]:
    """Processor seconds for `total` files, bound `count` at once."""
    stopped = 0

    class Count(urlmon.BindStatusCallback):
        def on_start_binding(self, binding: urlmon.Binding) -> None:
            self.binding = binding

        def on_data_available(
            self, flags: object, size: int, format: object, medium: urlmon.StgMedium
        ) -> None:
            assert medium.stream is not None
            medium.stream.read()

        def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
            nonlocal stopped
            if error:
                raise error
            stopped += 1

    apartment = urlmon.Apartment.current()
    apartment.configure(max_active=64, max_per_host=64)
    for _ in range(64):  # opens the connections
        bind(url, Count())
    apartment.run()
    cpu = time.process_time()
    for _ in range(total // count):
        for _ in range(count):
            bind(url, Count())
        apartment.run()
    assert stopped == 64 + total // count * count
    return {"cpu": time.process_time() - cpu, "files": stopped - 64}


def _send_stamps(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.recv(4096)
    size = STAMPS * 8
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    for _ in range(STAMPS):
        time.sleep(STAMP_PAUSE)
        connection.sendall(struct.pack("=q", time.monotonic_ns()))
    connection.close()


def latency() -> dict[str, object]:
    """Nanoseconds from just before a server's send to the callback; another process sends."""
    late: list[int] = []

    class Stamps(urlmon.BindStatusCallback):
        def on_data_available(
            self, flags: object, size: int, format: object, medium: urlmon.StgMedium
        ) -> None:
            now = time.monotonic_ns()
            assert medium.stream is not None
            data = medium.stream.read() or b""
            if data:
                (sent,) = struct.unpack("=q", data[-8:])
                late.append(now - sent)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        server = os.fork()
        if server == 0:
            _send_stamps(listener)
            os._exit(0)
    bind(f"http://127.0.0.1:{port}/", Stamps())
    urlmon.run()
    os.waitpid(server, 0)
    late.sort()
    return {"p50": late[len(late) // 2], "p99": late[len(late) * 99 // 100], "count": len(late)}


def _rate(count: int, produce: Callable[[], None], consume: Callable[[], None]) -> float:
    begin = time.perf_counter()
    producer = threading.Thread(target=produce)
    producer.start()
    consume()
    producer.join()
    return count / (time.perf_counter() - begin)


def queues(count: int) -> dict[str, object]:
    """Notifications per second from one thread to another."""
    from urlmon_core._queuerate import queue_rate

    ours, _ = queue_rate(count * 20)
    simple: queue.SimpleQueue[int] = queue.SimpleQueue()

    def put() -> None:
        for number in range(count):
            simple.put(number)

    def get() -> None:
        for _ in range(count):
            simple.get()

    shared: collections.deque[int] = collections.deque()
    wake = os.eventfd(0)

    def append() -> None:
        for number in range(count):
            shared.append(number)
            os.eventfd_write(wake, 1)

    def drain() -> None:
        left = count
        while left:
            os.eventfd_read(wake)
            while shared:
                shared.popleft()
                left -= 1

    async def loop() -> float:
        here = asyncio.get_running_loop()
        over = asyncio.Event()
        seen = 0

        def notice() -> None:
            nonlocal seen
            seen += 1
            if seen == count:
                over.set()

        def call() -> None:
            for _ in range(count):
                here.call_soon_threadsafe(notice)

        begin = time.perf_counter()
        producer = threading.Thread(target=call)
        producer.start()
        await over.wait()
        producer.join()
        return count / (time.perf_counter() - begin)

    rates: dict[str, object] = {
        "urlmon": ours,
        "queue.SimpleQueue": _rate(count, put, get),
        "collections.deque and eventfd": _rate(count, append, drain),
        "asyncio call_soon_threadsafe": asyncio.run(loop()),
    }
    os.close(wake)
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    scenarios = parser.add_subparsers(dest="scenario", required=True)
    one = scenarios.add_parser("slow")
    one.add_argument("url")
    one.add_argument("active", type=int)
    one.add_argument("seconds", type=float)
    one = scenarios.add_parser("many")
    one.add_argument("url")
    one.add_argument("count", type=int)
    one.add_argument("total", type=int)
    scenarios.add_parser("latency")
    one = scenarios.add_parser("queue")
    one.add_argument("count", type=int)
    told = parser.parse_args()
    if told.scenario == "slow":
        results = slow(told.url, told.active, told.seconds)
    elif told.scenario == "many":
        results = many(told.url, told.count, told.total)
    elif told.scenario == "latency":
        results = latency()
    else:
        results = queues(told.count)
    json.dump(results, sys.stdout)
    print()


if __name__ == "__main__":
    main()
