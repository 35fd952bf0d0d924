"""Downloads for `async` functions: `open`, `download`, `gather_downloads`; on asyncio, trio and anyio alike.

What the event loop of the thread is, is found out at each call, and the apartment attached to it (`urlmon.attach`).
Cancelling a task, in whatever way, aborts its operation; it has let go of its slot, its connection and its partial
file when the cancelled call returns. A failed operation raises its `urlmon.BindError`.
"""

from __future__ import annotations

from urlmon.aio.downloads import Downloaded, Item, download, gather_downloads
from urlmon.aio.response import Response, open

__all__ = ["Downloaded", "Item", "Response", "download", "gather_downloads", "open"]
