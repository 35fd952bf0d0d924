"""The policy of admission and dispatch as a simple Python model (design section 6), and what runs against it take."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

HIGHEST = 2
STREAMS = 100  # to a host that speaks HTTP/2 or 3
STEPS = int(os.environ.get("URLMON_MODEL_STEPS") or 0)

names = st.integers(0, 10**6)  # which of those that there are
priorities = st.one_of(st.integers(-3, 3), st.integers(-15, 15))
limits = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2))


def effort(short: int, length: int) -> settings:
    """Few examples of `length` steps, the same each time; URLMON_MODEL_STEPS: so many steps, others each time."""
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
