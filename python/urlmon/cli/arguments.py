"""The arguments of the command line, checked completely before anything starts.

`parse` returns one of two frozen option objects. What can be seen to be wrong from the arguments alone (a
header with a line break, a negative number, `-o` with two URLs) ends with exit code 2 and a message here;
nothing later has to check it again.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..constants import Priority
from .streams import write

__all__ = ["DemoOptions", "GetOptions", "parse", "parse_header", "parse_priority"]

DEFAULT_JOBS = 16
DEFAULT_PER_HOST = 8
"""Connections to one host unless asked otherwise: what browsers and the core's own default use."""

MAX_JOBS = 10_000
MAX_TIMEOUT = 86_400.0

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")  # RFC 9110 5.6.2
_FORBIDDEN_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # control characters other than the tab


@dataclass(frozen=True)
class GetOptions:
    """`urlmon get`: what to fetch, where to, and how."""

    urls: tuple[str, ...] = ()
    input: str | None = None
    """File with one URL a line, "-" for standard input."""
    directory: str | None = None
    output: str | None = None
    jobs: int = DEFAULT_JOBS
    max_per_host: int = DEFAULT_PER_HOST
    priority: int = Priority.NORMAL
    headers: tuple[tuple[str, str], ...] = ()
    remote_names: bool = False
    """-J: take the file name from Content-Disposition where there is one."""
    json: bool = False
    quiet: bool = False
    connect_timeout: float | None = None
    netrc: bool = False
    proxy: str | None = None
    cacert: str | None = None

    @property
    def single(self) -> bool:
        """One URL on the command line and no list: the exit code is that of this one download."""
        return len(self.urls) == 1 and self.input is None


@dataclass(frozen=True)
class DemoOptions:
    """`urlmon demo`."""

    seed: int = 1
    keep: str | None = None
    """Folder that receives the files and is left in place; None: a temporary one, removed at the end."""


def parse(argv: Sequence[str] | None = None) -> GetOptions | DemoOptions:
    """Check the arguments; raises SystemExit as argparse does (0 after --help and --version, 2 for bad
    usage).
    """
    parser, get = _parsers()
    given = parser.parse_args(argv)
    if given.command == "demo":
        return DemoOptions(seed=given.seed, keep=given.keep)
    if not given.urls and given.input is None:
        get.error("nothing to fetch: give at least one URL, or a list with -i FILE")
    if given.output is not None:
        if len(given.urls) != 1 or given.input is not None:
            get.error("-o names one file, so it goes with exactly one URL (for more use -d DIR)")
        if given.remote_names:
            get.error("-o and -J both name the file: use one of them")
        if given.output == "-":
            get.error("-o -: downloads go to files, not to standard output")
        if not given.output or given.output.endswith("/") or os.path.isdir(given.output):
            get.error(f"-o names a file, and {given.output!r} is a folder or empty (use -d DIR)")
    values = vars(given)
    del values["command"]
    values["urls"] = tuple(given.urls)
    values["headers"] = tuple(given.headers)
    return GetOptions(**values)


def parse_header(text: str) -> tuple[str, str]:
    """'Name: value' as a pair; ArgumentTypeError for a missing colon, a bad name, line breaks or control
    characters.
    """
    if "\r" in text or "\n" in text:
        raise argparse.ArgumentTypeError("a header must not contain a line break")
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r} has no colon: write 'Name: value'")
    if not _TOKEN.match(name):
        raise argparse.ArgumentTypeError(f"{name!r} is not a header name")
    if _FORBIDDEN_IN_VALUE.search(value):
        raise argparse.ArgumentTypeError(f"the value of {name} contains a control character")
    return name, value.strip(" \t")


def parse_priority(text: str) -> int:
    """A name of `Priority` (any case, "-" or "_") or any integer; what counts is clamped to -15 to 15."""
    name = text.strip().upper().replace("-", "_")
    if name in Priority.__members__:
        return int(Priority[name])
    try:
        return int(text)
    except ValueError:
        names = ", ".join(member.lower().replace("_", "-") for member in Priority.__members__)
        raise argparse.ArgumentTypeError(f"{text!r} is neither an integer nor one of: {names}") from None


def _count(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= MAX_JOBS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MAX_JOBS}")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= MAX_TIMEOUT:  # also false for nan
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds above 0 (at most {MAX_TIMEOUT:.0f})"
        )
    return value


def _plain_text(text: str) -> str:
    if not text or _FORBIDDEN_IN_VALUE.search(text):
        raise argparse.ArgumentTypeError("is empty or contains a control character")
    return text


def _readable_file(text: str) -> str:
    if not os.path.isfile(text) or not os.access(text, os.R_OK):
        raise argparse.ArgumentTypeError(f"{text!r} is not a file that can be read")
    return text


class _Version(argparse.Action):
    """--version; looks libcurl up only when asked."""

    def __init__(self, option_strings: Sequence[str], dest: str, **_: Any) -> None:
        text = "show the versions of urlmon and of its libcurl and exit"
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=text)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        from urlmon_core import libcurl_info

        write(sys.stdout, f"urlmon {version('pyurlmon')} (libcurl {libcurl_info()['version']})\n")
        parser.exit()


_GET_EPILOG = """\
File names come from the URL, percent-decoded. A file that was there before the run is replaced, and only
by a complete download; two URLs with one name in a run give NAME.EXT and NAME.1.EXT.

exit codes: for one URL those of curl (3 malformed URL, 6 host not found, 7 cannot connect, 18 body cut
short, 22 HTTP 400 or above, 23 cannot write, 28 timeout, 47 too many redirects, 60 certificate, ...);
for several URLs or a list 0 when all went well and 1 otherwise; 2 bad usage, 130 Ctrl-C, 143 SIGTERM."""


def _parsers() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    parser = argparse.ArgumentParser(
        prog="urlmon", description="Downloads managed together, by priority.", allow_abbrev=False
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    get = commands.add_parser(
        "get",
        help="download URLs to files",
        description="Download URLs to files, many at a time.",
        epilog=_GET_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    get.add_argument("urls", nargs="*", metavar="URL", help="what to fetch (http and https)")
    get.add_argument(
        "-i", "--input", metavar="FILE",
        help='read URLs from FILE ("-": standard input), one a line; blank lines and # comments are skipped',
    )  # fmt: skip
    get.add_argument(
        "-d", "--directory", metavar="DIR", help="folder for the files (made if missing; default: here)"
    )
    get.add_argument("-o", "--output", metavar="FILE", help="name of the file, for a single URL")
    get.add_argument(
        "-j",
        "--jobs",
        type=_count,
        default=DEFAULT_JOBS,
        metavar="N",
        help="downloads at a time (default %(default)s)",
    )
    get.add_argument(
        "--max-per-host", type=_count, default=DEFAULT_PER_HOST, metavar="N",
        help="connections to one host at a time (default %(default)s)",
    )  # fmt: skip
    get.add_argument(
        "--priority", type=parse_priority, default=int(Priority.NORMAL), metavar="P",
        help="lowest, below-normal, normal, above-normal, highest, ... or an integer (default normal)",
    )  # fmt: skip
    get.add_argument(
        "-H", "--header", dest="headers", type=parse_header, action="append", default=[], metavar="'K: V'",
        help="send this request header; may be repeated",
    )  # fmt: skip
    get.add_argument(
        "-J", "--remote-header-name", dest="remote_names", action="store_true",
        help="take file names from Content-Disposition; never replaces a file by such a name",
    )  # fmt: skip
    get.add_argument("--json", action="store_true", help="one JSON object a finished URL on standard output")
    get.add_argument("-q", "--quiet", action="store_true", help="no progress; errors are still shown")
    get.add_argument(
        "--connect-timeout", type=_seconds, metavar="S", help="seconds to connect within (default 30)"
    )
    get.add_argument("--netrc", action="store_true", help="take user names and passwords from ~/.netrc")
    get.add_argument(
        "--proxy", type=_plain_text, metavar="URL", help="proxy for all URLs (default: the environment's)"
    )
    get.add_argument(
        "--cacert", type=_readable_file, metavar="FILE", help="trust the certificates in FILE (PEM)"
    )

    demo = commands.add_parser(
        "demo",
        help="show it at work on this machine",
        description="Download 300 generated files over loopback from three threads and check everything.",
        allow_abbrev=False,
    )
    demo.add_argument(
        "--seed", type=int, default=1, metavar="N", help="other files, another course (default 1)"
    )
    demo.add_argument("--keep", metavar="DIR", help="write the files to DIR and leave them there")
    return parser, get
