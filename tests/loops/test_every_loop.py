"""Affinity, order and exactly-once, unchanged in every loop; and a loop that stays responsive."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.display import virtual_display
from tests.loops.drivers import DRIVERS
from tests.loops.scenarios import SCENARIOS
from tests.servers import RefusingPort, ScriptedServer

ROOT = Path(__file__).resolve().parents[2]


def reason_to_skip(loop: str) -> str | None:
    """Why the loop cannot run here, None if it can."""
    module = DRIVERS[loop][0]
    package, _, _ = module.partition(".")
    if importlib.util.find_spec(package) is None or importlib.util.find_spec(module) is None:
        return f"{package} is not installed"
    if loop == "epoll" and not hasattr(select, "epoll"):
        return "this system has no epoll"
    return None


@pytest.fixture
def display(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The environment in which programs with windows run: Qt without a screen, Tk with one of its own."""
    tk = request.node.callspec.params.get("loop") == "tk"
    with virtual_display() if tk else contextlib.nullcontext({"QT_QPA_PLATFORM": "offscreen"}) as environment:
        yield environment


@pytest.mark.timeout(90)
@pytest.mark.parametrize("loop", DRIVERS)
def test_all_scenarios(
    scripted: ScriptedServer, refusing_port: RefusingPort, display: dict[str, str], loop: str
) -> None:
    reason = reason_to_skip(loop)
    if reason is not None:
        pytest.skip(reason)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.loops.scenarios",
            loop,
            scripted.url(""),
            refusing_port.url(),
            scripted.url("/hang"),
        ],
        capture_output=True,
        text=True,
        timeout=80,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, **display},
    )
    assert done.stdout.splitlines() == [f"ok {scenario.__name__}" for scenario in SCENARIOS], done.stderr
    assert done.returncode == 0, done.stderr
