def hammer_notify(
    producers: int = 4,
    nodes: int = 64,
    posts: int = 50_000,
    close_after: int = -1,
    seed: int = 1,
    seconds: float = 20.0,
) -> dict[str, int]: ...
