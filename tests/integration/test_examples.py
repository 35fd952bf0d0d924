"""The programs in examples/, each run as a user runs it: in a process of its own, against a real server."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from tests.integration.example_programs import EXAMPLES, run
from tests.servers import ScriptedServer
from tests.servers.caddy import CaddyServer
from tests.servers.payload import payload, payload_sha256

# tools/check_dist.py runs the tests alone, from a copy.
pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples are not beside these tests")


def test_the_readme_shows_the_first_program() -> None:
    _, _, program = (EXAMPLES / "first_program.py").read_text().split('"""', 2)[-1].partition("\n\n")
    shown = (EXAMPLES.parent / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
    assert shown == program


def test_first_program(scripted: ScriptedServer) -> None:
    size = 16 << 20
    # Where the machine is busy, the first one may be complete before the urgent one is bound.
    assert sorted(run("first_program.py", scripted.url(f"/payload/{size}"))) == [
        f"bulk: HTTP 200, {size} bytes",
        f"urgent: HTTP 200, {size} bytes",
    ]


def test_first_program_with_a_server_that_cuts_off(scripted: ScriptedServer) -> None:
    url = scripted.url("/short", size=1000, sent=10)
    printed = sorted(run("first_program.py", url))
    assert [line.partition(":")[0] for line in printed] == ["bulk", "urgent"]
    for line in printed:
        assert url in line
        assert line.endswith("10 bytes")


def test_priorities(caddy: CaddyServer, tmp_path: Path) -> None:
    body = payload(4_000_000)
    caddy.write("examples/priorities.bin", body)
    printed = run("priorities.py", f"{caddy.http_url}/examples/priorities.bin", tmp_path)
    told = f": {len(body)} bytes"
    # The suspended one is told of last, whatever the others do, and even if it had been the quickest.
    assert printed[-2] in ("file-1 is suspended", "file-1 is ended")
    assert printed[-1] == f"file-1{told}"
    assert sorted(printed[:-2]) == [f"file-{number}{told}" for number in range(2, 6)]
    assert sorted(os.listdir(tmp_path)) == [f"file-{number}" for number in range(1, 6)]
    assert all(path.read_bytes() == body for path in tmp_path.iterdir())


def test_priorities_where_there_is_nothing(caddy: CaddyServer, tmp_path: Path) -> None:
    printed = run("priorities.py", f"{caddy.http_url}/examples/nothing", tmp_path)
    assert len([line for line in printed if "404" in line]) == 5
    assert os.listdir(tmp_path) == []


def test_threads(caddy: CaddyServer) -> None:
    size = 1_000_000
    caddy.write("examples/threads.bin", payload(size))
    digest = payload_sha256(size)[:12]
    assert run("threads.py", f"{caddy.http_url}/examples/threads.bin") == [
        f"thread {number}: {digest}, all calls here: True" for number in (1, 2, 3)
    ]


def test_zip_protocol(tmp_path: Path) -> None:
    archive = tmp_path / "some.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("folder/hello.txt", "hello from the archive\n")
    assert run("zip_protocol.py", archive, "folder/hello.txt") == ["hello from the archive"]
    [missing] = run("zip_protocol.py", archive, "nothing")
    assert "INET_E_RESOURCE_NOT_FOUND" in missing
