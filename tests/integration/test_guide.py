"""The user's guide, run as it stands: its blocks are one program."""

from __future__ import annotations

import base64
import contextlib
import re
from pathlib import Path

import pytest

from tests.servers import Exchange, ScriptedServer
from tests.servers.payload import payload

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide.md"

# tools/check_dist.py runs the tests alone, from a copy.
pytestmark = pytest.mark.skipif(not GUIDE.is_file(), reason="the documentation is not beside these tests")


@pytest.fixture
def origin(scripted: ScriptedServer) -> str:
    """The server that the guide speaks of."""

    async def form(exchange: Exchange) -> None:
        await exchange.read_body()
        await exchange.reply(201, [], b"")

    async def private(exchange: Exchange) -> None:
        if exchange.request.header("Authorization") == "Basic " + base64.b64encode(b"user:secret").decode():
            await exchange.reply(200, [], b"welcome")
        else:
            await exchange.reply(401, [("WWW-Authenticate", 'Basic realm="guide"')], b"")

    async def data(exchange: Exchange) -> None:
        await exchange.reply(200, [], payload(1_000_000))

    async def large(exchange: Exchange) -> None:
        with contextlib.suppress(ConnectionError):
            await exchange.reply(
                200, [], payload(1 << 25)
            )  # more than fits between the server and a client that is suspended

    async def missing(exchange: Exchange) -> None:
        await exchange.reply(404, [], b"")

    scripts = {
        "/form": form,
        "/private": private,
        "/data.bin": data,
        "/large.bin": large,
        "/missing": missing,
    }
    for path, script in scripts.items():
        scripted.script(path, script)
    return scripted.url("/")[:-1]


@pytest.mark.usefixtures("limits")
def test_the_guide(scripted: ScriptedServer, origin: str, tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 10
    names: dict[str, object] = {"folder": tmp_path}
    for number, block in enumerate(blocks):
        source = block.replace("https://example.org", origin)
        exec(compile(source, f"{GUIDE.name}, block {number}", "exec"), names)
    names.clear()  # its functions hold it
    assert [request.body for request in scripted.requests if request.method == "POST"] == [b"name=value"]
