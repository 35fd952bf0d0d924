"""What `urlmon demo` says at its end: what was not as promised, and a table of how it went."""

from __future__ import annotations

import hashlib
import os
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

import urlmon
from urlmon_core import libcurl_info

from .demo_plan import THREADS, plan_thread
from .demo_threads import Course, Transfer
from .origin import Bodies
from .report import format_bytes, format_duration, format_rate

__all__ = ["check", "describe", "table"]


def check(course: Course) -> list[str]:
    """Everything that is not as promised, one line each; empty if all is well."""
    problems = [f"a thread ended with {type(crash).__name__}: {crash}" for crash in course.crashes]
    bodies = Bodies(course.seed)
    expected: set[str] = set()
    for transfer in (transfer for transfers in course.transfers for transfer in transfers):
        plan = transfer.plan
        problems += [f"{plan.name}: {text}" for text in _call_problems(transfer)]
        if plan.aborted:
            if transfer.hresult != urlmon.HRESULT.E_ABORT:
                problems.append(f"{plan.name}: aborted, but ended with {transfer.hresult:#010x}")
            continue
        expected.add(plan.name)
        if transfer.error is not None:
            problems.append(f"{plan.name}: {transfer.error}")
        elif _file_sha256(os.path.join(course.directory, plan.name)) != bodies.sha256(plan.index, plan.size):
            problems.append(f"{plan.name}: wrong SHA-256")
    planned = {plan.name for number in range(THREADS) for plan in plan_thread(number, course.seed)}
    left = set(os.listdir(course.directory))
    # With --keep the folder may hold other things; what looks like ours must be a file that was to be
    # complete.
    surplus = {name for name in left if name.removesuffix(".part") in planned} - expected
    problems += [f"{name}: left over" for name in sorted(surplus)]
    return problems


def _call_problems(transfer: Transfer) -> Iterator[str]:
    if transfer.strangers:
        yield f"{transfer.strangers} callbacks on a foreign thread"
    if (transfer.starts, transfer.stops) != (1, 1):
        yield f"{transfer.starts} starts and {transfer.stops} stops"
    if transfer.after_stop:
        yield f"{transfer.after_stop} callbacks after the stop"
    if transfer.while_suspended:
        yield f"{transfer.while_suspended} callbacks while suspended"
    if transfer.plan.role == "suspend" and not transfer.resumed:
        yield "was not suspended and resumed"
    elif transfer.plan.role != "plain" and not transfer.acted:
        yield f"ended before it could be acted on ({transfer.plan.role})"


def _file_sha256(path: str) -> str:
    try:
        with open(path, "rb") as file:
            digest = hashlib.sha256()
            while piece := file.read(1 << 20):
                digest.update(piece)
            return digest.hexdigest()
    except OSError as error:
        return f"no file: {error.strerror}"


def finishing_order(transfers: Sequence[Transfer]) -> list[tuple[urlmon.Priority, float]]:
    """The priorities with the median of when their files were complete, soonest first.

    Only of files that nothing else was done to: what was suspended or raised says nothing about the priority
    it began with.
    """
    times: dict[urlmon.Priority, list[float]] = {}
    for transfer in transfers:
        if transfer.plan.role == "plain":
            times.setdefault(transfer.plan.priority, []).append(transfer.finished_at)
    return sorted(
        ((priority, statistics.median(when)) for priority, when in times.items()), key=lambda item: item[1]
    )


def describe(course: Course, elapsed: float) -> list[str]:
    """The closing table."""
    everything = [transfer for transfers in course.transfers for transfer in transfers]
    rows = [("thread", "files", "bytes", "callbacks", "order in which the priorities finished (median)")]
    for number, transfers in enumerate(course.transfers):
        complete = [
            transfer.plan.size
            for transfer in transfers
            if not transfer.plan.aborted and transfer.error is None
        ]
        order = ", ".join(
            f"{priority.name.lower()} {format_duration(when)}"
            for priority, when in finishing_order(transfers)
        )
        rows.append(
            (
                f"demo-{number + 1}",
                str(len(complete)),
                format_bytes(sum(complete)),
                str(sum(transfer.callbacks for transfer in transfers)),
                order,
            )
        )
    lines = table(rows)
    roles = Counter(transfer.plan.role for transfer in everything if transfer.acted)
    good = [transfer for transfer in everything if not transfer.plan.aborted and transfer.error is None]
    total = sum(transfer.plan.size for transfer in good)
    raised = [transfer.finished_at for transfer in everything if transfer.plan.role == "raise"]
    info = libcurl_info()
    lines += [
        "",
        f"files      {len(good)} of {len(everything)} complete; the aborted ones left no trace",
        f"bytes      {total:,} in {format_duration(elapsed)}: {format_rate(total / elapsed)}",
        f"on the way {roles['suspend']} suspended and resumed, {roles['raise']} raised from lowest"
        + (f" (median {format_duration(statistics.median(raised))})" if raised else "")
        + f", {roles['abort running']} aborted while running, {roles['abort queued']} while queued",
        f"order      {', '.join(priority.name.lower() for priority, _ in finishing_order(everything))}",
        f"libcurl    {info['version']} ({info['path']})",
        "",
    ]
    return lines


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns lined up: the first and the last to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(width) if column in (0, last) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
