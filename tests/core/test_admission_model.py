"""The admission module alone against the model of the policy, with a clock of the test's own, so that aging counts."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.core.policy import STEPS, Operation, Policy, effort, limits, names, priorities
from urlmon_core._selftest import AdmissionProbe


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
