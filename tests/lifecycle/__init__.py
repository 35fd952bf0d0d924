"""Tests of beginnings and ends: each is a script in a process of its own, with a time limit."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 30.0  # seconds; a script takes a fraction of one unless it hangs

# What every script begins with.
PROLOGUE = """\
import faulthandler, os, sys, threading, time
faulthandler.dump_traceback_later({limit}, exit=True)
import urlmon
from tests.recording import Recorder, bind, fetch, finish, pump_until
argv = sys.argv[1:]
"""


def run_script(
    source: str,
    *arguments: object,
    limit: float = LIMIT,
    prefix: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    **more: Any,
) -> subprocess.CompletedProcess[str]:
    """The finished process of a Python script with its arguments in `argv`; one that hangs ends with all tracebacks.

    `prefix` is a command that runs the interpreter; `more` goes to subprocess.run.
    """
    script = PROLOGUE.format(limit=limit) + textwrap.dedent(source)
    return subprocess.run(
        [*prefix, sys.executable, "-W", "default", "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=limit + 10,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        **more,
    )


def check_script(source: str, *arguments: object, **more: Any) -> str:
    """As `run_script` for one that must end well; returns its standard output."""
    done = run_script(source, *arguments, **more)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
