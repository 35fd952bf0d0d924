"""libcurl's small memory: what an I/O thread keeps of it, and who decides that it does."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import urlmon_core

SOURCE = Path(__file__).with_name("smallmemory.c")
CORE = Path(__file__).resolve().parents[2] / "src" / "urlmon_core"
HELD = 512 << 10  # bytes that a thread keeps at most
LARGEST = 16 * 127 + 8  # bytes of a piece that it keeps


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C program around the header, as it is built for users."""
    compiler = os.environ.get("CC") or shutil.which("cc")
    if platform.libc_ver()[0] != "glibc" or compiler is None or not CORE.is_dir():
        pytest.skip(
            "needs the sources of the core, a C compiler and glibc, whose count of bytes in use is looked at"
        )
    target = tmp_path_factory.mktemp("memory") / "smallmemory"
    command = [compiler, "-std=gnu11", "-O2", "-Wall", "-Werror", "-pthread", "-iquote", str(CORE)]
    subprocess.run([*command, str(SOURCE), "-o", str(target)], check=True)
    return target


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pieces_are_kept_and_given_back(program: Path, seed: int) -> None:
    done = subprocess.run(
        [str(program), str(seed), "300000"], capture_output=True, text=True, check=True, timeout=50
    )
    wrong, misaligned, most_held, left = map(int, done.stdout.split())
    assert wrong == 0
    assert misaligned == 0
    assert HELD // 2 < most_held <= HELD + LARGEST
    assert left == 0


@pytest.mark.parametrize(
    ("beginning", "ours"),
    [
        ("import urlmon, pycurl; handle = pycurl.Curl()", True),
        ("import pycurl; handle = pycurl.Curl(); import urlmon", False),
    ],
)
def test_who_initialises_libcurl_first(beginning: str, ours: bool) -> None:
    """The one that does decides; both work with what they get."""
    code = f"""
{beginning}
import json
handle.setopt(pycurl.URL, "data:,x")
multi = pycurl.CurlMulti()
multi.add_handle(handle)
multi.remove_handle(handle)
handle.close()
multi.close()
print(json.dumps(urlmon.libcurl_info()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["source"] == "pycurl"
    is_debug = bool(urlmon_core.live_counts())
    assert found["keeps_memory"] is (ours and not is_debug)
