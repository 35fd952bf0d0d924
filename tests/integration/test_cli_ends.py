"""How the command line ends: signals, output that nobody reads, and output that cannot be written."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.commandline import COMMAND, start
from tests.recording import names

# The quickest of a few runs counts: a machine that is busy with other things can only make it look slower.
ATTEMPTS = 5
STOP_WITHIN = 1.0  # seconds, the exit of the interpreter included; 0.1 on a quiet machine


@pytest.mark.parametrize("option", [[], ["-J"]])
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_stop_at_once(
    scripted: Any, tmp_path: Path, signum: int, code: int, option: list[str]
) -> None:
    (tmp_path / "before").write_text("old")
    urls = [scripted.url("/hang-body", size=100_000, at=50_000, n=number) for number in range(40)]
    for _ in range(ATTEMPTS):
        scripted.requests.clear()
        process = start("get", *urls, "-d", tmp_path, "-j", 8, *option)
        scripted.requests.wait_count(8, timeout=20)
        assert len([name for name in names(tmp_path) if name.endswith(".part")]) == 8
        began = time.monotonic()
        process.send_signal(signum)
        _, errors = process.communicate(timeout=20)
        elapsed = time.monotonic() - began
        assert process.returncode == code, errors
        assert names(tmp_path) == ["before"]
        assert "Traceback" not in errors
        assert "stopped by SIG" in errors
        if elapsed < STOP_WITHIN:
            break
    assert elapsed < STOP_WITHIN


def test_signal_while_waiting_for_the_list(scripted: Any, tmp_path: Path) -> None:
    process = start("get", "-i", "-", "-d", tmp_path, "--json", "-q")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(scripted.url("/payload/10") + "\n")
    process.stdin.flush()
    assert process.stdout.readline()  # that was all it knew of
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (130, ""), errors
    assert names(tmp_path) == ["10"]


def test_signal_while_nobody_reads_the_results(scripted: Any, tmp_path: Path) -> None:
    async def answer(exchange: Any) -> None:
        await exchange.reply(200, [], b"x")

    scripted.script("/many/", answer)
    urls = tmp_path / "urls"
    urls.write_text("".join(scripted.url(f"/many/{'x' * 200}{number}") + "\n" for number in range(2000)))
    out = tmp_path / "out"
    reader, writer = os.pipe()
    try:
        with subprocess.Popen(
            [*COMMAND, "get", "-i", str(urls), "-d", str(out), "--json", "-q"], stdout=writer
        ) as process:
            try:
                while select.select([], [writer], [], 0)[1]:  # until the pipe is full
                    assert process.poll() is None
                    time.sleep(0.01)
                process.send_signal(signal.SIGINT)
                assert process.wait(10) == 130
            finally:
                process.kill()
    finally:
        os.close(reader)
        os.close(writer)
    assert not [name for name in names(out) if name.endswith(".part")]


def test_reader_that_leaves(scripted: Any, tmp_path: Path) -> None:
    urls = [scripted.url("/payload/1000", n=number) for number in range(200)]
    process = start("get", *urls, "-d", tmp_path, "--json", "-q")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdin is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) == 141
    assert process.stderr.read() == ""
    assert not [name for name in names(tmp_path) if name.endswith(".part")]
    process.stderr.close()
    process.stdin.close()


def to_a_full_disk(stream: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line with its `stream`, "stdout" or "stderr", on a disk that is full."""
    with open("/dev/full", "wb") as full:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
        return subprocess.run(
            [*COMMAND, *arguments],
            **streams,  # type: ignore[call-overload,no-any-return]
            text=True,
            timeout=20,
            check=False,
            env={**os.environ, **environment},
        )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_results_to_a_full_disk(scripted: Any, tmp_path: Path, unbuffered: str) -> None:
    """With a buffer the interpreter would find the line in it at its exit, and try once more."""
    done = to_a_full_disk(
        "stdout",
        *("get", scripted.url("/ok"), "-d", str(tmp_path), "--json", "-q"),
        PYTHONUNBUFFERED=unbuffered,
    )
    assert (done.returncode, done.stderr) == (
        23,
        "urlmon: cannot write to standard output: No space left on device\n",
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["demo", "--seed", "1"]])
def test_text_to_a_full_disk(arguments: list[str]) -> None:
    done = to_a_full_disk("stdout", *arguments)
    assert (done.returncode, done.stderr) == (
        23,
        "urlmon: cannot write to standard output: No space left on device\n",
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_messages_to_a_full_disk(scripted: Any, tmp_path: Path) -> None:
    done = to_a_full_disk("stderr", "get", scripted.url("/ok"), "-d", str(tmp_path))
    assert (done.returncode, done.stdout) == (23, "")
    assert names(tmp_path) == ["ok"]


def test_demo_stops_on_ctrl_c(tmp_path: Path) -> None:
    process = start("demo", "--keep", tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("urlmon demo: ")  # its threads begin now
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode in (130, 0)  # 0: this test was held up for seconds, and the demo was through
    assert "Traceback" not in errors
    assert not [name for name in names(tmp_path) if name.endswith(".part")]
