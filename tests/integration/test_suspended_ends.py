"""An operation that ended, or is ended, while it is suspended: its stop is told all the same."""

from __future__ import annotations

from typing import Any

import pytest

import urlmon
from tests.recording import Recorder, bind, finish, pump_until
from tests.servers import ScriptedServer
from urlmon import HRESULT


def test_abort_of_one_that_has_ended_behind_its_suspension(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/payload/1000"), Recorder())
    pump_until(lambda: "SENDINGREQUEST" in recorder.sequence)
    recorder.binding.suspend()
    scripted.requests.wait_count(1)
    pump_until(lambda: recorder.binding.state == "ended" or recorder.binding.bytes_received == 0)
    answer = recorder.binding.abort()
    finish(recorder)
    if answer == HRESULT.S_OK:
        assert recorder.hresult == HRESULT.E_ABORT
    else:
        assert answer == HRESULT.INET_E_RESULT_DISPATCHED
        assert recorder.hresult == HRESULT.S_OK
        assert recorder.ended


@pytest.mark.parametrize("method", ["on_progress", "on_data_available"])
def test_an_exception_of_a_callback_that_suspended_its_operation(
    scripted: ScriptedServer, method: str
) -> None:
    def fail(recorder: Recorder, *_: Any) -> None:
        recorder.binding.suspend()
        raise LookupError

    recorder = bind(scripted.url("/payload/1000"), Recorder(**{method: fail}))
    with pytest.raises(LookupError):
        urlmon.run()
    finish(recorder)
    assert recorder.hresult == HRESULT.E_UNEXPECTED
