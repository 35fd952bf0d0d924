"""The synchronous bind: everything inside the call, on the calling thread; nobody else waits (contract 1.4, 1.5)."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

import urlmon
import urlmon_core
from tests.lifecycle import check_script
from tests.recording import Recorder, bind, finish, in_thread, nothing_comes
from tests.servers import ScriptedServer, payload
from urlmon import BINDF, BINDSTATUS, BSCF, HRESULT, TYMED, BindInfo

SYNCHRONOUS = BindInfo(flags=BINDF(0))


def bind_and_wait(url: str, recorder: Any, storage: TYMED = TYMED.ISTREAM, path: Any = None) -> Any:
    context = urlmon.create_async_bind_ctx(recorder)
    return urlmon.create_url_moniker(url).bind_to_storage(context, storage, path)


@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL], ids=lambda kind: kind.name)
def test_all_callbacks_come_inside_on_the_calling_thread(
    scripted: ScriptedServer, tmp_path: Path, storage: TYMED
) -> None:
    def in_its_thread() -> Any:
        recorder = Recorder(SYNCHRONOUS, read=False)
        result = bind_and_wait(scripted.url("/payload/300000"), recorder, storage, tmp_path / "target")
        recorder.check()
        assert recorder.hresult == HRESULT.S_OK
        assert {call.thread for call in recorder.calls} == {threading.get_ident()}
        assert nothing_comes(0)
        if storage == TYMED.FILE:
            return Path(result).read_bytes()
        return bytes(result) if storage == TYMED.HGLOBAL else result.read()

    assert in_thread(in_its_thread) == payload(300_000)


def test_the_others_of_the_thread_progress_meanwhile(scripted: ScriptedServer) -> None:
    """The wait of the synchronous one ends only because another one was told of its end."""
    waiting = Recorder(SYNCHRONOUS)
    other = bind(
        scripted.url("/payload/300000"),
        Recorder(on_stop_binding=lambda recorder, *args: scripted.release("rest")),
    )
    stream = bind_and_wait(scripted.url("/hold-body/rest", size=1000), waiting)
    assert other.stopped
    assert other.body == payload(300_000)
    assert waiting.body == payload(1000)
    assert stream.read() == b""
    finish(other)


def test_several_that_wait_for_each_other(scripted: ScriptedServer) -> None:
    """Nested: each one's callback binds the next one and waits."""
    depth = 5
    inside: list[int] = []

    def descend(recorder: Recorder, *args: Any) -> None:
        if recorder.label < depth and recorder.label == len(inside) + 1:
            inside.append(recorder.label)
            bind_and_wait(
                scripted.url("/payload/70000"),
                Recorder(SYNCHRONOUS, label=recorder.label + 1, on_data_available=descend),
            )

    outermost = Recorder(SYNCHRONOUS, label=1, on_data_available=descend)
    bind_and_wait(scripted.url("/payload/70000"), outermost)
    assert inside == [1, 2, 3, 4]
    outermost.check()


@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL], ids=lambda kind: kind.name)
def test_a_failure_is_told_and_raised(scripted: ScriptedServer, tmp_path: Path, storage: TYMED) -> None:
    recorder = Recorder(SYNCHRONOUS)
    with pytest.raises(urlmon.DownloadError) as caught:
        bind_and_wait(scripted.url("/short"), recorder, storage, tmp_path / "target")
    assert recorder.error is caught.value
    recorder.check()
    assert list(tmp_path.iterdir()) == []


def test_aborted_from_inside(scripted: ScriptedServer) -> None:
    recorder = Recorder(SYNCHRONOUS, on_data_available=lambda recorder, *args: recorder.binding.abort())
    with pytest.raises(urlmon.AbortedError):
        bind_and_wait(scripted.url("/hold-body/never"), recorder)
    recorder.check()


def test_suspended_and_resumed_by_another(scripted: ScriptedServer) -> None:
    waiting = Recorder(SYNCHRONOUS, on_start_binding=lambda recorder, binding: binding.suspend())
    other = bind(
        scripted.url("/payload/1000"), Recorder(on_stop_binding=lambda *args: waiting.binding.resume())
    )
    assert bind_and_wait(scripted.url("/payload/1000"), waiting).read() == b""
    assert waiting.body == payload(1000)
    finish(other)


@pytest.mark.parametrize("storage", ["ISTREAM", "FILE"])
def test_ctrl_c_ends_the_wait(scripted: ScriptedServer, tmp_path: Path, storage: str) -> None:
    """The interrupt leaves the call, the operation is aborted, nothing is left behind, and the library works on."""
    out = check_script(
        """
        import signal
        target = argv[2] if argv[3] == "FILE" else None
        recorder = Recorder(urlmon.BindInfo(flags=urlmon.BINDF(0)), on_progress=lambda recorder, *args: (
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            if args[2] == urlmon.BINDSTATUS.BEGINDOWNLOADDATA else None))
        try:
            urlmon.create_url_moniker(argv[0]).bind_to_storage(
                urlmon.create_async_bind_ctx(recorder), urlmon.TYMED[argv[3]], target)
        except KeyboardInterrupt:
            print("interrupted")
        pump_until(lambda: recorder.stopped)
        recorder.check()
        print(recorder.hresult.name, os.listdir(os.path.dirname(argv[2])))
        print(urlmon.create_url_moniker(argv[1]).bind_to_storage().read())
        """,
        scripted.url("/hold-body/never"),
        scripted.url("/ok"),
        tmp_path / "target",
        storage,
    )
    assert out.splitlines() == ["interrupted", "E_ABORT []", "b'ok'"]


def test_lengths_beyond_32_bits_are_marked(scripted: ScriptedServer) -> None:
    """Contract 5.5: the client is told that a length does not fit; the numbers themselves always do."""
    size = 5 << 30

    async def huge(exchange: Any) -> None:
        exchange.close = True
        await exchange.head(200, [("Content-Length", str(size))])
        await exchange.send(payload(1000))

    scripted.script("/huge", huge)
    recorder = bind(scripted.url("/huge"), Recorder())
    finish(recorder)
    assert recorder.flags[0] & BSCF.LENGTH_64BIT_DOWNLOAD
    assert recorder.of("on_progress")[-1] == (1000, size, BINDSTATUS.PROGRESS_64BIT, f"1000,{size}")
    begin = recorder.statuses.index(BINDSTATUS.BEGINDOWNLOADDATA)
    assert recorder.statuses[begin + 1] == BINDSTATUS.PROGRESS_64BIT
    small = bind(scripted.url("/payload/1000"), Recorder())
    finish(small)
    assert BINDSTATUS.PROGRESS_64BIT not in small.statuses
    assert not any(flag & BSCF.LENGTH_64BIT_DOWNLOAD for flag in small.flags)


@pytest.mark.parametrize("where", ["in submit", "before the wait"])
def test_an_interrupt_between_handing_over_and_waiting(
    scripted: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Nobody would end that operation any more, and its partial file would be locked for ever."""

    def interrupted(binding: Any, *arguments: Any, **more: Any) -> None:
        urlmon_core.BindingBase.submit(binding, *arguments, **more)
        raise KeyboardInterrupt

    def interrupt(*arguments: Any) -> None:
        raise KeyboardInterrupt

    target = tmp_path / "file"
    with monkeypatch.context() as patch:
        if where == "in submit":
            patch.setattr(urlmon.Binding, "submit", interrupted, raising=False)
        else:
            patch.setattr("urlmon.moniker._wait", interrupt)
        moniker = urlmon.create_url_moniker(scripted.url("/hang-body", size=1000, at=10))
        with pytest.raises(KeyboardInterrupt):
            moniker.bind_to_storage(None, TYMED.FILE, target)
    urlmon.create_url_moniker(scripted.url("/payload/1000")).bind_to_storage(None, TYMED.FILE, target)
    assert target.read_bytes() == payload(1000)
    urlmon.run()
    assert os.listdir(tmp_path) == ["file"]
