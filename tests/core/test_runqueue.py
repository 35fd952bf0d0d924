"""The RunQueue against the simplest thing that does the same: a list, sorted whenever somebody asks."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from urlmon_core._selftest import RunQueueProbe

HIGHEST = 2  # aging lifts nobody above it
AGING = 1000  # ns that are worth one level, in the tests

priorities = st.integers(-15, 15)


class Ticket(NamedTuple):
    """An entry's place by arrival, drawn when it arrives, perhaps long before it is queued."""

    sequence: int
    since: int


def effective(priority: int, since: int, now: int, aging: int) -> int:
    """Design section 6: one level more for each interval waited, up to HIGHEST."""
    if aging <= 0 or priority >= HIGHEST:
        return priority
    return min(HIGHEST, priority + (now - since) // aging)


class QueueAndModel(RuleBasedStateMachine):
    """Every operation on both; after each, everything that can be asked must be answered alike."""

    aging = AGING

    def __init__(self) -> None:
        super().__init__()
        self.queue = RunQueueProbe(self.aging)
        self.model: dict[int, tuple[int, Ticket]] = {}  # name -> base priority, place
        self.drawn: list[Ticket] = []  # not queued: to come later, or taken out and kept
        self.now = 0
        self.names = 0
        self.sequence = 0

    def arrive(self) -> Ticket:
        self.sequence += 1
        return Ticket(self.sequence, self.now)

    def put(self, ticket: Ticket, priority: int) -> None:
        self.names += 1
        self.queue.insert(self.names, priority, ticket.sequence, ticket.since)
        self.model[self.names] = (priority, ticket)

    def some(self, number: int) -> int:
        return sorted(self.model)[number % len(self.model)]

    @rule(priority=priorities)
    def insert(self, priority: int) -> None:
        self.put(self.arrive(), priority)

    @rule(priority=priorities, count=st.integers(2, 12))
    def insert_many(self, priority: int, count: int) -> None:
        for _ in range(count):
            self.put(self.arrive(), priority)

    @rule()
    def draw(self) -> None:
        self.drawn.append(self.arrive())

    @precondition(lambda self: self.drawn)
    @rule(number=st.integers(0), priority=priorities)
    def insert_out_of_order(self, number: int, priority: int) -> None:
        self.put(self.drawn.pop(number % len(self.drawn)), priority)

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0))
    def remove(self, number: int) -> None:
        name = self.some(number)
        self.queue.remove(name)
        del self.model[name]

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0))
    def park(self, number: int) -> None:
        name = self.some(number)
        self.queue.remove(name)
        self.drawn.append(self.model.pop(name)[1])

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0), priority=priorities)
    def set_priority(self, number: int, priority: int) -> None:
        name = self.some(number)
        self.queue.set_priority(name, priority)
        self.model[name] = (priority, self.model[name][1])

    @precondition(lambda self: self.model)
    @rule(at_least=st.sampled_from([-15, -3, 0, 1, 15]))
    def take_best(self, at_least: int) -> None:
        name = self.best(at_least)
        assert self.queue.best(self.now, at_least) == name
        if name is not None:
            self.queue.remove(name)
            del self.model[name]

    @rule(step=st.one_of(st.integers(1, 4 * AGING), st.sampled_from([AGING, 20 * AGING, 10**13])))
    def wait(self, step: int) -> None:
        self.now += step

    def best(self, at_least: int) -> int | None:
        waiting = [
            (-effective(priority, place.since, self.now, self.aging), place.sequence, name)
            for name, (priority, place) in self.model.items()
            if priority >= at_least
        ]
        return min(waiting)[2] if waiting else None

    @invariant()
    def agree(self) -> None:
        assert len(self.queue) == len(self.model)
        assert sum(self.queue.check()) == len(self.model)
        for at_least in (-15, 0, 1):
            assert self.queue.best(self.now, at_least) == self.best(at_least)
        for name, (priority, place) in self.model.items():
            assert self.queue.effective(name, self.now) == effective(
                priority, place.since, self.now, self.aging
            )


class WithoutAging(QueueAndModel):
    """As the dispatch queue of an apartment is used."""

    aging = 0


@pytest.mark.parametrize("machine", [QueueAndModel, WithoutAging])
def test_against_a_sorted_list(machine: type[QueueAndModel]) -> None:
    limits = settings(
        max_examples=60,
        stateful_step_count=50,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(machine, settings=limits)


def test_order_of_priorities_and_arrival() -> None:
    queue = RunQueueProbe()
    for name, priority in enumerate([0, -2, 2, 0, 15, -15, 2]):
        queue.insert(name, priority, name + 1)
    order = []
    while (best := queue.best()) is not None:
        order.append(best)
        queue.remove(best)
    assert order == [4, 2, 6, 0, 3, 1, 5]


def test_priorities_are_clamped() -> None:
    queue = RunQueueProbe()
    queue.insert(1, 1_000_000, 1)
    queue.insert(2, -1_000_000, 2)
    assert (queue.effective(1, 0), queue.effective(2, 0)) == (15, -15)
    queue.set_priority(2, 99)
    assert queue.effective(2, 0) == 15
    assert queue.best() == 1


def test_raising_any_of_a_thousand_makes_it_the_next() -> None:
    queue = RunQueueProbe()
    for name in range(1000):
        queue.insert(name, 0, name + 1)
    for name in (999, 500, 0, 123):
        queue.set_priority(name, 1)
        assert queue.best() == name
        queue.set_priority(name, 0)
        assert queue.best() == 0
    assert queue.check() == (
        997,
        3,
    )  # 999 went back to the end of the list; the heap holds what came out of order


def test_aging_lifts_the_lowest_above_newcomers() -> None:
    """No starvation: with endless work of normal priority, a LOWEST entry is next after two intervals."""
    queue = RunQueueProbe(AGING)
    queue.insert(0, -2, 1, 0)
    for name in range(1, 100):
        now = name * AGING // 10
        queue.insert(name, 0, name + 1, now)
        taken = queue.best(now)
        assert taken is not None
        queue.remove(taken)
        if taken == 0:
            break
    assert taken == 0
    assert now == 2 * AGING


def test_aging_ends_at_highest() -> None:
    queue = RunQueueProbe(AGING)
    queue.insert(1, -15, 1, 0)
    queue.insert(2, 3, 2, 0)
    queue.insert(3, 2, 3, 0)
    assert queue.effective(1, 1000 * AGING) == HIGHEST
    assert queue.effective(2, 1000 * AGING) == 3
    assert queue.best(1000 * AGING) == 2
    queue.remove(2)
    assert queue.best(1000 * AGING) == 1, "it came before the one that is HIGHEST by itself"


def test_at_least_looks_at_the_priority_that_was_set() -> None:
    """An urgent slot is for what is urgent, not for what has waited."""
    queue = RunQueueProbe(AGING)
    queue.insert(1, 0, 1, 0)
    assert queue.best(100 * AGING, 1) is None
    queue.insert(2, 1, 2, 0)
    assert queue.best(100 * AGING, 1) == 2
