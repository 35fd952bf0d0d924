def hammer_notify(
    producers: int = 4,
    nodes: int = 64,
    posts: int = 50_000,
    close_after: int = -1,
    seed: int = 1,
    seconds: float = 20.0,
) -> dict[str, int]: ...
def hammer_mailbox(
    boxes: int = 16, statuses: int = 3000, seed: int = 1, seconds: float = 20.0
) -> dict[str, int]: ...
def hammer_stream(
    total: int = ...,
    high_water: int = ...,
    largest: int = ...,
    expected: int = 0,
    eager: bool = False,
    seed: int = 1,
    seconds: float = 20.0,
) -> dict[str, int]: ...
def hammer_blocks(
    holders: int = 3, blocks: int = 50_000, seed: int = 1, seconds: float = 20.0
) -> dict[str, int]: ...
