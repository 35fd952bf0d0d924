"""parfive.Downloader, which writes files and nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

from parfive import Downloader, SessionConfig
from task import Done, Task, main


def run(task: Task) -> Done:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        into = task.into or Path(folder)
        downloader = Downloader(
            max_conn=task.at_once, max_splits=1, progress=False, overwrite=True,
            config=SessionConfig(file_progress=False),
        )  # fmt: skip
        for url in task.urls:
            downloader.enqueue_file(url, path=into, filename=url.rsplit("/", 1)[1])
        results = downloader.download()
        if results.errors:
            raise RuntimeError(f"parfive: {results.errors[0]}")
        return Done(files=len(results), size=sum(Path(name).stat().st_size for name in results))


if __name__ == "__main__":
    main(run)
