"""Traces of a session's binding with the protocol behind it and the client's sink in front: step by step.

As in trace_dialog.py, each kind of sentence has an action, and what it names as seen is compared with what was.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import urlmon
from tests.conformance.trace_session import Stage
from tests.conformance.trace_sink import outcome
from tests.conformance.traces import Log, act, check
from tests.conformance.vectors import Case, flags
from tests.conformance.windows_names import lookup
from tests.recording import in_thread
from urlmon import BSCF, HRESULT, FilterData, ProtocolData
from urlmon.identifiers import IID_IHttpNegotiate
from urlmon.protocol_constants import PI

_IN_CONTINUE = "in Continue: "
_FIRST = BSCF.FIRSTDATANOTIFICATION
_DATA = ProtocolData(0, 17, "the data")

# What a sentence of "client_sees" begins with -> the call that it is about; None for what is seen otherwise.
_SEEN: tuple[tuple[str, str | None], ...] = (
    (r"(?:sink\.)?ReportProgress\((\w+)", "sink.ReportProgress:{}"),
    (r"ReportData", "sink.ReportData"),
    (r"ReportResult", "sink.ReportResult"),
    (r"Switch", "sink.Switch"),
    (r"protocol\.LockRequest\(0\) / protocol\.UnlockRequest", "protocol.LockRequest protocol.UnlockRequest"),
    (r"protocol\.(\w+)", "protocol.{}"),
    (r"old protocol: Terminate", "protocol.Terminate"),
    (r"new protocol: Start", "protocol.Start"),
    (r"the protocol answers sink\.ReportResult", "sink.ReportResult"),
    (r"QueryService\(IInternetProtocol\)", "QueryService(IInternetProtocol)"),
    (r"QueryService\(IHttpNegotiate\)", None),  # the call of the service is seen
    (r"OnResponse", "negotiate.OnResponse"),
    (r"IBindCallbackRedirect\.Redirect", "IBindCallbackRedirect.Redirect"),
    (r"factory\.CreateInstance", "factory.CreateInstance"),
    (r"bindinfo\.GetBindInfo", None),
    (r"filter factory CreateInstance", "filter.CreateInstance"),
    (r"filter\.Start", "filter.Start"),
    (r"filter sink (\w+)", "filter.{}"),
    (r"the same ReportProgress, at once", None),  # compared by the action
    (r"the collected bytes first", None),  # compared by the action
    (r"go to the filter", None),  # compared by the action
)


def _keys(sentence: str) -> list[str]:
    for pattern, key in _SEEN:
        match = re.match(pattern, sentence)
        if match:
            return [] if key is None else key.format(*match.groups()).split(" ")
    raise AssertionError(f"nothing is known of {sentence!r}")


class Filter(urlmon.InternetProtocol):
    """A MIME filter, and the sink that the protocol reports to from then on: passes everything on."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.sink: Any = None
        self.source: Any = None

    def start(self, url: str, sink: Any, bind_info: Any, flags: int = 0, reserved: Any = None) -> HRESULT:
        self.log.add("filter.Start", url=url)
        assert url == "image/pjpeg"
        assert flags == PI.FILTER_MODE | PI.FORCE_ASYNC
        assert isinstance(reserved, FilterData)
        assert (reserved.sink, reserved.flags) == (None, 0)
        self.sink, self.source = sink, reserved.protocol
        return HRESULT.S_OK

    def report_progress(self, status: Any, text: str | None = None) -> HRESULT:
        return HRESULT.S_OK

    def report_data(self, flags: Any, progress: int, progress_max: int = 0) -> HRESULT:
        self.log.add("filter.ReportData")
        answer: HRESULT = self.sink.report_data(flags, progress, progress_max)
        return answer

    def report_result(self, hresult: int, error: int = 0, text: str | None = None) -> HRESULT:
        self.log.add("filter.ReportResult")
        answer: HRESULT = self.sink.report_result(hresult, error, text)
        return answer

    def read(self, size: int) -> bytes | None:
        part: bytes | None = self.source.read(size)
        return part and part.upper()

    def lock_request(self) -> None:
        self.log.add("filter.LockRequest")

    def unlock_request(self) -> None:
        self.log.add("filter.UnlockRequest")

    def terminate(self) -> None:
        self.log.add("filter.Terminate")


class Script:
    """Plays the steps of a case."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.stage = Stage(case)
        self.steps: list[Case] = list(case["dialog"])
        self.filters: list[Filter] = []
        self.given_data: Any = None

    def play(self) -> None:
        stage = self.stage
        note = self.case.get("note", "")
        options = PI.MIMEVERIFICATION | (PI.APARTMENTTHREADED if "PI_APARTMENTTHREADED" in note else 0)
        if "IBindCallbackRedirect" in note:
            stage.sink.redirect_asked = []
        assert stage.start(options) == self.case["result"]["Start"]
        start = Log()
        start.entries = [entry for entry in stage.log.entries if not entry.key.startswith("bindinfo.")]
        check({**self.case, "dialog": []}, start, {})
        seen, _ = stage.protocol.bind_info.get_bind_info()
        assert seen == stage.info.flags | urlmon.BINDF.FROMURLMON
        assert stage.protocol.sink is not stage.sink
        while self.steps:
            self.perform(self.steps.pop(0))
        if "redirect" in self.case["name"]:
            assert len(stage.protocols) == 2
        before = len(stage.log.entries)
        assert stage.binding.terminate() == HRESULT.S_OK
        assert [key.split(".")[1] for key in stage.log.keys[before:]] == ["Terminate"]

    def perform_all(self, steps: list[Case]) -> None:
        for step in steps:
            self.perform(step)

    def perform(self, step: Case) -> None:
        text = step["protocol"].removeprefix(_IN_CONTINUE)
        answer, seen = self.stage.since(lambda: self._act(text))
        assert answer in {None, HRESULT.S_OK}, text
        wanted = [key for sentence in step.get("client_sees", []) for key in _keys(sentence)]
        if wanted or step.get("client_sees") == []:
            inside = [key for key in seen if key not in {"protocol.Continue"} or key in wanted]
            assert [key for key in inside if key in wanted] == wanted or sorted(set(wanted)) == sorted(
                set(inside)
            )
            assert set(inside) <= set(wanted), f"{text}: {inside}, not {wanted}"

    def _act(self, text: str) -> Any:
        return act(_ACTIONS, self, text)

    # -- actions ------------------------------------------------------------------------------------------------------

    @property
    def sink(self) -> Any:
        return self.stage.protocol.sink

    def progress(self, status: str, text: str) -> Any:
        name = status if status.startswith("BINDSTATUS_") else f"BINDSTATUS_{status}"
        return self.sink.report_progress(lookup(name), None if text == "None" else text.strip("'"))

    def worker_progress(self, names: str) -> None:
        log = self.stage.log
        for name in names.split(" / "):
            before = len(log.entries)
            in_thread(lambda name=name: self.progress(name, "'x'"))
            entry = log.entries[before]
            assert len(log.entries) == before + 1
            assert entry.key == f"sink.ReportProgress:BINDSTATUS_{name}"
            assert entry.thread != log.thread, "on the worker thread"
            del log.entries[before]

    def data(self, names: str, progress: str = "13", total: str = "13") -> Any:
        return self.sink.report_data(flags(names.split("|")), int(progress), int(total))

    def result(self, name: str, text: str = "None") -> Any:
        return self.sink.report_result(lookup(name), 0, None if text == "None" else text)

    def redirect(self, url: str) -> Any:
        answer = self.sink_of(0).report_result(HRESULT.INET_E_REDIRECT_FAILED, 0, url)
        assert self.stage.sink.redirect_asked in (None, [url])
        if self.stage.sink.redirect_asked is not None:
            self.stage.log.entries.insert(
                -5, self.stage.log.entries[-1]._replace(key="IBindCallbackRedirect.Redirect")
            )
        return answer

    def sink_of(self, number: int) -> Any:
        return self.stage.protocols[number].sink

    def worker_switch(self) -> Any:
        in_thread(lambda: self.sink.switch(_DATA))
        self.given_data = self.stage.sink.switched[-1]
        assert self.given_data == _DATA

    def go_on(self) -> Any:
        """Continue: the steps that are said to be in it are performed in it."""
        inside: list[Case] = []
        while self.steps and self.steps[0]["protocol"].startswith(_IN_CONTINUE):
            inside.append(self.steps.pop(0))
        stage = self.stage
        stage.protocol.on["Continue"] = lambda: self.perform_all(inside)
        before = len(stage.log.entries)
        assert outcome(lambda: stage.binding.continue_(self.given_data)) == "S_OK"
        called = stage.log.entries[before]
        assert (called.key, called.arguments["data"]) == ("protocol.Continue", _DATA)
        stage.log.entries = stage.log.entries[: before + 1]  # the others were compared with their own steps

    def response(self) -> Any:
        negotiate = self.sink.query_service(IID_IHttpNegotiate)
        return negotiate.on_response(200, "HTTP/1.1 200 OK\r\n\r\n", None)

    def first_data(self) -> Any:
        protocol = self.stage.protocol
        protocol.reads = [b"gif87a".ljust(200, b"x"), None]
        answer = self.sink.report_data(_FIRST, 200, 400)
        assert protocol.sizes == [2048, 2048 - 200]
        return answer

    def more_data(self) -> Any:
        self.stage.protocol.reads = [b"y" * 200]
        answer = self.sink.report_data(BSCF.INTERMEDIATEDATANOTIFICATION, 400, 400)
        texts = self.stage.log.of("sink.ReportProgress:BINDSTATUS_MIMETYPEAVAILABLE")
        assert texts[-1]["text"] == "image/gif"
        return answer

    def later_data(self) -> Any:
        return self.sink.report_data(BSCF.INTERMEDIATEDATANOTIFICATION, 500, 500)

    def client_read(self) -> None:
        self.stage.protocol.reads = [b"z" * 50]
        assert self.stage.binding.read(450) == b"gif87a".ljust(200, b"x") + b"y" * 200 + b"z" * 50
        assert self.stage.protocol.sizes[-1] == 50
        del self.stage.log.entries[-1]

    def short_data(self) -> Any:
        protocol = self.stage.protocol

        def at_the_end() -> None:
            assert (
                protocol.sink.report_data(BSCF.LASTDATANOTIFICATION | BSCF.INTERMEDIATEDATANOTIFICATION, 9, 9)
                == 0
            )
            assert protocol.sink.report_result(HRESULT.S_OK) == 0

        # The type was declared before, as in the other cases; the whole body has been read when it is judged.
        protocol.sink.report_progress(urlmon.BINDSTATUS.MIMETYPEAVAILABLE, "text/html")
        protocol.on["Read"] = at_the_end
        answer = protocol.sink.report_data(_FIRST, 9, 9)
        reported = self.stage.log.of("sink.ReportData")[-1]
        assert reported["flags"] == _FIRST | BSCF.LASTDATANOTIFICATION | BSCF.DATAFULLYAVAILABLE
        return answer

    def abort(self) -> Any:
        self.stage.protocol.on["Abort"] = lambda: self.sink.report_result(HRESULT.S_OK) and None
        return self.stage.binding.abort(HRESULT.E_ABORT)

    def abort_again(self) -> Any:
        return self.stage.binding.abort(HRESULT.E_ABORT)

    def lock(self) -> None:
        assert self.stage.binding.lock_request() == HRESULT.S_OK
        assert self.stage.binding.unlock_request() == HRESULT.S_OK

    def data_and_lock(self) -> Any:
        stage = self.stage
        stage.protocol.on["LockRequest"] = lambda: self.sink.report_result(HRESULT.S_OK) and None
        stage.sink.on_data = stage.binding.lock_request
        answer = self.sink.report_data(_FIRST | BSCF.DATAFULLYAVAILABLE, 13, 13)
        stage.log.entries = [entry for entry in stage.log.entries if entry.key != "protocol.LockRequest"]
        return answer

    def usual(self) -> None:
        """The new protocol is driven as any other."""
        self.worker_progress("CONNECTING / SENDINGREQUEST")
        self.stage.protocol.reads = [b"<html>x"]
        assert (
            self.sink.report_progress(urlmon.BINDSTATUS.VERIFIEDMIMETYPEAVAILABLE, "text/html")
            == HRESULT.S_OK
        )
        assert self.sink.report_data(_FIRST | BSCF.LASTDATANOTIFICATION, 7, 7) == HRESULT.S_OK
        assert self.stage.binding.read(100) == b"<html>x"
        assert self.sink.report_result(HRESULT.S_OK) == HRESULT.S_OK
        assert self.stage.sink.results == [HRESULT.S_OK]

    def filtered_type(self) -> Any:
        def make() -> Filter:
            self.stage.log.add("filter.CreateInstance")
            self.filters.append(Filter(self.stage.log))
            return self.filters[-1]

        self.stage.session.register_mime_filter("image/pjpeg", make)
        return self.sink.report_progress(urlmon.BINDSTATUS.VERIFIEDMIMETYPEAVAILABLE, "image/pjpeg")

    def filter_progress(self) -> Any:
        return self.filters[0].sink.report_progress(urlmon.BINDSTATUS.DECODING, "image/pjpeg")

    def filtered_data(self) -> Any:
        answer = self.sink.report_data(_FIRST | BSCF.LASTDATANOTIFICATION, 13, 13)
        assert self.stage.log.keys[-2:] == ["filter.ReportData", "sink.ReportData"]
        del self.stage.log.entries[-1]
        return answer

    def filtered_result(self) -> Any:
        answer = self.sink.report_result(HRESULT.S_OK)
        assert self.stage.log.keys[-2:] == ["filter.ReportResult", "sink.ReportResult"]
        del self.stage.log.entries[-1]
        return answer

    def filtered_calls(self) -> None:
        binding = self.stage.binding
        self.stage.protocol.reads = [b"filtered"]
        assert binding.read(100) == b"FILTERED"
        binding.lock_request()
        binding.unlock_request()
        assert self.stage.log.keys[-3:] == ["protocol.Read", "filter.LockRequest", "filter.UnlockRequest"]
        del self.stage.log.entries[-3:]


_ACTIONS: dict[str, Callable[..., Any]] = {
    r"sink\.ReportProgress\((\w+), ('[^']*'|None)\)": Script.progress,
    r"sink\.ReportProgress\(([A-Z /]+)\) from a worker thread": Script.worker_progress,
    r"sink\.ReportData\(BSCF_FIRSTDATANOTIFICATION\|BSCF_DATAFULLYAVAILABLE, 13, 13\)": Script.data_and_lock,
    r"sink\.ReportData\(([\w|]+), (\d+), (\d+)\)": Script.data,
    r"sink\.ReportData\(BSCF_FIRSTDATANOTIFICATION, n, 400\)": Script.first_data,
    r"sink\.ReportData\(BSCF_FIRSTDATANOTIFICATION, \.\.\.\)": Script.short_data,
    r"sink\.ReportData\(\.\.\.\) when the binding has already collected 200 bytes": Script.more_data,
    r"later sink\.ReportData\(\.\.\.\)": Script.later_data,
    r"sink\.ReportResult\((\w+), 0, None\)": Script.result,
    r"sink\.ReportResult\(INET_E_REDIRECT_FAILED, 0, '(.*)'\)": Script.redirect,
    r"sink\.Switch\(data\) from a worker thread": Script.worker_switch,
    r"client: binding\.Continue\(that copy\)": Script.go_on,
    r"QueryService\(IHttpNegotiate\)\.OnResponse\(200, \.\.\.\)": Script.response,
    r"client Read after that": Script.client_read,
    r"client: binding\.Abort\(E_ABORT, 0\)": Script.abort,
    r"client: binding\.Abort\(E_ABORT, 0\) again": Script.abort_again,
    r"client: LockRequest / UnlockRequest on the binding": Script.lock,
    r"the new protocol goes through the usual sequence": Script.usual,
    r"sink\.ReportProgress\(\w+, 'image/pjpeg'\) with a MIME filter .*": Script.filtered_type,
    r"filter: sink\.ReportProgress\(BINDSTATUS_DECODING, 'image/pjpeg'\)": Script.filter_progress,
    r"protocol: sink\.ReportData\(.*\)": Script.filtered_data,
    r"protocol: sink\.ReportResult\(S_OK\)": Script.filtered_result,
    r"client Read / LockRequest / UnlockRequest / Terminate": Script.filtered_calls,
}


def play(case: Case) -> None:
    """The case, from the start to the end."""
    Script(case).play()
