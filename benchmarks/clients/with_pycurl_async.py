"""pycurl.AsyncCurlMulti: as many tasks as transfers at once, each with a handle of its own."""

from __future__ import annotations

import asyncio

import pycurl
from task import Done, Task, main, shared
from with_pycurl import File, handle_for


async def fetch_all(task: Task, done: Done) -> None:
    urls = shared(task.urls)

    async def work(multi: pycurl.AsyncCurlMulti) -> None:
        curl = handle_for(task)
        for url in urls:
            file = File(task, done, url)
            curl.setopt(pycurl.URL, url)
            curl.setopt(pycurl.WRITEFUNCTION, file.callback)
            await multi.perform(curl)
            file.stop()

    async with pycurl.AsyncCurlMulti() as multi:
        if task.http2:
            multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        await asyncio.gather(*(work(multi) for _ in range(task.at_once)))


def run(task: Task) -> Done:
    done = Done()
    asyncio.run(fetch_all(task, done))
    return done


if __name__ == "__main__":
    main(run)
