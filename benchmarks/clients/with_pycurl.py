"""pycurl.CurlMulti with a pool of handles, as its example retriever-multi.py drives it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pycurl
from task import BUFFER, Done, Task, main


class File:
    """The callbacks of one file."""

    def __init__(self, task: Task, done: Done, url: str) -> None:
        self.done = done
        self.file = open(task.target(url), "wb", buffering=0) if task.into else None  # noqa: SIM115 (stop closes it)
        self.sha256 = hashlib.sha256() if task.digest else None

    @property
    def callback(self) -> Callable[[bytes], None]:
        return self.save if self.file else self.write_and_digest if self.sha256 else self.write

    def write(self, data: bytes) -> None:
        self.done.size += len(data)

    def write_and_digest(self, data: bytes) -> None:
        self.done.size += len(data)
        self.sha256.update(data)

    def save(self, data: bytes) -> None:
        self.done.size += len(data)
        self.file.write(data)

    def stop(self) -> None:
        self.done.files += 1
        if self.file is not None:
            self.file.close()
        if self.sha256 is not None:
            self.done.add_digest(self.sha256)


def run(task: Task) -> Done:
    done = Done()
    multi = pycurl.CurlMulti()
    if task.http2:
        multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
    free = []
    for _ in range(min(task.at_once, len(task.urls))):
        curl = pycurl.Curl()
        curl.setopt(pycurl.BUFFERSIZE, BUFFER)
        curl.setopt(pycurl.NOSIGNAL, 1)
        if task.cafile:
            curl.setopt(pycurl.CAINFO, task.cafile)
        if task.http2:
            curl.setopt(pycurl.PIPEWAIT, 1)
        free.append(curl)
    waiting = task.urls[::-1]
    left = len(waiting)
    while left:
        while free and waiting:
            url, curl = waiting.pop(), free.pop()
            curl.file = file = File(task, done, url)
            curl.setopt(pycurl.URL, url)
            curl.setopt(pycurl.WRITEFUNCTION, file.callback)
            multi.add_handle(curl)
        multi.perform()
        while True:
            queued, succeeded, failed = multi.info_read()
            if failed:
                raise RuntimeError(f"pycurl: {failed[0][2]}")
            for curl in succeeded:
                multi.remove_handle(curl)
                curl.file.stop()
                free.append(curl)
                left -= 1
            if not queued:
                break
        if left and not (free and waiting):
            multi.select(1.0)
    return done


if __name__ == "__main__":
    main(run)
