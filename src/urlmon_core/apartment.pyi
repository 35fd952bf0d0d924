from collections.abc import Callable
from typing import Any, Final, TypeVar

from urlmon_core.binding import BindingBase

_Apartment = TypeVar("_Apartment", bound=ApartmentBase)
_Binding = TypeVar("_Binding", bound=BindingBase)

DEFAULT_MAX_ACTIVE: Final = 64
DEFAULT_MAX_PER_HOST: Final = 8
DEFAULT_URGENT_SLOTS: Final = 4
DEFAULT_AGING_SECONDS: Final = 10.0
DEFAULT_HIGH_WATER: Final = 1048576
DEFAULT_SUSPEND_KEEP: Final = 30.0

class ApartmentBase:
    high_water: int
    @property
    def live_bindings(self) -> list[Any]: ...  # of the class given to `prepare`
    @property
    def is_owner(self) -> bool: ...
    @property
    def is_closed(self) -> bool: ...
    def prepare(
        self,
        kind: type[_Binding],
        callback: object,
        moniker: object,
        url: str,
        path: str | None,
        priority: int,
    ) -> _Binding: ...
    def pump(self, timeout: float | None = None, limit: int | None = None) -> int: ...
    def run(self) -> None: ...
    def run_until_stopped(self, binding: BindingBase) -> None: ...
    def fileno(self) -> int: ...
    def arm(self) -> bool: ...
    def post(self, function: Callable[[], object]) -> None: ...
    def set_limits(
        self,
        max_active: int,
        max_per_host: int,
        urgent_slots: int,
        high_water: int,
        suspend_keep: float,
    ) -> None: ...
    def limits(self) -> tuple[int, int, int, int, float]: ...
    def statistics(self) -> dict[str, Any]: ...
    def close(self) -> None: ...
    def abandon(self) -> list[str]: ...

def current_apartment(kind: type[_Apartment]) -> _Apartment: ...
