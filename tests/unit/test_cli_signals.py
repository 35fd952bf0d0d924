"""Stop signals as notes, and as exceptions where the loop may wait for ever."""

from __future__ import annotations

import os
import signal
import threading

import pytest

import urlmon
from urlmon.cli.signals import Interrupted, StopSignals


def test_a_signal_is_a_note() -> None:
    with StopSignals() as stop:
        signal.raise_signal(signal.SIGINT)
        assert (stop.signum, stop.exit_code) == (signal.SIGINT, 130)
        signal.raise_signal(signal.SIGTERM)  # right after the first: it means the same
        assert stop.exit_code == 130


def test_a_signal_interrupts_what_may_wait_for_ever() -> None:
    with StopSignals() as stop:
        with stop.interruptible():
            pass
        with pytest.raises(Interrupted), stop.interruptible():
            signal.raise_signal(signal.SIGTERM)
        assert stop.exit_code == 143


def test_a_signal_that_came_just_before_interrupts_too() -> None:
    """Else the loop, which has looked for signals a moment ago, would wait for a reader that never comes."""
    begun = []
    with StopSignals() as stop:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted), stop.interruptible():
            begun.append(True)
    assert not begun


def test_handlers_come_back_and_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert stop.signum == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_first_signal_wakes_a_pump_that_waits() -> None:
    apartment = urlmon.Apartment.current()
    with StopSignals() as stop:
        stop.wake = lambda: apartment.post(lambda: None)
        killer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        killer.start()
        assert apartment.pump(20) == 1
        killer.join()
        assert stop.signum == signal.SIGINT
