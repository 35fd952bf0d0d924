"""Runs a measuring program in a process of its own, where wanted inside a network namespace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.namespaces import Namespace

__all__ = ["clean_environment", "measure"]

ROOT = Path(__file__).resolve().parent.parent


def clean_environment() -> dict[str, str]:
    """This process's environment without proxies: what is measured is on this machine."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def measure(
    program: str, *arguments: object, namespace: Namespace | None = None, timeout: float = 300.0
) -> dict[str, Any]:
    """The results, one JSON line, that `python -m benchmarks.<program> <arguments>` prints."""
    command = [sys.executable, "-m", f"benchmarks.{program}", *map(str, arguments)]
    if namespace is not None:
        command = namespace.command(*command)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=timeout,
    )
    results: dict[str, Any] = json.loads(done.stdout)
    return results
