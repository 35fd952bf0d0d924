"""curl_cffi.AsyncSession on asyncio."""

from __future__ import annotations

import asyncio

from curl_cffi import AsyncSession
from task import Done, Sink, Task, main, run_async


async def fetch_all(task: Task) -> Done:
    async with AsyncSession(
        max_clients=task.at_once, verify=task.cafile or True, trust_env=False, timeout=None
    ) as session:

        async def fetch(url: str, sink: Sink) -> None:
            def take(chunk: bytes) -> int:
                sink.write(chunk)
                return len(chunk)

            response = await session.get(url, content_callback=take)
            response.raise_for_status()

        return await run_async(task, fetch)


def run(task: Task) -> Done:
    return asyncio.run(fetch_all(task))


if __name__ == "__main__":
    main(run)
