"""The process ends with live bindings, in every way it can: no hang, no complaint, no partial file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lifecycle import PROLOGUE, ROOT, run_script
from tests.servers import ScriptedServer

LIVE = """
from urlmon import TYMED
url, folder, *rest = argv

def bind_live(count=12):
    urlmon.Apartment.current().configure(max_active=count + 8, max_per_host=count + 8)
    storages = (TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL)
    prefix = f"{folder}/{threading.get_ident()}-"
    found = [bind(url, Recorder(), storages[number % 3], f"{prefix}{number}") for number in range(count)]
    pump_until(lambda: all(r.binding.bytes_received for r in found), "all are running")
    return found
"""

ENDS = {
    "normal": ("live = bind_live()", 0),
    "sys.exit": ("live = bind_live(); sys.exit(3)", 3),
    "exception": ("live = bind_live(); raise KeyError('on purpose')", 1),
    "suspended": ("live = bind_live(); [r.binding.suspend() for r in live]", 0),
    "in a callback": (
        "live = bind_live()\n"
        "def leave(recorder, *arguments): sys.exit(4)\n"
        "fetch(rest[0], on_data_available=leave)",
        4,
    ),
    "daemon threads": (
        "ready = threading.Barrier(5)\n"
        "def work():\n    live = bind_live(6)\n    ready.wait()\n    urlmon.run()\n"
        "for _ in range(4): threading.Thread(target=work, daemon=True).start()\n"
        "ready.wait(15)",
        0,
    ),
    "daemon threads that bind all the time": (
        "begun = threading.Semaphore(0)\n"
        "def work():\n    while True:\n"
        "        try:\n            bind(rest[0], Recorder())\n"
        "        except urlmon.ApartmentClosedError:\n            return\n"
        "        begun.release()\n        urlmon.pump(0.001)\n"
        "for _ in range(4): threading.Thread(target=work, daemon=True).start()\n"
        "for _ in range(200): begun.acquire()",
        0,
    ),
    "threads that outlive the main thread": (
        "begun = threading.Barrier(4)\n"
        "def work():\n    live = [bind(rest[0], Recorder()) for _ in range(20)]\n    begun.wait()\n    finish(*live)\n"
        "    os.write(1, b'finished\\n')\n"
        "for _ in range(3): threading.Thread(target=work).start()\n"
        "begun.wait(15)",
        0,
    ),
    "atexit handlers": (
        "import atexit\n"
        "live = bind_live()\n"
        "def late():\n    assert fetch(rest[0]).hresult == 0\n    print('late', flush=True)\n"
        "atexit.register(late)",
        0,
    ),
    "at finalisation": (
        "class Late:\n"
        "    def __del__(self, bind=bind, Recorder=Recorder, url=rest[0], closed=urlmon.ApartmentClosedError):\n"
        "        try:\n            bind(url, Recorder())\n"
        "        except closed:\n            os.write(1, b'refused\\n')\n"
        "live = bind_live()\nkept = [Late()]; kept.append(kept)",
        0,
    ),
    "reactor stopped before": ("import urlmon_core\nlive = bind_live(); urlmon_core.stop_reactor()", 0),
    "apartment closed before": ("live = bind_live(); urlmon.Apartment.current().close()", 0),
}
PRINTED = {
    "threads that outlive the main thread": "finished\n" * 3,
    "atexit handlers": "late\n",
    "at finalisation": "refused\n",
}


@pytest.mark.parametrize("how", ENDS)
def test_exit_with_live_bindings(scripted: ScriptedServer, tmp_path: Path, how: str) -> None:
    source, code = ENDS[how]
    done = run_script(
        LIVE + source + "\n",
        scripted.url("/hang-body", size=100_000, at=50_000),
        tmp_path,
        scripted.url("/payload/1000"),
    )
    assert (done.returncode, done.stdout) == (code, PRINTED.get(how, "")), done.stderr
    if how == "exception":
        assert "on purpose" in done.stderr
    else:
        # What is still live when the main thread ends is named like that of any other thread; below it, a line of code.
        said = [line for line in done.stderr.splitlines() if not line.startswith("  ")]
        assert not [line for line in said if "ResourceWarning: " not in line]
    assert os.listdir(tmp_path) == []


def test_at_once(scripted: ScriptedServer, tmp_path: Path) -> None:
    """os._exit runs no handlers: the partial files stay, unlocked, and the next download takes them over."""
    url = scripted.url("/hang-body", size=100_000, at=50_000)
    done = run_script(LIVE + "live = bind_live(); os._exit(5)\n", url, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (5, "", "")
    left = os.listdir(tmp_path)
    assert len(left) == 4
    assert all(name.endswith(".part") for name in left)
    target = left[0].removesuffix(".part")
    source = (
        "fetch(argv[0], storage=urlmon.TYMED.FILE, path=argv[1]).check()\n"
        "assert os.path.getsize(argv[1]) == 1000\n"
    )
    done = run_script(source, scripted.url("/payload/1000"), tmp_path / target)
    assert done.returncode == 0, done.stderr
    assert target in os.listdir(tmp_path)
    assert left[0] not in os.listdir(tmp_path)


# The quickest of a few runs counts: a machine that is busy with other things can only make it look slower.
ATTEMPTS = 15
LEAVE_WITHIN = 0.3  # seconds, with 200 live transfers

TWO_HUNDRED = (
    PROLOGUE.format(limit=40)
    + LIVE
    + """
live = []
urlmon.Apartment.current().configure(max_active=200, max_per_host=200)
live = [bind(url, Recorder(), TYMED.FILE, f"{folder}/{number}") for number in range(200)]
pump_until(lambda: all(r.binding.bytes_received for r in live), "all are running")
"""
)


def timed_exit(source: str, arguments: list[object], signum: int | None) -> tuple[int, float]:
    """Exit code, and seconds from the line "running" (or the signal sent then) to the end of the process."""
    with subprocess.Popen(
        [sys.executable, "-c", source, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        began = time.monotonic()
        if signum is not None:
            process.send_signal(signum)
        # Its end is when its output ends; `wait` with a time limit would look for it every 50 ms only.
        assert process.stdout.read() == b""
        seconds = time.monotonic() - began
        return process.wait(), seconds


@pytest.mark.parametrize(
    ("last", "signum", "code"),
    [
        ("print('running', flush=True); sys.exit(3)", None, 3),
        ("print('running', flush=True); urlmon.run()", signal.SIGINT, -signal.SIGINT),
        (
            "try: print('running', flush=True); urlmon.run()\nexcept KeyboardInterrupt: sys.exit(130)",
            signal.SIGINT,
            130,
        ),
    ],
    ids=["sys.exit", "KeyboardInterrupt", "exit code of a shell"],
)
def test_two_hundred_live_transfers_do_not_hold_up_the_end(
    scripted: ScriptedServer, tmp_path: Path, last: str, signum: int | None, code: int
) -> None:
    quickest = 99.0
    for attempt in range(ATTEMPTS):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        url = scripted.url("/hang-body", size=100_000, at=50_000)
        ended, seconds = timed_exit(TWO_HUNDRED + last, [url, folder], signum)
        assert ended == code
        assert os.listdir(folder) == []
        quickest = min(quickest, seconds)
        if quickest < LEAVE_WITHIN:
            break
    assert quickest < LEAVE_WITHIN


def test_the_command_line_ends_at_once_with_two_hundred_live_transfers(
    scripted: ScriptedServer, tmp_path: Path
) -> None:
    quickest = 99.0
    for attempt in range(ATTEMPTS):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        scripted.reset()
        urls = [scripted.url("/hang-body", size=100_000, at=50_000, n=number) for number in range(200)]
        command = [
            sys.executable,
            "-m",
            "urlmon",
            "get",
            "-q",
            "-d",
            folder,
            "-j",
            200,
            "--max-per-host",
            200,
            *urls,
        ]
        with subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True) as process:
            scripted.requests.wait_count(200, timeout=20)
            deadline = time.monotonic() + 20
            while len([name for name in os.listdir(folder) if name.endswith(".part")]) < 200:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
        quickest = min(quickest, time.monotonic() - began)
        assert process.returncode == 130, errors
        assert "Traceback" not in errors
        assert os.listdir(folder) == []
        if quickest < LEAVE_WITHIN:
            break
    assert quickest < LEAVE_WITHIN
