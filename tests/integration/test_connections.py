"""How many connections there are, and what is known of a host between two of them."""

from __future__ import annotations

import time
from typing import Any

import pycurl
import pytest

import urlmon_core
from tests.integration.controls import hold, statistics
from tests.recording import Recorder, bind, fetch, finish
from tests.servers import ScriptedServer
from urlmon import BINDSTATUS, BindInfo


@pytest.mark.parametrize("count", [10, 100, 150])
def test_a_host_has_as_many_connections_as_transfers_at_once(
    scripted: ScriptedServer, limits: Any, count: int
) -> None:
    limits(max_active=200, max_per_host=200)
    for number in range(3):
        recorders = [hold(scripted, f"round-{number}") for _ in range(count)]
        scripted.gates.get(f"round-{number}").wait_waiting(count)
        scripted.release(f"round-{number}")
        finish(*recorders)
    assert scripted.connections_opened == count


@pytest.mark.parametrize("at_once", [1, 60])
def test_connections_to_many_hosts_are_kept(scripted: ScriptedServer, limits: Any, at_once: int) -> None:
    limits(max_active=at_once)
    hosts = [f"host{number}.test" for number in range(60)]
    info = BindInfo(
        curl_options={pycurl.RESOLVE: [f"{host}:{scripted.port}:127.0.0.1" for host in hosts]},
    )
    for _ in range(3):
        finish(*(bind(scripted.url("/ok", host=host), Recorder(info)) for host in hosts))
    assert scripted.connections_opened == len(hosts)


def test_idle_connections_are_not_hoarded(scripted: ScriptedServer, limits: Any) -> None:
    """A hundred are kept if few transfers run at once; some more while the multi handles' parts are unequal."""
    limits(max_active=2)
    hosts = [f"host{number}.test" for number in range(300)]
    info = BindInfo(curl_options={pycurl.RESOLVE: [f"{host}:{scripted.port}:127.0.0.1" for host in hosts]})
    finish(*(bind(scripted.url("/ok", host=host), Recorder(info)) for host in hosts))
    assert scripted.connections_opened == len(hosts)
    number = statistics()["reactor"]
    (open_now,) = (each["sockets"] for each in urlmon_core.reactor_statistics() if each["reactor"] == number)
    assert 50 <= open_now <= 150


@pytest.mark.parametrize(("age", "expected"), [(60, [True, False, False, False]), (0, [True] * 4)])
def test_a_resolved_name_is_used_again(scripted: ScriptedServer, age: int, expected: list[bool]) -> None:
    info = lookups(age)
    url = scripted.url("/ok", host=f"{age}.localhost")
    assert [is_looked_up(url, info) for _ in range(4)] == expected


def test_an_old_name_is_resolved_again(scripted: ScriptedServer) -> None:
    """Though libcurl looks through all of them once a second only."""
    info = lookups(1)
    url = scripted.url("/ok", host="localhost")
    assert [is_looked_up(url, info) for _ in range(4)] == [True, False, False, False]
    time.sleep(1.1)  # a name that grows old is no event
    assert [is_looked_up(url, info) for _ in range(4)] == [True, False, False, False]


def lookups(age: int) -> BindInfo:
    """Each request over a connection of its own, the name that it needs used again for so many seconds."""
    return BindInfo(curl_options={pycurl.DNS_CACHE_TIMEOUT: age, pycurl.FORBID_REUSE: 1})


def is_looked_up(url: str, info: BindInfo) -> bool:
    """Whether one more request has the name resolved."""
    recorder = fetch(url, info)
    assert recorder.body == b"ok"
    return any(args[2] == BINDSTATUS.FINDINGRESOURCE for args in recorder.of("on_progress"))
