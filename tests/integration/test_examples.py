"""The programs in examples/, each run as a user runs it: in a process of its own, against a real server."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import zipfile
from pathlib import Path

import pytest

from tests.integration.example_programs import EXAMPLES, run, start
from tests.servers import RefusingPort, ScriptedServer
from tests.servers.caddy import CaddyServer
from tests.servers.exchange import Exchange
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


# -- the crawler -----------------------------------------------------------------------------------------------------


def site(scripted: ScriptedServer, pages: dict[str, str]) -> None:
    """HTML pages by path; "/robots.txt" is plain text."""

    async def answer(exchange: Exchange) -> None:
        path = exchange.request.path
        kind = "text/plain" if path == "/robots.txt" else "text/html; charset=utf-8"
        await exchange.reply(200, [("Content-Type", kind)], pages[path].encode())

    for path in pages:
        scripted.script(path, answer)


def test_crawler(scripted: ScriptedServer, refusing_port: RefusingPort) -> None:
    async def broken(exchange: Exchange) -> None:
        exchange.close = True
        await exchange.head(200, [("Content-Type", "text/html"), ("Content-Length", "100")])
        await exchange.send(b"<a href=")

    scripted.script("/broken", broken)
    links = f'<a href="/one">1</a> <a HREF="two#x">2</a> <a href="{refusing_port.url()}">another host</a> <a name="x">'
    site(
        scripted,
        {
            "/robots.txt": "User-agent: *\nDisallow: /private\n",
            "/start": links + '<a href="/private/page">no</a> <a href="/status/404">gone</a>',
            "/one": '<a href="/start">back</a><a href="mailto:somebody@localhost"><a href="http://[::1">bad</a>',
            "/two": '<a href="/payload/50000000">not HTML</a> <a href="/broken">broken</a> <a href="/two">me</a>',
        },
    )
    *rows, total = run("crawler.py", scripted.url("/start"), "--jobs", 2)
    found = {row.split()[-1].removeprefix(scripted.url("")): row.split()[0] for row in rows}
    assert next(iter(found.items())) == ("/start", "200")
    assert found == {
        "/start": "200",
        "/one": "200",
        "/two": "200",
        "/status/404": "404",
        "/payload/50000000": "200",
        "/broken": "DownloadError",
    }
    asked = scripted.requests.paths()
    assert asked[:2] == ["/robots.txt", "/start"]
    assert sorted(asked) == sorted({*found, "/robots.txt"})  # each once
    assert {request.header("User-Agent") for request in scripted.requests} == {"urlmon-example"}
    [unread] = scripted.requests.for_path("/payload/50000000")
    assert unread.bytes_sent < 50_000_000
    sizes = sum(int(row.split()[1]) for row in rows)
    assert total == f"6 pages, {sizes} bytes"
    assert len(run("crawler.py", scripted.url("/start"), "--pages", 3)) == 4


def test_crawler_that_is_not_welcome(scripted: ScriptedServer, refusing_port: RefusingPort) -> None:
    async def ill(exchange: Exchange) -> None:
        await exchange.reply(503)

    scripted.script("/robots.txt", ill)
    assert run("crawler.py", scripted.url("/ok")) == ["0 pages, 0 bytes"]
    assert scripted.requests.paths() == ["/robots.txt"]
    with start("crawler.py", refusing_port.url()) as process:
        printed, errors = process.communicate(timeout=50)
    assert (process.returncode, printed) == (1, "")
    assert refusing_port.url("/robots.txt") in errors


# -- the data set ----------------------------------------------------------------------------------------------------


def digests(folder: Path) -> dict[str, str]:
    """Hex SHA-256 of the files, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_dataset(scripted: ScriptedServer, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    manifest = tmp_path / "manifest"
    sizes = [number * 1000 for number in range(20)]
    lines = [f"{payload_sha256(size)}  {scripted.url(f'/payload/{size}')}" for size in sizes]
    manifest.write_text("\n".join(lines[:8]))
    assert sorted(run("dataset.py", "-d", folder, manifest)) == sorted(
        f"{size}: fetched" for size in sizes[:8]
    )
    assert digests(folder) == {str(size): payload_sha256(size) for size in sizes[:8]}

    (folder / "3000").write_bytes(b"somebody has spoilt it")
    (folder / "9000.unchecked.part").write_bytes(b"left by a run that was killed")
    scripted.requests.clear()
    manifest.write_text("\n".join(lines))
    printed = run("dataset.py", "-d", folder, "--threads", 3, manifest)
    complete = [f"{size}: complete" for size in sizes[:8] if size != 3000]
    assert sorted(printed) == sorted(complete + [f"{size}: fetched" for size in (3000, *sizes[8:])])
    assert sorted(scripted.requests.paths()) == sorted(f"/payload/{size}" for size in (3000, *sizes[8:]))
    assert digests(folder) == {str(size): payload_sha256(size) for size in sizes}


def test_dataset_with_errors(scripted: ScriptedServer, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    manifest = tmp_path / "manifest"
    wrong, right = "0" * 64, payload_sha256(1000)
    urls = {
        scripted.url("/payload/1000"): right,
        scripted.url("/payload/2000"): wrong,
        scripted.url("/status/404"): wrong,
        "unheard-of://host/thing": wrong,
    }
    manifest.write_text("".join(f"{digest}  {url}\n" for url, digest in urls.items()))
    printed = dict(line.split(": ", 1) for line in run("dataset.py", "-d", folder, manifest, code=1))
    assert printed.pop("1000") == "fetched"
    assert printed.pop("2000") == "wrong digest"
    assert "404" in printed.pop("404")
    assert "unheard-of" in printed.pop("thing")
    assert not printed
    assert digests(folder) == {"1000": right}
    manifest.write_text("no digest")
    with start("dataset.py", manifest) as process:
        assert "manifest:1: not a digest" in process.communicate(timeout=50)[1]
    assert process.returncode == 2


def test_dataset_stops_on_ctrl_c(scripted: ScriptedServer, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    manifest = tmp_path / "manifest"
    url = scripted.url("/hang-body", size=100_000, at=50_000)
    manifest.write_text(f"{'0' * 64}  {url}&n=1\n{'0' * 64}  {url.replace('/hang-body', '/hang-body/x')}\n")
    with start("dataset.py", "-d", folder, "--threads", 2, manifest) as process:
        scripted.requests.wait_count(2, timeout=20)
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=20)
    assert (process.returncode, printed, errors) == (130, "", "")
    assert os.listdir(folder) == []


# -- the lock file ---------------------------------------------------------------------------------------------------


def lock_file(path: Path, packages: dict[str, tuple[str, str]]) -> Path:
    """A lock file of name → URL and digest."""
    entries = [{"name": name, "url": url, "sha256": digest} for name, (url, digest) in packages.items()]
    path.write_text(json.dumps({"packages": entries}))
    return path


def test_lockfile_urgent_package_overtakes(scripted: ScriptedServer, tmp_path: Path) -> None:
    size = 100_000
    bulk = {
        f"bulk-{number}": (scripted.url("/hold-body/bulk", size=size, n=number), payload_sha256(size))
        for number in range(30)
    }
    urgent = (scripted.url("/payload/2000"), payload_sha256(2000))
    lock = lock_file(tmp_path / "lock.json", {**bulk, "urgent": urgent})
    folder = tmp_path / "packages"
    with start("lockfile.py", "-d", folder, "--first", "urgent", lock) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "urgent: 2000 bytes\n"
        # All places are taken, nobody has finished, and most have not even begun.
        assert len(scripted.requests.wait_count(9)) == 9
        scripted.release("bulk")
        printed, errors = process.communicate(timeout=50)
    assert (process.returncode, errors) == (0, "")
    assert sorted(printed.splitlines()) == sorted(f"{name}: {size} bytes" for name in bulk)
    assert digests(folder) == {name: digest for name, (_, digest) in {**bulk, "urgent": urgent}.items()}


def test_lockfile_with_errors(scripted: ScriptedServer, tmp_path: Path) -> None:
    folder = tmp_path / "packages"
    lock = lock_file(
        tmp_path / "lock.json",
        {
            "empty": (scripted.url("/payload/0"), payload_sha256(0)),
            "wrong": (scripted.url("/payload/10"), payload_sha256(11)),
            "short": (scripted.url("/short", size=1000, sent=10), payload_sha256(1000)),
            "unknown": ("unheard-of://host/", ""),
        },
    )
    printed = dict(line.split(": ", 1) for line in run("lockfile.py", "-d", folder, lock, code=1))
    assert printed["empty"] == "0 bytes"
    assert printed["wrong"] == "wrong digest"
    assert "/short" in printed["short"]
    assert "unheard-of" in printed["unknown"]
    assert digests(folder) == {"empty": payload_sha256(0)}
    for names in (["../x"], [".."], [""], ["twice", "twice"], None, ["without the first"]):
        entries = [{"name": name, "url": "", "sha256": ""} for name in names or ()]
        lock.write_text(json.dumps({"packages": entries} if names else []))
        with start("lockfile.py", "--first", "first", lock) as process:
            assert "lockfile.py: error: " in process.communicate(timeout=50)[1]
        assert process.returncode == 2
