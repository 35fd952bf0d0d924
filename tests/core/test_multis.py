"""Which multi handle a transfer goes to: hosts are spread over them, those of one host as far as they have to be."""

from __future__ import annotations

from collections import Counter

import pytest

from urlmon_core._selftest import AdmissionProbe

MULTIS = 4  # as in multis.pxd
MULTI_SHARE = 16


def started(probe: AdmissionProbe, count: int, host: bytes = b"a", scheme: bytes = b"http") -> list[int]:
    """Starts so many transfers of a host, named by numbers from 0; their multi handles in this order."""
    for name in range(count):
        probe.enqueue(name, host, scheme=scheme)
        assert probe.next() == name
    return [probe.multi(name) for name in range(count)]


def test_few_transfers_of_a_host_are_together() -> None:
    probe = AdmissionProbe(max_active=1000, max_per_host=1000)
    assert len(set(started(probe, MULTI_SHARE))) == 1


def test_many_transfers_of_a_host_are_divided() -> None:
    probe = AdmissionProbe(max_active=1000, max_per_host=1000)
    numbers = started(probe, 4 * MULTI_SHARE)
    home = numbers[0]
    assert numbers == [(home + place // MULTI_SHARE) % MULTIS for place in range(4 * MULTI_SHARE)]


def test_very_many_transfers_of_a_host_are_divided_equally() -> None:
    probe = AdmissionProbe(max_active=1000, max_per_host=1000)
    most = 3 * MULTIS * MULTI_SHARE
    assert set(Counter(started(probe, most)).values()) == {most // MULTIS}


def test_one_that_ends_makes_room_in_its_own() -> None:
    """So a connection is free for the next one, and none is opened for it."""
    probe = AdmissionProbe(max_active=1000, max_per_host=1000)
    numbers = started(probe, 4 * MULTI_SHARE)
    for ending in (0, 20, 63, 40, 21, 5):
        probe.end(ending)
        probe.enqueue(1000 + ending)
        assert probe.next() == 1000 + ending
        assert probe.multi(1000 + ending) == numbers[ending]


def test_the_first_ones_are_used_again_first() -> None:
    probe = AdmissionProbe(max_active=1000, max_per_host=1000)
    numbers = started(probe, 4 * MULTI_SHARE)
    for name in range(4 * MULTI_SHARE - 1):
        probe.end(name)
    probe.enqueue(1000)
    assert probe.next() == 1000
    assert probe.multi(1000) == numbers[0]


def test_what_shares_a_connection_is_together() -> None:
    probe = AdmissionProbe(max_active=1000, max_per_host=1000)
    numbers = started(probe, 1)
    probe.set_multiplexed(0)
    for name in range(1, 90):
        probe.enqueue(name)
        assert probe.next() == name
        assert probe.multi(name) == numbers[0]


def test_those_over_tls_are_together() -> None:
    for host in (b"a", b"b", b"c", b"d", b"e"):
        probe = AdmissionProbe(max_active=1000, max_per_host=1000)
        assert set(started(probe, 100, host, b"https")) == {0}


def test_those_that_may_go_through_a_proxy_are_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each multi handle would open connections to it of its own."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    for host in (b"a", b"b", b"c", b"d", b"e"):
        probe = AdmissionProbe(max_active=1000, max_per_host=1000)
        assert set(started(probe, 100, host)) == {0}


def test_hosts_are_spread() -> None:
    probe = AdmissionProbe(max_active=1000, max_per_host=1000)
    for name in range(800):
        probe.enqueue(name, b"host%d.example" % name)
        assert probe.next() == name
    counts = Counter(probe.multi(name) for name in range(800))
    assert len(counts) == MULTIS
    assert max(counts.values()) <= 260
