"""Bodies in memory: complete or not delivered (contract 6, design 3)."""

from __future__ import annotations

import gc
import sys

import pytest

import urlmon
from tests.recording import fetch
from tests.servers import RefusingPort, ScriptedServer, lines, payload
from urlmon import TYMED


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
def test_memory(scripted: ScriptedServer, size: int) -> None:
    recorder = fetch(scripted.url(f"/payload/{size}"), storage=TYMED.HGLOBAL)
    data = recorder.medium.data
    assert isinstance(data, memoryview)
    assert (data.readonly, data.format, data.nbytes) == (True, "B", size)
    assert data == payload(size)
    del recorder
    gc.collect()
    assert bytes(data) == payload(size)


@pytest.mark.parametrize("path", ["/chunked", "/until-close"])
@pytest.mark.parametrize("size", [0, 1000, 65_536, 1_000_001])
def test_memory_of_unknown_length(scripted: ScriptedServer, path: str, size: int) -> None:
    recorder = fetch(scripted.url(path, size=size), storage=TYMED.HGLOBAL)
    assert recorder.medium.data == payload(size)
    assert recorder.binding.bytes_total == -1


def test_memory_of_a_body_that_is_decoded(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/gzip", size=500_000), storage=TYMED.HGLOBAL)
    assert recorder.medium.data == lines(500_000)
    assert (recorder.binding.bytes_received, recorder.binding.bytes_total) == (500_000, -1)


def test_a_length_that_nobody_can_have_is_not_believed(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/short", size=1 << 50, sent=100_000), storage=TYMED.HGLOBAL)
    assert isinstance(recorder.error, urlmon.DownloadError)
    assert recorder.of("on_data_available") == []


def test_memory_of_a_failed_transfer_is_not_delivered(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/reset", size=300_000), storage=TYMED.HGLOBAL)
    assert isinstance(recorder.error, urlmon.DownloadError)
    assert recorder.of("on_data_available") == []


def test_synchronous_memory(scripted: ScriptedServer, refusing_port: RefusingPort) -> None:
    data = urlmon.create_url_moniker(scripted.url("/payload/300000")).bind_to_storage(None, TYMED.HGLOBAL)
    assert data == payload(300_000)
    assert isinstance(data, memoryview)
    with pytest.raises(urlmon.ConnectError):
        urlmon.create_url_moniker(refusing_port.url()).bind_to_storage(None, TYMED.HGLOBAL)
    assert sys.getsizeof(data) < 1000
