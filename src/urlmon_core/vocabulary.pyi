from collections.abc import Callable, Mapping, Sequence

GIVES_BIND_INFO: int
GIVES_PRIORITY: int
OFFERS_SERVICES: int

class Vocabulary: ...

# HRESULTs, errors and the other objects that `install` brings are those of the package on top, which
# narrows what is wide in the core.
def install(
    *,
    statuses: Mapping[int, object],
    flags: Sequence[object],
    hresult: Callable[[int | None], int],
    error_of: Callable[..., tuple[int, BaseException | None]],
    format_of: Callable[[str | None, int], object],
    medium: type[object],
    tymeds: Mapping[int, object],
    callback_base: type[object],
    service_names: frozenset[str],
    protocol: type[object],
) -> None: ...
def methods_of(callback: object) -> int: ...
def watch_forks() -> None: ...
