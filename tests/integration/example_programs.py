"""The programs in examples/: run as a user runs them, or loaded to press their buttons."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def start(
    name: str, *arguments: object, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """A running example, with pipes for what it prints."""
    return subprocess.Popen(
        [sys.executable, "-X", "dev", EXAMPLES / name, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )


def run(name: str, *arguments: object, code: int = 0, errors: str = "") -> list[str]:
    """The lines that an example prints. It must end with `code` and say nothing but `errors` on standard error."""
    with start(name, *arguments) as process:
        printed, said = process.communicate(timeout=50)
    assert (process.returncode, said) == (code, errors)
    return printed.splitlines()


def load(name: str, replaced: Mapping[str, str]) -> Any:
    """An example as a module. `replaced`: pieces of its text, and what is to stand there instead."""
    text = (EXAMPLES / name).read_text()
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    module = types.ModuleType(name.removesuffix(".py"))
    sys.modules[module.__name__] = module
    exec(compile(text, str(EXAMPLES / name), "exec"), module.__dict__)
    return module
