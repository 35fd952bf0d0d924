"""An asyncio crawler: follows the links of one host, as far as its robots.txt allows, and prints a table.

Usage: python crawler.py [--pages N] [--jobs N] URL
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urldefrag, urlsplit
from urllib.robotparser import RobotFileParser

import urlmon
import urlmon.aio

AGENT = "urlmon-example"
INFO = urlmon.BindInfo(user_agent=AGENT, max_bytes=4 << 20, max_redirects=5)


class Page(NamedTuple):
    """One row of the table."""

    url: str
    status: str
    size: int = 0
    seconds: float = 0.0
    links: tuple[str, ...] = ()


class Links(HTMLParser):
    """The targets of the <a> elements of a page."""

    def __init__(self, base: str, html: str) -> None:
        super().__init__()
        self.base = base
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href") if tag == "a" else None
        if target:
            with contextlib.suppress(urlmon.InvalidURLError):  # people write anything into pages
                self.found.append(resolve(self.base, target))


def resolve(base: str, target: str = "") -> str:
    """What `target` is as seen from `base`, always written in the same way, and without its fragment."""
    return urldefrag(urlmon.create_uri(urlmon.combine_url(base, target)).absolute_uri or "").url


async def read_robots(start: str) -> RobotFileParser:
    """What the host allows; everything if it has no robots.txt, nothing if it is ill (RFC 9309)."""
    async with urlmon.aio.open(resolve(start, "/robots.txt"), info=INFO) as response:
        text = (await response.read()).decode("utf-8", "replace") if response.status == 200 else ""
    robots = RobotFileParser()
    robots.parse(["User-agent: *", "Disallow: /"] if response.status >= 500 else text.splitlines())
    return robots


async def visit(url: str) -> Page:
    """Reads one page, if it is HTML. Leaving the block before the end of the body aborts the download."""
    began = time.perf_counter()
    try:
        async with urlmon.aio.open(url, info=INFO) as response:
            html = "text/html" in (response.header("Content-Type") or "")
            body = await response.read() if html else b""
            text = body.decode("utf-8", "replace")
            links = tuple(Links(response.url, text).found) if response.status == 200 else ()
            return Page(url, str(response.status), len(body), time.perf_counter() - began, links)
    except urlmon.BindError as error:
        return Page(url, type(error).__name__, 0, time.perf_counter() - began)


async def crawl(start: str, most: int) -> list[Page]:
    """Visits the start, then what is one click away, then two clicks, until there are `most` pages."""
    robots = await read_robots(start)
    pages: list[Page] = []
    seen = {start}
    nearest = [start]
    while nearest and len(pages) < most:
        allowed = [url for url in nearest if robots.can_fetch(AGENT, url)]
        # All of them at once: how many connections there are is for the apartment to see to.
        visited = await asyncio.gather(*(visit(url) for url in allowed[: most - len(pages)]))
        pages += visited
        links = dict.fromkeys(link for page in visited for link in page.links)
        nearest = [link for link in links if link not in seen and same_host(link, start)]
        seen.update(nearest)
    return pages


def same_host(url: str, other: str) -> bool:
    """The same scheme, host and port."""
    return urlsplit(url)[:2] == urlsplit(other)[:2]


def main() -> int:
    parser = argparse.ArgumentParser(description="Crawl the pages of one host.")
    parser.add_argument("url", metavar="URL")
    parser.add_argument("--pages", type=int, default=100, metavar="N", help="at most so many (100)")
    parser.add_argument(
        "--jobs", type=int, choices=range(1, 65), default=4, metavar="N", help="at a time (4)"
    )
    options = parser.parse_args()
    urlmon.Apartment.current().configure(max_active=options.jobs, max_per_host=options.jobs)
    try:
        pages = asyncio.run(crawl(resolve(options.url), options.pages))
    except urlmon.BindError as error:
        print(error, file=sys.stderr)
        return 1
    for page in pages:
        print(f"{page.status:>12} {page.size:>9} bytes {page.seconds:7.3f} s  {page.url}")
    print(f"{len(pages)} pages, {sum(page.size for page in pages)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
