"""Each fault by itself, a short run of all of them against random clients, and what longer runs have found."""

from __future__ import annotations

import gzip
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import urlmon
from tests.faults.origin import FaultOrigin
from tests.faults.scripts import EITHER, FAILURE, FAULTS, GZIP_FAULTS, SUCCESS, Script, script_of
from tests.faults.session import Session, Tally
from tests.recording import Recorder, bind, pump_until
from tests.servers.exchange import Exchange
from tests.servers.payload import payload
from tests.servers.scripted import ScriptedServer
from tests.servers.tls import CertificateAuthority
from urlmon import HRESULT, TYMED

STORAGES = [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL]


@pytest.fixture(scope="module")
def origin(ca: CertificateAuthority) -> Iterator[FaultOrigin]:
    with FaultOrigin(ca) as server:
        yield server
        assert not server.errors


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=list(FAULTS))
def test_fault(origin: FaultOrigin, ca: CertificateAuthority, tmp_path: Path, number: int) -> None:
    script = script_of(number)
    assert script.fault == list(FAULTS)[number]
    for storage in STORAGES:
        tally = Tally()
        stall = 1.0 if script.fault in ("stall", "tls-stall", "h2-stall") else 5.0
        session = Session(origin.ports, str(ca.ca_file), str(tmp_path), number, tally, stall=stall)
        hresult = session.run_one(script, storage)
        assert tally.breaks == []
        expected = SUCCESS if storage == TYMED.FILE and script.fault in GZIP_FAULTS else script.expectation
        assert expected == EITHER or (hresult == HRESULT.S_OK) == (expected == SUCCESS)
        assert list(tmp_path.iterdir()) == []


def test_the_checks_can_fail(origin: FaultOrigin, ca: CertificateAuthority, tmp_path: Path) -> None:
    """The same client, told to expect another body, or another end, finds both."""
    right = script_of(len(FAULTS) + next(i for i in range(1000) if script_of(len(FAULTS) + i).fault == ""))
    wrong_body = Script(
        right.seed,
        "http",
        "",
        max(right.size, 10) + 1,
        right.body_seed + 1,
        chunked=False,
        gzip=False,
        ranges="honest",
    )
    wrong_end = Script(right.seed, "http", "close", right.size, right.body_seed, False, False, "honest")
    for script, said in ((wrong_body, "wrong"), (wrong_end, f"{FAILURE} was expected")):
        for storage in STORAGES:
            tally = Tally()
            Session(origin.ports, str(ca.ca_file), str(tmp_path), 0, tally).run_one(script, storage)
            assert any(said in line for line in tally.breaks), (script, storage, tally.breaks)


def test_random_clients(origin: FaultOrigin, ca: CertificateAuthority, tmp_path: Path) -> None:
    """A short soak in this process; `make soak` is the long one."""
    tally = Tally()

    def run(first: int) -> None:
        session = Session(origin.ports, str(ca.ca_file), str(tmp_path), first, tally, stall=8.0)
        session.run(range(first, first + 100))

    threads = [threading.Thread(target=run, args=(first,)) for first in (10_000, 20_000)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a thread may end with live operations, on purpose
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(50)
            assert not thread.is_alive()
    assert tally.breaks == []
    assert tally.faulted > tally.binds * 0.3
    assert tally.verified > 20


@pytest.mark.parametrize("end", ["Content-Le", "Content-Length: 5\r\n\r", "Transfer-Encoding: chunked\r\n\r"])
@pytest.mark.parametrize("storage", STORAGES)
def test_a_head_that_is_cut_is_no_empty_body(
    scripted: ScriptedServer, tmp_path: Path, storage: TYMED, end: str
) -> None:
    """libcurl takes a connection that closes within the head for the end of a response without a body."""

    async def cut(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + end.encode())
        exchange.close = True

    scripted.script("/cut", cut)
    target = tmp_path / "target"
    client = Recorder()
    bind(scripted.url("/cut"), client, storage, target if storage == TYMED.FILE else None)
    pump_until(lambda: client.stopped)
    assert isinstance(client.error, urlmon.DownloadError)
    assert any(said in str(client.error) for said in ("within the head", "5 bytes remaining"))
    assert list(tmp_path.iterdir()) == []


def test_an_error_that_shows_after_a_pause(scripted: ScriptedServer) -> None:
    """libcurl decodes what it held back when the transfer goes on, and says only there that it could not."""
    body = payload(30_000)
    packed = gzip.compress(body)
    broken = packed[:-8] + bytes(4) + packed[-4:]  # the checksum

    async def serve(exchange: Exchange) -> None:
        await exchange.reply(200, [("Content-Encoding", "gzip")], broken)

    scripted.script("/packed", serve)
    apartment = urlmon.Apartment.current()
    high_water = apartment.limits()[3]
    apartment.configure(high_water=1 << 14)
    try:
        client = Recorder()
        bind(scripted.url("/packed"), client)
        pump_until(lambda: client.stopped)
    finally:
        apartment.configure(high_water=high_water)
    assert bytes(client.body) == body
    assert client.error is not None
    assert client.error.curl_name == "BAD_CONTENT_ENCODING"
