"""The demo's plan and bodies."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from urlmon.cli.demo_checks import table
from urlmon.cli.demo_plan import FILES_PER_THREAD, PRIORITIES, ROLES, plan_thread
from urlmon.cli.origin import MAX_SIZE, Bodies


@pytest.mark.parametrize("seed", range(20))
def test_plan(seed: int) -> None:
    plans = [plan for number in range(3) for plan in plan_thread(number, seed)]
    assert len(plans) == len({plan.index for plan in plans}) == len({plan.name for plan in plans}) == 300
    assert min(plan.size for plan in plans) == 1 << 10
    assert max(plan.size for plan in plans) == MAX_SIZE
    assert 100 << 20 < sum(plan.size for plan in plans) < 600 << 20
    for number in range(3):
        mine = plans[number * FILES_PER_THREAD : (number + 1) * FILES_PER_THREAD]
        roles = Counter(plan.role for plan in mine)
        assert {role: roles[role] for role in ROLES} == ROLES
        assert [plan.priority for plan in mine] == sorted(plan.priority for plan in mine)
        assert set(Counter(plan.priority for plan in mine)) == set(PRIORITIES)


def test_plan_is_that_of_the_seed() -> None:
    assert plan_thread(1, 5) == plan_thread(1, 5)
    assert plan_thread(1, 5) != plan_thread(1, 6)
    assert plan_thread(1, 5) != plan_thread(2, 5)


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 1024, MAX_SIZE])
def test_bodies(size: int) -> None:
    body = b"".join(Bodies(3).parts(299, size))
    assert len(body) == size
    assert Bodies(3).sha256(299, size) == hashlib.sha256(body).hexdigest()


def test_bodies_differ() -> None:
    bodies = Bodies(3)
    assert len({bodies.sha256(index, 2048) for index in range(300)}) == 300
    assert Bodies(4).sha256(0, 2048) != bodies.sha256(0, 2048)


def test_table() -> None:
    assert table([("a", "bytes", "order"), ("long", "1", "x")]) == ["a     bytes  order", "long      1  x"]
