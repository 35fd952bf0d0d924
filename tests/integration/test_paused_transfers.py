"""Transfers that libcurl cannot pause or resume, because they have no connection yet, or no longer."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Iterator

import urlmon
import urlmon_core
from tests.recording import Recorder, bind, fetch, finish, pump_until
from tests.servers import CertificateAuthority, Exchange, ScriptedServer
from urlmon import HRESULT


class Relay:
    """A port whose connections go on to another one, but not before the gate is open."""

    def __init__(self, port: int) -> None:
        self.gate = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.listener.getsockname()[1]}"
        self._to = port
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # of the listener that was closed
            while True:
                near, _ = self.listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(near,)))
                self._threads[-1].start()

    def _serve(self, near: socket.socket) -> None:
        self.gate.wait(20)
        with near, socket.create_connection(("127.0.0.1", self._to)) as far:
            back = threading.Thread(target=_copy, args=(far, near))
            back.start()
            _copy(near, far)
            back.join()

    def close(self) -> None:
        self.gate.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self.listener.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def relay(port: int) -> Iterator[Relay]:
    it = Relay(port)
    try:
        yield it
    finally:
        urlmon_core.stop_reactor()  # closes its connections
        it.close()


def test_suspended_before_there_is_a_connection(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    """Over TLS a second transfer waits for the first connection, which may turn out to multiplex."""
    with relay(scripted.tls_ports["good"]) as gated:
        url = gated.url + "/payload/1000"
        info = urlmon.BindInfo(ca_file=str(ca.ca_file))
        first, second, third = (bind(url, Recorder(info)) for _ in range(3))
        pump_until(lambda: third.binding.state == "connecting")
        assert third.binding.suspend() == HRESULT.S_OK
        for _ in range(3):
            assert second.binding.suspend() == HRESULT.S_OK
            urlmon.pump(0.02)
            assert second.binding.resume() == HRESULT.S_OK
            urlmon.pump(0.02)
        gated.gate.set()
        finish(first, second)
        urlmon.pump(0.1)
        assert third.binding.bytes_received == 0
        assert third.binding.resume() == HRESULT.S_OK
        finish(third)
    for recorder in (first, second, third):
        assert (recorder.hresult, len(recorder.body)) == (HRESULT.S_OK, 1000)


def test_resume_of_what_has_just_ended(scripted: ScriptedServer) -> None:
    """The client makes room while libcurl hands over the last bytes of an encoded body: nobody can foresee them."""
    text = b"".join(b"%d " % number for number in range(500_000))
    body = gzip.compress(text)

    async def serve(exchange: Exchange) -> None:
        await exchange.reply(200, [("Content-Encoding", "gzip")], body)

    scripted.script("/encoded", serve)
    for _ in range(100):
        recorder = fetch(scripted.url("/encoded"))
        assert (recorder.hresult, len(recorder.body)) == (HRESULT.S_OK, len(text))
