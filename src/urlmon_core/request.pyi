from collections.abc import Sequence

from typing_extensions import Self

class Profile:
    @property
    def options(self) -> tuple[tuple[int, object], ...]: ...
    def __new__(
        cls,
        options: Sequence[tuple[int, object]],
        *,
        follows: bool = True,
        fails_on_status: bool = False,
        may_retry_auth: bool = False,
        ignores_dates: bool = False,
        max_bytes: int = 0,
        max_header_bytes: int = 0,
        max_ratio: int = 0,
        addresses: Sequence[tuple[bytes, int, bool]] = (),
        stall_speed: int = 0,
        stall_time: float = 0,
    ) -> Self: ...
