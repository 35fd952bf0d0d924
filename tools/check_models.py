"""Checks the Promela models in tests/models exhaustively with spin, and that their broken variants are found broken.

    python tools/check_models.py [FOLDER]

A model must hold in all its states; a file `MODEL.broken-WHAT.pml`, which is the model with one wrong step,
must not. Needs spin (https://spinroot.com; Debian and Homebrew have a package of that name) and a C compiler.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 600
DEPTH = 1_000_000  # steps of the longest path; spin says when it is too few, and that is a failure here


class Verdict(NamedTuple):
    """What spin said of one model."""

    holds: bool
    finding: str
    states: int
    complete: bool
    unreached: list[str]
    seconds: float


def check(model: Path, folder: Path) -> Verdict:
    """Translates, compiles and searches one model in an empty folder."""
    for part in model.parent.glob("*.pml"):
        shutil.copy(part, folder)
    subprocess.run(["spin", "-a", model.name], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    compiler = os.environ.get("CC", "cc")
    # A broken variant is found soon: there it is the compiler that takes the time.
    flags = ["-O0" if ".broken-" in model.name else "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=4096"]
    subprocess.run([compiler, *flags, "-o", "pan", "pan.c"], cwd=folder, check=True)
    began = time.monotonic()
    out = subprocess.run(
        ["./pan", f"-m{DEPTH}"], cwd=folder, check=True, capture_output=True, text=True, timeout=SECONDS
    ).stdout
    errors = re.search(r"errors: (\d+)", out)
    states = re.search(r"(\d+) states, stored", out)
    if errors is None or states is None:
        raise SystemExit(f"{model.name}: spin gave no verdict:\n{out}")
    finding = re.search(r"pan:\d+: (.*?) \(at depth", out)
    table = subprocess.run(["./pan", "-d"], cwd=folder, check=True, capture_output=True, text=True).stdout
    steps = Counter(re.findall(r" (\S+\.pml:\d+) => ", table))
    unreached = Counter(re.findall(r"^\t(\S+\.pml:\d+), state \d+, (?!\"-end-)", out, re.MULTILINE))
    return Verdict(
        holds=errors.group(1) == "0",
        finding=finding.group(1).strip() if finding else "",
        states=int(states.group(1)),
        # A search that gave up is no proof: not enough memory or depth.
        complete="Search not completed" not in out and "max search depth too small" not in out,
        # An inline is expanded wherever it is used; a line counts if none of its copies is ever executed.
        unreached=sorted(line for line, count in unreached.items() if count >= steps[line]),
        seconds=time.monotonic() - began,
    )


def check_apart(model: Path) -> Verdict:
    """`check` in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return check(model, Path(folder))


def report(model: Path, verdict: Verdict) -> bool:
    """Prints the verdict; whether it is as it must be."""
    if ".broken-" in model.name:
        good = not verdict.holds
        said = f"found: {verdict.finding}" if good else "NOT FOUND BROKEN"
    else:
        good = verdict.holds and verdict.complete and not verdict.unreached
        said = "holds" if good else f"DOES NOT HOLD: {verdict.finding or 'search not complete'}"
        if verdict.unreached:
            said = f"HAS LINES THAT NOTHING REACHES: {', '.join(verdict.unreached)}"
    print(f"{model.stem:<45} {said} ({verdict.states:,} states, {verdict.seconds:.1f} s)", flush=True)
    return good


def main() -> int:
    """Exit status: 0 if every model holds and every broken variant was found."""
    if shutil.which("spin") is None:
        print(
            "the models are checked with spin, which is not installed: apt-get install spin", file=sys.stderr
        )
        return 2
    models = sorted(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "tests" / "models").glob("*.pml"))
    if not models:
        print("there are no models", file=sys.stderr)
        return 2
    failed = False
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = pool.map(check_apart, models)
        for model, verdict in zip(models, verdicts, strict=True):
            failed |= not report(model, verdict)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
