"""The measuring program of bench_loop.py: one JSON line of results.

An asyncio loop with a 1 ms timer, while bodies stream through callbacks of the same thread. `slips`: by how many
milliseconds each tick was late. `thread`: milliseconds of processor time that the thread used between two ticks,
which another program on the machine does not change.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time

import urlmon

PERIOD = 0.001


class Reader(urlmon.BindStatusCallback):
    """Takes every byte, as views, and hashes it if a hash is named."""

    def __init__(self, over: asyncio.Semaphore, hash_name: str | None) -> None:
        self.over = over
        self.received = 0
        self.update = hashlib.new(hash_name).update if hash_name is not None else len

    def on_data_available(
        self, flags: urlmon.BSCF, size: int, format: urlmon.FormatEtc, medium: urlmon.StgMedium
    ) -> None:
        while view := medium.stream.read_view():
            self.received += len(view)
            self.update(view)

    def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
        if error is not None:
            raise error
        self.over.release()


async def tick(slips: list[float], used: list[float]) -> None:
    """A timer that is due again a millisecond after it was served."""
    loop = asyncio.get_running_loop()
    due = loop.time() + PERIOD
    cpu = time.thread_time()
    while True:
        await asyncio.sleep(due - loop.time())
        slips.append(loop.time() - due)
        used.append(time.thread_time() - cpu)
        cpu = time.thread_time()
        due = loop.time() + PERIOD


def percentile(values: list[float], share: float) -> float:
    """In milliseconds."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000


async def main(url: str, count: int, hash_name: str | None = None) -> dict[str, float]:
    slips: list[float] = []
    used: list[float] = []
    over = asyncio.Semaphore(0)
    readers = [Reader(over, hash_name) for _ in range(count)]
    with urlmon.attach():
        ticker = asyncio.create_task(tick(slips, used))
        began = time.perf_counter()
        for reader in readers:
            urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(reader))
        for _ in readers:
            await over.acquire()
        seconds = time.perf_counter() - began
        ticker.cancel()
    return {
        "bytes": sum(reader.received for reader in readers),
        "seconds": seconds,
        "ticks": len(slips),
        **{f"slip_{share * 100:g}": percentile(slips, share) for share in (0.5, 0.99, 1)},
        **{f"thread_{share * 100:g}": percentile(used, share) for share in (0.5, 0.99, 1)},
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))))
