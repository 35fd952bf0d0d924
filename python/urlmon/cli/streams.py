"""Standard output and standard error: writing that says what went wrong, and an end without surprises."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from typing import TextIO

__all__ = ["BROKEN_PIPE", "WRITE_ERROR", "OutputError", "close_streams", "takes_more", "write"]

WRITE_ERROR = 23
"""Exit code when a stream does not take what we write: curl's."""

BROKEN_PIPE = 141
"""Exit code when the reader of our output is gone: 128 + SIGPIPE, what a shell shows for other tools."""

SIGNALS = 128
"""Exit codes from here on are those of signals."""


class OutputError(Exception):
    """A stream does not take what is written: a full disk. (A reader that left is BrokenPipeError.)"""


def write(stream: TextIO, text: str, *, flush: bool = True) -> None:
    """Writes `text`, and hands over what is buffered; raises BrokenPipeError or OutputError."""
    try:
        stream.write(text)
        if flush:
            stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(_complaint(stream, error)) from error


def takes_more(stream: TextIO) -> bool:
    """It would take a line now. False for a full pipe, whose reader may never come back."""
    try:
        return bool(select.select([], [stream], [], 0)[1])
    except (OSError, ValueError):  # not backed by a descriptor
        return True


def close_streams(code: int) -> int:
    """Hands over what is left in both streams; the exit code, which is `code` unless they do not take it.

    The interpreter flushes them once more when it ends. An error then is a message that nobody understands and
    exit code 120, and a full pipe a process that does not end. So what a stream does not take here, or may
    never take after a stop signal, goes to the null device.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            if code < SIGNALS or takes_more(stream):
                stream.flush()
            else:
                _discard(stream)
        except KeyboardInterrupt:  # it waits for a reader, and somebody has lost patience
            _discard(stream)
            code = max(code, 130)
        except BrokenPipeError:
            _discard(stream)
            code = code if code >= SIGNALS else BROKEN_PIPE
        except OSError as error:
            _discard(stream)
            if code < SIGNALS and code != WRITE_ERROR:
                code = WRITE_ERROR
                complain(_complaint(stream, error))
    return code


def complain(message: str) -> None:
    """One line on standard error, if it takes one."""
    with contextlib.suppress(OSError):
        print(f"urlmon: {message}", file=sys.stderr, flush=True)


def _complaint(stream: TextIO, error: OSError) -> str:
    name = "standard error" if stream is sys.stderr else "standard output"
    return f"cannot write to {name}: {error.strerror}"


def _discard(stream: TextIO) -> None:
    """From here on, also for what is buffered, the stream is the null device."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
