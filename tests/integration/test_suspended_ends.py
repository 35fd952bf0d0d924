"""An operation that ended, or is ended, while it is suspended: its stop is told all the same."""

from __future__ import annotations

import time
from typing import Any

import pytest

import urlmon
from tests.recording import Recorder, bind, finish
from tests.servers import ScriptedServer
from urlmon import HRESULT


def test_abort_of_one_that_has_ended_behind_its_suspension(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/payload/1000"), Recorder())
    while recorder.binding.state != "ended":  # without pumping: nothing of it has been told
        time.sleep(0.001)
    recorder.binding.suspend()
    assert urlmon.pump(0) == 0
    assert recorder.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    finish(recorder)
    assert (recorder.hresult, recorder.ended) == (HRESULT.S_OK, True)


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
