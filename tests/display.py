"""A screen for programs with windows where there is none."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def virtual_display() -> Iterator[dict[str, str]]:
    """The environment of a program that draws on an Xvfb of its own. Skips the test where that cannot be had."""
    if sys.platform == "darwin":  # Tk draws without X there
        yield {}
        return
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed (Debian: apt-get install xvfb)")
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    environment = {
        name: value for name, value in os.environ.items() if name != "LD_PRELOAD"
    }  # of the sanitizers
    with subprocess.Popen(command, pass_fds=(writer,), stderr=subprocess.DEVNULL, env=environment) as server:
        os.close(writer)
        try:
            with open(reader) as numbers:
                number = numbers.readline().strip()
            if not number:
                pytest.skip("Xvfb does not start")
            yield {"DISPLAY": f":{number}"}
        finally:
            server.terminate()
