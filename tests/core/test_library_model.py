"""The whole library against the model of the policy, with a server whose answers the test gives one by one."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import urlmon
from tests.core.policy import STEPS, Operation, Policy, effort, limits, names, priorities
from tests.recording import Recorder, bind, pump_until
from tests.servers import RecordedRequest, ScriptedServer
from urlmon import BINDSTATUS, HRESULT


class Barrier:
    """A thread with an apartment of its own that knows when the I/O thread has obeyed what it was told.

    It has an operation begun (suspended, so that nothing is ever requested) and aborted. The commands of all
    apartments are one list, and ends are told at the end of a turn: after the second time, the turn that did
    what was said before is over.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.answered: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while self.asked.get():
            try:
                for _ in range(2):
                    recorder = bind(self.url, Recorder(on_start_binding=lambda _, made: made.suspend()))
                    recorder.binding.abort()
                    pump_until(lambda stopped=recorder: stopped.stopped)
                self.answered.put(None)
            except BaseException as error:
                self.answered.put(error)

    def wait(self) -> None:
        """Any thread."""
        self.asked.put(True)
        error = self.answered.get(timeout=20)
        if error is not None:
            raise error

    def close(self) -> None:
        self.asked.put(False)
        self.thread.join(20)


@pytest.fixture
def barrier(scripted: ScriptedServer) -> Iterator[Barrier]:
    barrier = Barrier(scripted.url("/never"))
    yield barrier
    barrier.close()


# What depends on connections that are open already is no part of the policy.
UNTOLD = (BINDSTATUS.FINDINGRESOURCE, BINDSTATUS.CONNECTING)
START = ["get_bind_info", "get_priority", "on_start_binding"]
SENT = ["SENDINGREQUEST"]
BODY = ["MIMETYPEAVAILABLE", "BEGINDOWNLOADDATA", "ENDDOWNLOADDATA", "on_data_available"]


@dataclass
class Client:
    """An operation with what its client has heard, and what it is to hear."""

    operation: Operation
    recorder: Recorder
    wished: int = 0  # the priority as set
    suspended: bool = False
    answered: bool = False  # the server has let the answer go
    aborted: bool = False
    ended: bool = False  # over in the I/O thread
    stopped: bool = False  # told so
    news: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=lambda: list(START))
    request: RecordedRequest | None = None

    @property
    def state(self) -> str:
        """What Binding.state must say."""
        if self.ended:
            return "stopped" if self.stopped else "ended"
        if self.suspended:
            return "suspended"
        return "connecting" if self.operation.state == "active" else "queued"

    def asks(self, record: RecordedRequest) -> bool:
        """Whether a request is this operation's."""
        return record.path == f"/hold/{self.operation.name}"

    @property
    def heard(self) -> list[str]:
        """What the client was told, as far as the policy determines it."""
        return [
            call.args[2].name if call.method == "on_progress" else call.method
            for call in self.recorder.calls
            if call.method != "on_progress" or call.args[2] not in UNTOLD
        ]


class LibraryAndPolicy(RuleBasedStateMachine):
    """The library with its I/O thread and a server, step by step."""

    serial = 0  # of the paths, over all examples

    def __init__(self, server: ScriptedServer, barrier: Barrier) -> None:
        super().__init__()
        self.server = server
        self.barrier = barrier
        self.hosts = ["127.0.0.1", "localhost", *(["[::1]"] if server.has_ipv6 else [])]
        self.clients: list[Client] = []
        self.apartment = urlmon.Apartment.current()
        self.usual = self.apartment.limits()
        self.delivered: list[Client] = []  # one for each call, in the order of the calls
        self.server.requests.clear()

    @initialize(limits=limits)
    def begin(self, limits: tuple[int, int, int]) -> None:
        self.policy = Policy(*limits)
        self.apartment.set_limits(*limits, *self.usual[3:])

    def teardown(self) -> None:
        for client in self.clients:
            client.recorder.binding.abort()
        live = [client.recorder.binding for client in self.clients]
        pump_until(lambda: all(binding.state == "stopped" or not binding.resume() for binding in live))
        pump_until(lambda: all(client.recorder.stopped for client in self.clients))
        for client in self.clients:
            client.recorder.check()
            self.server.release(str(client.operation.name))
        self.apartment.set_limits(*self.usual)

    # -- what both do at the same time -----------------------------------------------------------------------

    def some(self, number: int) -> Client | None:
        found = [client for client in self.clients if not client.stopped]
        return found[number % len(found)] if found else None

    def settle(self) -> None:
        """What the I/O thread was told is done; what may start has started, as the server saw, no other."""
        started = {operation.name for operation in self.policy.start_all()}
        for client in self.clients:
            if client.operation.name in started:
                client.request = self.server.requests.wait_for(client.asks)
                client.news += SENT
        self.barrier.wait()
        requested = Counter(int(record.path.split("/")[2]) for record in self.server.requests)
        for client in self.clients:  # what the example before this one began may still come in
            assert requested[client.operation.name] == (client.request is not None)

    def finish(self, client: Client) -> None:
        """The server has answered an operation that is not suspended: that ends it."""
        assert client.request is not None
        self.server.requests.wait_outcome(client.request)
        deadline = time.monotonic() + 20
        while client.recorder.binding.state != "ended":
            assert time.monotonic() < deadline, client
            self.barrier.wait()
        client.ended = True
        client.news += [*BODY, "on_stop_binding"]
        self.policy.end(client.operation)

    # -- steps -----------------------------------------------------------------------------------------------

    @rule(host=names, priority=priorities, count=st.integers(1, 4))
    def bind(self, host: int, priority: int, count: int) -> None:
        for number in range(count):
            self.bind_one(host + number, priority)

    @rule(host=names, priority=priorities, raised=priorities, how=st.sampled_from(["suspend", "raise"]))
    def bind_one(self, host: int, priority: int, raised: int = 0, how: str = "") -> None:
        type(self).serial += 1
        operation = Operation(self.serial, self.hosts[host % len(self.hosts)], priority)

        def hook(recorder: Recorder, binding: Any) -> None:
            if how == "suspend":
                assert binding.suspend() == HRESULT.S_OK
            if how == "raise":
                assert binding.set_priority(raised) == HRESULT.S_OK

        recorder = Recorder(priority=priority, on_start_binding=hook)
        client = Client(operation, recorder, priority)
        for method in ("on_progress", "on_data_available", "on_stop_binding"):
            recorder.hooks[method] = lambda *_, client=client: self.delivered.append(client)
        self.clients.append(client)
        bind(self.server.url(f"/hold/{self.serial}", host=operation.host, size=10), recorder)
        if how == "raise":
            client.wished = operation.priority = raised
        if how == "suspend":
            client.suspended = True
            operation.state = "suspended"
            self.policy.operations[operation.name] = operation
        else:
            self.policy.enqueue(operation)
        self.settle()

    @precondition(lambda self: self.clients)
    @rule(number=names)
    def suspend(self, number: int) -> None:
        if not (client := self.some(number)):
            return
        result = client.recorder.binding.suspend()
        if client.aborted:
            assert result == HRESULT.E_FAIL
            return
        assert result == (HRESULT.S_FALSE if client.suspended else HRESULT.S_OK)
        if not client.suspended:
            client.suspended = True
            if client.operation.state == "active":
                client.operation.resting = True
            elif client.operation.state == "queued":
                client.operation.state = "suspended"
        self.settle()

    @precondition(lambda self: self.clients)
    @rule(number=names)
    def resume(self, number: int) -> None:
        if not (client := self.some(number)):
            return
        result = client.recorder.binding.resume()
        if client.aborted:
            assert result == HRESULT.E_FAIL
            return
        assert result == (HRESULT.S_OK if client.suspended else HRESULT.S_FALSE)
        if client.suspended:
            client.suspended = False
            client.operation.resting = False
            if client.operation.state == "suspended":
                self.policy.enqueue(client.operation)
            if client.answered and not client.ended:
                self.finish(client)
        self.settle()

    @precondition(lambda self: self.clients)
    @rule(number=names)
    def abort(self, number: int) -> None:
        if not (client := self.some(number)):
            return
        result = client.recorder.binding.abort()
        if client.aborted:
            assert result == HRESULT.E_FAIL
        elif client.ended:
            assert result == HRESULT.INET_E_RESULT_DISPATCHED
            client.suspended = False  # what was held back is told now
        else:
            assert result == HRESULT.S_OK
            client.aborted = client.ended = True
            client.suspended = False
            client.news = ["on_stop_binding"]
            self.policy.end(client.operation)
        self.settle()

    @precondition(lambda self: self.clients)
    @rule(number=names, priority=priorities)
    def set_priority(self, number: int, priority: int) -> None:
        if not (client := self.some(number)):
            return
        result = client.recorder.binding.set_priority(priority)
        assert result == (HRESULT.E_FAIL if client.aborted else HRESULT.S_OK)
        if not client.aborted:
            client.wished = client.operation.priority = priority
        self.settle()

    @precondition(lambda self: self.policy.of("active"))
    @rule(number=names)
    def answer(self, number: int) -> None:
        waiting = [c for c in self.clients if c.operation.state == "active" and not c.answered]
        if waiting:
            client = waiting[number % len(waiting)]
            client.answered = True
            self.server.release(str(client.operation.name))
            if not client.suspended:
                self.finish(client)
            self.settle()

    @rule(limits=limits)
    def configure(self, limits: tuple[int, int, int]) -> None:
        self.policy.max_active, self.policy.max_per_host, self.policy.urgent_slots = limits
        self.apartment.set_limits(*limits, *self.usual[3:])
        self.settle()

    @rule()
    def pump(self) -> None:
        self.delivered.clear()
        urlmon.pump(0)
        turns = [client for client, _ in groupby(self.delivered)]
        order = [client.operation.priority for client in turns]
        assert order == sorted(order, reverse=True), "a binding came before a more urgent one"
        for _, equals in groupby(turns, key=lambda client: client.operation.priority):
            had: Counter[int] = Counter()
            rounds = []
            for client in equals:
                had[client.operation.name] += 1
                rounds.append(had[client.operation.name])
            assert rounds == sorted(rounds), "equals did not take turns"
        for client in self.clients:
            if not client.suspended:
                client.told += client.news
                client.stopped |= "on_stop_binding" in client.news
                client.news = []

    @invariant()
    def agree(self) -> None:
        for client in self.clients:
            binding = client.recorder.binding
            assert binding.state == client.state
            assert client.heard == client.told
            assert binding.get_priority() == client.wished
            if client.stopped:
                expected = HRESULT.E_ABORT if client.aborted else HRESULT.S_OK
                assert client.recorder.hresult == expected


@pytest.mark.timeout(400 + STEPS)
def test_library_follows_the_policy(scripted: ScriptedServer, barrier: Barrier) -> None:
    run_state_machine_as_test(lambda: LibraryAndPolicy(scripted, barrier), settings=effort(150, 50))
