"""One table and one picture of a run: docs/benchmarks.md and docs/benchmarks.svg."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from benchmarks.conftest import Figure

__all__ = ["RESULTS", "Measured", "Section", "write"]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = pytest.StashKey["list[Section]"]()
OURS = "urlmon"
LIMIT = "plain C"


class Measured:
    """The runs of one peer."""

    def __init__(self, runs: list[dict[str, Any]]) -> None:
        self.seconds = [float(run["seconds"]) for run in runs]
        self.cpu = [float(run["user"]) + float(run["system"]) for run in runs]


@dataclass
class Section:
    """One workload: who did it how fast, and who could not."""

    name: str
    says: str
    server: str
    files: int
    size: int
    rate_in_bytes: bool
    peers: dict[str, Measured] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def speed_against(self, name: str) -> float:
        """Our rate as a multiple of theirs: the median over the rounds that both have."""
        return _paired(self.peers[name].seconds, self.peers[OURS].seconds)

    def cpu_against(self, name: str) -> float:
        """Our processor time as a multiple of theirs."""
        return _paired(self.peers[OURS].cpu, self.peers[name].cpu)

    def rate(self, seconds: float) -> str:
        if self.rate_in_bytes:
            return f"{self.files * self.size / seconds / (1 << 20):,.0f} MiB/s"
        return f"{self.files / seconds:,.0f} files/s"

    def cpu(self, seconds: float) -> str:
        each = seconds / self.files
        return f"{each * 1e6:,.1f} µs" if each < 1e-3 else f"{each * 1e3:,.1f} ms"


def _paired(above: list[float], below: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(above, below, strict=False))


def _spread(values: list[float]) -> str:
    if len(values) == 1:
        return "once"
    middle = statistics.median(values)
    return f"-{(1 - min(values) / middle) * 100:.0f} +{(max(values) / middle - 1) * 100:.0f} %"


def _noise(sections: list[Section]) -> str:
    """How far the rounds of one peer lie from each other, in one sentence."""
    times = [(max(one.seconds) / min(one.seconds), max(one.cpu) / min(one.cpu))
             for section in sections for one in section.peers.values() if len(one.seconds) > 1]  # fmt: skip
    if not times:
        return "Each peer ran once, so nothing can be said about noise."
    wall, cpu = (statistics.median(pair[which] for pair in times) for which in (0, 1))
    return (
        f"Noise: the slowest round of a peer took {wall:.2f} times as long as its fastest, and {cpu:.2f} times the "
        f"processor time (medians over all peers and workloads); load average {os.getloadavg()[2]:.1f} over the last "
        f"15 minutes on {os.cpu_count()} processors."
    )


def _table(section: Section) -> list[str]:
    lines = [
        f"### {section.name}",
        "",
        f"{section.says}. Server: {section.server}.",
        "",
        "| Client | Rate | Spread of the time | urlmon is faster by | CPU per file | Spread | Of urlmon's CPU |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, one in sorted(section.peers.items(), key=lambda item: statistics.median(item[1].seconds)):
        bold = "**" if name == OURS else ""
        lines.append(
            f"| {bold}{name}{bold} | {section.rate(statistics.median(one.seconds))} | {_spread(one.seconds)} "
            f"| {section.speed_against(name):.2f} | {section.cpu(statistics.median(one.cpu))} | {_spread(one.cpu)} "
            f"| {1 / section.cpu_against(name):.2f} |"
        )
    lines.append("")
    lines += [f"Not measured: {name} ({why})." for name, why in section.absent.items()]
    return [*lines, ""] if section.absent else lines


def _figures(figures: list[Figure]) -> list[str]:
    lines = ["### Figures and their bounds", "", "| Figure | Value | | Bound | |", "|---|---:|---|---|---|"]
    for one in figures:
        value = f"{one.value:,.3g}" if abs(one.value) < 1000 else f"{one.value:,.0f}"
        lines.append(f"| {one.name} | {value} | {one.unit} | {one.bound} | {one.verdict} |")
    return [*lines, ""]


def write(sections: list[Section], figures: list[Figure], command: str) -> None:
    """Writes both files. command: what was run."""
    import pycurl

    text = [
        "# Benchmarks",
        "",
        f"Written by `{command}`; [benchmarks/README.md](../benchmarks/README.md) says what is measured and how to "
        "read it.",
        "",
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {os.cpu_count()} processors, "
        f"{pycurl.version.split()[1]}. {_noise(sections)}",
        "",
    ]
    if sections:
        text += ["![Rates and processor times beside those of urlmon](benchmarks.svg)", ""]
    for section in sections:
        text += _table(section)
    text += _figures(figures)
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")
    if sections:
        draw(sections, ROOT / "docs" / "benchmarks.svg")


def draw(sections: list[Section], target: Path) -> None:
    """For each workload a bar for each client: its rate as a multiple of urlmon's."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"svg.hashsalt": "urlmon", "font.size": 8.5, "axes.titlesize": 10})
    columns = min(3, len(sections))
    rows = -(-len(sections) // columns)
    figure, places = pyplot.subplots(rows, columns, figsize=(4.0 * columns, 3.3 * rows), squeeze=False)
    for place in places.flat[len(sections) :]:
        place.set_visible(False)
    for place, section in zip(places.flat, sections, strict=False):
        ordered = sorted(section.peers, key=section.speed_against, reverse=True)
        rates = [1 / section.speed_against(name) for name in ordered]
        colours = [
            "#1d6fb8" if name == OURS else "#555555" if name == LIMIT else "#b8c4cf" for name in ordered
        ]
        bars = place.barh(ordered, rates, color=colours)
        place.bar_label(bars, [f"{rate:.2f}" for rate in rates], padding=2, fontsize=7.5)
        place.axvline(1.0, color="#1d6fb8", linewidth=0.7)
        place.set_title(section.name)
        place.set_xlim(0, max(rates) * 1.18)
        place.spines[["top", "right"]].set_visible(False)
    figure.suptitle("Rate beside urlmon's (= 1); dark: plain C on the same libcurl", fontsize=11)
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None})
