"""pyreqwest on asyncio."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from pyreqwest.client import ClientBuilder
from task import Done, Sink, Task, main, run_async


async def fetch_all(task: Task) -> Done:
    builder = ClientBuilder().no_proxy().error_for_status(True)
    if task.cafile:
        builder = builder.add_root_certificate_pem(Path(task.cafile).read_bytes())
    async with builder.build() as client:

        async def fetch(url: str, sink: Sink) -> None:
            async with client.get(url).build_streamed() as response:
                while (chunk := await response.body_reader.read_chunk()) is not None:
                    sink.write(memoryview(chunk))

        return await run_async(task, fetch)


def run(task: Task) -> Done:
    return asyncio.run(fetch_all(task))


if __name__ == "__main__":
    main(run)
    sys.stdout.flush()
    os._exit(0)  # its threads would abort the process while the interpreter shuts down
