"""Arguments: what is taken, what is refused before anything starts."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path

import pytest

from urlmon.cli import main
from urlmon.cli.arguments import DemoOptions, GetOptions, parse, parse_header, parse_priority


def get(*arguments: str) -> GetOptions:
    options = parse(["get", *arguments])
    assert isinstance(options, GetOptions)
    return options


def test_everything(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    options = get(
        "-i",
        "-",
        "-d",
        "out",
        "-j",
        "4",
        "--max-per-host",
        "2",
        "--priority",
        "above-normal",
        "-H",
        "A: b",
        "-J",
        "--header",
        "C:d",
        "--json",
        "-q",
        "--connect-timeout",
        "2.5",
        "--netrc",
        "--proxy",
        "http://p:1",
        "--cacert",
        str(ca),
        "http://h/x",
    )
    assert options == GetOptions(
        urls=("http://h/x",),
        input="-",
        directory="out",
        jobs=4,
        max_per_host=2,
        priority=1,
        headers=(("A", "b"), ("C", "d")),
        remote_names=True,
        json=True,
        quiet=True,
        connect_timeout=2.5,
        netrc=True,
        proxy="http://p:1",
        cacert=str(ca),
    )
    assert not options.single


def test_defaults() -> None:
    assert get("http://h/x") == GetOptions(urls=("http://h/x",))
    assert get("http://h/x").single
    assert not get("http://h/x", "http://h/y").single
    assert not get("-i", "list").single


def test_demo() -> None:
    assert parse(["demo"]) == DemoOptions()
    assert parse(["demo", "--seed", "7", "--keep", "here"]) == DemoOptions(seed=7, keep="here")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["get"], "nothing to fetch"),
        (["get", "-j", "0", "u"], "from 1 to"),
        (["get", "-j", "many", "u"], "from 1 to"),
        (["get", "--max-per-host", "-1", "u"], "from 1 to"),
        (["get", "--connect-timeout", "0", "u"], "seconds above 0"),
        (["get", "--connect-timeout", "nan", "u"], "seconds above 0"),
        (["get", "--connect-timeout", "inf", "u"], "seconds above 0"),
        (["get", "--priority", "urgent", "u"], "neither an integer nor one of"),
        (["get", "-H", "no colon", "u"], "no colon"),
        (["get", "-H", "A: b\r\nC: d", "u"], "line break"),
        (["get", "-H", "A: b\n", "u"], "line break"),
        (["get", "-H", "A: b\x00", "u"], "control character"),
        (["get", "-H", "A b: c", "u"], "not a header name"),
        (["get", "-H", ": c", "u"], "not a header name"),
        (["get", "-o", "f", "u", "v"], "exactly one URL"),
        (["get", "-o", "f", "-i", "list"], "exactly one URL"),
        (["get", "-o", "f", "-J", "u"], "use one of them"),
        (["get", "-o", "-", "u"], "not to standard output"),
        (["get", "-o", "", "u"], "folder or empty"),
        (["get", "-o", "/", "u"], "folder or empty"),
        (["get", "--cacert", "/no/such/file", "u"], "not a file that can be read"),
        (["get", "--proxy", "", "u"], "is empty"),
        (["get", "--insecure", "u"], "--insecure"),
        (["demo", "--seed", "x"], "invalid int"),
        (["fetch"], "invalid choice"),
        ([], "COMMAND"),
    ],
)
def test_bad_usage(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith(f"urlmon {version('pyurlmon')} (libcurl ")


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get", "--help"]) == 0
    assert "exit codes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("normal", 0),
        ("LOWEST", -2),
        ("below-normal", -1),
        ("Above_Normal", 1),
        ("highest", 2),
        ("idle", -15),
        ("time-critical", 15),
        ("7", 7),
        ("-3", -3),
        ("99", 99),
    ],
)
def test_priority(text: str, value: int) -> None:
    assert parse_priority(text) == value


def test_negative_priority_on_the_command_line() -> None:
    assert get("--priority", "-3", "u").priority == -3
    assert get("--priority=-3", "u").priority == -3


def test_header() -> None:
    assert parse_header("X-Y:  a: b\t") == ("X-Y", "a: b")
    assert parse_header("Empty:") == ("Empty", "")
    with pytest.raises(argparse.ArgumentTypeError):
        parse_header("Ä: b")
