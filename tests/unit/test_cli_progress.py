"""Progress: which form, how often, what it says."""

from __future__ import annotations

import importlib.util
import io
import sys

import pytest

from urlmon.cli.progress import (
    LiveProgress,
    PlainProgress,
    Progress,
    QuietProgress,
    RateMeter,
    Running,
    Snapshot,
    make_progress,
    time_left,
    total_line,
    wants_color,
)
from urlmon.cli.report import Report, Result

RICH = importlib.util.find_spec("rich") is not None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def snapshot(
    *running: Running,
    waiting: int = 0,
    done: int = 0,
    failed: int = 0,
    finished_bytes: int = 0,
    fraction: float | None = None,
    exhausted: bool = True,
) -> Snapshot:
    return Snapshot(running, waiting, done, failed, finished_bytes, fraction, exhausted)


def test_rate_is_that_of_the_window() -> None:
    meter = RateMeter(window=2.0)
    assert meter.update(0.0, 0) == 0
    assert meter.update(1.0, 100) == 100
    assert meter.update(2.0, 200) == 100
    for second in range(3, 10):
        rate = meter.update(float(second), 200)
    assert rate == 0
    assert meter.update(10.0, 100) == 0  # a failed file's bytes are taken back


def test_time_left_by_bytes() -> None:
    running = [Running("a", 50, 100), Running("b", 0, 50)]
    assert time_left(snapshot(*running), 10.0, 1.0) == 10.0
    assert time_left(snapshot(*running), 0.0, 1.0) is None
    assert time_left(snapshot(Running("a", 5, -1)), 10.0, 1.0) is None


def test_time_left_by_files() -> None:
    # A quarter of the list is taken: 100 files, 80 of them have ended in 8 seconds, so 320 of 400 are left.
    now = snapshot(*[Running("a", 1, 2)] * 10, waiting=10, done=70, failed=10, fraction=0.25, exhausted=False)
    assert time_left(now, 1.0, 8.0) == pytest.approx(32.0)
    assert time_left(snapshot(waiting=5, exhausted=False), 1.0, 8.0) is None
    assert time_left(snapshot(waiting=5, done=5, exhausted=False), 1.0, 8.0) is None  # a pipe
    assert time_left(snapshot(waiting=5, done=5), 1.0, 8.0) == 8.0


def test_total_line() -> None:
    line = total_line(snapshot(Running("a", 1024, 3072), done=3, failed=1, finished_bytes=1024), 1024.0, 5.0)
    assert line == "3 files, 2.0 KiB, 1.0 KiB/s, 2.00 s left; 1 running, 1 failed"
    assert "5.00 s so far" in total_line(snapshot(waiting=1, exhausted=False), 0.0, 5.0)


def test_polled_at_most_at_the_interval() -> None:
    polls = 0

    def poll() -> Snapshot:
        nonlocal polls
        polls += 1
        return snapshot()

    progress = Progress(Report(as_json=False, err=io.StringIO()), 0.0)
    for tick in range(1000):
        progress.tick(tick / 1000, poll)
    assert polls <= 10
    quiet = QuietProgress(Report(as_json=False, err=io.StringIO()), 0.0)
    quiet.tick(100.0, poll)
    assert polls <= 10


@pytest.mark.parametrize(
    ("environ", "terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
)
def test_colour(environ: dict[str, str], terminal: bool, expected: bool) -> None:
    assert wants_color(environ, terminal) is expected


def test_form(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report(as_json=False, err=io.StringIO())
    monkeypatch.setenv("TERM", "xterm")
    assert type(make_progress(report, 0.0, quiet=True, err=Terminal())) is QuietProgress
    assert type(make_progress(report, 0.0, quiet=False, err=io.StringIO())) is PlainProgress
    monkeypatch.setenv("TERM", "dumb")
    assert type(make_progress(report, 0.0, quiet=False, err=Terminal())) is PlainProgress
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setitem(sys.modules, "rich.console", None)  # as if it were not installed
    assert type(make_progress(report, 0.0, quiet=False, err=Terminal())) is PlainProgress


@pytest.mark.skipif(not RICH, reason="rich is not installed")
def test_json_on_the_same_terminal_is_not_drawn_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Terminal())
    report = Report(as_json=True, err=io.StringIO())
    assert type(make_progress(report, 0.0, quiet=False, err=Terminal())) is PlainProgress


GOOD = Result("http://h/a", "dir/a\x1b", 2048, 0.5, 200)
BAD = Result("http://user:secret@h/b", None, 0, 0.5, 404, "HTTP 404", 22)


def test_plain_lines() -> None:
    err = io.StringIO()
    progress = make_progress(Report(as_json=False, err=err), 0.0, quiet=False, err=err)
    progress.finished(1.0, GOOD)
    progress.finished(1.0, BAD)
    progress.tick(100.0, lambda: snapshot(done=1, failed=1, finished_bytes=2048))
    progress.close()
    saved, failed, total = err.getvalue().splitlines()
    assert saved == "dir/a\\x1b: 2.0 KiB in 0.50 s (4.0 KiB/s)"
    assert failed == "urlmon: http://h/b: HTTP 404"
    assert total.startswith("1 file, 2.0 KiB")


def test_plain_lines_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    err = io.StringIO()
    make_progress(Report(as_json=False, err=err), 0.0, quiet=False, err=err).finished(1.0, BAD)
    assert err.getvalue() == "\x1b[31murlmon: http://h/b: HTTP 404\x1b[0m\n"


def test_quiet_says_errors_only() -> None:
    err = io.StringIO()
    progress = make_progress(Report(as_json=False, err=err), 0.0, quiet=True, err=err)
    progress.finished(1.0, GOOD)
    progress.finished(1.0, BAD)
    assert err.getvalue() == "urlmon: http://h/b: HTTP 404\n"


@pytest.mark.skipif(not RICH, reason="rich is not installed")
@pytest.mark.parametrize("no_color", [False, True])
def test_live_lines(monkeypatch: pytest.MonkeyPatch, no_color: bool) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    err = Terminal()
    progress = make_progress(Report(as_json=False, err=err), 0.0, quiet=False, err=err)
    assert isinstance(progress, LiveProgress)
    try:
        files = [
            Running(f"[bold]file-{number}.bin\x1b[5m", 512, 1024 if number % 2 else -1)
            for number in range(12)
        ]
        progress.draw(1.0, snapshot(*files, done=3, finished_bytes=4096))
        progress.finished(1.0, BAD)
    finally:
        progress.close()
    text = err.getvalue()
    assert "[bold]file-0.bin\\x1b[5m" in text  # neither markup nor escapes of a name are obeyed
    assert "file-9.bin" in text
    assert "file-10.bin" not in text
    assert "512 B of 1.0 KiB" in text
    assert "12 running" in text
    assert "http://h/b: HTTP 404" in text
    assert ("\x1b[31m" in text) is not no_color
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back
