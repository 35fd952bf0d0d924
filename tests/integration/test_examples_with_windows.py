"""The examples with windows: their buttons pressed, with real downloads behind them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.display import virtual_display
from tests.integration.example_programs import EXAMPLES
from tests.servers import ScriptedServer, payload_sha256

SIZE = 400_000
OFFSCREEN = "This plugin does not support propagateSizeHints()\n"  # what Qt says where there is no screen

pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples are not beside these tests")


def check(
    scripted: ScriptedServer, folder: Path, example: str, package: str, environment: Mapping[str, str]
) -> None:
    """What `press_buttons` and this server see of one run."""
    halves = ["paused", "aborted", "held", "left"]
    urls = {name: scripted.url(f"/hold-body/{name}", size=SIZE) for name in halves}
    urls["waiting"] = scripted.url("/versioned/waiting/1000")
    urls["urgent"] = scripted.url("/versioned/urgent/2000")
    urls["missing"] = scripted.url("/status/404")
    order = ["missing", "paused", "aborted", "held", "waiting", "urgent", "left"]
    command = [sys.executable, "-X", "dev", "-m", "tests.integration.press_buttons", example, package, folder]
    with subprocess.Popen(
        [*map(str, command), *(urls[name] for name in order)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=EXAMPLES.parent,
        env={**os.environ, **environment},
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline() == "paused\n":
            scripted.release("paused")
            scripted.release("held")
        printed, errors = process.communicate(timeout=50)
    assert (process.returncode, errors.replace(OFFSCREEN, "")) == (0, "")
    whole = f"{SIZE:,} bytes"
    half = f"{SIZE // 2:,} bytes"
    assert printed.splitlines()[1:] == [whole, "aborted", whole, "1,000 bytes", "2,000 bytes", half]
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert digests == {
        "paused": payload_sha256(SIZE),
        "held": payload_sha256(SIZE),
        "1000": payload_sha256(1000),
        "2000": payload_sha256(2000),
    }
    paths = scripted.requests.paths()
    assert paths.index("/versioned/urgent/2000") < paths.index("/versioned/waiting/1000")


@pytest.mark.parametrize("package", ["PySide6", "PyQt6"])
def test_qt(scripted: ScriptedServer, tmp_path: Path, package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    check(scripted, tmp_path, "qt_downloads.py", package, {"QT_QPA_PLATFORM": "offscreen"})


def test_tk(scripted: ScriptedServer, tmp_path: Path) -> None:
    if importlib.util.find_spec("_tkinter") is None:
        pytest.skip("this Python has no tkinter")
    with virtual_display() as environment:
        check(scripted, tmp_path, "tk_downloads.py", "tkinter", environment)
