"""The course of `urlmon demo`, made from its seed: sizes, priorities and what happens to which file."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import urlmon

from .origin import MAX_SIZE

__all__ = ["FILES_PER_THREAD", "PRIORITIES", "ROLES", "THREADS", "Plan", "plan_thread"]

THREADS = 3
FILES_PER_THREAD = 100
MIN_SIZE = 1 << 10
PRIORITIES = (urlmon.Priority.LOWEST, urlmon.Priority.NORMAL, urlmon.Priority.HIGHEST)
"""In the order of binding: the worst for who comes last."""

ROLES = {"suspend": 4, "abort running": 4, "abort queued": 2, "raise": 4}
"""How many of each thread's files are not just downloaded."""

ACTED_ON_MIN_SIZE = 256 << 10
"""Bytes; files that are stopped in the middle need a middle."""


@dataclass(frozen=True)
class Plan:
    """What is to happen to one file."""

    index: int
    size: int
    priority: urlmon.Priority
    role: str

    @property
    def aborted(self) -> bool:
        """No file may be left of it."""
        return self.role.startswith("abort")

    @property
    def path(self) -> str:
        """Its path at the origin. What is acted on in the middle is held there by the origin."""
        return f"/{self.index}/{self.size}" + ("/hold" if self.role in ("suspend", "abort running") else "")

    @property
    def name(self) -> str:
        """Its file name."""
        return f"{self.index:03}-{self.priority.name.lower()}-{self.size}.bin"


def plan_thread(number: int, seed: int) -> list[Plan]:
    """The files of thread `number` in the order in which they are bound; the same for the same seed.

    Sizes are spread evenly over the orders of magnitude, with the smallest and the largest always among them.
    """
    dice = random.Random(f"{seed}/{number}")
    spread = math.log(MAX_SIZE / MIN_SIZE)
    sizes = [MIN_SIZE, MAX_SIZE]
    sizes += [int(MIN_SIZE * math.exp(dice.random() * spread)) for _ in range(FILES_PER_THREAD - len(sizes))]
    dice.shuffle(sizes)
    priorities = sorted(PRIORITIES[position % len(PRIORITIES)] for position in range(FILES_PER_THREAD))
    roles = ["plain"] * FILES_PER_THREAD
    # Raised are those that would come last; the others are drawn from all.
    lowest = [position for position in range(FILES_PER_THREAD) if priorities[position] == PRIORITIES[0]]
    for position in dice.sample(lowest[len(lowest) // 2 :], ROLES["raise"]):
        roles[position] = "raise"
    free = [position for position in range(FILES_PER_THREAD) if roles[position] == "plain"]
    for position in dice.sample(free, ROLES["abort queued"]):
        roles[position] = "abort queued"
    large = [spot for spot in free if roles[spot] == "plain" and sizes[spot] >= ACTED_ON_MIN_SIZE]
    acted_on = dice.sample(large, ROLES["suspend"] + ROLES["abort running"])
    for drawn, position in enumerate(acted_on):
        roles[position] = "suspend" if drawn < ROLES["suspend"] else "abort running"
    first = number * FILES_PER_THREAD
    return [
        Plan(first + position, sizes[position], priorities[position], roles[position])
        for position in range(FILES_PER_THREAD)
    ]
