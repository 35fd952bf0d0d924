"""The configuration of the test Caddy, as the JSON it takes natively."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.servers.tls import Leaf

USER = "user"
PASSWORD = "secret"
# bcrypt of PASSWORD at the lowest cost, so that a login takes no measurable time.
PASSWORD_HASH = "$2a$04$RS2xYp.rm/IdzkSLWxplqOX1JKpxM6IcKxmTkUEkreD/fj.tHpD6S"

ECHO = (
    '{{ dict "method" .Req.Method "proto" .Req.Proto "host" .Req.Host "uri" .OriginalReq.URL.RequestURI'
    ' "headers" .Req.Header "body" (placeholder "http.request.body") | toJson }}'
)

Route = dict[str, Any]
LOOPBACK = ("127.0.0.1", "[::1]")


def config(
    root: Path,
    state: Path,
    leaf: Leaf,
    *,
    hosts: Sequence[str],
    http_port: int,
    https_port: int,
    h2c_port: int,
) -> dict[str, Any]:
    """A server for HTTP/1.1, one for TLS with HTTP/1.1, 2 and 3, one for HTTP/2 in clear; the same routes.

    `state` is where Caddy may write; nothing leaves loopback, and there is no administration port.
    """

    def server(port: int, protocols: list[str], **more: Any) -> dict[str, Any]:
        return {
            "listen": [f"{host}:{port}" for host in hosts],
            "protocols": protocols,
            "automatic_https": {"disable": True},
            "routes": routes(root),
            **more,
        }

    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "WARN"}}},
        "storage": {"module": "file_system", "root": str(state)},
        "apps": {
            "http": {
                "grace_period": "500ms",
                "servers": {
                    "plain": server(http_port, ["h1"]),
                    "secure": server(https_port, ["h1", "h2", "h3"], tls_connection_policies=[{}]),
                    "clear2": server(h2c_port, ["h1", "h2c"]),
                },
            },
            "tls": {
                "certificates": {"load_files": [{"certificate": str(leaf.cert), "key": str(leaf.key)}]},
            },
        },
    }


def routes(root: Path) -> list[Route]:
    """In order; the first that matches answers.

    - /echo…: JSON of method, proto, host, uri, headers, body; a header `X-Reply` is given back
    - /status/<code>: that status; the body is "status <code>"
    - /redirect/<code>/<path>: Location: /<path>
    - /private/…: the files below the root, for USER and PASSWORD (Basic)
    - /gzip/…: the files below the root, compressed if the client accepts gzip
    - everything else: the files below the root, with ETag, Last-Modified, Range
    """
    files: Route = {"handler": "file_server", "root": str(root)}
    return [
        _route(
            {"path": ["/echo*"]},
            _headers({"Content-Type": "application/json", "X-Reply": "{http.request.header.X-Reply}"}),
            {"handler": "templates", "mime_types": ["application/json"]},
            {"handler": "static_response", "body": ECHO},
        ),
        _route(
            {"path_regexp": {"name": "status", "pattern": "^/status/([1-5][0-9][0-9])$"}},
            {
                "handler": "static_response",
                "status_code": "{http.regexp.status.1}",
                "body": "status {http.regexp.status.1}",
            },
        ),
        _route(
            {"path_regexp": {"name": "redirect", "pattern": "^/redirect/(30[12378])(/.*)$"}},
            {
                "handler": "static_response",
                "status_code": "{http.regexp.redirect.1}",
                "headers": {"Location": ["{http.regexp.redirect.2}"]},
            },
        ),
        _route(
            {"path": ["/private/*"]},
            {
                "handler": "authentication",
                "providers": {
                    "http_basic": {
                        "accounts": [{"username": USER, "password": PASSWORD_HASH}],
                        "hash": {"algorithm": "bcrypt"},
                        "realm": "caddy",
                    }
                },
            },
            {"handler": "rewrite", "strip_path_prefix": "/private"},
            files,
        ),
        _route(
            {"path": ["/gzip/*"]},
            {"handler": "encode", "encodings": {"gzip": {}}, "prefer": ["gzip"], "minimum_length": 1},
            {"handler": "rewrite", "strip_path_prefix": "/gzip"},
            files,
        ),
        _route({}, files),
    ]


def _route(match: Route, *handlers: Route) -> Route:
    return {"match": [match] if match else [], "handle": list(handlers), "terminal": True}


def _headers(values: dict[str, str]) -> Route:
    return {"handler": "headers", "response": {"set": {name: [value] for name, value in values.items()}}}
