"""A loop that was closed under its tasks, and one within which another runs, are not taken for what they are not."""

from __future__ import annotations

import importlib.util

import pytest

from tests.lifecycle import check_script
from tests.servers import ScriptedServer, payload

AFTERWARDS = """
from urlmon import aio

async def fetch():
    async with aio.open(argv[0]) as response:
        return await response.read()
"""

CLOSED_UNDER_ITS_TASKS = """
import asyncio
import anyio

async def abandoned():
    async with anyio.create_task_group() as group:
        urlmon.attach(group)
        await anyio.sleep_forever()

loop = asyncio.new_event_loop()
task = loop.create_task(abandoned())
while urlmon.Apartment.current().attachment is None:
    loop.run_until_complete(asyncio.sleep(0))
loop.close()
stale = urlmon.Apartment.current().attachment
assert stale.is_open
"""


def _need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("following", ["asyncio.run(fetch())", "anyio.run(fetch)"])
def test_an_asyncio_loop_that_was_closed_under_a_task_group(scripted: ScriptedServer, following: str) -> None:
    _need("anyio")
    end = f"print({following}, stale.is_open, flush=True)\nos._exit(0)\n"
    script = AFTERWARDS + CLOSED_UNDER_ITS_TASKS + end
    assert check_script(script, scripted.url("/payload/5")) == f"{payload(5)!r} False\n"


GUEST = """
import asyncio
import trio

async def guest(ready, over):
    attachment = urlmon.attach()
    ready.set_result(None)
    with trio.CancelScope():
        await over.wait()
    attachment.close()

async def host():
    loop = asyncio.get_running_loop()
    ready, ended, over = loop.create_future(), loop.create_future(), trio.Event()
    trio.lowlevel.start_guest_run(
        guest, ready, over, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=ended.set_result
    )
    await ready
    body = await fetch()
    assert urlmon.Apartment.current().attachment is not None
    trio.lowlevel.current_trio_token().run_sync_soon(over.set)
    (await ended).unwrap()
    return body == await fetch() and body

print(asyncio.run(host()))
"""


def test_the_host_of_a_trio_guest(scripted: ScriptedServer) -> None:
    """Its tasks are of asyncio, although a trio run is there."""
    _need("trio")
    assert check_script(AFTERWARDS + GUEST, scripted.url("/payload/5")) == f"{payload(5)!r}\n"
