"""The command line: `urlmon get` and `urlmon demo`.
 `main` is the entry point of the `urlmon` script and of `python -m urlmon`. It turns everything that can end
a run into an exit code and never lets a traceback out for something a user can cause: bad usage (2), Ctrl-C
(130), SIGTERM (143), a reader of standard output that went away (141, as a shell reports SIGPIPE).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["BROKEN_PIPE", "main"]

BROKEN_PIPE = 141
"""Exit code when the reader of our output is gone: 128 + SIGPIPE, what a shell shows for other tools."""

INTERRUPTED = 130
"""Exit code for a Ctrl-C outside the download loop (the loop has its own clean stop): 128 + SIGINT."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line with `argv` (default: the process's arguments) and return the exit code."""
    try:
        code = _dispatch(argv)
        # Flushed here, not by the interpreter at exit: there a broken pipe would print a traceback.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BrokenPipeError:
        _point_broken_streams_nowhere()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _dispatch(argv: Sequence[str] | None) -> int:
    from .arguments import GetOptions, parse

    try:
        options = parse(argv)
    except SystemExit as stop:  # argparse: --help, --version, bad usage
        return stop.code if isinstance(stop.code, int) else 0
    if isinstance(options, GetOptions):
        from .get import run_get

        return run_get(options)
    from .demo import run_demo

    return run_demo(options)


def _point_broken_streams_nowhere() -> None:
    """Let what is still buffered for a closed pipe go to the null device, so that the exit stays silent."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
