"""misc.json: what is registered and set for a session: handlers of schemes, options, the user agent."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.conformance.vectors import Case, attempt, check_hresult, nothing, of_area
from urlmon import (
    PARSEACTION,
    URLMON_OPTION,
    InternetProtocol,
    InternetProtocolInfo,
    obtain_user_agent_string,
    parse_url,
    register_name_space,
    unregister_name_space,
    url_mk_get_session_option,
    url_mk_set_session_option,
)


class Factory:
    """A class factory of handlers, which may be asked about URLs itself, or makes what may."""

    def __init__(self, calls: list[str], name: str = "factory") -> None:
        self.calls = calls
        self.name = name

    def __call__(self) -> Any:
        self.calls.append(f"{self.name}.CreateInstance")
        return Info(self.calls, self.name)


class Info(InternetProtocol, InternetProtocolInfo):
    def __init__(self, calls: list[str], name: str = "info") -> None:
        self.calls = calls
        self.name = name

    def parse_url(self, url: str, action: int, flags: int = 0) -> str | None:
        self.calls.append(f"{self.name}.ParseUrl")
        raise NotImplementedError


class AskedFactory(Info):
    def __call__(self) -> Any:
        raise AssertionError("the factory itself can be asked")


def encode_test_url() -> str:
    return attempt(lambda: parse_url("test:123abc", PARSEACTION.ENCODE))[0]


@pytest.fixture
def name_space() -> Iterator[Callable[[Any], None]]:
    """Registers factories for the scheme test, as long as a test runs."""
    given = []

    def register(factory: Any) -> None:
        register_name_space("test", factory)
        given.append(factory)

    yield register
    for factory in given:
        unregister_name_space("test", factory)


@pytest.mark.parametrize("case", of_area("register_namespace"))
def test_register_namespace(case: Case, name_space: Callable[[Any], None]) -> None:
    name, calls = case["name"], list[str]()
    if name == "register_no_factory":
        check_hresult(case, name, attempt(lambda: register_name_space("test", nothing))[0])
    elif name == "handler_found_through_create_instance":
        name_space(Factory(calls))
        check_hresult(case, name, encode_test_url())
        assert calls == ["factory.CreateInstance", "factory.ParseUrl"]
    elif name == "handler_found_on_factory":
        name_space(AskedFactory(calls))
        check_hresult(case, name, encode_test_url())
        assert calls == ["info.ParseUrl"]
    elif name == "latest_registration_wins":
        first, second = Info(calls, "cf1"), Info(calls, "cf2")
        for factory in (second, first, first):
            name_space(factory)
        for call, expected in zip(case["call"], case["expected"], strict=True):
            if call.startswith("Unregister"):
                assert unregister_name_space("test", first).name == expected["hresult"]
            else:
                calls.clear()
                assert encode_test_url() == expected["hresult"]
                assert calls == [f"{expected['asked']}.ParseUrl"]
    elif name == "unregister_not_registered":
        assert unregister_name_space("test", Factory(calls)).name == case["expected"]["hresult"]
    else:
        assert name == "after_unregister"
        check_hresult(case, name, encode_test_url())
        assert calls == case["expected"]["calls"]


@pytest.fixture
def user_agent() -> Iterator[Callable[[str | bytes], None]]:
    """Sets the session's user agent, as long as a test runs."""
    yield partial(url_mk_set_session_option, URLMON_OPTION.USERAGENT)
    url_mk_set_session_option(URLMON_OPTION.USERAGENT_REFRESH)


@pytest.mark.parametrize("case", of_area("session_option"))
def test_session_option(case: Case, user_agent: Callable[[Any], None]) -> None:
    if case["name"] == "encoding":
        assert attempt(lambda: url_mk_get_session_option(URLMON_OPTION.URL_ENCODING)) == ("S_OK", 0x10000000)
        return
    call = case["call"] if isinstance(case["call"], str) else case["call"][0]
    match = re.fullmatch(r"UrlMkSetSessionOption\(URLMON_OPTION_USERAGENT, (.*), (\d+), 0\)", call)
    assert match is not None
    value = ast.literal_eval(match[1])
    hresult, _ = attempt(lambda: user_agent(None if value is None else value[: int(match[2])]))
    if isinstance(case["call"], str):
        assert hresult == case["expected"]["hresult"]
        return
    assert hresult == case["expected"][0]["hresult"]
    # On Windows reading it back fails, and gives the text nevertheless.
    assert url_mk_get_session_option(URLMON_OPTION.USERAGENT) == case["expected"][1]["text"]


@pytest.mark.parametrize("case", of_area("user_agent"))
def test_user_agent(case: Case, user_agent: Callable[[str], None]) -> None:
    match = re.match(r"ObtainUserAgentString\((\d+)( \| UAS_EXACTLEGACY)?", case["call"])
    assert match is not None
    option = int(match[1]) | (0x1000 if match[2] else 0)
    default = obtain_user_agent_string()
    if "is_override" in case["expected"]:
        user_agent("test")
        assert (obtain_user_agent_string(option) == "test") is case["expected"]["is_override"]
    else:
        assert case["expected"]["same_as_default"]
        assert obtain_user_agent_string(option) == default
