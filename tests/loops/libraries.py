"""asyncio, trio, and anyio above either, as the tests of `urlmon.aio` use them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

Main = Callable[[], Awaitable[Any]]


class Library:
    """How one library runs a function, cancels a block after some time, and runs functions beside each other."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, main: Main, timeout: float = 30.0) -> Any:
        """What `main` returns or raises; TimeoutError when it takes too long."""
        if self.name == "asyncio":
            return asyncio.run(asyncio.wait_for(main(), timeout))  # type: ignore[arg-type]
        if self.name == "uvloop":
            import uvloop

            loop = uvloop.new_event_loop()
            try:
                return loop.run_until_complete(asyncio.wait_for(main(), timeout))
            finally:
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.close()
        if self.name == "trio":
            import trio

            async def limited() -> Any:
                with trio.fail_after(timeout):
                    return await main()

            return trio.run(limited)
        import anyio

        async def limited_too() -> Any:
            with anyio.fail_after(timeout):
                return await main()

        return anyio.run(limited_too, backend=self.name.removeprefix("anyio on "))

    def cancel_after(self, seconds: float) -> Any:
        """An `async with` whose block is cancelled after so many seconds, without an error outside."""
        return _CancelAfter(self, seconds)

    async def sleep(self, seconds: float) -> None:
        if self.name in ("asyncio", "uvloop"):
            await asyncio.sleep(seconds)
        elif self.name == "trio":
            import trio

            await trio.sleep(seconds)
        else:
            import anyio

            await anyio.sleep(seconds)


class _CancelAfter:
    def __init__(self, library: Library, seconds: float) -> None:
        self.library = library
        self.seconds = seconds
        self.inner: Any = None
        # Before Python 3.11 the scopes of anyio stand in for asyncio.timeout.
        self.asyncio = library.name in ("asyncio", "uvloop") and sys.version_info >= (3, 11)

    async def __aenter__(self) -> None:
        if self.asyncio:
            self.inner = asyncio.timeout(self.seconds)
            await self.inner.__aenter__()
            return
        if self.library.name == "trio":
            import trio

            self.inner = trio.move_on_after(self.seconds)
        else:
            import anyio

            self.inner = anyio.move_on_after(self.seconds)
        self.inner.__enter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if self.asyncio:
            try:
                await self.inner.__aexit__(kind, error, trace)
            except TimeoutError:
                return True
            return False
        return bool(self.inner.__exit__(kind, error, trace))


LIBRARIES = ("asyncio", "uvloop", "trio", "anyio on asyncio", "anyio on trio")
