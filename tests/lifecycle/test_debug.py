"""Development mode says where an operation was begun that nobody ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def warning_of(source: str, url: str, folder: Path, *options: str) -> str:
    program = folder / "program.py"
    program.write_text(source)
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
    shown = warning_of(PROGRAM, scripted.url("/hang"), tmp_path, "-X", "dev")
    assert "begun at (most recent call last)" in shown
    assert "in forgetful_function\n    bind(sys.argv[1], Recorder())" in shown
    assert "begun at" not in warning_of(PROGRAM, scripted.url("/hang"), tmp_path)


def test_a_program_that_ends_with_a_live_binding_is_told(scripted: ScriptedServer, tmp_path: Path) -> None:
    program = PROGRAM.partition("thread = ")[0] + "forgetful_function()\n"
    assert "in forgetful_function" in warning_of(program, scripted.url("/hang"), tmp_path, "-X", "dev")
