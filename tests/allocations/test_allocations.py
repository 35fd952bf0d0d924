"""Every allocation of the core fails once: a typed error, one stop for each start, nothing left."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import urlmon
import urlmon_core
from tests.recording import Recorder
from tests.servers.scripted import ScriptedServer
from urlmon import HRESULT
from urlmon_core import ApartmentClosedError

SOURCE = Path(__file__).with_name("failing.c")


@pytest.fixture(scope="module")
def allocator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The failing allocator, compiled."""
    compiler = os.environ.get("CC") or shutil.which("cc")
    if platform.libc_ver()[0] != "glibc" or compiler is None:
        pytest.skip("the failing allocator needs glibc and a C compiler")
    library = tmp_path_factory.mktemp("allocator") / "failing.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", str(SOURCE), "-o", str(library)], check=True)
    return library


@pytest.mark.parametrize(
    ("scenario", "least"),
    [
        ("stream", 15),
        ("file", 15),
        ("memory", 15),
        ("redirects", 25),
        ("request", 20),
        ("many_hosts", 60),
        ("interruption", 20),
    ],
)
def test_walk(allocator: Path, scenario: str, least: int) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "tests.allocations.walk", scenario],
        env={**os.environ, "LD_PRELOAD": str(allocator)},
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
    )
    assert done.stdout, done.stderr
    figures = json.loads(done.stdout)
    assert figures["wrong"] == []
    assert done.returncode == 0, done.stderr
    assert figures["allocations"][scenario] >= least, "almost nothing failed"
    assert figures["outcomes"].get("BindMemoryError", 0) > 0


def test_the_io_thread_is_stopped_while_it_starts(scripted: ScriptedServer) -> None:
    """It was started, so it has its stop, although nobody can be given it any more."""

    def stop(client: Recorder, binding: object) -> None:
        urlmon_core.stop_reactor()

    client = Recorder(on_start_binding=stop)
    moniker = urlmon.create_url_moniker(scripted.url("/ok"))
    with pytest.raises(ApartmentClosedError):
        moniker.bind_to_storage(urlmon.create_async_bind_ctx(client))
    assert client.stopped
    assert client.hresult == HRESULT.E_ABORT
    assert client.methods.count("on_stop_binding") == 1
    assert urlmon.Apartment.current().live_bindings == []
