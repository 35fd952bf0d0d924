"""One transfer with pycurl, to test the servers with a client that is not ours."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import pycurl


@dataclass
class Response:
    """What came back. `error` is the CURLcode (0: success); `headers` has those of all responses."""

    error: int = 0
    status: int = 0
    version: int = 0
    url: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The last value of the header `name` (lower case)."""
        return next((value for key, value in reversed(self.headers) if key == name), None)


def fetch(
    url: str, ca: object = None, options: Mapping[int, object] | None = None, reuse: pycurl.Curl | None = None
) -> Response:
    """GET `url` within ten seconds; `ca` is the file to trust, `options` are further pycurl options."""
    response = Response()
    body = io.BytesIO()

    def on_header(line: bytes) -> None:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            response.headers.append((name.lower(), value.strip()))

    curl = reuse or pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.WRITEFUNCTION, body.write)
    curl.setopt(pycurl.HEADERFUNCTION, on_header)
    curl.setopt(pycurl.TIMEOUT, 10)
    curl.setopt(pycurl.NOSIGNAL, 1)
    if ca is not None:
        curl.setopt(pycurl.CAINFO, str(ca))
    for option, value in (options or {}).items():
        curl.setopt(option, value)
    try:
        curl.perform()
    except pycurl.error as error:
        response.error = int(error.args[0])
    response.status = int(curl.getinfo(pycurl.RESPONSE_CODE))
    response.version = int(curl.getinfo(pycurl.INFO_HTTP_VERSION))
    response.url = str(curl.getinfo(pycurl.EFFECTIVE_URL))
    response.body = body.getvalue()
    if reuse is None:
        curl.close()
    return response
