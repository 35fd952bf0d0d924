"""Scripts that behave: bodies with Range, echo, status codes, chunks, gzip, time and gates."""

from __future__ import annotations

import email.utils
import gzip
import json
import re

from tests.servers.catalogue import Catalogue
from tests.servers.exchange import Exchange
from tests.servers.payload import lines, payload, payload_pieces

CONTENT = Catalogue()

OCTETS = ("Content-Type", "application/octet-stream")
LAST_MODIFIED = 1_700_000_000  # the date of version 0 in Unix seconds; each version is a minute younger
RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


async def serve_payload(exchange: Exchange, size: int, version: int = 0, cut: int | None = None) -> bool:
    """Answer with the payload of `size` bytes and seed `version`, as a file server would.

    Honours Range (one range), If-Range, If-None-Match and If-Modified-Since unless the query says `ranges=0`.
    With `cut` the answer stops at that offset of the payload and False is returned: the caller decides how it
    ends.
    """
    request = exchange.request
    etag = f'"{size}-{version}"'
    modified = email.utils.formatdate(LAST_MODIFIED + 60 * version, usegmt=True)
    headers = [OCTETS, ("ETag", etag), ("Last-Modified", modified)]
    start, end, status = 0, size, 200
    if request.number("ranges", 1):
        headers.append(("Accept-Ranges", "bytes"))
        if request.header("If-None-Match") == etag or request.header("If-Modified-Since") == modified:
            await exchange.reply(304, headers)
            return True
        found = RANGE.match(request.header("Range") or "")
        if found and request.header("If-Range") in (None, etag, modified):
            first, last = found.groups()
            if first:
                start, end = int(first), min(int(last) + 1, size) if last else size
            elif last:
                start = max(0, size - int(last))
            if start >= end:
                await exchange.reply(416, [("Content-Range", f"bytes */{size}")])
                return True
            status = 206
            headers.append(("Content-Range", f"bytes {start}-{end - 1}/{size}"))
    await exchange.head(status, [*headers, ("Content-Length", str(end - start))])
    if request.method == "HEAD":
        return True
    stop = end if cut is None else max(start, min(cut, end))
    await exchange.send_all(payload_pieces(stop, version, start))
    return stop == end


@CONTENT.script("/payload/")
async def whole_payload(exchange: Exchange) -> None:
    """/payload/<size>[?seed=0&ranges=0]: the payload of that many bytes."""
    await serve_payload(exchange, int(exchange.request.path.split("/")[2]), exchange.request.number("seed"))


@CONTENT.script("/versioned/")
async def versioned_payload(exchange: Exchange) -> None:
    """/versioned/<name>/<size>: as /payload/, with the seed, ETag and date that `set_version` set."""
    _, _, name, size = exchange.request.path.split("/")
    await serve_payload(exchange, int(size), exchange.server.versions.get(name, 0))


@CONTENT.script("/")
async def not_found(exchange: Exchange) -> None:
    """Whatever has no script: 404."""
    await exchange.reply(404, [("Content-Type", "text/plain")], b"no such script\n")


@CONTENT.script("/ok")
async def small(exchange: Exchange) -> None:
    """/ok: 200 and two bytes."""
    await exchange.reply(200, [("Content-Type", "text/plain")], b"ok")


@CONTENT.script("/status/")
async def status(exchange: Exchange) -> None:
    """/status/<code>[?size=N]: that status with a short text or N payload bytes; no body for 204 and 304."""
    code = int(exchange.request.path.split("/")[2])
    size = exchange.request.number("size", -1)
    body = b"status %d\n" % code if size < 0 else payload(size)
    await exchange.reply(code, [("Content-Type", "text/plain")], body)


@CONTENT.script("/echo", "/upload")
async def echo(exchange: Exchange) -> None:
    """/echo, /upload: any method; JSON with method, target, headers, length and sha256 of the body."""
    record = exchange.record
    seen = {
        "method": record.method,
        "target": record.target,
        "headers": record.headers,
        "length": record.body_length,
        "sha256": record.body_sha256,
    }
    await exchange.reply(200, [("Content-Type", "application/json")], json.dumps(seen).encode())


@CONTENT.script("/upload/refused", reads_body=True)
async def refuse_upload(exchange: Exchange) -> None:
    """/upload/refused[?status=417]: that status without reading the body or asking for it."""
    await exchange.reply(exchange.request.number("status", 417))


@CONTENT.script("/upload/held", reads_body=True)
async def hold_upload(exchange: Exchange) -> None:
    """/upload/held?gate=NAME: reads the body only when the gate is released."""
    await exchange.passed(exchange.request.text("gate"))
    await exchange.read_body()
    await echo(exchange)


@CONTENT.script("/interim")
async def interim(exchange: Exchange) -> None:
    """/interim[?status=103&count=1]: 1xx answers with a Link header each, then 200."""
    for number in range(exchange.request.number("count", 1)):
        await exchange.head(
            exchange.request.number("status", 103), [("Link", f"</style-{number}.css>; rel=preload")]
        )
    await exchange.reply(200, [("Content-Type", "text/plain")], b"ok")


@CONTENT.script("/chunked")
async def chunked(exchange: Exchange) -> None:
    """/chunked[?size=1000&chunk=100&trailers=1]: the payload in chunks; trailers X-Checksum, X-Count."""
    request = exchange.request
    size, step = request.number("size", 1000), request.number("chunk", 100)
    trailers = [("X-Checksum", "abc"), ("X-Count", str(size))] if request.number("trailers") else []
    announced = [("Trailer", ", ".join(name for name, _ in trailers))] if trailers else []
    await exchange.head(200, [OCTETS, ("Transfer-Encoding", "chunked"), *announced])
    for start in range(0, size, step):
        await exchange.chunk(payload(min(size, start + step), start=start))
    await exchange.end_chunks(trailers)


@CONTENT.script("/until-close")
async def until_close(exchange: Exchange) -> None:
    """/until-close[?size=1000]: no Content-Length, no chunks: the body ends with the connection."""
    exchange.close = True
    await exchange.head(200, [OCTETS])
    await exchange.send_all(payload_pieces(exchange.request.number("size", 1000)))


@CONTENT.script("/gzip")
async def gzipped(exchange: Exchange) -> None:
    """/gzip[?size=100000&keep=N&negotiate=1]: text `lines(size)` compressed; `keep` cuts the stream.

    With `negotiate=1` a client that does not accept gzip gets it plain.
    """
    request = exchange.request
    body = lines(request.number("size", 100_000))
    headers = [("Content-Type", "text/plain"), ("Vary", "Accept-Encoding")]
    if request.number("negotiate") and "gzip" not in (request.header("Accept-Encoding") or ""):
        await exchange.reply(200, headers, body)
        return
    packed = gzip.compress(body, mtime=0)
    await exchange.reply(
        200, [*headers, ("Content-Encoding", "gzip")], packed[: request.number("keep", len(packed))]
    )


@CONTENT.script("/disposition")
async def disposition(exchange: Exchange) -> None:
    """/disposition?value=…: 200 with that Content-Disposition (Latin-1)."""
    await exchange.reply(200, [OCTETS, ("Content-Disposition", exchange.request.text("value"))], b"named")


@CONTENT.script("/hold/")
async def hold_head(exchange: Exchange) -> None:
    """/hold/<gate>[?size=1000]: nothing until the gate is released, then the payload."""
    await exchange.passed(exchange.request.path.split("/", 2)[2])
    await serve_payload(exchange, exchange.request.number("size", 1000))


@CONTENT.script("/hold-body/")
async def hold_body(exchange: Exchange) -> None:
    """/hold-body/<gate>[?size=1000&at=500]: head and `at` bytes, the rest when the gate is released."""
    size = exchange.request.number("size", 1000)
    at = exchange.request.number("at", size // 2)
    if not await serve_payload(exchange, size, cut=at):
        await exchange.passed(exchange.request.path.split("/", 2)[2])
        await exchange.send_all(payload_pieces(size, start=at))


@CONTENT.script("/drip")
async def drip(exchange: Exchange) -> None:
    """/drip[?size=100&chunk=10&interval=0.01]: `chunk` bytes each `interval` seconds."""
    request = exchange.request
    size, step = request.number("size", 100), request.number("chunk", 10)
    await exchange.head(200, [OCTETS, ("Content-Length", str(size))])
    for start in range(0, size, step):
        await exchange.send(payload(min(size, start + step), start=start))
        if start + step < size:
            await exchange.pause(request.seconds("interval", 0.01))
