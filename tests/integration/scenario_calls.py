"""The calls of the scenarios of contract 3.5, as they are compared, and a server that sends its body in parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.recording import Call, Recorder
from tests.servers import Exchange, ScriptedServer, payload
from urlmon import BINDF, BSCF, HRESULT, BindInfo

SYNCHRONOUS = BindInfo(flags=BINDF(0))
START = [("get_bind_info",), ("get_priority",), ("on_start_binding",)]
STOP = ("on_stop_binding", HRESULT.S_OK, None)


def told(recorder: Recorder) -> list[tuple[Any, ...]]:
    """Every call with its arguments; objects by what can be compared."""
    recorder.check()  # the thread of each call, among others
    return [plain(call) for call in recorder.calls]


def plain(call: Call) -> tuple[Any, ...]:
    """One call: its method and what can be compared of its arguments."""
    match call.method, call.args:
        case "on_progress", (progress, most, status, text):
            return ("on_progress", status.name, progress, most, text)
        case "on_data_available", (flags, size, format, medium):
            assert format.tymed == medium.tymed
            return ("on_data_available", flags, size, format.media_type)
        case "on_stop_binding", (hresult, error):
            return ("on_stop_binding", hresult, error if error is None else type(error))
        case "on_response", (status, head, _):
            return ("on_response", status, head.partition("\r\n")[0])
        case "beginning_transaction", (url, _):
            return ("beginning_transaction", url)
    return (call.method,)


def progress(name: str, so_far: int = 0, most: int = 0, text: str | None = "") -> tuple[Any, ...]:
    return ("on_progress", name, so_far, most, text)


def data(flags: BSCF, size: int, media_type: str = "application/octet-stream") -> tuple[Any, ...]:
    return ("on_data_available", flags, size, media_type)


def connecting(server: ScriptedServer) -> list[tuple[Any, ...]]:
    """What a first request to `server` by its address tells."""
    return [
        progress("FINDINGRESOURCE", text="127.0.0.1"),
        progress("CONNECTING", text=f"127.0.0.1:{server.port}"),
        progress("SENDINGREQUEST"),
    ]


def script_parts(server: ScriptedServer) -> str:
    """A body of 1000 bytes of no announced length in three parts: 500 bytes, 500 bytes, the end.

    In how many parts a body comes is left to chance on a network; this one sends each part only when the client has
    told that it has the one before (`release_next`), so that the whole sequence can be compared.
    """

    async def send(exchange: Exchange) -> None:
        await exchange.head(
            200, [("Content-Type", "application/octet-stream"), ("Transfer-Encoding", "chunked")]
        )
        await exchange.chunk(payload(500))
        await exchange.passed("more")
        await exchange.chunk(payload(1000)[500:])
        await exchange.passed("end")
        await exchange.end_chunks()

    server.script("/parts", send)
    return server.url("/parts")


def parts(url: str, last: BSCF) -> list[tuple[Any, ...]]:
    """What the body of `script_parts` tells; `last`: the flags of the last on_data_available."""
    return [
        progress("BEGINDOWNLOADDATA", 500, text=url),
        data(BSCF.FIRSTDATANOTIFICATION, 500),
        progress("DOWNLOADINGDATA", 1000, text=url),
        data(BSCF.INTERMEDIATEDATANOTIFICATION, 1000),
        progress("ENDDOWNLOADDATA", 1000, text=url),
        data(last, 1000),
    ]


def release_next(server: ScriptedServer) -> Callable[..., None]:
    """A hook for on_data_available: the next part may come."""
    gates = iter(["more", "end"])

    def hook(recorder: Recorder, *args: Any) -> None:
        for gate in gates:
            server.release(gate)
            return

    return hook
