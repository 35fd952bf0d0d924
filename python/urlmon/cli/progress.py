"""Progress for people, on standard error, drawn at most ten times a second from what the download loop polls.

Two forms. On a terminal, with rich installed: one line for each of up to ten running files and a total with
rate and time left, redrawn in place. Everywhere else (a log, a pipe, TERM=dumb, no rich): a line for each
finished file, and the total now and then while nothing else is said. NO_COLOR turns colours off, FORCE_COLOR
turns them on for plain lines in a log as well; -q leaves only the errors.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TextIO

from .report import Report, Result, format_bytes, format_duration, format_rate, printable
from .streams import write

if TYPE_CHECKING:
    from rich.console import Console, ConsoleRenderable

__all__ = [
    "LiveProgress",
    "PlainProgress",
    "Progress",
    "RateMeter",
    "Running",
    "Snapshot",
    "make_progress",
    "time_left",
]

DRAW_INTERVAL = 0.1
"""Seconds between two drawings: 10 Hz, more is not seen and costs the loop."""

TOTAL_LINE_INTERVAL = 5.0
"""Seconds between two lines with the total in a log."""

RATE_WINDOW = 4.0
"""Seconds that the shown rate is averaged over."""

LINES = 10


class Running(NamedTuple):
    """One file on its way."""

    name: str
    received: int
    total: int
    """-1: not known."""


@dataclass(frozen=True)
class Snapshot:
    """Where the run is, as polled by the loop."""

    running: Sequence[Running]
    """The files that have begun to arrive (all of them; a drawing takes the first ten)."""
    waiting: int
    """Bound, nothing received yet."""
    done: int
    failed: int
    finished_bytes: int
    list_fraction: float | None
    """How much of the list was taken, where that is known."""
    list_exhausted: bool

    @property
    def received(self) -> int:
        """Bytes of finished and running files together."""
        return self.finished_bytes + sum(file.received for file in self.running)


class RateMeter:
    """Bytes a second over the last few seconds."""

    def __init__(self, window: float = RATE_WINDOW) -> None:
        self._window = window
        self._samples: deque[tuple[float, int]] = deque()

    def update(self, now: float, total: int) -> float:
        """Take the total at `now` (monotonic seconds); returns the rate, 0.0 at first.

        The total may shrink (a file that failed is not counted any more); that counts as nothing received.
        """
        self._samples.append((now, total))
        while len(self._samples) > 2 and now - self._samples[1][0] >= self._window:
            self._samples.popleft()
        then, before = self._samples[0]
        return max(0, total - before) / (now - then) if now > then else 0.0


def time_left(snapshot: Snapshot, rate: float, elapsed: float) -> float | None:
    """Seconds until the end as far as can be said; None where it cannot.

    By bytes once every file left is running with a known size; before that by files, from how much of the
    list is taken.
    """
    if snapshot.list_exhausted and not snapshot.waiting and all(file.total >= 0 for file in snapshot.running):
        left = sum(max(0, file.total - file.received) for file in snapshot.running)
        return left / rate if rate > 0 else None
    ended = snapshot.done + snapshot.failed
    taken = ended + len(snapshot.running) + snapshot.waiting
    fraction = 1.0 if snapshot.list_exhausted else snapshot.list_fraction
    if not ended or not fraction:
        return None
    return elapsed * (taken / fraction - ended) / ended


class Progress:
    """Says nothing: the form for -q, and the base of the others."""

    interval = DRAW_INTERVAL

    def __init__(self, report: Report, started: float) -> None:
        self.report = report
        self.started = started
        self._due = started + self.interval

    def tick(self, now: float, poll: Callable[[], Snapshot]) -> None:
        """Draw if it is time to; `poll` is called only then."""
        if now >= self._due:
            self._due = now + self.interval
            self.draw(now, poll())

    def draw(self, now: float, snapshot: Snapshot) -> None:
        """Show `snapshot`."""

    def finished(self, now: float, result: Result) -> None:
        """One URL has ended. Failures are always said."""
        if result.error is not None:
            self.failure(self.report.failure_line(result))

    def failure(self, line: str) -> None:
        """Say that a download failed."""
        self.report.say(line)

    def close(self) -> None:
        """Leave the terminal as it was found; idempotent."""


class QuietProgress(Progress):
    """-q: errors only, nothing polled."""

    def tick(self, now: float, poll: Callable[[], Snapshot]) -> None:
        """Nothing to draw."""


class PlainProgress(Progress):
    """Lines, for logs and simple terminals."""

    interval = TOTAL_LINE_INTERVAL

    def __init__(self, report: Report, started: float, err: TextIO, *, color: bool = False) -> None:
        super().__init__(report, started)
        self._err = err
        self._color = color
        self._meter = RateMeter(window=TOTAL_LINE_INTERVAL * 2)
        self._meter.update(started, 0)

    def draw(self, now: float, snapshot: Snapshot) -> None:
        """One line with the total."""
        self._write(total_line(snapshot, self._meter.update(now, snapshot.received), now - self.started))

    def finished(self, now: float, result: Result) -> None:
        """A line for every file."""
        super().finished(now, result)
        if result.error is None:
            self._write(
                f"{result.path}: {format_bytes(result.bytes)} in {format_duration(result.seconds)}"
                + (f" ({format_rate(result.bytes / result.seconds)})" if result.seconds > 0 else "")
            )

    def failure(self, line: str) -> None:
        """Failures stand out where colours are wanted."""
        if self._color:
            write(self._err, f"\x1b[31murlmon: {printable(line)}\x1b[0m\n")
        else:
            super().failure(line)

    def _write(self, line: str) -> None:
        write(self._err, printable(line) + "\n")


class LiveProgress(Progress):
    """Lines redrawn in place by rich."""

    def __init__(self, report: Report, started: float, console: Console) -> None:
        super().__init__(report, started)
        from rich.live import Live

        self._meter = RateMeter()
        self._meter.update(started, 0)
        self._console = console
        # No refresh thread (the loop says when), and streams are not redirected: standard output is not
        # rich's business.
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._live.start()

    def draw(self, now: float, snapshot: Snapshot) -> None:
        """Redraw."""
        rate = self._meter.update(now, snapshot.received)
        self._live.update(self._table(snapshot, total_line(snapshot, rate, now - self.started)), refresh=True)

    def _table(self, snapshot: Snapshot, total: str) -> ConsoleRenderable:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(expand=True, padding=(0, 1))
        grid.add_column(ratio=3, no_wrap=True, overflow="ellipsis")
        grid.add_column(ratio=2)
        grid.add_column(justify="right", no_wrap=True, min_width=22)
        for file in snapshot.running[:LINES]:
            known = file.total > 0
            grid.add_row(
                Text(printable(file.name)),
                ProgressBar(total=file.total, completed=min(file.received, file.total))
                if known
                else Text(""),
                Text(format_bytes(file.received) + (f" of {format_bytes(file.total)}" if known else "")),
            )
        return Group(grid, Text(total, style="bold", no_wrap=True, overflow="ellipsis"))

    def failure(self, line: str) -> None:
        """Above the moving lines, where it stays."""
        from rich.text import Text

        self._console.print(Text(f"urlmon: {printable(line)}", style="red"), soft_wrap=True)

    def close(self) -> None:
        """Take the moving lines away and give the cursor back."""
        self._live.stop()


def total_line(snapshot: Snapshot, rate: float, elapsed: float) -> str:
    """'120 files, 51 MiB, 12 MiB/s, 0:14 left; 8 running, 3 failed'."""
    left = time_left(snapshot, rate, elapsed)
    parts = [
        f"{snapshot.done} file{'' if snapshot.done == 1 else 's'}",
        format_bytes(snapshot.received),
        format_rate(rate),
        f"{format_duration(left)} left" if left is not None else f"{format_duration(elapsed)} so far",
    ]
    tail = [f"{len(snapshot.running)} running"]
    if snapshot.failed:
        tail.append(f"{snapshot.failed} failed")
    return ", ".join(parts) + "; " + ", ".join(tail)


def wants_color(environ: Mapping[str, str], terminal: bool) -> bool:
    """NO_COLOR (any value but an empty one) goes first, then FORCE_COLOR, then whether it is a terminal."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return terminal and environ.get("TERM") != "dumb"


def make_progress(report: Report, started: float, *, quiet: bool, err: TextIO | None = None) -> Progress:
    """The form that fits: see the module's text. `started`: monotonic seconds."""
    err = err if err is not None else sys.stderr
    if quiet or err is None:
        return QuietProgress(report, started)
    terminal = err.isatty()
    # JSON lines on the same terminal would be written into the lines that are redrawn.
    shared = report.as_json and sys.stdout is not None and sys.stdout.isatty()
    if terminal and not shared and os.environ.get("TERM", "") not in ("dumb", "unknown"):
        try:
            from rich.console import Console
        except ImportError:
            pass
        else:
            return LiveProgress(report, started, Console(file=err, highlight=False))
    return PlainProgress(report, started, err, color=wants_color(os.environ, terminal))
