"""Scripts that misbehave: short, reset, silent, malformed and endless answers."""

from __future__ import annotations

from tests.servers.catalogue import Catalogue
from tests.servers.content import OCTETS, serve_payload
from tests.servers.exchange import Exchange
from tests.servers.payload import payload

FAULTS = Catalogue()

BAD_HEADERS = {
    "no-colon": b"this line has no colon\r\n",
    "empty-name": b": value without a name\r\n",
    "space-in-name": b"Bad Name: value\r\n",
    "space-before-colon": b"Bad : value\r\n",
    "folded": b"X-Folded: one\r\n  two\r\n",
    "nul": b"X-Nul: a\0b\r\n",
    "control": b"X-Control: a\x01b\r\n",
    "not-ascii": b"X-Bytes: \xff\xfe\x80\r\n",
    "two-lengths": b"Content-Length: 3\r\n",
    "bad-length": b"Content-Length: many\r\n",
    "negative-length": b"Content-Length: -5\r\n",
}

BAD_CHUNKS = {
    "size": b"xyz\r\nabc\r\n0\r\n\r\n",
    "no-line-end": b"3\r\nabcXY0\r\n\r\n",
    "huge": b"fffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "cut": b"a\r\nabc",
    "no-end": b"3\r\nabc\r\n",
}


@FAULTS.script("/short")
async def short(exchange: Exchange) -> None:
    """/short[?size=1000&sent=500]: Content-Length says `size`, `sent` bytes come, then an orderly close."""
    exchange.close = True
    size = exchange.request.number("size", 1000)
    await serve_payload(exchange, size, cut=exchange.request.number("sent", size // 2))


@FAULTS.script("/reset")
async def reset(exchange: Exchange) -> None:
    """/reset[?size=1000&at=500]: a TCP reset after `at` body bytes; at=-1: before the head."""
    size = exchange.request.number("size", 1000)
    at = exchange.request.number("at", size // 2)
    if at >= 0:
        await serve_payload(exchange, size, cut=at)
    await exchange.reset()


@FAULTS.script("/flaky/")
async def flaky(exchange: Exchange) -> None:
    """/flaky/<name>/<size>[?at=N&times=1&how=reset|short|hang]: good only after so many attempts.

    The first `times` requests for <name> end badly at offset `at` of the payload (default: the middle), later
    ones are served as /versioned/<name>/<size>.
    """
    request = exchange.request
    _, _, name, digits = request.path.split("/")
    size, version = int(digits), exchange.server.versions.get(name, 0)
    attempts = exchange.server.attempts
    attempts[name] += 1
    if attempts[name] > request.number("times", 1):
        await serve_payload(exchange, size, version)
        return
    await serve_payload(exchange, size, version, cut=request.number("at", size // 2))
    match request.text("how", "reset"):
        case "reset":
            await exchange.reset()
        case "hang":
            await exchange.hang()
        case _:
            exchange.close = True


@FAULTS.script("/no-answer")
async def no_answer(exchange: Exchange) -> None:
    """/no-answer: reads the request, then an orderly close without a byte."""
    exchange.close = True


@FAULTS.script("/hang")
async def hang(exchange: Exchange) -> None:
    """/hang: never answers; ends when the client goes away. See /hold/ for one that can be released."""
    await exchange.hang()


@FAULTS.script("/hang-body")
async def hang_body(exchange: Exchange) -> None:
    """/hang-body[?size=1000&at=500]: head and `at` bytes, then silence until the client goes away."""
    size = exchange.request.number("size", 1000)
    await serve_payload(exchange, size, cut=exchange.request.number("at", size // 2))
    await exchange.hang()


@FAULTS.script("/status-line")
async def status_line(exchange: Exchange) -> None:
    """/status-line?line=TEXT: that text as the status line, then Content-Length: 2 and "ok"."""
    exchange.close = True
    line = exchange.request.text("line", "HTTP/1.1 abc Nonsense").encode("latin-1")
    await exchange.raw(line + b"\r\nContent-Length: 2\r\n\r\nok")


@FAULTS.script("/bad-header/")
async def bad_header(exchange: Exchange) -> None:
    """/bad-header/<kind>: one bad line (see BAD_HEADERS) between good ones, then "ok"."""
    exchange.close = True
    line = BAD_HEADERS[exchange.request.path.split("/")[2]]
    await exchange.raw(
        b"HTTP/1.1 200 OK\r\nX-Before: 1\r\n" + line + b"X-After: 1\r\nContent-Length: 2\r\n\r\nok"
    )


@FAULTS.script("/endless-headers")
async def endless_headers(exchange: Exchange) -> None:
    """/endless-headers: header lines until the client goes away."""
    await exchange.raw(b"HTTP/1.1 200 OK\r\n")
    block = b"".join(b"X-Filler-%04d: %s\r\n" % (number, b"x" * 80) for number in range(200))
    while True:
        await exchange.raw(block)


@FAULTS.script("/long-header")
async def long_header(exchange: Exchange) -> None:
    """/long-header[?size=200000]: one header value of that many bytes, then "ok"."""
    await exchange.reply(200, [("X-Long", "x" * exchange.request.number("size", 200_000))], b"ok")


@FAULTS.script("/bad-chunk/")
async def bad_chunk(exchange: Exchange) -> None:
    """/bad-chunk/<kind>: a good chunk of 100 bytes, a broken one (see BAD_CHUNKS), then a close."""
    exchange.close = True
    await exchange.head(200, [OCTETS, ("Transfer-Encoding", "chunked")])
    await exchange.chunk(payload(100))
    await exchange.raw(BAD_CHUNKS[exchange.request.path.split("/")[2]])


@FAULTS.script("/bad-gzip")
async def bad_gzip(exchange: Exchange) -> None:
    """/bad-gzip: Content-Encoding gzip, but the body is none. See /gzip?keep=N for a stream cut short."""
    await exchange.reply(200, [OCTETS, ("Content-Encoding", "gzip")], payload(1000))


@FAULTS.script("/extra-bytes")
async def extra_bytes(exchange: Exchange) -> None:
    """/extra-bytes: ten bytes more than Content-Length says, then a close."""
    exchange.close = True
    await exchange.head(200, [OCTETS, ("Content-Length", "100")])
    await exchange.send(payload(110))
