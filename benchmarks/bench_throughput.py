"""urlmon beside what its users would take instead, and beside plain C on the same libcurl. See README.md."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import peers
from benchmarks.conftest import Figure, Figures
from benchmarks.measuring import clean_environment
from benchmarks.report import OURS, RESULTS, Measured, Section
from benchmarks.serving import Site
from benchmarks.workloads import WORKLOADS, Prepared, Workload

Replay = Callable[..., None]

CLIENT_TIMEOUT = 120.0  # seconds
# Who is near enough for noise to decide has more rounds: of these alone, so that the runs of one follow closely.
CLOSE = (OURS, peers.LIMIT.name, "pycurl.CurlMulti")
CLOSE_TIMES = 4  # as many rounds of them as of all, in addition
SLOW = 4.0  # seconds: who takes longer is measured once, not in each round


@pytest.fixture(scope="module")
def limit() -> Path | str:
    """The program made from limit.c, or why there is none."""
    try:
        return peers.limit_program()
    except (RuntimeError, OSError) as problem:
        return str(problem)


def measure_client(prepared: Prepared, command: list[str], into: Path | None) -> dict[str, Any] | str:
    """The results of one run, or what went wrong."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=CLIENT_TIMEOUT,
            env=clean_environment(),
        )
    except subprocess.TimeoutExpired:
        return f"not done within {CLIENT_TIMEOUT:.0f} seconds"
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return lines[-1] if lines else f"exit code {done.returncode}"
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return prepared.complaint(result, into) or result


def command_of(peer: peers.Peer, prepared: Prepared, limit: Path, into: Path | None) -> list[str]:
    words = list(prepared.words)
    if (
        into is not None and peer.client != "with_program"
    ):  # a program always writes files, in a folder of its own
        words += ["--into", str(into)]
    if peer is not peers.LIMIT:
        return peer.command(*words)
    return [str(limit), words[0], words[2], *words[3:]]


def run_rounds(
    section: Section, prepared: Prepared, limit: Path | str, rounds: int
) -> dict[str, list[dict[str, Any]]]:
    """Results by peer and round, interleaved; every other round in reverse order, and after all more of the close."""
    work = prepared.workload
    results: dict[str, list[dict[str, Any]]] = {}
    takers = []
    for peer in (*peers.PEERS[:1], peers.LIMIT, *peers.PEERS[1:]):
        why_not = peer.unavailable()
        if peer is peers.LIMIT and isinstance(limit, str):
            why_not = limit
        if work.name in peer.lacks:
            continue
        if why_not:
            section.absent[peer.name] = why_not
        else:
            takers.append(peer)
            results[peer.name] = []
    close = [peer for peer in takers if peer.name in CLOSE]
    for turn, those in enumerate([takers] * rounds + [close] * (CLOSE_TIMES * rounds)):
        for peer in those if turn % 2 == 0 else reversed(those):
            before = results.get(peer.name)
            if before is None or (before and before[0]["seconds"] > SLOW):
                continue
            into = None
            if work.to_files:
                into = Path(tempfile.mkdtemp(prefix="urlmon-into-", dir="/dev/shm"))
            try:
                assert not isinstance(limit, str) or peer is not peers.LIMIT
                result = measure_client(prepared, command_of(peer, prepared, Path(limit), into),
                                        None if peer.client == "with_program" else into)  # fmt: skip
            finally:
                if into is not None:
                    shutil.rmtree(into)
            if isinstance(result, str):
                section.absent[peer.name] = result
                del results[peer.name]
            else:
                before.append(result)
    return results


@pytest.mark.parametrize("work", WORKLOADS, ids=lambda work: work.name)
def test_throughput(  # noqa: PLR0917
    work: Workload,
    site: Site,
    limit: Path | str,
    replay: Replay,
    figures: Figures,
    request: pytest.FixtureRequest,
) -> None:
    """The rounds are those of urlmon; those of the peers are in extra_info and in docs/benchmarks.md."""
    if request.config.getoption("--quick"):
        work = work.quick()
    section = Section(work.name, work.says, site.server, work.files, work.size, work.rate_in_bytes)
    with (
        tempfile.TemporaryDirectory(prefix="urlmon-bench-") as folder,
        work.prepared(site, Path(folder)) as prepared,
    ):
        results = run_rounds(section, prepared, limit, request.config.getoption("--rounds"))
    assert OURS in results, section.absent.get(OURS)
    section.peers = {name: Measured(runs) for name, runs in results.items()}
    request.config.stash[RESULTS].append(section)
    replay([run["seconds"] for run in results[OURS]], peers=results)
    figures.add(*bounds(section))


def bounds(section: Section) -> list[Figure]:
    """What must be seen, as far as it is about ratios to peers of the same run."""
    found = []

    def faster(than: str, at_least: float) -> None:
        if than in section.peers:
            value = section.speed_against(than)
            found.append(Figure(f"{section.name}: rate / that of {than}", value, at_least=at_least))

    name = section.name
    if name == "small":
        faster("pycurl.CurlMulti", 1.0)
        faster("aiohttp + uvloop", 5.0)
        faster(peers.LIMIT.name, 0.8)
        if peers.LIMIT.name in section.peers:
            value = section.cpu_against(peers.LIMIT.name)
            found.append(Figure("small: processor time per file / that of plain C", value, at_most=1.35))
    elif name == "large":
        faster("pycurl.CurlMulti", 1.0)
        faster(peers.LIMIT.name, 0.9)
    elif name == "work":
        faster("pycurl.CurlMulti", 1.3)
    elif name == "medium":
        faster("curl -Z", 1.0)
        faster("pycurl.CurlMulti", 1.2)
    elif name == "crawl":
        faster("pycurl.CurlMulti", 1.0)
        faster(peers.LIMIT.name, 1.0)
    elif name == "tls+h2":
        faster("curl -Z", 1.0)
        faster("pycurl.CurlMulti", 1.0)
    return found
