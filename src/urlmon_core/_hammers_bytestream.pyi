def hammer_stream(
    total: int = ...,
    high_water: int = ...,
    largest: int = ...,
    expected: int = 0,
    eager: bool = False,
    ahead: bool = False,
    seed: int = 1,
    seconds: float = 20.0,
) -> dict[str, int]: ...
