"""The command line: `urlmon get` and `urlmon demo`.

`main` is the entry point of the `urlmon` script and of `python -m urlmon`. It turns everything that can end
a run into an exit code and never lets a traceback out for something a user can cause: bad usage (2), output
that cannot be written (23), Ctrl-C (130), SIGTERM (143), a reader of standard output that went away (141, as a
shell reports SIGPIPE).
"""

from __future__ import annotations

from collections.abc import Sequence

from .streams import BROKEN_PIPE, WRITE_ERROR, OutputError, close_streams, complain

__all__ = ["BROKEN_PIPE", "main"]

INTERRUPTED = 130
"""Exit code for a Ctrl-C outside the download loop (the loop has its own clean stop): 128 + SIGINT."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line with `argv` (default: the process's arguments) and return the exit code."""
    try:
        code = _dispatch(argv)
    except OutputError as error:
        complain(str(error))
        code = WRITE_ERROR
    except BrokenPipeError:
        code = BROKEN_PIPE
    except KeyboardInterrupt:
        code = INTERRUPTED
    return close_streams(code)


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
