"""httpx2.AsyncClient on asyncio."""

from __future__ import annotations

import asyncio
import ssl

import httpx2
from task import Done, Sink, Task, main, run_async


async def fetch_all(task: Task) -> Done:
    context = ssl.create_default_context(cafile=task.cafile) if task.cafile else True
    async with httpx2.AsyncClient(
        http2=task.http2,
        verify=context,
        trust_env=False,
        timeout=None,
        limits=httpx2.Limits(max_connections=task.at_once, max_keepalive_connections=task.at_once),
    ) as client:

        async def fetch(url: str, sink: Sink) -> None:
            async with client.stream("GET", url) as response:
                response.raise_for_status()
                async for chunk in response.aiter_raw():
                    sink.write(chunk)

        return await run_async(task, fetch)


def run(task: Task) -> Done:
    return asyncio.run(fetch_all(task))


if __name__ == "__main__":
    main(run)
