"""`at_once` threads that share the URLs, for clients that block."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from task import Done, Sink, Task


def run_threads(task: Task, make_fetch: Callable[[], Callable[[str, Sink], None]]) -> Done:
    """Each thread calls `make_fetch()` once, and what it returns for one URL after the other."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for url in task.urls:
        waiting.put(url)
    results: list[Done] = []
    failures: list[BaseException] = []

    def work() -> None:
        done = Done()
        try:
            fetch = make_fetch()
            while True:
                try:
                    url = waiting.get_nowait()
                except queue.Empty:
                    break
                sink = Sink(task, done, url)
                fetch(url, sink)
                sink.stop()
        except Exception as failure:  # told by the main thread
            failures.append(failure)
        results.append(done)

    threads = [threading.Thread(target=work) for _ in range(task.at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    total = Done()
    for one in results:
        total.files += one.files
        total.size += one.size
        total.digest ^= one.digest
    return total
