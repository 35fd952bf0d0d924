"""`urlmon demo`: the main job on one page, checked.

An origin in its own process serves 300 generated files. Three threads download 100 each, in three priorities
and bound in the wrong order (lowest first). On the way some are suspended and resumed, some re-prioritised,
some aborted while they run and some before they start. At the end every SHA-256 is compared, and so is what
the callbacks saw: each on the thread that bound it, one start, one stop, nothing after it, no trace of an
aborted file.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from .arguments import DemoOptions
from .demo_checks import check, describe
from .demo_plan import FILES_PER_THREAD, THREADS
from .demo_threads import Course, Downloader
from .signals import StopSignals
from .streams import write

__all__ = ["run_demo"]


@contextlib.contextmanager
def _origin(seed: int) -> Iterator[int]:
    """The origin process; gives its port."""
    command = [sys.executable, "-m", "urlmon.cli.origin", "--seed", str(seed)]
    # In a session of its own: Ctrl-C on the terminal is for the demo, which then ends the origin.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the origin did not start")
            yield int(line)
        finally:
            process.stdin.close()  # its signal to end
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def run_demo(options: DemoOptions) -> int:
    """Run `urlmon demo`; returns 0 if every check passed, 1 if not."""
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(StopSignals())
        if options.keep is None:
            directory = stack.enter_context(_temporary_directory())
        else:
            directory = options.keep
            os.makedirs(directory, exist_ok=True)
        port = stack.enter_context(_origin(options.seed))
        what = f"{THREADS * FILES_PER_THREAD} files of 1 KiB to 8 MiB over loopback"
        write(sys.stdout, f"urlmon demo: {what}, {THREADS} threads, seed {options.seed}\n\n")
        course = Course(port, directory, options.seed)
        began = time.monotonic()
        threads = [Downloader(course, number) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.05)
                if stop.signum:
                    course.stopping.set()
        elapsed = time.monotonic() - began
        if stop.signum:
            return stop.exit_code
        problems = check(course)
        lines = describe(course, elapsed)
        lines += [f"FAILED: {problem}" for problem in problems[:20]]
        lines.append("all checks passed" if not problems else f"{len(problems)} checks failed")
        if options.keep is not None:
            lines.append(f"the files are in {directory}")
        write(sys.stdout, "\n".join(lines) + "\n")
        return 1 if problems else 0


@contextlib.contextmanager
def _temporary_directory() -> Iterator[str]:
    directory = tempfile.mkdtemp(prefix="urlmon-demo-")
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
