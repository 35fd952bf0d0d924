"""aiohttp on uvloop."""

from __future__ import annotations

import ssl

import aiohttp
import uvloop
from task import BUFFER, Done, Sink, Task, main, run_async


async def fetch_all(task: Task) -> Done:
    context = ssl.create_default_context(cafile=task.cafile) if task.cafile else True
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=task.at_once, ssl=context),
        timeout=aiohttp.ClientTimeout(total=None),
        read_bufsize=BUFFER,
    ) as session:

        async def fetch(url: str, sink: Sink) -> None:
            async with session.get(url) as response:
                response.raise_for_status()
                async for chunk in response.content.iter_any():
                    sink.write(chunk)

        return await run_async(task, fetch)


def run(task: Task) -> Done:
    return uvloop.run(fetch_all(task))


if __name__ == "__main__":
    main(run)
