"""misc.json: enumerators, bind contexts, callbacks and their holder, media, URIs and their builder."""

from __future__ import annotations

import ast
import copy
import gc
import re
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.conformance.vectors import Case, attempt, cases, flag
from tests.conformance.windows_names import lookup
from urlmon import (
    HRESULT,
    PARSEACTION,
    QUERYOPTION,
    TYMED,
    URLMON_OPTION,
    BindCtx,
    BindInfo,
    BindStatusCallback,
    CallbackHolder,
    FormatEnumerator,
    FormatEtc,
    InternetProtocol,
    InternetProtocolInfo,
    StgMedium,
    Uri_CREATE,
    Uri_HAS,
    Uri_PROPERTY,
    UriBuilder,
    compare_url,
    copy_stg_medium,
    create_async_bind_ctx,
    create_async_bind_ctx_ex,
    create_bind_ctx,
    create_format_enumerator,
    create_uri,
    create_uri_builder,
    identifiers,
    is_valid_url,
    obtain_user_agent_string,
    parse_url,
    register_bind_status_callback,
    register_format_enumerator,
    register_name_space,
    revoke_bind_status_callback,
    unregister_name_space,
    url_mk_get_session_option,
    url_mk_set_session_option,
)
from urlmon.bindctx import CALLBACK_KEY
from urlmon.constants import BINDINFO_OPTIONS, BINDSTATUS, BINDVERB
from urlmon.protocols import AboutProtocol, ResProtocol

MISC = "misc.json"
nothing: Any = None


def of_area(*areas: str) -> list[Any]:
    return cases(MISC, lambda case: case["area"] in areas)


def check(case: Case, name: str, hresult: str) -> None:
    assert case["name"] == name
    assert hresult == case["expected"]["hresult"]


# -- formats ---------------------------------------------------------------------------------------------------


def five_formats() -> list[FormatEtc]:
    return [FormatEtc(0xC000, TYMED.ISTREAM, lindex=index) for index in range(5)]


def walk(enumerators: dict[str, FormatEnumerator], call: str) -> dict[str, Any]:
    """Makes one call of a list, as "e2.Next(2)"; what is seen of it."""
    match = re.fullmatch(r"(?:(\w+)\.)?(\w+)\(&?(\w*)(?:, .*)?\)", call)
    assert match is not None, call
    enumerator = enumerators[match[1] or "e"]
    if match[2] == "Next":
        formats = enumerator.next(int(match[3]))
        seen = {"hresult": "S_OK" if len(formats) == int(match[3]) else "S_FALSE", "fetched": len(formats)}
        return seen | {
            "lindex": [item.lindex for item in formats],
            "first_lindex": formats[0].lindex if formats else None,
        }
    if match[2] == "Clone":
        enumerators[match[3]] = enumerator.clone()
        return {"hresult": "S_OK", "distinct_object": enumerators[match[3]] is not enumerator}
    answer = enumerator.skip(int(match[3])) if match[2] == "Skip" else enumerator.reset()
    return {"hresult": answer.name}


@pytest.mark.parametrize("case", of_area("format_enumerator"))
def test_format_enumerator(case: Case) -> None:
    if not isinstance(case["call"], list):
        given = five_formats()
        if case["name"] == "create_zero_count":
            given = []
        hresult, enumerator = attempt(lambda: create_format_enumerator(given))
        assert hresult == case["expected"]["hresult"]
        assert enumerator is None or list(enumerator) == given
        return
    enumerators = {"e": create_format_enumerator(five_formats())}
    for call, expected in zip(case["call"], case["expected"], strict=True):
        seen = walk(enumerators, call)
        for what, value in expected.items():
            if what != "target_device_pointer":  # there are no target devices
                assert seen[what] == value, (call, what)


@pytest.mark.parametrize("case", of_area("register_format_enumerator"))
def test_register_format_enumerator(case: Case) -> None:
    enumerator = create_format_enumerator(five_formats())
    if case["name"] == "no_context":
        check(case, "no_context", attempt(lambda: register_format_enumerator(nothing, enumerator))[0])
        return
    context = create_bind_ctx()
    register_format_enumerator(context, enumerator)
    assert case["name"] == "register_stores_object_param"
    assert context.get_object_param("_EnumFORMATETC_") is enumerator


# -- bind contexts and callbacks -------------------------------------------------------------------------------


def create_async(case: Case) -> None:
    callback = BindStatusCallback()
    assert create_async_bind_ctx(callback).callback is callback


def create_released(case: Case) -> None:
    class Dropped(BindStatusCallback):
        pass

    callback = Dropped()
    watched = weakref.ref(callback)
    context = create_async_bind_ctx(callback)
    del callback, context
    gc.collect()
    assert watched() is None
    assert case["expected"] == {"references_left": 0}


def create_ex_nothing(case: Case) -> None:
    check(case, "create_ex_nothing_given", attempt(create_async_bind_ctx_ex)[0])


def create_ex_options(case: Case) -> None:
    options = create_async_bind_ctx_ex().get_bind_options()
    expected = case["expected"]
    assert options.flags == flag(expected["grfFlags"])
    assert options.mode == sum(map(flag, expected["grfMode"].split("|")))
    assert options.deadline == expected["dwTickCountDeadline"]


def create_ex_with_callback(case: Case) -> None:
    callback = BindStatusCallback()
    assert create_async_bind_ctx_ex(callback=callback).callback is callback


def create_ex_wraps(case: Case) -> None:
    inner = create_bind_ctx()
    outer = create_async_bind_ctx_ex(inner)
    parameter = object()
    inner.register_object_param("test", parameter)
    assert outer.get_object_param("test") is parameter


ASYNC_CONTEXTS: dict[str, Callable[[Case], None]] = {
    "create": create_async,
    "create_released": create_released,
    "create_ex_nothing_given": create_ex_nothing,
    "create_ex_bind_options": create_ex_options,
    "create_ex_with_callback": create_ex_with_callback,
    "create_ex_wraps_given_context": create_ex_wraps,
}


@pytest.mark.parametrize("case", of_area("async_bind_ctx"))
def test_async_bind_ctx(case: Case) -> None:
    ASYNC_CONTEXTS[case["name"]](case)


def registered(callback: Any) -> BindCtx:
    context = create_bind_ctx()
    assert register_bind_status_callback(context, callback) is None
    return context


@pytest.mark.parametrize("case", of_area("register_bind_status_callback"))
def test_register_bind_status_callback(case: Case) -> None:
    name, callback, other = case["name"], BindStatusCallback(), BindStatusCallback()
    context = create_bind_ctx()
    if name == "register_over_raw_param":
        context.register_object_param(CALLBACK_KEY, callback)
        assert register_bind_status_callback(context, callback) is callback
        assert isinstance(context.get_object_param(CALLBACK_KEY), CallbackHolder)
    elif name == "param_becomes_holder":
        holder = registered(callback).get_object_param(CALLBACK_KEY)
        assert holder is not callback
        assert holder.callback is callback
    elif name == "revoke":
        context = registered(callback)
        assert revoke_bind_status_callback(context, callback).name == case["expected"][0]["hresult"]
        assert attempt(lambda: context.get_object_param(CALLBACK_KEY))[0] == case["expected"][1]["hresult"]
    elif name == "revoke_no_context":
        check(case, name, attempt(lambda: revoke_bind_status_callback(nothing, other))[0])
    elif name == "revoke_no_callback":
        check(case, name, attempt(lambda: revoke_bind_status_callback(context, None))[0])
    elif name == "register_fresh":
        assert register_bind_status_callback(context, callback) is case["expected"]["prev"]
    else:
        assert name == "register_replaces"
        context = registered(callback)
        holder = context.get_object_param(CALLBACK_KEY)
        assert register_bind_status_callback(context, other) is callback
        assert context.get_object_param(CALLBACK_KEY) is holder
        assert context.callback is other


class Watched:
    """A client that keeps what it was asked."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def get_bind_info(self) -> BindInfo:
        self.calls.append("GetBindInfo")
        return BindInfo()

    def on_progress(self, *arguments: Any) -> None:
        progress, most, status, text = arguments
        self.calls.append(f"OnProgress({progress}, {most}, BINDSTATUS_{BINDSTATUS(status).name}, {text})")

    def on_response(self, *arguments: Any) -> None:
        self.calls.append("OnResponse")

    def get_root_security_id(self) -> HRESULT:
        self.calls.append("GetRootSecurityId")
        return HRESULT.E_NOTIMPL


class WatchedEx(Watched):
    def get_bind_info_ex(self) -> tuple[BindInfo, int]:
        self.calls.append("GetBindInfoEx")
        return BindInfo(), 1


HOLDER_CALLS: dict[str, Callable[[Any], Any]] = {
    "get_bind_info": lambda holder: holder.get_bind_info(),
    "get_bind_info_ex": lambda holder: holder.get_bind_info_ex(),
    "get_bind_info_ex_falls_back": lambda holder: holder.get_bind_info_ex(),
    "on_response": lambda holder: holder.on_response(200, "", None),
    "root_security_id": lambda holder: holder.get_root_security_id(),
    "on_progress": lambda holder: holder.on_progress(0, 0, BINDSTATUS.FINDINGRESOURCE, None),
}


@pytest.mark.parametrize(
    "case", cases(MISC, lambda case: case["area"] == "callback_holder" and case["name"] in HOLDER_CALLS)
)
def test_callback_holder(case: Case) -> None:
    client = WatchedEx() if case["name"] == "get_bind_info_ex" else Watched()
    holder = registered(client).get_object_param(CALLBACK_KEY)
    answer = HOLDER_CALLS[case["name"]](holder)
    # What an interface is asked for by QueryInterface, is a method that is there or not.
    assert client.calls == [
        call for call in case["expected"]["calls_on_callback"] if not call.startswith("QueryInterface")
    ]
    hresult = answer if isinstance(answer, int) else HRESULT.S_OK
    assert HRESULT(hresult).name == case["expected"]["hresult"]
    if case["name"] == "get_bind_info_ex_falls_back":
        assert answer[1] == 0


class Refusing(Watched):
    """A client that is asked for services, and has none."""

    def query_service(self, service: Any, iid: Any) -> HRESULT:
        assert service == iid
        self.calls.append("QueryService")
        return HRESULT.E_NOINTERFACE


@pytest.mark.parametrize(
    "case", cases(MISC, lambda case: case["area"] == "callback_holder" and case["name"] not in HOLDER_CALLS)
)
def test_services_of_the_holder(case: Case) -> None:
    client, name = Refusing(), case["name"]
    holder = registered(client).get_object_param(CALLBACK_KEY)
    if name == "service_provider":
        assert callable(holder.query_service)
    elif name == "unknown_service":
        iid = identifiers.IID_IInternetProtocol
        check(case, name, attempt(lambda: holder.query_service(iid, iid))[0])
        assert client.calls == ["QueryService"]
    else:
        wanted = {
            "http_negotiate_same_object": identifiers.IID_IHttpNegotiate,
            "authenticate_same_object": identifiers.IID_IAuthenticate,
        }[name]
        assert holder.query_service(wanted, wanted) is holder
        assert client.calls == []


# -- BINDINFO and STGMEDIUM ------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", of_area("bindinfo"))
def test_bind_info(case: Case) -> None:
    assert case["name"] == "copy_fields"
    info = BindInfo(
        verb=BINDVERB.PUT,
        data=b"body",
        extra_info="",
        options=BINDINFO_OPTIONS.ENABLE_UTF8,
        headers={"A": "b"},
    )
    twin = copy.copy(info)
    assert twin == info
    assert twin is not info
    assert (twin.extra_info, twin.custom_verb) == ("", None)


@pytest.mark.parametrize("case", of_area("stgmedium"))
def test_stg_medium(case: Case) -> None:
    expected = case["expected"]
    content: Any = {"copy_file": "file", "copy_hglobal": b"0123456789"}.get(case["name"])
    kinds = {"copy_null_medium": "NULL", "copy_null_stream": "ISTREAM", "copy_file": "FILE"}
    medium = StgMedium(TYMED[kinds.get(case["name"], "HGLOBAL")], content)
    hresult, twin = attempt(lambda: copy_stg_medium(medium))
    assert hresult == expected["hresult"]
    assert twin is not medium
    if "tymed" in expected:
        assert twin.tymed == lookup(expected["tymed"])
    if "stream" in expected:
        assert twin.stream is expected["stream"]
    if "file_name" in expected:
        assert twin.path == expected["file_name"]
    if "size" in expected:
        assert len(twin.data) == expected["size"]
        assert twin.data == medium.data
        assert twin.data.obj is not medium.data.obj


# -- URLs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", of_area("is_valid_url"))
def test_is_valid_url(case: Case) -> None:
    url = nothing if case["name"] == "no_url" else "http://www.winehq.org"
    context = create_bind_ctx() if case["name"] == "http_with_context" else None
    hresult, valid = attempt(lambda: is_valid_url(url, context))
    assert (hresult, valid) == (case["expected"]["hresult"], True if hresult == "S_OK" else None)


def plain(text: str) -> str:
    """A text of the vectors without the escapes of the language that it was written down in."""
    return text.replace("\\\\", "\\")


def is_of_a_handler(case: Case) -> bool:
    return case["area"] in {"compare_url", "query_info"} and case["name"].startswith("handler_")


@pytest.mark.parametrize("case", cases(MISC, is_of_a_handler))
def test_handlers_about_urls(case: Case) -> None:
    """What about: and res: say."""
    match case["name"]:
        case "handler_compare_not_implemented":
            for protocol in (AboutProtocol(), ResProtocol()):
                with pytest.raises(NotImplementedError):
                    protocol.compare_url("about:a", "res://b/c")
        case "handler_about_unsupported_query":
            assert attempt(lambda: AboutProtocol().query_info("about:blank", 60))[0] == "E_FAIL"
        case "handler_res_uses_network":
            answer = ResProtocol().query_info("res://json/x", QUERYOPTION.USES_NETWORK)
            assert answer == case["expected"]["value"]
        case other:
            pytest.fail(f"nothing is known of {other}")


@pytest.mark.parametrize(
    "case", cases(MISC, lambda case: case["area"] == "compare_url" and not is_of_a_handler(case))
)
def test_compare_url(case: Case) -> None:
    first, second = (plain(text) for text in re.findall(r"'([^']*)'", case["call"]))
    assert compare_url(first, second) is (case["expected"]["hresult"] == "S_OK")


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
        check(case, name, attempt(lambda: register_name_space("test", nothing))[0])
    elif name == "handler_found_through_create_instance":
        name_space(Factory(calls))
        check(case, name, encode_test_url())
        assert calls == ["factory.CreateInstance", "factory.ParseUrl"]
    elif name == "handler_found_on_factory":
        name_space(AskedFactory(calls))
        check(case, name, encode_test_url())
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
        check(case, name, encode_test_url())
        assert calls == case["expected"]["calls"]


# -- the session -----------------------------------------------------------------------------------------------


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


WINEHQ = "http://www.winehq.org/"


@pytest.mark.parametrize("case", of_area("iuri"))
def test_uri(case: Case) -> None:
    uri, name = create_uri(WINEHQ), case["name"]
    if name == "bstr_of_number_property":
        check(case, name, attempt(lambda: uri.get_string(Uri_PROPERTY.PORT))[0])
    elif name == "bstr_of_zone":
        assert uri.get_string(Uri_PROPERTY.ZONE) is None
    elif name == "dword_of_string_property":
        check(case, name, attempt(lambda: uri.get_number(Uri_PROPERTY.ABSOLUTE_URI))[0])
    elif name == "properties_mask":
        for which in Uri_PROPERTY:
            present = uri.get_property(which) is not None
            assert uri.has_property(which) == bool(uri.get_properties() & (1 << which)) == present
    elif name == "is_equal_null":
        assert uri.is_equal(None) is case["expected"]["equal"]
    else:
        assert name == "default_creation_flags"
        for added, unless in case["expected"]["added_when_absent"].items():
            default, opposite = flag(added), flag(f"Uri_CREATE_{unless.removeprefix('unless ')}")
            assert create_uri(WINEHQ).flags & default
            assert not create_uri(WINEHQ, opposite).flags & default


def builder_with_change() -> UriBuilder:
    builder = create_uri_builder(create_uri(WINEHQ))
    builder.set(Uri_PROPERTY.FRAGMENT, None)
    return builder


@pytest.mark.parametrize(
    "case",
    cases(MISC, lambda case: case["area"] == "iuri_builder" and case["name"].startswith("encoding_mask")),
)
def test_encoding_mask(case: Case) -> None:
    builder = {
        "encoding_mask_modified": builder_with_change,
        "encoding_mask_empty_builder": create_uri_builder,
        "encoding_mask_unmodified": lambda: create_uri_builder(create_uri(WINEHQ)),
    }[case["name"]]()
    mask = Uri_HAS.USER_NAME
    if "CreateUriSimple" in case["call"]:
        hresult, uri = attempt(lambda: builder.create_uri_simple(mask))
    elif "CreateUriWithFlags" in case["call"]:
        hresult, uri = attempt(lambda: builder.create_uri_with_flags(0, 0, mask))
    else:
        hresult, uri = attempt(lambda: builder.create_uri(0, mask))
    assert hresult == case["expected"]["hresult"]
    assert (uri is not None) == (case["expected"]["out"] == "non-null")


@pytest.mark.parametrize(
    "case",
    cases(MISC, lambda case: case["area"] == "iuri_builder" and not case["name"].startswith("encoding_mask")),
)
def test_builder(case: Case) -> None:
    BUILDER_CHECKS[case["name"]](case)


def modification_tracking(case: Case) -> None:
    uri, builder = create_uri(WINEHQ), create_uri_builder()
    builder.set(Uri_PROPERTY.HOST, "google.com")
    assert builder.has_been_modified
    builder.uri = uri
    assert not builder.has_been_modified
    builder.set(Uri_PROPERTY.HOST, "google.com")
    builder.uri = uri
    assert builder.has_been_modified
    assert builder.get(Uri_PROPERTY.HOST) == case["expected"][-1]["value"]


def no_uri_keeps_changes(case: Case) -> None:
    builder = create_uri_builder()
    builder.uri = None
    builder.set(Uri_PROPERTY.HOST, "google.com")
    builder.uri = None
    assert builder.has_been_modified
    assert builder.get(Uri_PROPERTY.HOST) == case["expected"][-1]["value"]


def same_uri(case: Case) -> None:
    uri = create_uri(WINEHQ)
    builder = create_uri_builder(uri)
    for call, expected in zip(case["call"], case["expected"], strict=True):
        match = re.fullmatch(r"(\w+)\((.*)\)", call)
        assert match is not None
        flags = flag(match[2]) if match[2].startswith("Uri_") else int(match[2], 0)
        if match[1] == "CreateUriSimple":
            made = builder.create_uri_simple(flags)
        else:
            made = (
                builder.create_uri(flags) if match[1] == "CreateUri" else builder.create_uri_with_flags(flags)
            )
        assert (made is uri) == expected["same_object"], call
        assert made.flags & Uri_CREATE.CANONICALIZE


def remove_invalid(case: Case) -> None:
    names = re.findall(r"[A-Z_]{4,}", case["call"].partition("containing")[2])
    assert len(names) == 6
    hresults = {attempt(partial(create_uri_builder().remove_properties, Uri_HAS[name]))[0] for name in names}
    assert hresults == {case["expected"]["hresult"]}


def bad_flags(case: Case) -> None:
    check(
        {**case, "expected": case["expected"][0]},
        case["name"],
        attempt(lambda: create_uri_builder(None, 10))[0],
    )


def factory_plain(case: Case) -> None:
    builder = create_uri_builder()
    assert builder.uri is None
    assert builder.get(Uri_PROPERTY.HOST) is None


def initialised(case: Case) -> None:
    uri = create_uri(WINEHQ)
    assert create_uri_builder(uri).uri is uri


BUILDER_CHECKS: dict[str, Callable[[Case], None]] = {
    "modification_tracking": modification_tracking,
    "set_null_uri_keeps_changes": no_uri_keeps_changes,
    "same_uri_returned": same_uri,
    "remove_invalid": remove_invalid,
    "factory_bad_flags": bad_flags,
    "factory_plain": factory_plain,
    "factory_initialised": initialised,
}
