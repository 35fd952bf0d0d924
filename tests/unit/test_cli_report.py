"""Results, exit codes and sizes."""

from __future__ import annotations

import io
import json

import pytest

from urlmon.cli.report import (
    Report,
    Result,
    exit_code_of,
    format_bytes,
    format_duration,
    format_rate,
    printable,
)
from urlmon.cli.streams import OutputError
from urlmon.errors import error_from_curl, error_from_http
from urlmon.exceptions import (
    BindError,
    BindTimeoutError,
    DiskFullError,
    HTTPNotFoundError,
    InvalidURLError,
    MissingFolderError,
    ResolveError,
    TransferError,
    UnknownProtocolError,
)
from urlmon.hresult import HRESULT

GOOD = Result("http://h/a", "a", 10, 0.5, 200)


def failure(code: int, url: str = "http://h/x", error: str = "cause") -> Result:
    return Result(url, None, 0, 0.1, 0, error, code)


@pytest.mark.parametrize("code", [1, 3, 5, 6, 7, 18, 23, 28, 35, 47, 52, 56, 60, 77])
def test_curl_codes_are_kept(code: int) -> None:
    assert exit_code_of(error_from_curl(code, url="http://h/")) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (error_from_http(404, url="http://h/"), 22),
        (error_from_http(503, url="http://h/"), 22),
        (error_from_http(302, url="http://h/"), 47),
        (HTTPNotFoundError(curl_code=23, http_status=404), 22),
        (error_from_curl(18, url="http://h/", http_status=200), 18),
        (InvalidURLError(), 3),
        (UnknownProtocolError(), 1),
        (ResolveError(), 6),
        (BindTimeoutError(), 28),
        (MissingFolderError(), 23),
        (DiskFullError(), 23),
        (TransferError(), 56),
        (BindError(hresult=HRESULT.E_FAIL), 56),
        (BindError(hresult=0x80991234), 56),
        (OSError(28, "disk full"), 23),
        (ValueError("no URL"), 3),
    ],
)
def test_exit_code_of(error: BaseException, code: int) -> None:
    assert exit_code_of(error) == code


def test_json_lines() -> None:
    out = io.StringIO()
    report = Report(as_json=True, out=out, err=io.StringIO())
    report.add(GOOD)
    report.add(failure(6, "http://user:secret@h/\x1b", "no such host"))
    report.flush()
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first == {
        "url": "http://h/a",
        "path": "a",
        "bytes": 10,
        "seconds": 0.5,
        "http_status": 200,
        "error": None,
        "exit_code": 0,
    }
    assert second["url"] == "http://h/\x1b"
    assert second["path"] is None
    assert second["http_status"] is None
    assert second["error"] == "no such host"
    assert out.getvalue().isascii()


def test_no_json_unless_asked() -> None:
    out = io.StringIO()
    report = Report(as_json=False, out=out, err=io.StringIO())
    report.add(GOOD)
    report.flush()
    assert out.getvalue() == ""


class Broken(io.StringIO):
    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def flush(self) -> None:
        raise self.error


def test_output_errors() -> None:
    report = Report(as_json=True, out=Broken(BrokenPipeError()), err=io.StringIO())
    report.flush()  # nothing was written
    report.add(GOOD)
    with pytest.raises(BrokenPipeError):
        report.flush()
    report = Report(as_json=True, out=Broken(OSError(28, "No space left on device")), err=io.StringIO())
    report.add(GOOD)
    with pytest.raises(OutputError, match="No space left"):
        report.flush()


def test_summary_and_exit_code() -> None:
    report = Report(as_json=False, err=io.StringIO())
    report.add(GOOD)
    assert report.summary() == []
    assert report.exit_code(single=True) == report.exit_code(single=False) == 0
    for number in range(30):
        report.add(failure(22 if number % 3 else 6, f"http://user:secret@h/{number}"))
    lines = report.summary()
    assert lines[0] == "30 of 31 failed: 20 x HTTP error status, 10 x host not found"
    assert lines[1] == "  http://h/0: cause"
    assert lines[-1] == "  ... and 10 more"
    assert len(lines) == 22
    assert report.exit_code(single=False) == 1
    assert report.exit_code(single=True) == 6


def test_memory_does_not_grow_with_failures() -> None:
    report = Report(as_json=False, err=io.StringIO())
    for number in range(1000):
        report.add(failure(22, f"http://h/{number}"))
    assert len(report._first_failures) == 20


def test_failure_line_names_the_url_once() -> None:
    assert (
        Report.failure_line(failure(7, "http://u:p@h/x", "could not connect"))
        == "http://h/x: could not connect"
    )
    error = str(error_from_curl(7, url="http://u:p@h/x"))
    assert Report.failure_line(failure(7, "http://u:p@h/x", error)).count("http://h/x") == 1


def test_messages_cannot_drive_the_terminal() -> None:
    err = io.StringIO()
    Report(as_json=False, err=err).say("http://h/\x1b]0;x\x07\r\n\u202e\udc80")
    assert err.getvalue() == "urlmon: http://h/\\x1b]0;x\\x07\\r\\n\\u202e\\udc80\n"
    assert printable("plain ä") == "plain ä"


def test_totals() -> None:
    report = Report(as_json=False, err=io.StringIO())
    report.add(GOOD)
    assert report.totals(2.0) == "1 file, 10 B in 2.00 s (5 B/s)"
    report.add(failure(6))
    assert report.totals(0) == "1 of 2 files, 10 B in 0.00 s"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (102400, "100 KiB"),
        (1 << 20, "1.0 MiB"),
        (1023 << 10, "1.0 MiB"),
        (5 << 30, "5.0 GiB"),
        (1 << 50, "1.0 PiB"),
    ],
)
def test_format_bytes(count: int, text: str) -> None:
    assert format_bytes(count) == text
    assert format_rate(count) == f"{text}/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.00 s"), (0.314, "0.31 s"), (12.34, "12.3 s"), (59.99, "1:00"), (75, "1:15"), (3661, "1:01:01")],
)
def test_format_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
