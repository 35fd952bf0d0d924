"""What bind_traces.json expects, compared with what was seen.

A call is known by a key: "OnProgress:BINDSTATUS_CONNECTING", "bindinfo.GetBindString:BINDSTRING_URL", "OnStopBinding".
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.conformance.vectors import Case, hresult_of
from tests.conformance.windows_names import lookup
from urlmon import DVASPECT, HRESULT, TYMED, get_clipboard_format_name
from urlmon.hresult import succeeded
from urlmon.identifiers import IID_IUnknown

HRESULT_NAME = re.compile(r"\b(?:S|E|MK_S|MK_E|INET_E|REGDB_E|CLASS_E|RPC_E)_[A-Z_]+\b")
UNLIMITED = float("inf")
# Documented, and told here; Windows told of none in the traces (contract 3.5 D and J).
_DOCUMENTED = {
    f"BINDSTATUS_{name}" for name in ("USINGCACHEDCOPY", "BEGINUPLOADDATA", "UPLOADINGDATA", "ENDUPLOADDATA")
}
_FILE_NAMED = "OnProgress:BINDSTATUS_CACHEFILENAMEAVAILABLE"

# Calls of COM that have no counterpart: why nothing can be seen of them.
NOT_SEEN = {
    "QueryInterface": "methods are looked up by name; nobody is asked for an interface",
    "IServiceProvider.QueryService:IHttpSecurity": "the client has the methods, so it is not asked for the service",
    "IServiceProvider.QueryService:IInternetBindInfo": "asked once for each bind, where there are no such methods",
    "IServiceProvider.QueryService:IWindowForBindingUI": "there are no windows to put a dialog in",
    "IWindowForBindingUI.GetWindow": "there are no windows",
    "IHttpSecurity.GetWindow": "there are no windows",
    "IHttpNegotiate2.GetRootSecurityId": "security zones of Windows; only handlers may ask for it",
    "QueryService(IHttpNegotiate)": "the sink's to answer; the calls of the service are seen",
}

# Arguments and checks that have no counterpart.
NOT_CHECKED = {
    "dwReserved": "there is no reserved argument",
    "reserved": "there is no reserved argument",
    "error_text": "the second argument is the exception",
    "additional_request_headers_pointer": "there are no out pointers",
    "buffer_size_on_entry": "there are no buffers",
    "bytes": "how much is read of a body at once is not said",
    "cbSize": "structures have no size field",
    "count": "there is no array to fill",
    "outer": "there is no aggregation",
    "string": "part of the key",
}


class Seen(NamedTuple):
    key: str
    arguments: dict[str, Any]
    thread: int


class Log:
    """All calls in the order in which they came."""

    def __init__(self) -> None:
        self.entries: list[Seen] = []
        self.thread = threading.get_ident()

    def add(self, key: str, **arguments: Any) -> None:
        self.entries.append(Seen(key, arguments, threading.get_ident()))

    @property
    def keys(self) -> list[str]:
        return [entry.key for entry in self.entries]

    def of(self, key: str) -> list[dict[str, Any]]:
        return [entry.arguments for entry in self.entries if entry.key == key]


def key_of(expected: Case) -> str:
    call: str = expected["call"]
    if call == "QueryInterface":
        return call
    detail = expected.get("status") or expected.get("service")
    if call == "bindinfo.GetBindString":
        detail = expected["args"]["string"]
    return f"{call}:{detail}" if detail else call


def is_unseen(key: str) -> bool:
    return key in NOT_SEEN or key.partition(":")[0] in NOT_SEEN


def check(case: Case, log: Log, facts: dict[str, Any]) -> None:
    """Compares everything that the case says of calls. facts: what words like "the moniker URL" stand for here."""
    expected = [entry for entry in case.get("expected_calls", []) if "call" in entry]
    limits: dict[str, list[float]] = {}
    for entry in expected:
        key = key_of(entry)
        low, high = limits.setdefault(key, [0, 0])
        limits[key] = [low + entry["min"], high + (UNLIMITED if entry["max"] is None else entry["max"])]
        if "alternative_status" in entry:
            other = f"{entry['call']}:{entry['alternative_status']}"
            log.entries = [seen._replace(key=key) if seen.key == other else seen for seen in log.entries]
    _check_counts(case, log, limits)
    _check_order(case, log)
    for entry in expected:
        calls = log.of(key_of(entry))
        for seen in calls[: entry["max"]] if _is_lifted(key_of(entry), mentioned_in(case)) else calls:
            for name, value in entry.get("args", {}).items():
                _check_argument(entry, name, value, seen, facts)
    if case["threads"].startswith(("every call", "all inside")):
        assert {entry.thread for entry in log.entries} <= {log.thread}


def mentioned_in(case: Case) -> str:
    """All that the case says of further calls."""
    notes = [one["note"] for one in case.get("expected_calls", []) if "call" not in one and "note" in one]
    if any("each further sink.Switch" in note for note in notes):
        notes.append("sink.ReportData")
    if case["given"].get("client") == "reads to the end inside every ReportData":
        notes.append("sink.Switch sink.ReportData")  # in how many parts a body comes is left to chance
    return " ".join([*map(str, (case.get("dialog", ""), case.get("rebind", ""))), *notes])


def _check_counts(case: Case, log: Log, limits: dict[str, list[float]]) -> None:
    mentioned = mentioned_in(case)
    for key in dict.fromkeys(log.keys):
        call, _, detail = key.partition(":")
        told = call.rpartition(".")[2] in mentioned and (not detail or detail in mentioned)
        told = told or key == "protocol.Read"  # the client reads, whether that was written down or not
        told = told or detail in _DOCUMENTED
        # The file is what is asked for, so it is named also where Windows had none in its cache.
        told = told or (key == _FILE_NAMED and case["given"].get("api") == "URLDownloadToFile")
        assert key in limits or told, f"{key} is not expected; seen: {log.keys}"
    for key, (low, high) in limits.items():
        if not is_unseen(key):
            most = UNLIMITED if _is_lifted(key, mentioned) else high
            count = log.keys.count(key)
            assert low <= count <= most, f"{key}: {count} times, not {low} to {most}; seen: {log.keys}"
    for never in case.get("never", []):
        found = [key for key in log.keys if key == never or key.startswith(never + ":")]
        assert not found, f"{never} must never be called"


def _is_lifted(key: str, mentioned: str) -> bool:
    """Further calls of this kind are told of in words."""
    return key.partition(":")[0] in mentioned


def _check_order(case: Case, log: Log) -> None:
    for earlier, later in case.get("order_known", []):
        before = [index for index, key in enumerate(log.keys) if key == earlier]
        after = [index for index, key in enumerate(log.keys) if key == later]
        if before and after:
            assert max(before) < min(after), f"{later} came before {earlier}: {log.keys}"


def _meaning(value: str, facts: dict[str, Any]) -> Any:
    """What words of the vectors stand for: a function that says whether something fits, or None for plain text."""
    for phrase, meaning in facts.items():
        if value.startswith(phrase):
            return meaning if callable(meaning) else meaning.__eq__
    if value.startswith("non-null"):
        return lambda seen: seen is not None
    if value == "non-zero":
        return bool
    if value.endswith("..."):
        return lambda seen: isinstance(seen, str) and seen.startswith(value[:-3])
    return None


def _check_argument(entry: Case, name: str, value: Any, seen: dict[str, Any], facts: dict[str, Any]) -> None:
    if name in _CHECKS:
        _CHECKS[name](value, seen, facts)
        return
    if name in NOT_CHECKED or (name == "riid" and entry["call"] == "factory.CreateInstance"):
        return
    actual = seen[name]
    fits = _meaning(value, facts) if isinstance(value, str) else None
    assert fits(actual) if fits else actual == value, f"{key_of(entry)}, {name}: {actual!r} is not {value!r}"


def _check_binding(value: Case, seen: dict[str, Any], facts: Any) -> None:
    assert seen["is_moniker"] is False
    assert seen["status_code"] == 0
    assert seen["bind_result"] == (HRESULT.S_OK, None)


def _check_bind_result(value: Case, seen: dict[str, Any], facts: Any) -> None:
    assert seen["bind_result"][0] == lookup(value["result"])


def _check_format(value: Case, seen: dict[str, Any], facts: dict[str, Any]) -> None:
    actual = seen["format"]
    assert get_clipboard_format_name(actual.clipboard_format) == facts["reported type"]()
    assert actual.target_device is None
    assert actual.aspect == DVASPECT(value["dwAspect"])
    assert (actual.lindex, actual.tymed) == (value["lindex"], lookup(value["tymed"]))


def _check_medium(value: Any, seen: dict[str, Any], facts: Any) -> None:
    actual = seen["medium"]
    if isinstance(value, str):
        assert actual.tymed == TYMED.ISTREAM
    else:
        assert actual.tymed == lookup(value["tymed"])
        assert "file_name" not in value or actual.path


def _check_flags(value: str, seen: dict[str, Any], facts: Any) -> None:
    """Flags named in words: combinations, parts that some versions add, alternatives."""

    def total(text: str) -> int:
        return sum(int(lookup(name)) for name in re.findall(r"BSCF_[0-9A-Z]+", text))  # type: ignore[call-overload]

    aside = re.findall(r"\(.*\)", value)
    optional = sum(total(part) for part in aside)
    wanted = [total(part) for part in re.sub(r"\(.*\)", "", value).split(", or ")]
    assert value == "any" or seen["flags"] in wanted or seen["flags"] & ~optional in wanted, seen["flags"]


def _check_hresult(value: str, seen: dict[str, Any], facts: Any) -> None:
    if value == "any success code":
        assert succeeded(seen["hresult"])
    elif value.startswith("HRESULT_FROM_WIN32"):
        assert seen["hresult"] == hresult_of(value)
    else:
        assert seen["hresult"] in [lookup(name) for name in HRESULT_NAME.findall(value)], seen["hresult"]


def _check_problem(value: str, seen: dict[str, Any], facts: Any) -> None:
    assert seen["problem"] == int(re.findall(r"\d{5}", value)[0])


def _check_priority(value: Any, seen: dict[str, Any], facts: dict[str, Any]) -> None:
    number = 100 if value == "as set on the binding before Start (100)" else value
    assert seen["priority"] == max(number, facts.get("least priority", number))


def _check_progress(value: Any, seen: dict[str, Any], facts: Any) -> None:
    actual = seen["progress"]
    if value == "equal to progress_max":
        assert actual == seen["progress_max"]
    else:
        assert actual if value == "non-zero" else actual == value


def _check_riid(value: str, seen: dict[str, Any], facts: Any) -> None:
    assert seen.get("riid", IID_IUnknown) == IID_IUnknown


_CHECKS = {
    "binding_checks": _check_binding,
    "binding_GetBindResult": _check_bind_result,
    "format": _check_format,
    "medium": _check_medium,
    "flags": _check_flags,
    "hresult": _check_hresult,
    "problem": _check_problem,
    "priority": _check_priority,
    "progress": _check_progress,
    "riid": _check_riid,
}


def act(actions: dict[str, Callable[..., Any]], player: Any, text: str) -> Any:
    """Does what the sentence `text` says: patterns of sentences -> methods of `player`, which get the groups."""
    for pattern, action in actions.items():
        match = re.fullmatch(pattern, text)
        if match:
            return action(player, *match.groups())
    raise AssertionError(f"no action for the step {text!r}")


def check_result(case: Case, name: str, returned: Any) -> None:
    """name: of the HRESULT that the call ended with; returned: what it returned."""
    result = case["result"]
    accepted = HRESULT_NAME.findall(str(result["hresult"]) + " " + str(result.get("rule", "")))
    assert name in accepted, f"{name} is not {result['hresult']}"
    wanted = result.get("object")
    if isinstance(wanted, str) and wanted.startswith("non-null"):
        assert returned is not None
    elif "object" in result and wanted is None:
        # A path is the name of what was written, and no object.
        assert returned is None or isinstance(returned, str)
