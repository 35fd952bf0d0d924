"""Traces of a session's bindings: the registered protocol behind one, and its life from making to end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import urlmon
from tests.conformance.trace_sink import Info, Sink, expect, outcome, reading
from tests.conformance.traces import HRESULT_NAME, Log, check
from tests.conformance.vectors import Case
from urlmon import HRESULT, ProtocolData


class Registered(urlmon.InternetProtocol, urlmon.InternetProtocolInfo):
    """The protocol that is registered for the scheme of the case; `on`: what it does inside of its methods, by name."""

    def __init__(self, log: Log, on: dict[str, Callable[[], Any]]) -> None:
        self.log = log
        self.on = on
        self.sink: Any = None
        self.bind_info: Any = None
        self.reads: list[bytes | None] = []
        self.sizes: list[int] = []
        self.read_always = False

    def _called(self, method: str, **arguments: Any) -> Any:
        self.log.add(f"protocol.{method}", **arguments)
        action = self.on.pop(method, None)
        return None if action is None else action()

    def set_priority(self, priority: int) -> Any:
        return self._called("IInternetPriority.SetPriority", priority=priority)

    def start(self, url: str, sink: Any, bind_info: Any, flags: int = 0, reserved: Any = None) -> Any:
        self.sink, self.bind_info = sink, bind_info
        return self._called("Start", grfPI=int(flags), reserved=reserved)

    def continue_(self, data: ProtocolData) -> Any:
        return self._called("Continue", data=data)

    def abort(self, reason: int) -> Any:
        return self._called("Abort", reason=reason)

    def terminate(self) -> Any:
        return self._called("Terminate")

    def lock_request(self) -> Any:
        return self._called("LockRequest")

    def unlock_request(self) -> Any:
        return self._called("UnlockRequest")

    def read(self, size: int) -> bytes | None:
        self.sizes.append(size)
        self._called("Read", size=size)
        return self.reads.pop(0) if self.reads else b""


class Stage:
    """A binding of a session, the protocol behind it and the client in front of it."""

    def __init__(self, case: Case, registered: bool = True) -> None:
        self.case = case
        self.log = Log()
        self.sink = Sink(self.log)
        self.info = Info(self.log, case)
        self.session = urlmon.InternetSession()
        self.protocols: list[Registered] = []
        self.url = case["given"]["url"]
        if registered:
            for scheme in {self.url.partition(":")[0], "http"}:
                self.session.register_name_space(scheme, self._make)
        self.binding: Any = self.session.create_binding(self.url)
        self.sink.protocol = self.binding

    def _make(self) -> Registered:
        self.log.add("factory.CreateInstance")
        self.protocols.append(Registered(self.log, {}))
        return self.protocols[-1]

    @property
    def protocol(self) -> Registered:
        return self.protocols[-1]

    def start(self, options: int = 0) -> str:
        return outcome(lambda: self.binding.start(self.url, self.sink, self.info, options))

    def since(self, action: Callable[[], Any]) -> tuple[Any, list[str]]:
        """What `action` returns, and what is seen meanwhile; asking for the bind info is not listed by the vectors."""
        before = len(self.log.entries)
        answer = action()
        return answer, [key for key in self.log.keys[before:] if not key.startswith("bindinfo.")]


def play_create_binding(case: Case) -> None:
    """Life of a binding: what may be called before, inside of and after the start."""
    api = case["given"]["api"]
    stage = Stage(case, registered="given" in case["given"] and case["given"]["given"].startswith("a class"))
    binding = stage.binding
    if api.endswith("Abort(E_FAIL, 0)"):
        binding = stage.session.create_binding(stage.url)
        answers = [outcome(partial(binding.abort, reason)) for reason in (HRESULT.E_ABORT, HRESULT.E_FAIL)]
        assert ["S_OK", *answers] == case["result"]["hresults"]
        return
    if api == "CreateBinding then Start":
        expect(case, "Start", stage.start())
        check(case, stage.log, {})
        return
    for missing in range(3):
        arguments = [stage.url, stage.sink, stage.info]
        arguments[missing] = None
        assert outcome(partial(binding.start, *arguments)) == "E_INVALIDARG"
    assert binding.get_priority() == case["result"]["GetPriority"]
    expect(case, "SetPriority(100)", outcome(lambda: binding.set_priority(100)))
    inside: list[str] = []
    make = stage._make

    def starting() -> Registered:
        made = make()
        made.on["Start"] = lambda: inside.append(outcome(binding.terminate))
        made.reads = [b"xy"]
        return made

    stage.session.register_name_space("test", starting)
    expect(case, "Start", stage.start())
    assert inside == ["E_FAIL"]
    assert binding.read(17) == b"xy"
    assert stage.protocol.sizes == [17]
    facts = {"{00000000-0000-0000-0000-000000000000}": "{00000000-0000-0000-0000-000000000000}"}
    seen = [entry for entry in stage.log.entries if entry.key not in {"protocol.Read"}]
    stage.log.entries = seen
    check(case, stage.log, facts)
    assert binding.terminate() == HRESULT.S_OK
    assert stage.log.keys[-1] == "protocol.Terminate"


def play_after_terminate(case: Case) -> None:
    """What the handler's sink and the binding say once everything is over."""
    stage = Stage({**case, "given": {**case["given"], "url": "test://file.html"}})
    assert stage.start() == "S_OK"
    sink = stage.protocol.sink
    assert stage.binding.terminate() == HRESULT.S_OK
    stage.log.entries.clear()
    answers = [
        outcome(lambda: sink.switch(ProtocolData())),
        reading(stage.binding, 10),
        outcome(lambda: sink.report_progress(urlmon.BINDSTATUS.CACHEFILENAMEAVAILABLE, "x")),
        outcome(lambda: sink.report_result(HRESULT.S_OK)),
        outcome(lambda: sink.report_data(0, 0, 0)),
    ]
    assert answers == [HRESULT_NAME.findall(one)[0] for one in case["result"]["hresults"]]
    check(case, stage.log, {})
