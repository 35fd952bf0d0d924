"""curl, aria2c and wget2: one run of the program, which gets all URLs in a file and writes files in memory."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from task import Done, Task, describe, read_task


def curl(task: Task, folder: Path) -> list[str]:
    lines = [f'url = "{url}"\noutput = "{folder / _name(url)}"\n' for url in task.urls]
    (folder / "urls").write_text("".join(lines))
    words = [
        "curl",
        "-q",
        "--silent",
        "--show-error",
        "--fail",
        "--parallel",
        "--parallel-max",
        str(task.at_once),
    ]
    words += ["--parallel-immediate"] if not task.http2 else ["--http2", "--cacert", str(task.cafile)]
    return [*words, "--config", str(folder / "urls")]


def aria2c(task: Task, folder: Path) -> list[str]:
    lines = [f"{url}\n  out={_name(url)}\n" for url in task.urls]
    (folder / "urls").write_text("".join(lines))
    return [
        "aria2c", "--no-conf", "--quiet", "--file-allocation=none", f"--dir={folder}", "--split=1",
        "--max-connection-per-server=16", f"--max-concurrent-downloads={task.at_once}",
        "--allow-overwrite=true", f"--input-file={folder / 'urls'}",
    ]  # fmt: skip


def wget2(task: Task, folder: Path) -> list[str]:
    (folder / "urls").write_text("\n".join(task.urls))
    words = [
        "wget2",
        "--no-config",
        "--quiet",
        "--no-robots",
        f"--max-threads={task.at_once}",
        "--chunk-size=0",
    ]
    if task.cafile:
        words += [f"--ca-certificate={task.cafile}"]
    return [*words, f"--directory-prefix={folder}", f"--input-file={folder / 'urls'}"]


def _name(url: str) -> str:
    return url.split("//", 1)[1].replace("/", "_").replace(":", "_")


PROGRAMS: dict[str, Callable[[Task, Path], list[str]]] = {"curl": curl, "aria2c": aria2c, "wget2": wget2}


def main() -> None:
    make_command = PROGRAMS[sys.argv[1]]
    task = read_task(sys.argv[2:])
    with tempfile.TemporaryDirectory(prefix="urlmon-program-", dir="/dev/shm") as name:
        folder = Path(name)
        command = make_command(task, folder)
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
        sizes = [path.stat().st_size for path in folder.iterdir() if path.name != "urls"]
        describe(Done(files=len(sizes), size=sum(sizes)), seconds, before, after)


if __name__ == "__main__":
    main()
