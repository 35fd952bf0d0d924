"""kill -9 during downloads: a target is complete or not there, and the next run is not disturbed by what is left."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from tests.crash.rounds import run
from tests.recording import Recorder, bind, finish
from tests.servers.payload import payload
from tests.servers.scripted import ScriptedServer
from urlmon import HRESULT, TYMED


@pytest.mark.slow
def test_killed_at_random_moments(scripted: ScriptedServer, tmp_path: Path) -> None:
    figures = run(scripted, tmp_path, rounds=12, seed=1)
    assert figures["incomplete"] == []
    assert figures["errors"] == []
    assert figures["partial"], "no kill met a partial file: nothing was tested"


def test_a_leftover_is_begun_anew(scripted: ScriptedServer, tmp_path: Path) -> None:
    target, part = tmp_path / "target", tmp_path / "target.part"
    part.write_bytes(b"left by a program that was killed" * 1000)
    client = Recorder()
    bind(scripted.url("/payload/5000"), client, TYMED.FILE, target)
    finish(client)
    assert client.hresult == HRESULT.S_OK
    assert target.read_bytes() == payload(5000)
    assert not part.exists()


def test_one_that_is_being_written_is_not(scripted: ScriptedServer, tmp_path: Path) -> None:
    part = tmp_path / "target.part"
    with part.open("wb") as held:
        held.write(b"another program's")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        client = Recorder()
        bind(scripted.url("/payload/5000"), client, TYMED.FILE, tmp_path / "target")
        finish(client)
        assert client.hresult == HRESULT.WIN32_E_SHARING_VIOLATION
        assert part.read_bytes() == b"another program's"
