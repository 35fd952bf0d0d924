"""pycurl.CurlMulti with a pool of handles, as its example retriever-multi.py drives it."""

from __future__ import annotations

from collections.abc import Callable

import pycurl
from task import BUFFER, Done, Sink, Task, main


class File(Sink):
    """Which callback a body goes to is decided once, not for each chunk."""

    @property
    def callback(self) -> Callable[[bytes], None]:
        return self.save if self.file else self.write_and_digest if self.sha256 else self.count

    def count(self, data: bytes) -> None:
        self.done.size += len(data)

    def write_and_digest(self, data: bytes) -> None:
        self.done.size += len(data)
        self.sha256.update(data)

    def save(self, data: bytes) -> None:
        self.done.size += len(data)
        self.file.write(data)


def handle_for(task: Task) -> pycurl.Curl:
    """A handle with the options that all transfers of `task` share."""
    curl = pycurl.Curl()
    curl.setopt(pycurl.BUFFERSIZE, BUFFER)
    curl.setopt(pycurl.NOSIGNAL, 1)
    if task.cafile:
        curl.setopt(pycurl.CAINFO, task.cafile)
    if task.http2:
        curl.setopt(pycurl.PIPEWAIT, 1)
    return curl


def run(task: Task) -> Done:
    done = Done()
    multi = pycurl.CurlMulti()
    if task.http2:
        multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
    free = [handle_for(task) for _ in range(min(task.at_once, len(task.urls)))]
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
