"""obstore, its store over HTTP."""

from __future__ import annotations

import asyncio
import os
import sys

from obstore.store import HTTPStore
from task import BUFFER, Done, Sink, Task, main, run_async


async def fetch_all(task: Task) -> Done:
    options = {"allow_http": True, "timeout": "600s", "pool_max_idle_per_host": str(task.at_once)}
    base = task.urls[0].rsplit("/", 1)[0]
    store = HTTPStore.from_url(base, client_options=options)

    async def fetch(url: str, sink: Sink) -> None:
        result = await store.get_async(url.rsplit("/", 1)[1])
        async for chunk in result.stream(min_chunk_size=BUFFER):
            sink.write(memoryview(chunk))

    return await run_async(task, fetch)


def run(task: Task) -> Done:
    return asyncio.run(fetch_all(task))


if __name__ == "__main__":
    main(run)
    sys.stdout.flush()
    os._exit(0)  # its threads would abort the process while the interpreter shuts down
