from collections.abc import Callable
from typing import Any

from urlmon_core.request import Profile

class MonikerBase:
    def __init__(self, url: str, flags: int = 0, uri: Any = None) -> None: ...
    @property
    def url(self) -> str: ...
    @property
    def _flags(self) -> int: ...
    _uri: Any

class ContextBase:
    _callback: Any
    _parameters: dict[str, Any] | None
    _bound: list[Any] | None
    _options: Any

class QuickProfiles:
    def __reduce__(self) -> tuple[type[QuickProfiles], tuple[()]]: ...
    def keep(self, storage: int, profile: Profile) -> None: ...

def use_quick_bind(
    *,
    binding: type[object],
    info: object,
    storages: type[object],
    handled: dict[str, Any],
    no_answer: int,
    refused: Callable[[Any, int], None],
    failed: Callable[[Any, BaseException, str], None],
) -> None: ...
def forget_quick_profiles() -> None: ...
def bind_quickly(
    moniker: MonikerBase, context: object, storage: object, path: object
) -> bool | tuple[Any] | None: ...
