"""Deterministic bodies: cheap to make at any offset, different in every block, with a known SHA-256."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from functools import lru_cache

BLOCK = 1 << 16


@lru_cache(maxsize=64)
def _noise(seed: int) -> bytes:
    """The tail shared by every block of `seed`; the block number goes in front of it."""
    return random.Random(seed).randbytes(BLOCK - 8)


def payload_pieces(size: int, seed: int = 0, start: int = 0) -> Iterator[bytes]:
    """The bytes [start, size) of the body `seed`, in pieces of at most 64 KiB.

    Each 64 KiB block begins with its number, so a block lost, repeated or moved changes the content.
    """
    noise = _noise(seed)
    position = start
    while position < size:
        number, offset = divmod(position, BLOCK)
        end = min(BLOCK, offset + size - position)
        yield (number.to_bytes(8, "big") + noise)[offset:end]
        position += end - offset


def payload(size: int, seed: int = 0, start: int = 0) -> bytes:
    """The bytes [start, size) of the body `seed` as one object."""
    return b"".join(payload_pieces(size, seed, start))


@lru_cache(maxsize=256)
def payload_sha256(size: int, seed: int = 0) -> str:
    """Hex SHA-256 of the whole body of `size` bytes."""
    digest = hashlib.sha256()
    for piece in payload_pieces(size, seed):
        digest.update(piece)
    return digest.hexdigest()


def lines(size: int) -> bytes:
    """`size` bytes of numbered text lines: compressible, yet no two lines the same."""
    count = size // 16 + 1
    return b"".join(b"line %010d\n" % number for number in range(count))[:size]
