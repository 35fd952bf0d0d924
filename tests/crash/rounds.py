"""Kills a downloading program at random moments, and looks at what it left: ``make crash ROUNDS=200``.

    python -m tests.crash.rounds [--rounds N] [--seed N]

After each kill every target file must be complete (its digest is known) or not there, and a leftover `.part` file
must not stop the next run, which begins it anew. Exits with 1 if a target was incomplete once, or if no kill ever met
a partial file: then nothing was tested.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.servers.payload import payload_sha256
from tests.servers.scripted import ScriptedServer

SIZES = (10_000, 300_000, 3_000_000, 3_000_000)
AT_MOST = 0.08  # seconds until the kill, after the program has begun


def complete(path: Path, number: int) -> bool:
    """Whether it is the whole of what target `number` was to be."""
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    return digest == payload_sha256(SIZES[number], number)


def kill_once(folder: Path, urls: list[str], seconds: float) -> str:
    """One program, killed after so many seconds; what it said on its standard error."""
    victim = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.victim", str(folder), *urls],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert victim.stdout is not None
    victim.stdout.readline()
    time.sleep(seconds)  # the subject: any moment will do
    victim.send_signal(signal.SIGKILL)
    return victim.communicate()[1]


def run(server: ScriptedServer, folder: Path, rounds: int, seed: int) -> dict[str, object]:
    """Figures of so many kills: `incomplete` and `errors` must be empty, `partial` must not be 0."""
    dice = random.Random(seed)
    urls = [server.url(f"/payload/{size}", seed=number) for number, size in enumerate(SIZES)]
    incomplete: list[str] = []
    errors: list[str] = []
    partial = targets = reused = 0
    for round_ in range(rounds):
        leftovers = {path.name for path in folder.glob("*.part")}
        said = kill_once(folder, urls, dice.random() * AT_MOST)
        if said:
            errors.append(f"round {round_}: {said.strip()}")
        for number in range(len(SIZES)):
            target = folder / f"target-{number}"
            if target.exists():
                targets += 1
                if not complete(target, number):
                    incomplete.append(f"round {round_}: {target.name}, {target.stat().st_size} bytes")
                reused += f"{target.name}.part" in leftovers
                target.unlink()
        partial += len(list(folder.glob("*.part")))
    return {
        "rounds": rounds,
        "seed": seed,
        "targets": targets,
        "partial": partial,
        "completed_over_a_leftover": reused,
        "incomplete": incomplete,
        "errors": errors,
    }


def main() -> int:
    """Exit status: 0 if no target was incomplete and partial files were met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="urlmon-crash-") as folder, ScriptedServer() as server:
        figures = run(server, Path(folder), options.rounds, options.seed)
    print(json.dumps(figures))
    return int(
        bool(figures["incomplete"] or figures["errors"]) or not figures["partial"] or not figures["targets"]
    )


if __name__ == "__main__":
    sys.exit(main())
