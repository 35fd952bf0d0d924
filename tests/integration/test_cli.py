"""The command line, end to end: `python -m urlmon` as a process of its own against real servers."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.commandline import COMMAND, lines, run, sha256, start
from tests.recording import names

# The command line, which then prints its peak memory in bytes. ru_maxrss of Linux will not do: it begins with what the
# process that started this one uses.
WITH_PEAK = """
import re, resource, sys, urlmon.cli
status = urlmon.cli.main(sys.argv[1:])
if sys.platform == "darwin":
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
else:
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024)
sys.exit(status)
"""


def served(caddy: Any, folder: str, sizes: Sequence[int]) -> dict[str, str]:
    """Files below Caddy's root: name → SHA-256."""
    dice = random.Random(folder)
    found = {}
    for number, size in enumerate(sizes):
        data = dice.randbytes(size)
        caddy.write(f"{folder}/{number}.bin", data)
        found[f"{number}.bin"] = hashlib.sha256(data).hexdigest()
    return found


def test_one_file(scripted: Any, tmp_path: Path) -> None:
    done = run("get", scripted.url("/payload/100000"), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "97.7 KiB" in done.stderr
    assert names(tmp_path) == ["100000"]
    assert (tmp_path / "100000").stat().st_size == 100000


def test_output_file_and_json(scripted: Any, tmp_path: Path) -> None:
    target = tmp_path / "my file"
    done = run("get", scripted.url("/payload/5000"), "-o", target, "--json", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = lines(done.stdout)
    assert line.pop("seconds") > 0
    assert line == {
        "url": scripted.url("/payload/5000"),
        "path": str(target),
        "bytes": 5000,
        "http_status": 200,
        "error": None,
        "exit_code": 0,
    }
    assert names(tmp_path) == ["my file"]


def test_empty_file(scripted: Any, tmp_path: Path) -> None:
    assert run("get", scripted.url("/payload/0"), "-d", tmp_path, "-q").returncode == 0
    assert (tmp_path / "0").read_bytes() == b""


def test_list_with_every_digest(caddy: Any, tmp_path: Path) -> None:
    dice = random.Random(1)
    wanted = served(caddy, "cli-list", [dice.randrange(200_000) for _ in range(60)])
    urls = tmp_path / "urls"
    urls.write_text("# files\n\n" + "".join(f"  {caddy.http_url}/cli-list/{name}\r\n" for name in wanted))
    out = tmp_path / "made" / "by it"
    done = run("get", "-i", urls, "-d", out, "-j", 8, "--json")
    assert done.returncode == 0, done.stderr
    assert {name: sha256(out / name) for name in names(out)} == wanted
    results = lines(done.stdout)
    assert {Path(line["path"]).name: line["bytes"] for line in results} == {
        name: (out / name).stat().st_size for name in wanted
    }
    assert done.stderr.splitlines()[-1].startswith("urlmon: 60 files, ")


def test_list_is_read_as_it_comes(scripted: Any, tmp_path: Path) -> None:
    process = start("get", "-i", "-", "-d", tmp_path, "--json", "-q")
    assert process.stdin is not None
    assert process.stdout is not None
    for size in (10, 20):
        process.stdin.write(scripted.url(f"/payload/{size}") + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["bytes"] == size  # although the list has not ended
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (0, "", "")


def test_at_most_so_many_at_a_time(scripted: Any, tmp_path: Path) -> None:
    urls = [scripted.url("/payload/10", gate=f"gate {number}", n=number) for number in range(10)]
    process = start("get", *urls, "-d", tmp_path, "-j", "3", "-q")
    # Each answer makes room for one. One too many would be here before the one that the answer made room for.
    for number in range(8):
        assert len(scripted.requests.wait_count(3 + number, timeout=20)) == 3 + number
        scripted.release(f"gate {number}")
    scripted.release("gate 8")
    scripted.release("gate 9")
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0
    assert names(tmp_path) == ["10", *sorted(f"10.{number}" for number in range(1, 10))]


def test_one_name_twice_and_a_file_from_before(scripted: Any, tmp_path: Path) -> None:
    (tmp_path / "300").write_text("old")
    (tmp_path / "300.2").write_text("not ours")
    urls = [scripted.url("/payload/300", seed=seed) for seed in range(3)]
    assert run("get", *urls, "-d", tmp_path, "-j", 1, "-q").returncode == 0
    assert names(tmp_path) == ["300", "300.1", "300.2", "300.3"]
    assert (tmp_path / "300.2").read_text() == "not ours"
    assert len({sha256(tmp_path / name) for name in ("300", "300.1", "300.3")}) == 3
    assert run("get", urls[2], "-d", tmp_path, "-q").returncode == 0
    assert sha256(tmp_path / "300") == sha256(tmp_path / "300.3")


def test_names_from_urls_stay_in_the_folder(scripted: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    urls = [scripted.url("/payload/") + tail for tail in ("10/..%2f..%2fevil", "10/%2e%2e", "10/a%20b")]

    async def answer(exchange: Any) -> None:
        await exchange.reply(200, [], b"x")

    scripted.script("/payload/", answer)
    done = run("get", *urls, "-d", out, "-q", "--json")
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == ["out"]
    assert ".._.._evil" in names(out)
    assert "a b" in names(out)


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/status/404", {}, 22),
        ("/status/500", {}, 22),
        ("/basic", {}, 22),
        ("/short", {}, 18),
        ("/reset", {}, 56),
        ("/no-answer", {}, 52),
        ("/redirect/loop", {}, 47),
        ("/redirect", {"to": "file:///etc/passwd"}, 1),
    ],
)
def test_exit_code_for_one_url(scripted: Any, tmp_path: Path, path: str, query: Any, code: int) -> None:
    target = tmp_path / "target"
    target.write_text("unchanged")
    url = scripted.url(path, **query)
    done = run("get", url, "-o", target, "--json")
    assert done.returncode == code, done.stderr
    (line,) = lines(done.stdout)
    assert (line["url"], line["path"], line["exit_code"]) == (url, None, code)
    assert line["error"]
    assert done.stderr.count("\n") == 1
    assert url in done.stderr
    assert target.read_text() == "unchanged"
    assert names(tmp_path) == ["target"]


@pytest.mark.parametrize(
    ("url", "code"),
    [("gopher://127.0.0.1/x", 1), ("file:///etc/passwd", 1), ("http://", 3), ("http://[::1/x", 3), ("", 3)],
)
def test_urls_that_are_none(tmp_path: Path, url: str, code: int) -> None:
    done = run("get", url, "-d", tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("urlmon: ")
    assert "Traceback" not in done.stderr
    assert names(tmp_path) == []


def test_refused(refusing_port: Any, tmp_path: Path) -> None:
    assert run("get", refusing_port.url("/x"), "-d", tmp_path).returncode == 7


def test_connect_timeout(silent_port: Any, tmp_path: Path) -> None:
    began = time.monotonic()
    done = run("get", silent_port.url("/x"), "-d", tmp_path, "--connect-timeout", 0.3)
    assert done.returncode == 28, done.stderr
    assert time.monotonic() - began < 10


def test_certificates(scripted: Any, ca: Any, tmp_path: Path) -> None:
    url = scripted.tls_url("/ok")
    assert run("get", url, "-d", tmp_path).returncode == 60
    assert run("get", url, "-d", tmp_path, "--cacert", ca.ca_file).returncode == 0
    for leaf in ("expired", "wrong_host", "unknown"):
        refused = run(
            "get", scripted.tls_url("/payload/9", leaf=leaf), "-d", tmp_path, "--cacert", ca.ca_file
        )
        assert refused.returncode == 60, refused.stderr
    assert names(tmp_path) == ["ok"]


def test_target_that_cannot_be_written(scripted: Any, tmp_path: Path) -> None:
    url = scripted.url("/payload/100")
    done = run("get", url, "-o", tmp_path / "missing" / "file")
    assert done.returncode == 23, done.stderr
    (tmp_path / "file").touch()
    done = run("get", url, "-d", tmp_path / "file" / "folder")
    assert done.returncode == 23
    assert names(tmp_path) == ["file"]


def test_list_goes_on_after_failures(scripted: Any, tmp_path: Path) -> None:
    urls = [
        scripted.url("/payload/10"),
        "gopher://user:secret@127.0.0.1/x",
        "http://user:secret@[::1/x",
        scripted.url("/status/404"),
        scripted.url("/payload/20"),
    ]
    done = run("get", "-i", "-", "-d", tmp_path, "--json", stdin="\n".join(urls))
    assert done.returncode == 1
    assert names(tmp_path) == ["10", "20"]
    codes = {line["exit_code"]: line["error"] for line in lines(done.stdout)}
    assert sorted(codes) == [0, 1, 3, 22]
    assert "urlmon: 2 of 5 files" in done.stderr
    assert "urlmon: 3 of 5 failed" in done.stderr
    assert "secret" not in done.stderr + done.stdout


def test_list_that_cannot_be_read(tmp_path: Path) -> None:
    done = run("get", "-i", tmp_path / "none")
    assert done.returncode == 2
    assert "none" in done.stderr
    assert run("get", "-i", tmp_path).returncode == 2


def test_empty_list(tmp_path: Path) -> None:
    done = run("get", "-i", "-", "-d", tmp_path, stdin="# nothing\n")
    assert done.returncode == 0
    assert "0 files" in done.stderr


def test_headers_are_sent(scripted: Any, tmp_path: Path) -> None:
    done = run("get", scripted.url("/ok"), "-d", tmp_path, "-q", "-H", "X-One: 1", "-H", "X-Two: a b")
    assert done.returncode == 0, done.stderr
    assert scripted.requests[0].header("X-One") == "1"
    assert scripted.requests[0].header("X-Two") == "a b"


def test_bad_header_starts_nothing(scripted: Any, tmp_path: Path) -> None:
    done = run("get", scripted.url("/ok"), "-d", tmp_path / "out", "-H", "X: a\r\nY: b")
    assert done.returncode == 2
    assert len(scripted.requests) == 0
    assert names(tmp_path) == []


def test_remote_names(scripted: Any, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_text("old")
    values = [
        'attachment; filename="report.pdf"',
        "attachment; filename*=UTF-8''%e2%82%ac.txt",
        'attachment; filename="../../evil"',
        'attachment; filename=".profile"',
        "inline",
    ]
    urls = [scripted.url("/disposition", value=value) for value in values]
    done = run("get", *urls, "-J", "-d", tmp_path, "-j", 2, "--json", "-q")
    assert done.returncode == 0, done.stderr
    expected = ["_profile", "disposition", "evil", "report.1.pdf", "report.pdf", "€.txt"]
    assert names(tmp_path) == expected
    assert sorted(Path(line["path"]).name for line in lines(done.stdout)) == sorted(
        set(expected) - {"report.pdf"}
    )
    assert (tmp_path / "report.pdf").read_text() == "old"
    assert all((tmp_path / name).read_bytes() == b"named" for name in expected if name != "report.pdf")


def test_remote_names_after_a_failure(scripted: Any, tmp_path: Path) -> None:
    assert run("get", scripted.url("/short"), "-J", "-d", tmp_path).returncode == 18
    assert names(tmp_path) == []


def test_passwords_are_not_shown(scripted: Any, tmp_path: Path) -> None:
    good = scripted.url("/basic").replace("http://", "http://user:secret@")
    bad = scripted.url("/status/403").replace("http://", "http://user:hunter2@")
    done = run("get", good, bad, "-d", tmp_path, "--json")
    assert done.returncode == 1
    assert names(tmp_path) == ["basic"]
    for word in ("secret", "hunter2", "user:"):
        assert word not in done.stdout + done.stderr


def test_netrc_only_where_asked(scripted: Any, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    netrc.chmod(0o600)
    out = tmp_path / "out"
    assert run("get", scripted.url("/basic"), "-d", out, HOME=str(tmp_path)).returncode == 22
    assert run("get", scripted.url("/basic"), "-d", out, "--netrc", HOME=str(tmp_path)).returncode == 0


def test_proxy(scripted: Any, proxy: Any, tmp_path: Path) -> None:
    done = run("get", scripted.url("/ok"), "-d", tmp_path, "--proxy", proxy.url)
    assert done.returncode == 0, done.stderr
    assert len(proxy.requests) == 1


def test_quiet(scripted: Any, tmp_path: Path) -> None:
    done = run("get", scripted.url("/ok"), scripted.url("/payload/9"), "-d", tmp_path, "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_version() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("urlmon ")


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_progress_on_a_terminal(scripted: Any, tmp_path: Path, term: str) -> None:
    pty = pytest.importorskip("pty")
    live = term != "dumb" and importlib.util.find_spec("rich") is not None
    controller, terminal = pty.openpty()
    if not live:
        scripted.release("half")  # otherwise when a line with half of the bytes was seen
    process = subprocess.Popen(
        [*COMMAND, "get", scripted.url("/hold-body/half", size=100_000), "-d", str(tmp_path)],
        stderr=terminal,
        env={**os.environ, "TERM": term},
    )
    os.close(terminal)
    seen = b""
    try:
        while piece := os.read(controller, 4096):
            seen += piece
            if b"48.8 KiB of 97.7 KiB" in seen:
                scripted.release("half")
    except OSError:  # how Linux reports that the other end has closed
        pass
    finally:
        scripted.release("half")
        assert process.wait(20) == 0
        os.close(controller)
    assert (b"48.8 KiB of 97.7 KiB" in seen) is live
    assert (b"\x1b[?25l" in seen) is live  # the cursor was hidden, and is back:
    assert seen.rfind(b"\x1b[?25h") >= seen.rfind(b"\x1b[?25l")
    assert b"urlmon: 1 file, 97.7 KiB" in seen


def test_a_thousand_files_in_little_memory(caddy: Any, tmp_path: Path) -> None:
    dice = random.Random(7)
    wanted = served(caddy, "cli-thousand", [int(1024 * 1024 ** dice.random()) for _ in range(1000)])
    urls = tmp_path / "urls"
    urls.write_text("".join(f"{caddy.http_url}/cli-thousand/{name}\n" for name in wanted))
    out = tmp_path / "out"
    arguments = ["get", "-i", str(urls), "-d", str(out), "-j", "16", "-q"]
    done = subprocess.run(
        [sys.executable, "-c", WITH_PEAK, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {name: sha256(out / name) for name in names(out)} == wanted
    if "san" not in os.environ.get("LD_PRELOAD", ""):  # a sanitizer keeps a shadow of the memory
        assert int(done.stdout) < 80 << 20


def test_demo(tmp_path: Path) -> None:
    began = time.monotonic()
    done = run("demo", "--seed", "3", "--keep", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 20
    assert "all checks passed" in done.stdout
    (order,) = (line for line in done.stdout.splitlines() if line.startswith("order "))
    assert set(order.removeprefix("order").replace(",", "").split()) == {"highest", "normal", "lowest"}
    kept = names(tmp_path)
    assert 250 < len(kept) < 300
    assert not [name for name in kept if name.endswith(".part")]
