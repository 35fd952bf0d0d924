"""Stalls: transfers that are too slow, and those that only look as if they were."""

from __future__ import annotations

import urlmon
from tests.integration.failures import STALL_BEFORE_THE_BODY, Places, check_error
from tests.recording import Recorder, bind, fetch, finish, pump_until
from tests.servers import payload
from urlmon import BindInfo


def test_a_stall_in_the_body(places: Places) -> None:
    recorder = fetch(
        places.scripted.url("/hang-body", size=10_000_000, at=5_000_000), BindInfo(stall_time=1), timeout=12
    )
    check_error(STALL_BEFORE_THE_BODY, recorder.error, recorder.binding.url)
    assert recorder.body == payload(5_000_000)


def test_stalls_of_several_transfers(places: Places) -> None:
    """Each has its own clock, whatever the others do."""
    longest = bind(places.scripted.url("/hang"), Recorder(BindInfo(stall_time=60)))
    recorders = [
        bind(places.scripted.url(path), Recorder(BindInfo(stall_time=stall_time)))
        for path in ("/hang", "/hang-body?size=1000&at=0")
        for stall_time in (2, 1)
    ]
    finish(*recorders, timeout=8)
    assert {type(recorder.error) for recorder in recorders} == {urlmon.BindTimeoutError}
    assert not longest.stopped
    longest.binding.abort()
    finish(longest)


def test_a_stall_that_is_switched_off(places: Places) -> None:
    recorder = bind(places.scripted.url("/hold/late"), Recorder(BindInfo(stall_time=0)))
    other = fetch(places.scripted.url("/hang"), BindInfo(stall_time=1), timeout=8)
    assert isinstance(other.error, urlmon.BindTimeoutError)
    assert not recorder.stopped
    places.scripted.release("late")
    finish(recorder)
    assert recorder.body == payload(1000)


def test_a_slow_transfer_is_no_stall(places: Places) -> None:
    recorder = fetch(
        places.scripted.url("/drip", size=15, chunk=1, interval=0.1), BindInfo(stall_time=1, stall_speed=1)
    )
    assert recorder.body == payload(15)


def test_a_suspended_transfer_is_no_stall(places: Places) -> None:
    recorder = bind(
        places.scripted.url("/hold-body/rest", size=10_000_000, at=5_000_000),
        Recorder(BindInfo(stall_time=1)),
    )
    pump_until(lambda: len(recorder.body) == 5_000_000)
    recorder.binding.suspend()
    assert urlmon.pump(2.5) == 0  # the subject is time
    assert not recorder.stopped
    recorder.binding.resume()
    places.scripted.release("rest")
    finish(recorder)
    assert recorder.body == payload(10_000_000)
