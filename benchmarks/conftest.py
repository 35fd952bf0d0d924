"""What all benchmarks share: times that other processes measured, figures with bounds, a table at the end."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from benchmarks import report
from benchmarks.serving import Site, serving

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

FIGURES = pytest.StashKey["Figures"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("urlmon benchmarks")
    group.addoption(
        "--strict-figures", action="store_true", help="a figure out of its bound fails its benchmark"
    )
    group.addoption("--quick", action="store_true", help="a tenth of the work, for a first look")
    group.addoption("--rounds", type=int, default=5, help="rounds of the throughput benchmarks (5)")
    group.addoption(
        "--report",
        action="store_true",
        help="write docs/benchmarks.md and docs/benchmarks.svg from what was measured",
    )
    group.addoption(
        "--queued",
        type=int,
        default=int(os.environ.get("URLMON_BENCH_QUEUED", "100000")),
        help="bindings in the queue of bench_admission.py (URLMON_BENCH_QUEUED, 100000)",
    )


@dataclass(frozen=True)
class Figure:
    """One number, and between which it should be."""

    name: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def missed(self) -> bool:
        return (self.at_least is not None and self.value < self.at_least) or (
            self.at_most is not None and self.value > self.at_most
        )

    @property
    def bound(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return "" if self.at_most is None else f"<= {self.at_most:g}"

    @property
    def verdict(self) -> str:
        if not self.bound:
            return ""
        return "MISSED" if self.missed else "met"


@dataclass
class Figures:
    """The figures of a run, in the order in which they came."""

    strict: bool
    rows: list[Figure] = field(default_factory=list)

    def add(self, *figures: Figure) -> None:
        """Adds what belongs together; with `--strict-figures` a missed one fails, after all are noted."""
        self.rows += figures
        missed = [f"{one.name}: {one.value:.3g} {one.unit}, not {one.bound}" for one in figures if one.missed]
        if self.strict and missed:
            pytest.fail("; ".join(missed), pytrace=False)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = Figures(config.getoption("--strict-figures"))
    config.stash[report.RESULTS] = []


def command_of(config: pytest.Config) -> str:
    """What makes the report that this run writes."""
    options = ["--quick"] if config.getoption("--quick") else []
    rounds = config.getoption("--rounds")
    options += [f"--rounds {rounds}"] if rounds != 5 else []
    return f"make bench ARGS='{' '.join(options)}'" if options else "make bench"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash[FIGURES].rows
    if not rows:
        return
    if config.getoption("--report") and config.stash[report.RESULTS]:
        report.write(config.stash[report.RESULTS], rows, command_of(config))
    terminalreporter.section("figures")
    width = max(len(row.name) for row in rows)
    for row in rows:
        value = f"{row.value:,.3f}" if abs(row.value) < 100 else f"{row.value:,.0f}"
        text = f"{row.name:<{width}}  {value:>12} {row.unit:<10} {row.bound:>8}  {row.verdict}"
        terminalreporter.write_line(text, red=row.missed)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The server of throughput benchmarks; skips where there is none."""
    try:
        with serving() as running:
            yield running
    except RuntimeError as problem:
        pytest.skip(str(problem))


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    return request.config.stash[FIGURES]


class ReplayClock:
    """A clock for pytest-benchmark that only moves by what another process has measured."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


REPLAY = ReplayClock()


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        if "replay" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.benchmark(timer=REPLAY))


@pytest.fixture
def replay(benchmark: BenchmarkFixture) -> Callable[..., None]:
    """`replay(times, **extra)`: enters seconds that another process has measured as the rounds."""

    def enter(times: Sequence[float], **extra: object) -> None:
        left = list(times)

        def one_round() -> None:
            REPLAY.now += left.pop(0)

        benchmark.extra_info.update(extra)
        pedantic: Callable[..., object] = benchmark.pedantic
        pedantic(one_round, rounds=len(left))

    return enter


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Median of the ratios of runs that followed each other, which a machine's slow spells hit alike."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
