"""niquests.AsyncSession on asyncio."""

from __future__ import annotations

import asyncio

import niquests
from task import BUFFER, Done, Sink, Task, main, run_async


async def fetch_all(task: Task) -> Done:
    async with niquests.AsyncSession(
        pool_connections=256, pool_maxsize=task.at_once, disable_http3=True
    ) as session:
        session.trust_env = False
        session.verify = task.cafile or True

        async def fetch(url: str, sink: Sink) -> None:
            response = await session.get(url, stream=True)
            response.raise_for_status()
            async for chunk in await response.iter_content(BUFFER):
                sink.write(chunk)

        return await run_async(task, fetch)


def run(task: Task) -> Done:
    return asyncio.run(fetch_all(task))


if __name__ == "__main__":
    main(run)
