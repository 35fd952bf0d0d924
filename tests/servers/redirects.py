"""Scripts that send the client elsewhere or ask who it is."""

from __future__ import annotations

import base64

from tests.servers.catalogue import Catalogue
from tests.servers.exchange import Exchange

REDIRECTS = Catalogue()


@REDIRECTS.script("/redirect")
async def redirect(exchange: Exchange) -> None:
    """/redirect?to=URL[&status=302]: Location is `to` as it stands: a path, a host, file:, nonsense."""
    await exchange.reply(
        exchange.request.number("status", 302), [("Location", exchange.request.text("to"))], b"moved\n"
    )


@REDIRECTS.script("/redirect/nowhere")
async def redirect_without_location(exchange: Exchange) -> None:
    """/redirect/nowhere[?status=302]: a redirection without Location."""
    await exchange.reply(exchange.request.number("status", 302), [], b"moved, but where?\n")


@REDIRECTS.script("/redirect/loop")
async def redirect_loop(exchange: Exchange) -> None:
    """/redirect/loop: to itself, for ever."""
    await exchange.reply(302, [("Location", exchange.request.target)], b"again\n")


@REDIRECTS.script("/redirect/chain/")
async def redirect_chain(exchange: Exchange) -> None:
    """/redirect/chain/<n>[?status=302]: n hops with relative locations, then 200 "arrived"."""
    left = int(exchange.request.path.rsplit("/", 1)[1])
    if left == 0:
        await exchange.reply(200, [("Content-Type", "text/plain")], b"arrived")
        return
    await exchange.reply(
        exchange.request.number("status", 302), [("Location", f"/redirect/chain/{left - 1}")], b"hop\n"
    )


@REDIRECTS.script("/basic")
async def basic_authentication(exchange: Exchange) -> None:
    """/basic[?user=user&password=secret]: 401 without the right Basic credentials, else 200 "welcome"."""
    request = exchange.request
    pair = f"{request.text('user', 'user')}:{request.text('password', 'secret')}".encode()
    if request.header("Authorization") == "Basic " + base64.b64encode(pair).decode():
        await exchange.reply(200, [("Content-Type", "text/plain")], b"welcome")
    else:
        await exchange.reply(401, [("WWW-Authenticate", 'Basic realm="scripted"')], b"who are you?\n")
