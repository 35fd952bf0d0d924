"""The notification list against a model, and under threads that fight over it (design 3, rules 4 and 5)."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from urlmon_core._hammers_notify import hammer_notify
from urlmon_core._selftest import NotificationProbe


class ListAndModel(RuleBasedStateMachine):
    """One thread plays producers and consumer."""

    def __init__(self) -> None:
        super().__init__()
        self.list = NotificationProbe()
        self.model: list[int] = []
        self.armed = False
        self.closed = False

    @rule(name=st.integers(1, 20))
    def push(self, name: int) -> None:
        if name in self.model:
            return  # a node is in the list at most once; its owner sees to that
        expected = "refused" if self.closed else "wake" if self.armed else "pushed"
        assert self.list.push(name) == expected
        if not self.closed:
            self.model.append(name)
            self.armed = False

    @rule()
    def take(self) -> None:
        if not self.closed:
            assert self.list.take_all() == self.model
            self.model.clear()
            self.armed = False

    @rule()
    def arm(self) -> None:
        may_sleep = not self.model and not self.closed
        assert self.list.arm() == may_sleep
        self.armed = may_sleep

    @rule(really=st.integers(0, 9))
    def close(self, really: int) -> None:
        if really == 0 and not self.closed:
            assert self.list.close() == self.model
            self.model.clear()
            self.closed = True
            self.armed = False

    @invariant()
    def agree(self) -> None:
        assert self.list.pending == bool(self.model)


def test_against_a_python_list() -> None:
    run_state_machine_as_test(
        ListAndModel,
        settings=settings(max_examples=100, stateful_step_count=40, deadline=None, database=None),
    )


def test_oldest_first_and_awake_after_a_take() -> None:
    notes = NotificationProbe()
    assert notes.arm()
    assert notes.arm(), "arming twice is no harm"
    assert [notes.push(name) for name in (1, 2, 3)] == ["wake", "pushed", "pushed"], "woken once"
    assert not notes.arm(), "there is something to take"
    assert notes.take_all() == [1, 2, 3]
    assert notes.take_all() == []
    assert notes.push(2) == "pushed", "the consumer is awake after a take"


def test_a_closed_list_refuses() -> None:
    notes = NotificationProbe()
    notes.push(1)
    assert notes.close() == [1]
    assert notes.push(1) == "refused"
    assert not notes.arm()
    assert not notes.pending


@pytest.mark.parametrize(
    ("producers", "nodes", "posts"),
    [(1, 1, 100_000), (2, 1, 50_000), (2, 2, 50_000), (4, 64, 30_000), (4, 5000, 20_000), (8, 3, 10_000)],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_threads_lose_nothing(producers: int, nodes: int, posts: int, seed: int) -> None:
    seen = hammer_notify(producers, nodes, posts, seed=seed)
    assert seen["missing"] == 0, seen
    assert seen["doubled"] == 0, seen
    assert seen["lost"] == 0, f"slept on although there was something to take: {seen}"
    assert seen["pushed"] == seen["taken"], seen
    assert seen["signals"] <= seen["sleeps"], f"a wake-up that nobody asked for: {seen}"
    assert seen["refused"] == 0


@pytest.mark.parametrize("close_after", [0, 1, 1000, 20_000])
def test_closing_under_fire(close_after: int) -> None:
    """What was accepted is taken, by the close at the latest; the rest is refused, and its owner knows."""
    seen = hammer_notify(4, 16, 30_000, close_after=close_after)
    assert seen["pushed"] == seen["taken"], seen
    assert (seen["doubled"], seen["lost"]) == (0, 0), seen
    assert seen["taken"] >= close_after or seen["missing"] == 0
    assert seen["refused"] <= 16, "a refused node keeps its flag, so it is tried once"
