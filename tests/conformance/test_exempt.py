"""The list of what is left out: it names cases that exist, and does not grow."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path

import pytest

from tests.conformance.exempt import DIFFERENT, EXEMPT
from tests.conformance.vectors import DATA, ids_of, is_exempt, listed, matches


@functools.cache
def played() -> frozenset[str]:
    """The ids of the cases that tests are called with, by the parameters of the tests themselves."""
    found = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        module = importlib.import_module(f"tests.conformance.{path.stem}")
        tests = [value for name, value in vars(module).items() if name.startswith("test_")]
        for mark in [mark for test in tests for mark in getattr(test, "pytestmark", [])]:
            if mark.name == "parametrize" and mark.args[0] == "case":
                found |= {parameters.values[0]["id"] for parameters in mark.args[1]}
    return frozenset(found)


@pytest.mark.parametrize("file", sorted(EXEMPT))
def test_only_existing_cases_are_listed(file: str) -> None:
    for pattern in [*listed(EXEMPT, file), *listed(DIFFERENT, file)]:
        assert any(matches(pattern, name) for name in ids_of(file)), pattern


@pytest.mark.parametrize("file", sorted(EXEMPT))
def test_every_reason_has_its_cases_and_every_case_one_reason(file: str) -> None:
    for table in (EXEMPT, DIFFERENT):
        names = [name for given in table.get(file, {}).values() for name in given.split()]
        assert len(names) == len(set(names))
        assert all(reason and given.split() for reason, given in table.get(file, {}).items())
    assert not set(listed(EXEMPT, file)) & set(listed(DIFFERENT, file))


@pytest.mark.parametrize("file", sorted(EXEMPT))
def test_at_least_95_of_100_cases_that_make_sense_pass(file: str) -> None:
    """Each of them is a test of its own; what comes out differently is marked as such there."""
    sensible = [name for name in ids_of(file) if not is_exempt(file, name)]
    assert len(sensible) - len(listed(DIFFERENT, file)) >= 0.95 * len(sensible)


def test_every_file_is_known() -> None:
    assert {path.name for path in DATA.glob("*.json")} == set(EXEMPT)


@pytest.mark.parametrize("file", sorted(set(EXEMPT) - {"constants.json"}))
def test_every_other_case_has_a_test(file: str) -> None:
    for name in ids_of(file):
        assert (name in played()) != is_exempt(file, name), name


def test_what_differs_is_of_a_file_that_is_tested() -> None:
    assert set(DIFFERENT) <= set(EXEMPT)
