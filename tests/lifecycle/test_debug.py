"""Development mode says where an operation was begun that nobody ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.lifecycle import ROOT
from tests.servers import ScriptedServer

PROGRAM = """
import sys, threading, urlmon
from tests.recording import Recorder, bind

def forgetful_function():
    bind(sys.argv[1], Recorder())

thread = threading.Thread(target=forgetful_function)
thread.start()
thread.join()
"""


def warning_of(url: str, folder: Path, *options: str) -> str:
    program = folder / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, *options, "-W", "always", program, url],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "ResourceWarning: a thread ended with 1 live binding(s)" in done.stderr
    return done.stderr


def test_the_warning_of_a_live_binding_shows_where_it_was_begun(
    scripted: ScriptedServer, tmp_path: Path
) -> None:
    shown = warning_of(scripted.url("/hang"), tmp_path, "-X", "dev")
    assert "begun at (most recent call last)" in shown
    assert "in forgetful_function\n    bind(sys.argv[1], Recorder())" in shown
    assert "begun at" not in warning_of(scripted.url("/hang"), tmp_path)


@pytest.mark.parametrize("options", [[], ["-X", "dev"]], ids=["", "dev"])
def test_the_warning_imports_nothing(scripted: ScriptedServer, tmp_path: Path, options: list[str]) -> None:
    """At the end of the process an import in a daemon thread may never end, and others wait for it."""
    steps = PROGRAM.replace("thread = ", "before = set(sys.modules)\nthread = ", 1)
    (tmp_path / "program.py").write_text(
        steps + "print({'linecache', 'tracemalloc'} & (set(sys.modules) - before))\n"
    )
    done = subprocess.run(
        [sys.executable, *options, "-W", "always", "program.py", scripted.url("/hang")],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert "a thread ended with 1 live binding(s)" in done.stderr
    assert (done.returncode, done.stdout) == (0, "set()\n"), done.stderr
