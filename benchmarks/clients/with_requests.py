"""requests, a session for each thread."""

from __future__ import annotations

from collections.abc import Callable

import requests
from task import BUFFER, Done, Sink, Task, main
from threads import run_threads


def run(task: Task) -> Done:
    def make_fetch() -> Callable[[str, Sink], None]:
        session = requests.Session()
        session.trust_env = False
        session.verify = task.cafile or True

        def fetch(url: str, sink: Sink) -> None:
            with session.get(url, stream=True) as response:
                response.raise_for_status()
                for chunk in response.iter_content(BUFFER):
                    sink.write(chunk)

        return fetch

    return run_threads(task, make_fetch)


if __name__ == "__main__":
    main(run)
