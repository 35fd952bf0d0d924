"""What a run tells: JSON lines, messages about failures, the summary, the exit code, readable sizes.

Standard output carries results only (JSON lines); everything for people goes to standard error. Nothing
printed here contains a password: user name and password are taken out of every URL first.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TextIO

from ..exceptions import (
    AbortedError,
    AccessDeniedError,
    BindError,
    BindMemoryError,
    BindTimeoutError,
    CertificateError,
    ConnectError,
    HTTPStatusError,
    InvalidURLError,
    RedirectError,
    ResolveError,
    ResourceNotFoundError,
    SecurityError,
    StorageError,
    UnknownProtocolError,
)
from ..redaction import redact_url
from .streams import takes_more, write

__all__ = [
    "Report",
    "Result",
    "exit_code_of",
    "format_bytes",
    "format_duration",
    "format_rate",
    "printable",
]

CURL_WRITE_ERROR = 23
CURL_HTTP_ERROR = 22
CURL_RECEIVE_ERROR = 56
CURL_MALFORMED = 3

FAILURES_LISTED = 20
"""The summary names this many; all of them were named when they happened, and in the JSON lines."""

_BY_CLASS: tuple[tuple[type[BindError], int], ...] = (
    (InvalidURLError, CURL_MALFORMED),
    (UnknownProtocolError, 1),
    (ResolveError, 6),
    (ConnectError, 7),
    (AccessDeniedError, 9),
    (StorageError, CURL_WRITE_ERROR),
    (BindMemoryError, 27),
    (BindTimeoutError, 28),
    (CertificateError, 60),
    (SecurityError, 35),
    (AbortedError, 42),
    (RedirectError, 47),
    (ResourceNotFoundError, 78),
)
"""curl's exit code where an error carries none of libcurl's own; the first class that fits."""


@dataclass(frozen=True)
class Result:
    """How one URL ended."""

    url: str
    path: str | None
    """Where the file is; None if there is none."""
    bytes: int
    seconds: float
    http_status: int
    """0 if no response came."""
    error: str | None = None
    exit_code: int = 0

    def to_json(self) -> str:
        """One line without its end. ASCII only, so that no file name can break a reader."""
        return json.dumps(
            {
                "url": redact_url(self.url),
                "path": self.path,
                "bytes": self.bytes,
                "seconds": round(self.seconds, 6),
                "http_status": self.http_status or None,
                "error": self.error,
                "exit_code": self.exit_code,
            }
        )


class Report:
    """Counts results, prints JSON lines as they come, and says at the end what failed.

    Memory does not grow with the run: causes are counted, and the first few failures kept for the summary.
    """

    def __init__(self, *, as_json: bool, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.as_json = as_json
        self._out = out if out is not None else sys.stdout
        self._err = err if err is not None else sys.stderr
        self.done = 0
        self.failed = 0
        self.bytes = 0
        self._first_failures: list[Result] = []
        self._causes: Counter[int] = Counter()
        self._written = False

    def add(self, result: Result) -> None:
        """Count one result, and print its line with --json. `flush` must follow. Raises as `flush`."""
        if result.error is None:
            self.done += 1
            self.bytes += result.bytes
        else:
            self.failed += 1
            self._causes[result.exit_code] += 1
            if len(self._first_failures) < FAILURES_LISTED:
                self._first_failures.append(result)
        if self.as_json and self._out is not None:
            self._written = True
            write(self._out, result.to_json() + "\n", flush=False)

    def flush(self) -> None:
        """Hand the lines to whoever reads them; raises BrokenPipeError or OutputError."""
        if self._written:
            self._written = False
            write(self._out, "")

    @property
    def heard(self) -> bool:
        """What we write to would take a line now. False for a full pipe, whose reader may never come back."""
        streams = (self._out if self.as_json else None, self._err)
        return all(stream is None or takes_more(stream) for stream in streams)

    def say(self, message: str) -> None:
        """One line for people. Raises as `flush`."""
        if self._err is not None:
            write(self._err, f"urlmon: {printable(message)}\n")

    @staticmethod
    def failure_line(result: Result) -> str:
        """'URL: cause', with the URL only once where the cause names it."""
        url, error = redact_url(result.url), result.error or ""
        return error if url in error else f"{url}: {error}"

    def totals(self, seconds: float) -> str:
        """'998 of 1000 files, 512 MiB in 3.2 s (160 MiB/s)'."""
        count = self.done + self.failed
        files = f"{self.done} of {count} files" if self.failed else f"{count} file{'' if count == 1 else 's'}"
        rate = f" ({format_rate(self.bytes / seconds)})" if seconds > 0 and self.bytes else ""
        return f"{files}, {format_bytes(self.bytes)} in {format_duration(seconds)}{rate}"

    def summary(self) -> list[str]:
        """What failed, for the end of a list; empty if nothing did."""
        if not self.failed:
            return []
        causes = ", ".join(
            f"{count} x {_CAUSES.get(code, f'curl error {code}')}"
            for code, count in self._causes.most_common()
        )
        lines = [f"{self.failed} of {self.done + self.failed} failed: {causes}"]
        lines += [f"  {self.failure_line(result)}" for result in self._first_failures]
        if self.failed > len(self._first_failures):
            lines.append(f"  ... and {self.failed - len(self._first_failures)} more")
        return lines

    def exit_code(self, *, single: bool) -> int:
        """curl's code for one URL; for several 1 if any failed."""
        if not self.failed:
            return 0
        return self._first_failures[0].exit_code if single else 1


_CAUSES = {
    1: "protocol not supported",
    3: "malformed URL",
    6: "host not found",
    7: "cannot connect",
    18: "body cut short",
    22: "HTTP error status",
    23: "cannot write the file",
    28: "timeout",
    35: "TLS handshake",
    42: "aborted",
    47: "too many redirects",
    52: "empty answer",
    55: "sending failed",
    56: "receiving failed",
    60: "certificate not trusted",
    77: "CA file",
}


def exit_code_of(error: BaseException) -> int:
    """curl's exit code for what ended a download; never 0."""
    if not isinstance(error, BindError):
        return CURL_WRITE_ERROR if isinstance(error, OSError) else CURL_MALFORMED
    if isinstance(error, HTTPStatusError):
        return CURL_HTTP_ERROR
    if error.curl_code:
        return min(error.curl_code, 125)
    return next((code for cause, code in _BY_CLASS if isinstance(error, cause)), CURL_RECEIVE_ERROR)


def printable(text: str) -> str:
    """`text` without anything a terminal would obey: escapes and control characters are shown as \\xNN."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "replace").decode() for char in text
    )


def format_bytes(count: float) -> str:
    """1536 → '1.5 KiB'."""
    if count < 1024:
        return f"{count:.0f} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        count /= 1024
        if count < 999.5:
            return f"{count:.1f} {unit}" if count < 99.95 else f"{count:.0f} {unit}"
    return f"{count / 1024:.1f} PiB"


def format_rate(bytes_per_second: float) -> str:
    """1536.0 → '1.5 KiB/s'."""
    return f"{format_bytes(bytes_per_second)}/s"


def format_duration(seconds: float) -> str:
    """0.31 → '0.31 s', 75 → '1:15', 3661 → '1:01:01'."""
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
