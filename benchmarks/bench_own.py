"""urlmon alone: memory behind a slow client, many bindings at once, latency, the queue. See README.md."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.conftest import Figure, Figures, paired_ratio
from benchmarks.measuring import measure
from benchmarks.serving import Site

Replay = Callable[..., None]

MIB = 1 << 20
SLOW_ACTIVE = 8
MANY = 10_000
QUEUE_COUNT = 200_000
MOODYCAMEL = Path(__file__).with_name("moodycamel.cpp")
LATENCY = Path(__file__).with_name("latency.c")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("size", [64 * MIB, 4096 * MIB], ids=["64 MiB", "4 GiB"])
def test_slow_consumer(site: Site, size: int, replay: Replay, figures: Figures) -> None:
    """The round is the peak above the start, in MiB instead of seconds."""
    name = f"sparse{size}"
    with open(site.folder / "files" / name, "wb") as file:
        file.truncate(size)
    results = measure("own_client", "slow", site.url(name), SLOW_ACTIVE, 4)
    allowed = results["high_water"] * SLOW_ACTIVE + 16 * MIB
    replay([results["peak"] / MIB], **results)
    figures.add(
        Figure(
            f"slow consumer, {SLOW_ACTIVE} bodies of {size // MIB:,} MiB: peak memory above the start",
            results["peak"] / MIB, "MiB", at_most=allowed / MIB,
        )
    )  # fmt: skip


def test_many_bound_at_once(
    site: Site, replay: Replay, figures: Figures, request: pytest.FixtureRequest
) -> None:
    """The rounds: processor seconds of 10,000 files, bound at once and 100 at a time in turn."""
    site.random_files("many", 1, 1024)
    few, all_at_once = [], []
    for _ in range(request.config.getoption("--rounds")):
        few.append(measure("own_client", "many", site.url("many0"), 100, MANY)["cpu"])
        all_at_once.append(measure("own_client", "many", site.url("many0"), MANY, MANY)["cpu"])
    replay(all_at_once, few=few)
    figures.add(
        Figure(
            "10,000 bound at once: processor time each", statistics.median(all_at_once) / MANY * 1e6, "us"
        ),
        Figure("the same / 100 bound at once", paired_ratio(all_at_once, few), at_most=1.3),
    )


def test_latency(replay: Replay, figures: Figures, tmp_path: Path) -> None:
    """The rounds are p50 and p99. From before the server's send: loopback and the waking of two threads are part of it.

    What these take alone is measured in between, by a program of two threads in plain C.
    """
    floor = _compiled("cc", LATENCY, tmp_path / "latency")
    runs, alone = [], []
    for _ in range(3):
        runs.append(measure("own_client", "latency"))
        if floor is not None:
            alone.append([float(word) for word in subprocess.check_output([floor]).split()])
    best = min(runs, key=lambda run: float(run["p99"]))
    replay([best["p50"] / 1e9, best["p99"] / 1e9], runs=runs)
    middle = statistics.median(run["p50"] for run in runs)
    figures.add(
        Figure("server's send to callback, idle owner in pump: p50", middle / 1e3, "us"),
        Figure("the same, p99 (median of three runs)", statistics.median(run["p99"] for run in runs) / 1e3, "us",
               at_most=100),
        Figure("the same, p99 (best of three runs)", best["p99"] / 1e3, "us"),
    )  # fmt: skip
    for name, times in zip(("p50", "p99"), zip(*alone, strict=True), strict=False):
        figures.add(
            Figure(f"the same by two threads of plain C: {name}", statistics.median(times) / 1e3, "us")
        )


def _compiled(compiler: str, source: Path, made: Path) -> Path | None:
    """The program made of `source`, None where it cannot be made."""
    found = shutil.which(compiler)
    words = [str(found), "-O2", "-pthread", "-o", str(made), str(source)]
    if found and subprocess.run(words, capture_output=True, check=False).returncode == 0:
        return made
    return None


def test_queue(replay: Replay, figures: Figures, tmp_path: Path) -> None:
    """The round is the time of one notification through the queue."""
    runs = [measure("own_client", "queue", QUEUE_COUNT) for _ in range(3)]
    rates = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    made = _compiled("c++", MOODYCAMEL, tmp_path / "moodycamel")
    if made is not None:
        done = subprocess.run([made, str(QUEUE_COUNT * 20)], capture_output=True, text=True, check=True)
        rates["moodycamel, C++"] = float(done.stdout)
    replay([1 / rates["urlmon"]], **rates)
    for name, rate in rates.items():
        bound = 5.0 if name == "urlmon" else None
        figures.add(Figure(f"queue alone, {name}", rate / 1e6, "million/s", at_least=bound))
