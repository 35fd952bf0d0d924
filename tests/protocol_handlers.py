"""Protocol handlers for tests: one that does what it is told, step by step, and clients that it serves."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import urlmon
from tests.recording import FIRST, INTERMEDIATE, LAST, PULL, Recorder
from urlmon import HRESULT, TYMED, InternetProtocol, ProtocolData
from urlmon.identifiers import IID_IInternetProtocol

URL = "x-test:something"
NEXT = INTERMEDIATE


class Scripted(InternetProtocol):
    """Writes down how it is called, and does what hooks, named like its methods, do.

    `read` gives the items of `reads` one by one (bytes, None, or an exception), then b"".
    """

    def __init__(self, reads: Any = (), **hooks: Callable[..., Any]) -> None:
        self.reads = list(reads)
        self.hooks = hooks
        self.calls: list[str] = []
        self.threads: set[int] = set()
        self.priorities: list[int] = []
        self.url = ""
        self.sink: Any = None
        self.bind_info: Any = None
        self.start_arguments: tuple[Any, ...] = ()
        self.workers: list[threading.Thread] = []

    def _called(self, method: str, *arguments: Any, answer: Any = None) -> Any:
        self.calls.append(method)
        self.threads.add(threading.get_ident())
        hook = self.hooks.get(method)
        return answer if hook is None else hook(self, *arguments)

    def start(self, url: str, sink: Any, bind_info: Any, flags: int = 0, reserved: Any = None) -> Any:
        self.url, self.sink, self.bind_info = url, sink, bind_info
        self.start_arguments = (flags, reserved)
        return self._called("start", answer=HRESULT.E_PENDING)

    def continue_(self, data: ProtocolData) -> Any:
        return self._called("continue_", data)

    def abort(self, reason: int) -> Any:
        return self._called("abort", reason)

    def terminate(self) -> Any:
        return self._called("terminate")

    def suspend(self) -> Any:
        return self._called("suspend")

    def resume(self) -> Any:
        return self._called("resume")

    def lock_request(self) -> Any:
        return self._called("lock_request")

    def unlock_request(self) -> Any:
        return self._called("unlock_request")

    def set_priority(self, priority: int) -> Any:
        self.priorities.append(priority)
        return self._called("set_priority", priority)

    def read(self, size: int) -> bytes | None:
        if "read" in self.hooks:
            return self._called("read", size)
        self.calls.append("read")
        self.threads.add(threading.get_ident())
        item = self.reads.pop(0) if self.reads else b""
        if isinstance(item, Exception):
            raise item
        assert item is None or len(item) <= size
        return item

    # -- what a hook may want ---------------------------------------------------------------------------------------

    def work(self, function: Callable[[], object]) -> None:
        """Calls `function` on a thread of its own; `join` waits for all of them."""
        thread = threading.Thread(target=function, daemon=True)
        self.workers.append(thread)
        thread.start()

    def join(self) -> None:
        for thread in self.workers:
            thread.join(20)
            assert not thread.is_alive()

    def tell_all(self, size: int, media_type: str | None = "text/plain") -> None:
        """Reports `size` bytes, all there is."""
        if media_type is not None:
            self.sink.report_progress(urlmon.BINDSTATUS.VERIFIEDMIMETYPEAVAILABLE, media_type)
        self.sink.report_data(FIRST | LAST, size, size)
        self.sink.report_result(HRESULT.S_OK)


@contextlib.contextmanager
def served(scheme: str, *handlers: InternetProtocol) -> Iterator[None]:
    """URLs of `scheme` are handled by `handlers`, one after the other."""
    left = list(handlers)

    def factory() -> InternetProtocol:
        return left.pop(0)

    urlmon.register_name_space(scheme, factory)
    try:
        yield
    finally:
        urlmon.unregister_name_space(scheme, factory)


class Bringing(Recorder):
    """A client that brings its own handler."""

    def __init__(self, handler: Any, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.handler = handler
        self.asked: list[Any] = []

    def query_service(self, service: Any, iid: Any) -> Any:
        self.asked.append(iid)
        return self.handler if iid == IID_IInternetProtocol else None


def start(handler: Scripted, recorder: Any = None, storage: TYMED = TYMED.ISTREAM, path: Any = None) -> Any:
    """Binds URL on `handler`; returns the recorder, and what the bind returned."""
    client = recorder or Recorder(PULL)
    with served("x-test", handler):
        context = urlmon.create_async_bind_ctx(client)
        stream = urlmon.create_url_moniker(URL).bind_to_storage(context, storage, path)
    return client, stream


def let_go(client: Recorder) -> None:
    """Drops the stream, which the record of the calls has too."""
    client.stream = client.medium = None
    client.calls.clear()
