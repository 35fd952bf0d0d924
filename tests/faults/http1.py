"""HTTP/1 answers of a script: right up to the fault, at whatever byte that is."""

from __future__ import annotations

import asyncio
import gzip
import random
import re
from collections.abc import Iterator
from functools import lru_cache

from tests.faults.scripts import Script
from tests.servers.wire import Connection

PATIENCE = 40.0  # seconds that a stalled answer waits for its client to go away
SCHEMES = (
    "ftp://127.0.0.1/x",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "dict://127.0.0.1/",
    "data:text/plain,x",
    "smb://127.0.0.1/share",
    "scp://127.0.0.1/x",
    "javascript:1",
)
GARBAGE_LOCATIONS = (
    "http://",
    "//",
    "http://[::1",
    "http:///x",
    "http://127.0.0.1:99999/",
    "\x01\x02",
    "http://a b/",
)
BAD_SIZES = (b"zz", b"-5", b"", b"fffffffffffffffffff", b"0x10", b" ", b"\x00")
BAD_LINES = (
    b"no colon here",
    b": no name",
    b"X-Nul: a\x00b",
    b"Bad Name: x",
    b"Content-Length: many",
    b"\xff\xfe: \x80",
    b" folded",
)


@lru_cache(maxsize=64)
def _zipped(size: int, seed: int, body: bytes) -> bytes:
    return gzip.compress(body, 1, mtime=0)


class Answer:
    """One answer: `head` and `body` as they go over the wire, and what happens to them."""

    def __init__(self, script: Script, request: bytes, hop: int) -> None:
        self.script = script
        self.hop = hop
        self.fields = _fields(request)
        self.dice = script.dice(f"http1/{hop}")
        self.decodes = b"gzip" in self.fields.get(b"accept-encoding", b"")
        self.closes = False

    def _content(self) -> tuple[list[bytes], bytes]:
        """Further header lines, and the bytes of the representation."""
        script = self.script
        body = script.body
        if not script.gzip or not self.decodes:
            return [], body
        data = _zipped(script.size, script.body_seed, body)
        if script.fault in ("bad-gzip", "flipped-gzip"):
            # The checksum, or anything behind the fixed part of the head.
            place = (
                len(data) - self.dice.randrange(5, 9)
                if script.fault == "bad-gzip"
                else self.dice.randrange(10, len(data))
            )
            data = data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]
        elif script.fault == "short-gzip":
            data = data[: self.dice.randrange(1, len(data))]
        elif script.fault == "no-gzip":
            data = b"plain text " + body
        elif script.fault == "gzip-and-more":
            data += self.dice.randbytes(self.dice.randrange(1, 100))
        return [b"Content-Encoding: gzip"], data

    def _chunks(self, data: bytes) -> Iterator[bytes]:
        script = self.script
        bad = self.dice.randrange(4) if script.fault == "bad-chunk" else -1
        start = number = 0
        while start < len(data):
            size = min(len(data) - start, self.dice.choice((1, 100, 5000, 1 << 16)))
            if number == bad or (bad >= 0 and start + size == len(data)):
                yield from self._bad_chunk(data[start : start + size])
                return
            yield b"%x%s\r\n%s\r\n" % (
                size,
                b";name=value" if number % 5 == 4 else b"",
                data[start : start + size],
            )
            start += size
            number += 1
        trailer = self.dice.choice(BAD_LINES) + b"\r\n" if script.fault == "bad-trailer" else b""
        yield b"0\r\n" + trailer + b"\r\n"

    def _bad_chunk(self, data: bytes) -> Iterator[bytes]:
        self.closes = True
        kind = self.dice.randrange(3)
        if kind == 0:
            yield self.dice.choice(BAD_SIZES) + b"\r\n" + data
        elif kind == 1:
            yield b"%x\r\n%sno line break" % (len(data), data)
        else:
            yield b"%x\r\n%s" % (len(data) + 10, data)

    def wire(self) -> tuple[bytes, bytes]:
        """(head, body) as they are sent if nothing interrupts them."""
        script = self.script
        more, data = self._content()
        etag = b'ETag: "%d-%d"' % (script.size, script.body_seed)
        status = b"HTTP/1.1 200 OK"
        if (wanted := re.fullmatch(rb"bytes=(\d+)-", self.fields.get(b"range", b""))) is not None:
            status, ranged, data = self._part(int(wanted[1]), data)
            more += ranged
        elif script.fault == "wrong-range":
            status = b"HTTP/1.1 206 Partial Content"
            more.append(b"Content-Range: bytes %d-%d/%d" % (self.dice.randrange(1 << 20), 1 << 21, 1 << 30))
        lines = [status, b"Content-Type: application/octet-stream", etag, *more]
        if script.fault == "garbage-line":
            lines.insert(self.dice.randrange(1, len(lines)), self.dice.choice(BAD_LINES))
        if script.fault == "huge-headers":
            lines += [b"X-%d: %s" % (i, b"x" * 1000) for i in range(self.dice.choice((50, 90, 150, 400)))]
        if script.fault == "until-close":
            lines[0] = lines[0].replace(b"HTTP/1.1", b"HTTP/1.0")
            self.closes = True
            body = data
        elif script.fault == "endless-body":
            self.closes = True
            body = data
        elif script.chunked:
            lines.append(b"Transfer-Encoding: chunked")
            body = b"".join(self._chunks(data))
        else:
            length = len(data)
            body = data
            if script.fault == "less-than-length":
                length += self.dice.randrange(1, 100_000)
                self.closes = True
            elif script.fault == "more-than-length":
                body += b"HTTP/1.1 200 Smuggled\r\nContent-Length: 3\r\n\r\nbad" + self.dice.randbytes(100)
                self.closes = self.dice.random() < 0.5
            lines.append(b"Content-Length: %d" % length)
        return b"\r\n".join(lines) + b"\r\n\r\n", body

    def _part(self, first: int, data: bytes) -> tuple[bytes, list[bytes], bytes]:
        """The answer to a request for the bytes from `first` on."""
        ranges, total = self.script.ranges, len(data)
        if ranges in ("ignored", "changed"):
            return b"HTTP/1.1 200 OK", [], data
        if ranges == "unsatisfiable" or first >= total:
            return b"HTTP/1.1 416 Range Not Satisfiable", [b"Content-Range: bytes */%d" % total], b""
        start = max(0, first - 100) if ranges == "other-start" else first
        said = total + 5 if ranges == "other-total" else total
        return (
            b"HTTP/1.1 206 Partial Content",
            [b"Content-Range: bytes %d-%d/%d" % (start, total - 1, said)],
            data[start:],
        )

    def location(self) -> str | None:
        """Where this hop sends the client."""
        fault, path = self.script.fault, self.script.path
        if fault == "redirects" and self.hop < 1 + self.script.seed % 5:
            return f"{path}/{self.hop + 1}"
        if fault == "redirect-loop":
            return f"{path}/{self.hop % 3 + 1}"
        if fault == "redirect-scheme":
            return self.dice.choice(SCHEMES)
        if fault == "redirect-refused":
            return self.dice.choice(("http://127.0.0.1:1/", "http://localhost:1/", "https://[::1]:1/"))
        return self.dice.choice(GARBAGE_LOCATIONS) if fault == "redirect-garbage" else None


def _fields(request: bytes) -> dict[bytes, bytes]:
    pairs = (line.partition(b":")[::2] for line in request.split(b"\r\n")[1:] if line)
    return {name.strip().lower(): value.strip() for name, value in pairs}


async def _send(connection: Connection, data: bytes, pieces: random.Random | None = None) -> None:
    """In one piece, or in pieces of random size with pauses between the first of them."""
    if pieces is None:
        await connection.write(data)
        return
    start = count = 0
    while start < len(data):
        size = pieces.choice((1, 10, 1000, 1 << 16))
        await connection.write(data[start : start + size])
        start += size
        count += 1
        if count < 20:
            await asyncio.sleep(pieces.random() * 0.01)


async def answer(connection: Connection, script: Script, request: bytes, hop: int) -> bool:
    """Plays `script`; whether the connection goes on."""
    play = Answer(script, request, hop)
    fault, dice = script.fault, play.dice
    where = play.location()
    if where is not None:
        status = dice.choice((301, 302, 303, 307, 308))
        head = f"HTTP/1.1 {status} Moved\r\nLocation: {where}\r\nContent-Length: 5\r\n\r\nmoved"
        await connection.write(head.encode("latin-1"))
        return True
    head, body = play.wire()
    if fault == "garbage-head":
        await connection.write(dice.randbytes(dice.randrange(1, 3000)).replace(b"H", b"h"))
        return False
    if fault == "endless-headers":
        await connection.write(head[:-2])
        while True:
            await connection.write(b"".join(b"X-More-%d: %s\r\n" % (i, b"y" * 500) for i in range(50)))
    if fault == "early-hints":
        for _ in range(dice.randrange(1, 60)):
            await connection.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n")
    if fault == "slow-head":
        await _send(connection, head[:20])
        await asyncio.sleep(0.05)
        await _send(connection, head[20:] + body)
        return not play.closes
    if fault in ("reset", "close", "stall"):
        whole = head + body
        await connection.write(whole[: dice.randrange(len(whole) - (4 if script.chunked else 0))])
        if fault == "stall":
            await asyncio.sleep(PATIENCE)
        elif fault == "reset":
            connection.reset()
        return False
    await _send(connection, head + body, dice if fault == "drip" else None)
    if fault == "endless-body":
        while True:
            await connection.write(script.body[: 1 << 16] or b"x" * 1000)
    return not play.closes
