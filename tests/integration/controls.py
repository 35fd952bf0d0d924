"""Operations that a test holds at a gate, waits for without pumping, and ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import urlmon
from tests.recording import Recorder, bind, finish
from tests.servers import ScriptedServer

MIB = 1 << 20


def statistics() -> dict[str, Any]:
    return urlmon.Apartment.current().statistics()


def wait_until(condition: Callable[[], object], timeout: float = 10.0) -> None:
    """Waits without pumping. The I/O thread gives no event to its owner's back."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.002)


def wait_ended() -> None:
    """Returns when the I/O thread has ended all transfers of this thread, of which nothing was told yet."""
    wait_until(lambda: all(one.state == "ended" for one in urlmon.Apartment.current().live_bindings))


def started(scripted: ScriptedServer) -> list[str]:
    """The paths the server was asked for, without /hold/ and in order."""
    return [path.rsplit("/", 1)[-1] for path in scripted.requests.paths()]


def hold(scripted: ScriptedServer, name: str, host: str = "127.0.0.1", **more: Any) -> Recorder:
    """Binds /hold/<name>, which is answered when the gate of that name is released."""
    recorder: Recorder = bind(scripted.url(f"/hold/{name}", host=host), Recorder(label=name, **more))
    return recorder


def cancel(*recorders: Recorder) -> None:
    """Aborts what still runs and waits for the end."""
    for recorder in recorders:
        if not recorder.stopped:
            recorder.binding.abort()
    finish(*recorders)
