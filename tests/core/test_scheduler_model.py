"""Admission, suspension and dispatch against a simple Python model of the policy (design section 6).

Twice: the admission module alone, with a clock of the test's own, so that aging counts; and the whole
library, with a server whose answers the test gives one by one. URLMON_MODEL_STEPS says how many steps each
takes; without it the runs are short, and the same each time.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
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
from tests.recording import Recorder, bind, pump_until
from tests.servers import RecordedRequest, ScriptedServer
from urlmon import BINDSTATUS, HRESULT
from urlmon_core._selftest import AdmissionProbe

HIGHEST = 2
STREAMS = 100  # to a host that speaks HTTP/2 or 3
STEPS = int(os.environ.get("URLMON_MODEL_STEPS") or 0)

names = st.integers(0, 10**6)  # which of those that there are
priorities = st.one_of(st.integers(-3, 3), st.integers(-15, 15))
limits = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2))


def effort(short: int, length: int) -> settings:
    """So many examples of `length` steps; URLMON_MODEL_STEPS asks for more."""
    return settings(
        max_examples=max(1, STEPS // length) if STEPS else short,
        stateful_step_count=length,
        derandomize=not STEPS,
        deadline=None,
        database=None,
        print_blob=bool(STEPS),
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


# -- the policy ----------------------------------------------------------------------------------------------


@dataclass
class Operation:
    """One bind operation as the policy sees it."""

    name: int
    host: str
    priority: int  # as set, clamped
    sequence: int = 0
    since: int = 0
    state: str = "new"  # queued, suspended (outside the queue), active, over
    urgent: bool = False  # holds an urgent slot
    resting: bool = False  # active and suspended


@dataclass
class Policy:
    """Who starts next: nothing but sorting and counting."""

    max_active: int
    max_per_host: int
    urgent_slots: int
    aging: int = 0
    operations: dict[int, Operation] = field(default_factory=dict)
    multiplexed: set[str] = field(default_factory=set)
    sequence: int = 0

    def of(self, *states: str) -> list[Operation]:
        return [operation for operation in self.operations.values() if operation.state in states]

    def enqueue(self, operation: Operation, now: int = 0) -> None:
        self.sequence += 1
        operation.sequence, operation.since, operation.state = self.sequence, now, "queued"
        self.operations[operation.name] = operation

    def effective(self, operation: Operation, now: int) -> int:
        if not self.aging or operation.priority >= HIGHEST:
            return operation.priority
        return min(HIGHEST, operation.priority + (now - operation.since) // self.aging)

    def has_slot(self, operation: Operation) -> bool:
        active = self.of("active")
        here = sum(other.host == operation.host for other in active)
        most = STREAMS if operation.host in self.multiplexed else self.max_per_host
        return (
            sum(not other.urgent and not other.resting for other in active) < self.max_active and here < most
        )

    def has_urgent_slot(self, operation: Operation) -> bool:
        taken = sum(other.urgent and not other.resting for other in self.of("active"))
        return operation.priority > 0 and taken < self.urgent_slots

    def next(self, now: int = 0) -> Operation | None:
        """Starts the most urgent one for which there is a slot; among equals, the one that came first."""
        for operation in sorted(
            self.of("queued"), key=lambda other: (-self.effective(other, now), other.sequence)
        ):
            slot = self.has_slot(operation)
            if slot or self.has_urgent_slot(operation):
                operation.state, operation.urgent = "active", not slot
                return operation
        return None

    def start_all(self, now: int = 0) -> list[Operation]:
        started = []
        while (operation := self.next(now)) is not None:
            started.append(operation)
        return started

    def end(self, operation: Operation) -> None:
        del self.operations[operation.name]
        operation.state = "over"
        self.forget_hosts()

    def forget_hosts(self) -> None:
        """What is known of a host is forgotten with the last one that waits or runs there."""
        self.multiplexed &= {operation.host for operation in self.of("queued", "active")}


# -- admission alone -----------------------------------------------------------------------------------------


class AdmissionAndPolicy(RuleBasedStateMachine):
    """The compiled admission with a clock of ours."""

    aging = 0

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.count = 0

    @initialize(limits=limits)
    def begin(self, limits: tuple[int, int, int]) -> None:
        self.policy = Policy(*limits, aging=self.aging)
        self.probe = AdmissionProbe(*limits, aging_ns=self.aging)

    def some(self, number: int, *states: str) -> Operation | None:
        found = self.policy.of(*states)
        return found[number % len(found)] if found else None

    @rule(host=st.sampled_from("abc"), priority=priorities, count=st.sampled_from([1, 1, 1, 5]))
    def bind(self, host: str, priority: int, count: int) -> None:
        for _ in range(count):
            self.count += 1
            self.policy.enqueue(Operation(self.count, host, priority), self.now)
            self.probe.enqueue(self.count, host.encode(), priority, self.now)

    @rule(most=st.sampled_from([1, 1000, 1000, 1000]))
    def start(self, most: int) -> None:
        for _ in range(most):
            expected = self.policy.next(self.now)
            assert self.probe.next(self.now) == (expected and expected.name)
            if expected is None:
                break

    @rule(step=st.one_of(st.integers(1, 5), st.integers(10, 40), st.just(10**9)))
    def wait(self, step: int) -> None:
        self.now += step

    @rule(number=names)
    def end(self, number: int) -> None:
        if operation := self.some(number, "queued", "suspended", "active"):
            self.policy.end(operation)
            self.probe.end(operation.name, self.now)

    @rule(number=names)
    def end_active(self, number: int) -> None:
        if operation := self.some(number, "active"):
            self.policy.end(operation)
            self.probe.end(operation.name, self.now)

    @rule(number=names)
    def suspend(self, number: int) -> None:
        if operation := self.some(number, "queued"):
            operation.state = "suspended"
            self.policy.forget_hosts()
            self.probe.leave(operation.name, self.now)

    @rule(number=names)
    def resume(self, number: int) -> None:
        if operation := self.some(number, "suspended"):
            self.policy.enqueue(operation, self.now)
            self.probe.enqueue(operation.name, now_ns=self.now)

    @rule(number=names)
    def rest(self, number: int) -> None:
        if operation := self.some(number, "active"):
            operation.resting = not operation.resting
            self.probe.rest(operation.name, operation.resting)

    @rule(number=names, priority=priorities)
    def set_priority(self, number: int, priority: int) -> None:
        if operation := self.some(number, "queued", "suspended", "active"):
            operation.priority = priority
            self.probe.set_priority(operation.name, priority, self.now)

    @rule(limits=limits)
    def configure(self, limits: tuple[int, int, int]) -> None:
        self.policy.max_active, self.policy.max_per_host, self.policy.urgent_slots = limits
        self.probe.set_limits(*limits, self.now)

    @rule(number=names, really=st.integers(0, 4))
    def multiplex(self, number: int, really: int) -> None:
        if really == 0 and (operation := self.some(number, "active")):
            self.policy.multiplexed.add(operation.host)
            self.probe.set_multiplexed(operation.name, self.now)

    @invariant()
    def agree(self) -> None:
        waiting, active = self.policy.of("queued"), self.policy.of("active")
        hosts = {operation.host for operation in waiting + active}
        assert self.probe.figures() == (len(waiting), len(active), len(hosts))


class AgingAndPolicy(AdmissionAndPolicy):
    """The same where waiting counts."""

    aging = 10


@pytest.mark.timeout(400 + STEPS)  # a failing run is made smaller, which takes time
@pytest.mark.parametrize("machine", [AdmissionAndPolicy, AgingAndPolicy])
def test_admission_follows_the_policy(machine: type[AdmissionAndPolicy]) -> None:
    run_state_machine_as_test(machine, settings=effort(80, 50))


def test_a_host_that_is_not_full_never_stands_still() -> None:
    """One that goes back to the queue while there is no slot, and leaves it, must not strand the others."""
    probe = AdmissionProbe(max_active=2, max_per_host=1, urgent_slots=0)
    probe.enqueue(1, b"a")
    probe.enqueue(10, b"c")
    assert (probe.next(), probe.next()) == (1, 10)
    probe.rest(10, True)
    probe.enqueue(2, b"a")
    probe.enqueue(3, b"a")
    assert probe.next() is None
    probe.enqueue(20, b"b")
    assert probe.next() == 20
    probe.rest(10, False)
    probe.end(1)
    assert probe.next() is None, "three are active, and two may be"
    probe.leave(2)
    probe.end(10)
    assert probe.next() == 3


@pytest.mark.parametrize("endless", [0, 1, 2])
@pytest.mark.parametrize("hosts", [(b"a", b"a"), (b"a", b"b")])
def test_nobody_starves(endless: int, hosts: tuple[bytes, bytes]) -> None:
    """With an endless stream of work, a LOWEST operation starts when it has aged to that work's level."""
    probe = AdmissionProbe(max_active=1, max_per_host=1, urgent_slots=0, aging_ns=10_000)
    probe.enqueue(1, hosts[0], endless)
    assert probe.next() == 1
    probe.enqueue(0, hosts[1], -2)
    running, now = 1, 0
    while running != 0:
        now += 100
        probe.enqueue(now, hosts[0], endless, now)
        assert probe.next(now) is None
        probe.end(running, now)
        started = probe.next(now)
        assert started is not None
        running = started
        assert now <= (endless + 2) * 10_000
    assert now >= (endless + 2) * 10_000 - 10_000


# -- the library ---------------------------------------------------------------------------------------------


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
