"""urlmon.aio: the same in asyncio, uvloop, trio and anyio."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.loops.libraries import LIBRARIES, Library
from tests.servers import RefusingPort, ScriptedServer, payload, payload_sha256
from urlmon import aio

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup  # trio and anyio bring it


@pytest.fixture(scope="module", autouse=True)
def warm_uvloop() -> None:
    """libuv opens a pipe for signals with its first loop, and keeps it."""
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop

        uvloop.new_event_loop().close()


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Library:
    package = request.param.partition(" ")[0]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    return Library(request.param)


def live() -> int:
    found: int = urlmon.Apartment.current().statistics()["bindings"]
    return found


def test_a_response(library: Library, scripted: ScriptedServer) -> None:
    async def main() -> None:
        digest = hashlib.sha256()
        async with aio.open(
            scripted.url("/redirect/chain/2"), priority=3, headers={"X-Mine": "1"}
        ) as response:
            assert (response.status, response.priority) == (200, 3)
            assert response.url != scripted.url("/redirect/chain/2")
            assert await response.read() == b"arrived"
            assert await response.read() == b""
        async with aio.open(scripted.url("/payload/3000000")) as response:
            assert response.header("content-type") == "application/octet-stream"
            assert ("Content-Length", "3000000") in response.headers
            async for view in response:
                digest.update(view)
        assert digest.hexdigest() == payload_sha256(3_000_000)
        assert scripted.requests[0].header("X-Mine") == "1"
        assert live() == 0

    library.run(main)


def test_parts_of_a_body(library: Library, scripted: ScriptedServer) -> None:
    async def main() -> None:
        async with aio.open(scripted.url("/hold-body/gate", size=10_000, at=4000)) as response:
            assert response.status == 200
            first = await response.read(1500)
            buffer = bytearray(100)
            count = await response.readinto(buffer)
            scripted.release("gate")
            rest = await response.read()
            assert first + buffer[:count] + rest == payload(10_000)
            assert await response.readinto(buffer) == 0
            assert await response.read(10) == b""
            assert not await response.read_view()

    library.run(main)


def test_empty_and_failed_bodies(
    library: Library, scripted: ScriptedServer, refusing_port: RefusingPort
) -> None:
    async def main() -> None:
        async with aio.open(scripted.url("/payload/0")) as response:
            assert await response.read() == b""
        async with aio.open(scripted.url("/status/404", size=100)) as response:
            assert response.status == 404
            assert len(await response.read()) == 100
            with pytest.raises(urlmon.HTTPNotFoundError):
                response.raise_for_status()
        with pytest.raises(urlmon.HTTPNotFoundError):
            async with aio.open(scripted.url("/status/404", size=100), fail_on_http_error=True):
                pass
        with pytest.raises(urlmon.ConnectError):
            async with aio.open(refusing_port.url()):
                pass
        with pytest.raises(urlmon.UnknownProtocolError):
            async with aio.open("unheard-of://host/"):
                pass
        async with aio.open(scripted.url("/short", size=1000, sent=10)) as response:
            assert await response.read(10) == payload(1000)[:10]
            with pytest.raises(urlmon.DownloadError):
                await response.read()
        assert live() == 0

    library.run(main)


def test_suspend_resume_and_priority(library: Library, scripted: ScriptedServer) -> None:
    async def main() -> None:
        async with aio.open(scripted.url("/hold-body/gate", size=10_000, at=4000)) as response:
            assert len(await response.read(4000)) > 0
            response.suspend()
            response.priority = 7
            assert response.binding.is_suspended
            assert response.priority == 7
            scripted.release("gate")
            response.resume()
            while await response.read():
                pass

    library.run(main)


def test_a_reader_that_does_not_read_holds_the_transfer(library: Library, scripted: ScriptedServer) -> None:
    async def main() -> None:
        async with aio.open(scripted.url("/payload/50000000")) as response:
            while response.binding.state != "paused":
                await library.sleep(0.005)
            assert response.binding.bytes_received <= (2 << 20) + (1 << 18)
        assert live() == 0

    library.run(main)


def test_cancelling_aborts_and_frees_the_slot_at_once(
    library: Library, scripted: ScriptedServer, tmp_path: Path
) -> None:
    apartment = urlmon.Apartment.current()
    before = apartment.limits()
    apartment.configure(max_active=1, max_per_host=1, urgent_slots=0)
    hanging = scripted.url("/hang-body", size=100_000, at=1000)

    async def opening() -> None:
        async with aio.open(scripted.url("/hang")):
            raise AssertionError("it has no head")

    async def reading() -> None:
        async with aio.open(hanging) as response:
            await response.read()

    async def downloading() -> None:
        await aio.download(hanging, tmp_path / "one")

    async def gathering() -> None:
        await aio.gather_downloads([(hanging, tmp_path / str(number)) for number in range(20)], limit=5)

    async def main() -> None:
        for work in (opening, reading, downloading, gathering):
            async with library.cancel_after(0.1):
                await work()
                raise AssertionError("it was cancelled")
            # Told and let go when the cancelled call returns: nothing live, no partial file, the only slot free.
            assert live() == 0
            assert os.listdir(tmp_path) == []
            async with aio.open(scripted.url("/payload/100")) as response:
                assert len(await response.read()) == 100

    try:
        library.run(main)
    finally:
        apartment.configure(max_active=before[0], max_per_host=before[1], urgent_slots=before[2])


def test_download(library: Library, scripted: ScriptedServer, tmp_path: Path) -> None:
    async def main() -> None:
        target = tmp_path / "file"
        done = await aio.download(scripted.url("/payload/300000"), target, priority=urlmon.Priority.HIGHEST)
        assert done == aio.Downloaded(scripted.url("/payload/300000"), str(target), 300_000, 200)
        assert target.read_bytes() == payload(300_000)
        with pytest.raises(urlmon.HTTPNotFoundError):
            await aio.download(scripted.url("/status/404"), tmp_path / "missing")
        with pytest.raises(urlmon.MissingFolderError):
            await aio.download(scripted.url("/payload/10"), tmp_path / "no" / "folder")
        assert os.listdir(tmp_path) == ["file"]

    library.run(main)


def test_gather_downloads(library: Library, scripted: ScriptedServer, tmp_path: Path) -> None:
    async def main() -> None:
        taken = 0

        def items() -> Any:
            nonlocal taken
            for number in range(50):
                taken += 1
                assert live() <= 6
                yield aio.Item(scripted.url(f"/payload/{number * 100}"), tmp_path / str(number), number % 3)

        found = await aio.gather_downloads(items(), limit=6)
        assert taken == 50
        assert [done.bytes for done in found] == [number * 100 for number in range(50)]
        assert len(os.listdir(tmp_path)) == 50
        assert await aio.gather_downloads([]) == []

    library.run(main)


def test_failures_of_gather_downloads(
    library: Library, scripted: ScriptedServer, refusing_port: RefusingPort, tmp_path: Path
) -> None:
    async def main() -> None:
        hanging = [(scripted.url("/hang-body", size=9000, at=10), tmp_path / f"h{n}") for n in range(5)]
        with pytest.raises(ExceptionGroup) as raised:
            await aio.gather_downloads([*hanging, (refusing_port.url(), tmp_path / "refused")])
        assert raised.group_contains(urlmon.ConnectError)
        assert live() == 0
        assert os.listdir(tmp_path) == []
        found = await aio.gather_downloads(
            [
                (scripted.url("/payload/10"), tmp_path / "good"),
                (refusing_port.url(), tmp_path / "refused"),
                ("unheard-of://host/", tmp_path / "unknown"),
                (scripted.url("/status/500"), tmp_path / "500"),
            ],
            return_exceptions=True,
        )
        assert [type(one) for one in found] == [
            aio.Downloaded,
            urlmon.ConnectError,
            urlmon.UnknownProtocolError,
            urlmon.HTTPStatusError,
        ]
        assert os.listdir(tmp_path) == ["good"]

    library.run(main)


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="ExceptionGroup is a builtin")
def test_failures_where_there_is_no_exception_group(
    monkeypatch: pytest.MonkeyPatch, refusing_port: RefusingPort, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "exceptiongroup", None)  # as if it were not installed
    with pytest.raises(urlmon.ConnectError):
        asyncio.run(aio.gather_downloads([(refusing_port.url(), tmp_path / "refused")]))


def test_an_apartment_that_closes_under_a_task(library: Library, scripted: ScriptedServer) -> None:
    async def main() -> None:
        async with aio.open(scripted.url("/hang-body", size=1000, at=10)) as response:
            await response.read(10)
            urlmon.Apartment.current().close()
            with pytest.raises(urlmon.AbortedError):
                await response.read()
        async with aio.open(scripted.url("/payload/10")) as response:
            assert await response.read() == payload(10)

    library.run(main)


def test_outside_of_a_task() -> None:
    coroutine = aio.open("http://localhost/").__aenter__()
    with pytest.raises(RuntimeError):
        coroutine.send(None)
    with pytest.raises(RuntimeError):
        aio.open("http://localhost/").status  # noqa: B018 - it raises


# -- what users of asyncio expect --------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.TaskGroup is of Python 3.11")
def test_task_groups_and_timeouts_of_asyncio(
    scripted: ScriptedServer, refusing_port: RefusingPort, tmp_path: Path
) -> None:
    hanging = scripted.url("/hang-body", size=9000, at=10)

    async def reading(url: str) -> None:
        async with aio.open(url) as response:
            await response.read()

    async def failing_group() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(aio.download(hanging, tmp_path / f"hanging{number}"))
            group.create_task(aio.download(refusing_port.url(), tmp_path / "refused"))

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(aio.download(scripted.url(f"/payload/{size}"), tmp_path / str(size)))
                for size in range(100, 1100, 100)
            ]
        assert [task.result().bytes for task in tasks] == list(range(100, 1100, 100))
        with pytest.raises(ExceptionGroup) as raised:
            await failing_group()
        assert [type(error) for error in raised.value.exceptions] == [urlmon.ConnectError]
        assert live() == 0
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(aio.download(hanging, tmp_path / "late"), 0.05)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reading(hanging), 0.05)
        assert live() == 0
        assert len(os.listdir(tmp_path)) == 10

        # Cancelled twice, and cancelled while it is being closed: the task is cancelled, and nothing is left.
        task = asyncio.create_task(aio.download(hanging, tmp_path / "twice"))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert live() == 0

    asyncio.run(main())


def test_one_loop_after_the_other(scripted: ScriptedServer) -> None:
    async def main() -> bytes:
        async with aio.open(scripted.url("/payload/1000")) as response:
            return await response.read()

    for _ in range(5):
        assert asyncio.run(main()) == payload(1000)


def test_loops_of_several_threads(scripted: ScriptedServer) -> None:
    from tests.recording import run_threads

    async def main() -> bytes:
        async with aio.open(scripted.url("/payload/100000")) as response:
            return await response.read()

    async def many() -> int:
        return len(
            {hashlib.sha256(body).digest() for body in await asyncio.gather(*(main() for _ in range(20)))}
        )

    assert run_threads([lambda: asyncio.run(many())] * 4) == [1] * 4
