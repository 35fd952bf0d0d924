"""What the server does with one request: made from a number, so that both sides know it and a run can be repeated."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tests.servers.payload import payload, payload_sha256

# How it must end for a client that lets it run: with success and the whole body, with an error, or with either of them.
SUCCESS, FAILURE, EITHER = "success", "failure", "either"

HTTP1_FAULTS: dict[str, str] = {
    "drip": SUCCESS,
    "slow-head": SUCCESS,
    "early-hints": SUCCESS,  # a storm of 1xx
    "more-than-length": EITHER,  # what follows may be taken for the answer to the next request
    "until-close": SUCCESS,  # HTTP/1.0: the body ends with the connection
    "redirects": SUCCESS,
    "reset": FAILURE,
    "close": FAILURE,
    "stall": FAILURE,
    "garbage-head": FAILURE,
    "garbage-line": EITHER,
    "less-than-length": FAILURE,
    "bad-chunk": FAILURE,
    "bad-trailer": EITHER,
    "bad-gzip": FAILURE,  # a wrong checksum
    # libcurl takes a gzip stream that does not end for a whole one, if the framing of HTTP is right.
    "short-gzip": EITHER,
    "flipped-gzip": EITHER,
    "no-gzip": FAILURE,
    "gzip-and-more": EITHER,
    "huge-headers": EITHER,
    "endless-headers": FAILURE,
    "endless-body": FAILURE,
    "wrong-range": EITHER,  # a 206 that nobody asked for
    "redirect-loop": FAILURE,
    "redirect-scheme": FAILURE,
    "redirect-refused": FAILURE,
    "redirect-garbage": EITHER,
}

# Connection faults of TLS: one port each, since nothing is known of the request before.
TLS_FAULTS: dict[str, str] = {
    "tls-slow": SUCCESS,
    "tls-alert": FAILURE,
    "tls-garbage": FAILURE,
    "tls-close": FAILURE,
    "tls-reset": FAILURE,
    "tls-stall": FAILURE,
    "tls-corrupt": EITHER,  # a flipped byte; it may come after the end
}

# Streams share a connection with others, whose faults end it for all: nothing here must succeed.
HTTP2_FAULTS: dict[str, str] = {
    "h2-fine": EITHER,
    "h2-drip": EITHER,
    "h2-early-hints": EITHER,
    "h2-settings-flood": EITHER,
    "h2-ping-flood": EITHER,
    "h2-empty-frames": EITHER,
    "h2-goaway": EITHER,
    "h2-refused": EITHER,
    "h2-huge-headers": EITHER,
    "h2-rst": FAILURE,
    "h2-rst-no-error": EITHER,  # libcurl takes it for the end, if no length was announced
    "h2-reset": FAILURE,
    "h2-close": FAILURE,
    "h2-stall": FAILURE,
    "h2-garbage": FAILURE,
    "h2-less-than-length": FAILURE,
    "h2-more-than-length": EITHER,
}

FAULTS = {**HTTP1_FAULTS, **TLS_FAULTS, **HTTP2_FAULTS}

GZIP_FAULTS = frozenset({"bad-gzip", "short-gzip", "flipped-gzip", "no-gzip", "gzip-and-more"})
SHORT_BODIES = frozenset(
    {"short-gzip", "h2-rst-no-error"}
)  # a success may have the beginning of the body only
CHUNK_FAULTS = frozenset({"bad-chunk", "bad-trailer"})
LENGTH_FAULTS = frozenset({"more-than-length", "less-than-length"})

# What a request for the rest of a body gets, see `http1`.
RANGES = ("honest", "honest", "ignored", "other-start", "other-total", "unsatisfiable", "changed")

SMALL, MEDIUM, LARGE = 4 << 10, 64 << 10, 2 << 20
SHARE_OF_FAULTS = 0.55
SLOW = frozenset({"stall", "tls-stall", "h2-stall"})  # each costs its client a time limit


@dataclass(frozen=True)
class Script:
    """What happens to one request.

    transport: the name of a port, that is "http", "https", "poisoned" (https), "h2", "h2-clean" or one of
    TLS_FAULTS. size: bytes of the body; body_seed: which body, see `payload`. chunked: else by Content-Length.
    gzip: encoded if the client asks for it. ranges: one of RANGES.
    """

    seed: int
    transport: str
    fault: str
    size: int
    body_seed: int
    chunked: bool
    gzip: bool
    ranges: str

    @property
    def expectation(self) -> str:
        """SUCCESS, FAILURE or EITHER, for a client that decodes and lets it run."""
        return FAULTS[self.fault] if self.fault else SUCCESS

    @cached_property
    def body(self) -> bytes:
        """The right bytes, decoded."""
        return _body(self.size, self.body_seed)

    @property
    def digest(self) -> str:
        """Their SHA-256."""
        return payload_sha256(self.size, self.body_seed)

    def dice(self, purpose: str) -> random.Random:
        """Random numbers that are the same each time for the same purpose."""
        return random.Random(f"{self.seed}/{purpose}")

    @property
    def path(self) -> str:
        """Where the origin serves it."""
        return f"/s/{self.seed}"


@lru_cache(maxsize=256)
def _body(size: int, seed: int) -> bytes:
    return payload(size, seed)


@lru_cache(maxsize=4096)
def script_of(seed: int) -> Script:
    """The script that `seed` stands for. A seed in [0, len(FAULTS)) stands for each fault once."""
    dice = random.Random(seed)
    names = list(FAULTS)
    if seed < len(names):
        fault = names[seed]
    elif dice.random() < SHARE_OF_FAULTS:
        fault = dice.choice(names)
        if fault in SLOW and dice.random() < 0.75:
            fault = "reset"
    else:
        fault = ""
    if fault in TLS_FAULTS:
        transport = fault
    elif fault in HTTP2_FAULTS:
        transport = "h2"
    elif fault == "more-than-length":
        transport = "poisoned"  # only those who do it share its connections
    else:
        transport = (
            dice.choice(("http", "http", "https", "h2-clean"))
            if not fault
            else dice.choice(("http", "http", "https"))
        )
    # A few sizes, so that bodies are made once; every one of them appears with and without a fault.
    largest = dice.choices((SMALL, MEDIUM, LARGE), (70, 25, 5))[0]
    size = (
        dice.choice((0, 1, largest // 3, largest - 1, largest))
        if not fault
        else dice.choice((largest // 3, largest))
    )
    return Script(
        seed=seed,
        transport=transport,
        fault=fault,
        size=size,
        body_seed=dice.randrange(4),
        chunked=fault in CHUNK_FAULTS or (fault not in LENGTH_FAULTS and dice.random() < 0.4),
        gzip=fault in GZIP_FAULTS or (fault not in CHUNK_FAULTS | LENGTH_FAULTS and dice.random() < 0.2),
        ranges=dice.choice(RANGES),
    )
