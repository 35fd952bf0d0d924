"""Reading the vectors, and what the tests of all files share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.exempt import DIFFERENT, EXEMPT
from tests.conformance.windows_names import lookup
from urlmon import BindError
from urlmon.hresult import HRESULT, hresult_from_win32

DATA = Path(__file__).parents[1] / "data"

Case = dict[str, Any]
MISC = "misc.json"
nothing: Any = None  # where something must be given


@cache
def read(file: str) -> Any:
    return json.loads((DATA / file).read_text(encoding="utf-8"))


def ids_of(file: str) -> list[str]:
    content = read(file)
    return list(content) if isinstance(content, dict) else [case["id"] for case in content]


def listed(table: dict[str, dict[str, str]], file: str) -> dict[str, str]:
    """Id or pattern -> reason."""
    return {name: reason for reason, names in table.get(file, {}).items() for name in names.split()}


def matches(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def is_exempt(file: str, name: str) -> bool:
    return any(matches(pattern, name) for pattern in listed(EXEMPT, file))


def cases(file: str, of: Callable[[Case], bool] = lambda case: True) -> list[Any]:
    """Parameters for one test a case. What comes out differently must really do so."""
    different = listed(DIFFERENT, file)
    return [
        pytest.param(
            case,
            id=f"{case.get('name', case.get('api', file.removesuffix('.json')))}-{case['id']}",
            marks=[pytest.mark.xfail(reason=different[case["id"]])] if case["id"] in different else [],
        )
        for case in read(file)
        if of(case) and not is_exempt(file, case["id"])
    ]


def of_area(*areas: str) -> list[Any]:
    """As `cases`, of misc.json."""
    return cases(MISC, lambda case: case["area"] in areas)


def hresult_of(text: str) -> int:
    """The number of an HRESULT by its Windows name, or of HRESULT_FROM_WIN32(name)."""
    match = re.fullmatch(r"HRESULT_FROM_WIN32\((\w+)\)", text)
    number = lookup(text) if match is None else hresult_from_win32(read("constants.json")[match[1]]["value"])
    assert isinstance(number, int)
    return number


def flag(name: str) -> int:
    """The number of a flag by its Windows name."""
    value = lookup(name)
    assert isinstance(value, int)
    return value


def flags(names: list[str]) -> int:
    value = 0
    for name in names:
        value |= flag(name)
    return value


def attempt(call: Callable[[], Any]) -> tuple[str, Any]:
    """(name of the HRESULT, result) of a call that raises where Windows returns a failure."""
    try:
        return "S_OK", call()
    except BindError as error:
        return HRESULT(error.hresult).name, None


def check_hresult(case: Case, name: str, hresult: str) -> None:
    """The case is the one of that name, and ends as it says."""
    assert case["name"] == name
    assert hresult == case["expected"]["hresult"]
