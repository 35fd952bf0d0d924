"""Draws docs/priority.svg: what three groups of downloads receive on a full link while their priorities change.

`python -m benchmarks.plot_priority [FILE]` as root, with matplotlib installed. The link is that of bench_priority:
100 Mbit/s between two network namespaces.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import namespaces, nginx
from benchmarks.measuring import ROOT, measure

STEP = 0.05  # seconds between two looks at what was received
SMOOTH = 4  # looks over which a rate is taken
END = 20.0
EACH = 4  # transfers of a group
URGENT_SIZE = 256 << 10
HIGHEST, NORMAL, BELOW_NORMAL, LOWEST = 2, 0, -1, -2
URGENT_AT = (2.0, 6.0, 10.0, 14.0, 18.0)


@dataclass(frozen=True)
class Group:
    """Transfers that are treated alike."""

    name: str
    priority: int
    colour: str


@dataclass(frozen=True)
class Event:
    """What is done to the groups at a time, in seconds; a priority of None suspends."""

    at: float
    text: str
    changes: dict[str, int | None]


GROUPS = (
    Group("A", NORMAL, "#1b6ca8"),
    Group("B", BELOW_NORMAL, "#d1811b"),
    Group("C", LOWEST, "#3c8d40"),
)
EVENTS = (
    Event(0.0, "A normal\nB below normal\nC lowest", {}),
    Event(4.0, "C raised\nto highest", {"C": HIGHEST}),
    Event(8.0, "C suspended", {"C": None}),
    Event(12.0, "A lowered\nto lowest", {"A": LOWEST}),
    Event(16.0, "C resumed,\nall normal", {"A": NORMAL, "B": NORMAL, "C": NORMAL}),
)


# -- inside the namespace ----------------------------------------------------------------------------


def record(url: str) -> dict[str, object]:
    """Bytes of each group at each look, and the times that urgent fetches took."""
    from benchmarks.shaped_client import UrlmonPeer

    peer = UrlmonPeer(NORMAL)
    peer.fetch(url + "urgent")  # opens its connection
    for group in GROUPS:
        peer.priority = group.priority
        for _ in range(EACH):
            peer.start_bulk(url + "bulk")
    groups = {group.name: peer.bindings[i * EACH : (i + 1) * EACH] for i, group in enumerate(GROUPS)}
    begin = time.perf_counter()
    looks: list[tuple[float, list[int]]] = []
    urgent: list[tuple[float, float]] = []

    def fetch() -> None:
        at = time.perf_counter() - begin
        urgent.append((at, peer.fetch(url + "urgent")))

    def apply(event: Event) -> None:
        for name, priority in event.changes.items():
            for binding in groups[name]:
                if priority is None:
                    binding.suspend()
                else:
                    binding.resume()
                    binding.priority = priority

    def applying(event: Event) -> Callable[[], None]:
        return lambda: apply(event)

    plan = [(event.at, applying(event)) for event in EVENTS] + [(at, fetch) for at in URGENT_AT]
    plan.sort(key=lambda item: item[0])
    while (now := time.perf_counter() - begin) < END:
        while plan and plan[0][0] <= now:
            plan.pop(0)[1]()
        looks.append((now, [sum(b.bytes_received for b in bindings) for bindings in groups.values()]))
        peer.spin(STEP)
    peer.close()
    return {"looks": looks, "urgent": urgent}


# -- the picture -------------------------------------------------------------------------------------


def draw(recorded: dict[str, Any], target: Path) -> None:
    """Two diagrams, one above the other: rates and bytes over time."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "urlmon"  # the same figures make the same file
    from matplotlib import pyplot

    looks = recorded["looks"]
    figure, (rates, sums) = pyplot.subplots(2, 1, sharex=True, figsize=(9, 6.4), height_ratios=(3, 2))
    for index, group in enumerate(GROUPS):
        times = [now for now, _ in looks]
        received = [values[index] for _, values in looks]
        speed = [
            (received[i] - received[i - SMOOTH]) * 8e-6 / (times[i] - times[i - SMOOTH])
            for i in range(SMOOTH, len(times))
        ]
        label = f"{group.name}: {EACH} downloads"
        rates.plot(times[SMOOTH:], speed, color=group.colour, linewidth=1.6, label=label)
        sums.plot(times, [value / 1e6 for value in received], color=group.colour, linewidth=1.6)
        sums.annotate(
            group.name, (times[-1], received[-1] / 1e6), xytext=(5, -3), textcoords="offset points",
            color=group.colour,
        )  # fmt: skip
    for event in EVENTS:
        for axes in (rates, sums):
            axes.axvline(event.at, color="#999999", linewidth=0.8, linestyle=":")
        rates.annotate(
            event.text, (event.at, 121), xytext=(4, 0), textcoords="offset points", va="top", fontsize=8.5
        )
    for at, seconds in recorded["urgent"]:
        rates.plot([at], [-4], marker="^", color="#a02020", clip_on=False)
        rates.annotate(
            f"{seconds * 1e3:.0f} ms", (at, -4), xytext=(6, -1), textcoords="offset points", fontsize=8.5,
            color="#a02020",
        )  # fmt: skip
    rates.plot([], [], marker="^", linestyle="", color="#a02020", label="one urgent fetch of 256 KiB")
    rates.set_ylabel("Mbit/s")
    rates.set_ylim(-8, 124)
    rates.set_yticks(range(0, 101, 20))
    rates.legend(loc="center right", fontsize=8.5, framealpha=0.9)
    rates.set_title("Twelve downloads of one thread on a link of 100 Mbit/s", fontsize=11)
    sums.set_ylabel("MB received")
    sums.set_xlabel("seconds")
    sums.set_xlim(0, END)
    sums.set_ylim(0)
    for axes in (rates, sums):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    target.parent.mkdir(exist_ok=True)
    figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=ROOT / "docs" / "priority.svg")
    parser.add_argument("--control", default="cubic", help="the server's congestion control")
    parser.add_argument("--client", metavar="URL", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.client:
        json.dump(record(arguments.client), sys.stdout)
        print()
        return
    reason = nginx.unavailable() or namespaces.unavailable()
    if reason:
        sys.exit(reason)
    with namespaces.joined_by_veth(arguments.control) as pair, nginx.running_nginx(pair.server) as server:
        server.sparse("bulk", 64 << 30)
        server.random("urgent", URGENT_SIZE)
        recorded = measure("plot_priority", "--client", server.url, namespace=pair.client)
    draw(recorded, arguments.file)
    print(arguments.file)


if __name__ == "__main__":
    main()
