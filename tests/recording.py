"""A bind status callback that writes down every call, and the pumping, waiting and threads around it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import urlmon
from urlmon import BINDF, BINDSTATUS, BSCF, HRESULT, TYMED, BindInfo

LIMIT = 20.0  # seconds; what is waited for here takes milliseconds unless something is wrong

PULL = BindInfo(flags=BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE | BINDF.PULLDATA)

FIRST = BSCF.FIRSTDATANOTIFICATION
INTERMEDIATE = BSCF.INTERMEDIATEDATANOTIFICATION
LAST = BSCF.LASTDATANOTIFICATION
FULL = BSCF.DATAFULLYAVAILABLE

START = ["get_bind_info", "get_priority", "on_start_binding"]  # the calls inside the bind

Hook = Callable[..., Any]


class Call(NamedTuple):
    """One call of a callback: the method, its arguments and the id of the thread it came on."""

    method: str
    args: tuple[Any, ...]
    thread: int


class Recorder(urlmon.BindStatusCallback):
    """Writes all calls down. A hook, named like a method, is called with the recorder and the arguments of
    that method, and its answer is returned.

    Unless `read` is False, `on_data_available` first reads all there is into `body`. `info` may also be an HRESULT.
    """

    def __init__(
        self,
        info: Any = None,
        *,
        priority: Any = None,
        read: bool = True,
        label: object = None,
        **hooks: Hook,
    ) -> None:
        self.info = info if info is not None else BindInfo()
        self.priority = priority
        self.read = read
        self.label = label
        self.hooks = hooks
        self.thread = threading.get_ident()
        self.calls: list[Call] = []
        self.binding: Any = None
        self.medium: Any = None
        self.stream: Any = None
        self.body = bytearray()
        self.ended = False  # the stream said that nothing more will come
        self.stopped = False
        self.hresult: Any = None
        self.error: Any = None

    def _called(self, method: str, *args: Any) -> Any:
        self.calls.append(Call(method, args, threading.get_ident()))
        hook = self.hooks.get(method)
        return None if hook is None else hook(self, *args)

    def get_bind_info(self) -> Any:
        answer = self._called("get_bind_info")
        return self.info if answer is None else answer

    def get_priority(self) -> Any:
        answer = self._called("get_priority")
        return self.priority if answer is None else answer

    def on_start_binding(self, binding: Any) -> Any:
        self.binding = binding
        return self._called("on_start_binding", binding)

    def on_progress(self, progress: int, progress_max: int, status: BINDSTATUS, text: str | None) -> Any:
        return self._called("on_progress", progress, progress_max, status, text)

    def on_data_available(self, flags: BSCF, size: int, format: Any, medium: Any) -> Any:
        self.medium = medium
        if medium.tymed == TYMED.ISTREAM:
            self.stream = medium.stream
            if self.read:
                self.read_all()
        return self._called("on_data_available", flags, size, format, medium)

    def on_stop_binding(self, hresult: HRESULT, error: Any) -> Any:
        self.stopped = True
        self.hresult = hresult
        self.error = error
        return self._called("on_stop_binding", hresult, error)

    # -- what was seen ---------------------------------------------------------------------------------------------

    def read_all(self) -> None:
        """Reads what is there now into `body`."""
        while chunk := self.stream.read():
            self.body += chunk
        self.ended = chunk == b""

    @property
    def digest(self) -> str:
        """Hex SHA-256 of `body`."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def methods(self) -> list[str]:
        """The names of the methods called, in order."""
        return [call.method for call in self.calls]

    def of(self, method: str) -> list[tuple[Any, ...]]:
        """The arguments of each call of `method`."""
        return [call.args for call in self.calls if call.method == method]

    @property
    def statuses(self) -> list[BINDSTATUS]:
        """The statuses that on_progress got, in order."""
        return [args[2] for args in self.of("on_progress")]

    def texts(self, status: BINDSTATUS) -> list[str | None]:
        """The texts that came with `status`."""
        return [args[3] for args in self.of("on_progress") if args[2] == status]

    @property
    def flags(self) -> list[BSCF]:
        """The flags of each on_data_available."""
        return [args[0] for args in self.of("on_data_available")]

    @property
    def sequence(self) -> list[str]:
        """The calls by name, on_progress by the name of its status: what the contract's scenarios are written in."""
        return [call.args[2].name if call.method == "on_progress" else call.method for call in self.calls]

    def check(self) -> None:
        """What holds for every operation that was started and is over (contract 1.3, 3.2; invariant 7)."""
        assert {call.thread for call in self.calls} == {self.thread}, "a callback came on another thread"
        names = self.methods
        assert names[:3] == START
        assert [names.count(name) for name in ("get_bind_info", "on_start_binding", "on_stop_binding")] == [
            1,
            1,
            1,
        ]
        assert names[-1] == "on_stop_binding", "something came after the stop"
        hresult, error = self.of("on_stop_binding")[0]
        assert isinstance(hresult, int)
        if urlmon.succeeded(hresult):
            assert error is None
        else:
            assert isinstance(error, urlmon.BindError)
            assert error.hresult == hresult
        if self.binding is not None:
            assert self.binding.get_bind_result() == (hresult, error)


class Negotiator(Recorder):
    """A Recorder that offers IHttpNegotiate too."""

    def beginning_transaction(self, url: str, headers: Any) -> Any:
        return self._called("beginning_transaction", url, headers)

    def on_response(self, status: int, response_headers: str, request_headers: Any) -> Any:
        return self._called("on_response", status, response_headers, request_headers)


class ObjectRecorder(Recorder):
    """A Recorder that binds to objects."""

    def on_object_available(self, riid: Any, obj: Any) -> Any:
        return self._called("on_object_available", riid, obj)


def bind(url: str, recorder: Any, storage: TYMED = TYMED.ISTREAM, path: Any = None) -> Any:
    """Starts the bind of `url` and returns `recorder`."""
    context = urlmon.create_async_bind_ctx(recorder)
    answer = urlmon.create_url_moniker(url).bind_to_storage(context, storage, path)
    assert answer is None, "an asynchronous bind returns nothing"
    return recorder


def pump_until(condition: Callable[[], object], what: str = "", timeout: float = LIMIT) -> None:
    """Pumps until `condition` holds; TimeoutError, which says `what` was waited for, when it takes too long.

    Looks at least every 20 ms, because a condition may depend on other threads, whose doings wake no pump.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout} s: {what or condition}")
        urlmon.pump(0.02)


def finish(*recorders: Recorder, timeout: float = LIMIT) -> None:
    """Pumps until all of `recorders` have stopped, and checks what holds for each."""
    pump_until(lambda: all(recorder.stopped for recorder in recorders), "all stopped", timeout)
    for recorder in recorders:
        recorder.check()


def fetch(
    url: str,
    info: Any = None,
    storage: TYMED = TYMED.ISTREAM,
    path: Any = None,
    timeout: float = LIMIT,
    **more: Any,
) -> Recorder:
    """Binds `url`, pumps until it has stopped, returns what was recorded. `more` goes to the Recorder."""
    recorder: Recorder = bind(url, Recorder(info, **more), storage, path)
    finish(recorder, timeout=timeout)
    return recorder


def download(url: str, path: Any, info: Any = None, **more: Any) -> Recorder:
    """As `fetch`, to the file `path`."""
    return fetch(url, info, TYMED.FILE, path, **more)


def names(folder: Path) -> list[str]:
    """What is in `folder`, sorted."""
    return sorted(path.name for path in folder.iterdir())


def returning(value: Any) -> Any:
    """A hook that returns `value`."""
    return lambda recorder, *args: value


def name_of(value: object) -> str | None:
    """The id of a parameter: the name of a member of an enum, pytest's own choice else."""
    return getattr(value, "name", None)


def nothing_comes(seconds: float = 0.1) -> bool:
    """Whether the pump has nothing to deliver for so long."""
    return urlmon.pump(seconds) == 0


def run_threads(functions: Iterable[Callable[[], object]], timeout: float = 60.0) -> list[Any]:
    """Calls each function in a thread of its own and returns what they returned; the first exception is raised here."""
    results: dict[int, object] = {}
    errors: list[BaseException] = []

    def call(number: int, function: Callable[[], object]) -> None:
        try:
            results[number] = function()
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=call, args=pair, name=f"apartment-{pair[0]}", daemon=True)
        for pair in enumerate(functions)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    if errors:
        raise errors[0]
    alive = [thread.name for thread in threads if thread.is_alive()]
    if alive:
        raise TimeoutError(f"still running after {timeout} s: {', '.join(alive)}")
    return [results[number] for number in sorted(results)]


def in_thread(function: Callable[[], Any], timeout: float = LIMIT) -> Any:
    """What `function` returns or raises in a new thread."""
    return run_threads([function], timeout)[0]
