"""The measuring program: bulk transfers and urgent ones by one peer, one JSON line of results.

A process of its own, so that it can run inside a network namespace, and each peer has its own interpreter.

`urgent`: times of urgent fetches alone, then beside bulk transfers, and what these receive meanwhile.
`throughput`: what bulk transfers receive with nothing beside them.
`lowering`: how soon lowering one of equal transfers shows in its share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import urlmon

__all__ = ["PEERS"]

URGENT_PRIORITY = 2  # Priority.HIGHEST
LOWERED_PRIORITY = -2  # Priority.LOWEST
MANY = 64  # more than any of the benchmarks has at once
BUFFER = 512 << 10  # bytes; the same for all that let one choose


class Peer(ABC):
    """A client library. `received` counts the bytes of bulk bodies."""

    def __init__(self, priority: int) -> None:
        self.priority = priority
        self.received = 0

    @abstractmethod
    def start_bulk(self, url: str) -> None:
        """Begins a transfer whose bytes are taken and forgotten."""

    @abstractmethod
    def fetch(self, url: str) -> float:
        """Seconds that an urgent transfer takes from the call to the last byte."""

    @abstractmethod
    def spin(self, seconds: float) -> None:
        """Lets the transfers go on."""

    @abstractmethod
    def close(self) -> None:
        """Ends the transfers."""


class UrlmonPeer(Peer):
    """This project: bulk at `priority`, urgent ones at HIGHEST."""

    def __init__(self, priority: int) -> None:
        import urlmon

        super().__init__(priority)
        self.urlmon = urlmon
        self.apartment = urlmon.Apartment.current()
        self.apartment.configure(max_active=MANY, max_per_host=MANY)
        self.bindings: list[urlmon.Binding] = []
        self.closing = False
        peer = self

        class Bulk(urlmon.BindStatusCallback):
            def get_priority(self) -> int:
                return peer.priority

            def on_start_binding(self, binding: urlmon.Binding) -> None:
                peer.bindings.append(binding)

            def on_data_available(
                self, flags: object, size: int, format: object, medium: urlmon.StgMedium
            ) -> None:
                assert medium.stream is not None
                while view := medium.stream.read_view():
                    peer.received += len(view)

            def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
                if error and not peer.closing:
                    raise error  # a figure without it would be wrong

        class Urgent(urlmon.BindStatusCallback):
            def __init__(self) -> None:
                self.done = False

            def get_priority(self) -> int:
                return URGENT_PRIORITY

            def on_data_available(
                self, flags: object, size: int, format: object, medium: urlmon.StgMedium
            ) -> None:
                assert medium.stream is not None
                medium.stream.read()

            def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
                if error:
                    raise error
                self.done = True

        self._bulk, self._urgent = Bulk, Urgent

    def _bind(self, url: str, callback: urlmon.BindStatusCallback) -> None:
        self.urlmon.create_url_moniker(url).bind_to_storage(self.urlmon.create_async_bind_ctx(callback))

    def start_bulk(self, url: str) -> None:
        self._bind(url, self._bulk())

    def fetch(self, url: str) -> float:
        callback = self._urgent()
        begin = time.perf_counter()
        self._bind(url, callback)
        while not callback.done:
            self.apartment.pump()
        return time.perf_counter() - begin

    def spin(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.apartment.pump(left)

    def close(self) -> None:
        self.closing = True
        for binding in self.apartment.live_bindings:
            binding.abort()
        self.apartment.run()


class PycurlPeer(Peer):
    """pycurl.CurlMulti, driven as its documentation shows."""

    def __init__(self, priority: int) -> None:
        import pycurl

        super().__init__(priority)
        self.pycurl = pycurl
        self.multi = pycurl.CurlMulti()
        self.bulk: list[pycurl.Curl] = []
        self.urgent = pycurl.Curl()
        self.urgent.setopt(pycurl.WRITEFUNCTION, lambda data: None)

    def _count(self, data: bytes) -> None:
        self.received += len(data)

    def start_bulk(self, url: str) -> None:
        curl = self.pycurl.Curl()
        curl.setopt(self.pycurl.URL, url)
        curl.setopt(self.pycurl.BUFFERSIZE, BUFFER)
        curl.setopt(self.pycurl.WRITEFUNCTION, self._count)
        self.multi.add_handle(curl)
        self.bulk.append(curl)

    def _step(self, seconds: float) -> bool:
        """One round of the loop; whether a transfer ended."""
        self.multi.select(seconds)
        self.multi.perform()
        _, succeeded, failed = self.multi.info_read()
        if failed:
            raise RuntimeError(f"pycurl: {failed[0][2]}")
        return bool(succeeded)

    def fetch(self, url: str) -> float:
        begin = time.perf_counter()
        self.urgent.setopt(self.pycurl.URL, url)
        self.multi.add_handle(self.urgent)
        self.multi.perform()
        while not self._step(1.0):
            pass
        seconds = time.perf_counter() - begin
        self.multi.remove_handle(self.urgent)
        return seconds

    def spin(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self._step(left)

    def close(self) -> None:
        for curl in self.bulk:
            self.multi.remove_handle(curl)
            curl.close()


class AiohttpPeer(Peer):
    """aiohttp on asyncio's own loop."""

    def __init__(self, priority: int) -> None:
        super().__init__(priority)
        self.loop = asyncio.new_event_loop()
        self.session = self.loop.run_until_complete(self._open())
        self.tasks: list[asyncio.Task[None]] = []

    async def _open(self) -> Any:
        import aiohttp

        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=BUFFER,
        )

    async def _receive(self, url: str) -> None:
        async with self.session.get(url) as response:
            async for chunk in response.content.iter_any():
                self.received += len(chunk)

    async def _fetch(self, url: str) -> None:
        async with self.session.get(url) as response:
            await response.read()

    def start_bulk(self, url: str) -> None:
        self.tasks.append(self.loop.create_task(self._receive(url)))

    def fetch(self, url: str) -> float:
        begin = time.perf_counter()
        self.loop.run_until_complete(self._fetch(url))
        return time.perf_counter() - begin

    def spin(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    async def _close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.session.close()

    def close(self) -> None:
        self.loop.run_until_complete(self._close())
        self.loop.close()


PEERS: dict[str, type[Peer]] = {"urlmon": UrlmonPeer, "pycurl": PycurlPeer, "aiohttp": AiohttpPeer}


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _rate(peer: Peer, seconds: float) -> float:
    """Bytes per second of the bulk transfers over the next `seconds`."""
    begin, received = time.perf_counter(), peer.received
    peer.spin(seconds)
    return (peer.received - received) / (time.perf_counter() - begin)


def urgent(peer: Peer, arguments: argparse.Namespace) -> dict[str, object]:
    """Times of fetches alone and under load, in seconds; rates in bytes per second."""
    url = arguments.url + arguments.urgent_file
    peer.fetch(url)  # opens the connection
    alone = [peer.fetch(url) for _ in range(arguments.fetches)]
    for _ in range(arguments.bulk):
        peer.start_bulk(arguments.url + arguments.bulk_file)
    peer.spin(arguments.settle)
    before = _rate(peer, arguments.span)
    begin, received = time.perf_counter(), peer.received
    loaded = []
    for _ in range(arguments.fetches):
        loaded.append(peer.fetch(url))
        peer.spin(arguments.pause)
    seconds = time.perf_counter() - begin
    bulk_with = (peer.received - received) / seconds
    return {
        "alone": alone,
        "loaded": loaded,
        "bulk_before": before,
        "bulk_with": bulk_with,
        "all_with": bulk_with + arguments.fetches * arguments.urgent_size / seconds,
    }


def throughput(peer: Peer, arguments: argparse.Namespace) -> dict[str, object]:
    """Bytes per second, and processor seconds per gibibyte."""
    for _ in range(arguments.bulk):
        peer.start_bulk(arguments.url + arguments.bulk_file)
    peer.spin(arguments.settle)
    cpu, received = _cpu_seconds(), peer.received
    rate = _rate(peer, arguments.span)
    return {
        "rate": rate,
        "cpu_per_gib": (_cpu_seconds() - cpu) / max(1, peer.received - received) * (1 << 30),
    }


def lowering(peer: UrlmonPeer, arguments: argparse.Namespace) -> dict[str, object]:
    """Shares of the first of equal transfers before and after it is lowered.

    seconds: until its share is nearer to what it settles at than to what it was. unevenness: how far from the
    mean the farthest transfer was before, as a share of the mean.
    """
    step, spell = 0.010, 10  # the share that is looked at is that of the last 100 ms
    for _ in range(arguments.bulk):
        peer.start_bulk(arguments.url + arguments.bulk_file)
    peer.spin(arguments.settle)
    history: list[list[int]] = []

    def follow(seconds: float) -> None:
        peer.spin(seconds)
        history.append([binding.bytes_received for binding in peer.bindings])

    def received(since: int) -> list[int]:
        return [now - then for now, then in zip(history[-1], history[since], strict=True)]

    def share(since: int) -> float:
        return received(since)[0] / max(1, sum(received(since)))

    for _ in range(100):
        follow(step)
    before, each = share(0), received(0)
    mean = sum(each) / len(each)
    begin = time.perf_counter()
    peer.bindings[0].priority = LOWERED_PRIORITY
    shares = []
    for _ in range(100):
        follow(step)
        shares.append((time.perf_counter() - begin, share(-1 - spell)))
    after = share(-51)
    return {
        "share_before": before,
        "share_after": after,
        "seconds": next((at for at, now in shares if now < (before + after) / 2), None),
        "unevenness": max(abs(one - mean) for one in each) / mean,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=["urgent", "throughput", "lowering"])
    parser.add_argument("url", help="where the files are, ends with a slash")
    parser.add_argument("--peer", choices=PEERS, default="urlmon")
    parser.add_argument("--priority", type=int, default=0, help="of bulk transfers")
    parser.add_argument("--bulk", type=int, default=32, help="how many bulk transfers")
    parser.add_argument("--bulk-file", default="bulk")
    parser.add_argument("--urgent-file", default="urgent")
    parser.add_argument("--urgent-size", type=int, default=256 << 10)
    parser.add_argument("--fetches", type=int, default=9)
    parser.add_argument("--settle", type=float, default=3.0, help="seconds before anything is measured")
    parser.add_argument("--span", type=float, default=2.0, help="seconds over which a rate is measured")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two urgent fetches")
    arguments = parser.parse_args()
    peer = PEERS[arguments.peer](arguments.priority)
    if arguments.scenario == "lowering":
        if not isinstance(peer, UrlmonPeer):
            parser.error("only urlmon has priorities")
        results = lowering(peer, arguments)
    else:
        results = (urgent if arguments.scenario == "urgent" else throughput)(peer, arguments)
    peer.close()
    json.dump(results, sys.stdout)
    print()


if __name__ == "__main__":
    main()
